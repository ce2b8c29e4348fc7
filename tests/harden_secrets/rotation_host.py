"""A host from which real processes rotate secrets that lie in a real OpenBao.

    host = RotationHost(tmp_path, bao, vault.mount, INVENTORY_SECRETS)   # text below `secrets:`, indented by two
    vault.write("app/key", {"key": Confidential(b"…")}, cas=0)
    assert host.harden("rotate", "app") == 0
    assert host.harden("rotate", "app", kill_at=7) == -9      # before or after the n-th step or change
    assert host.harden("rotate", "app", kill_in=0.3) == -9    # whatever it is doing by then
    assert host.harden("rotate", "app", at="retire", do=stop_it) == 1   # something happens right before a phase
    host.check_clean([b"…"])                                  # no value in what processes show, say or leave

Whatever the processes and their children show of themselves (arguments, environments) is sampled all the time.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bao.devserver import DevServer

from harden_secrets.encodedforms import encoded_forms

KILLED = Path(__file__).with_name("killed_rotation.py")
HALTED = Path(__file__).with_name("halted_rotation.py")
SECONDS = 240


@dataclass
class RotationHost:
    """``root`` has the state folder, the inventory, temporary files. ``more`` goes into the environment.

    ``beside`` names further processes that are looked at: those of the hosts where the keys are.
    """

    root: Path
    bao: DevServer
    mount: str
    secrets: str
    more: Mapping[str, str] = field(default_factory=dict)
    within: Callable[..., Sequence[str]] | None = None  # makes of an argument list one that runs it somewhere else
    beside: Callable[[], Sequence[int]] = tuple
    said: list[str] = field(default_factory=list)
    shown: set[bytes] = field(default_factory=set)

    def __post_init__(self) -> None:
        for name in ("state", "tmp", "home"):
            (self.root / name).mkdir(exist_ok=True)
        vault = f'vault: {{address: "{self.bao.address}", mount: {self.mount}}}'
        self.inventory.write_text(f"version: 1\n{vault}\nsecrets:\n{self.secrets}")

    @property
    def inventory(self) -> Path:
        """The inventory file."""
        return self.root / "secrets.yaml"

    def harden(
        self,
        *words: str,
        kill_at: int = 0,
        kill_in: float | None = None,
        at: str = "",
        do: Callable[[], object] = lambda: None,
        skew: float = 0,
    ) -> int:
        """The status of `harden secrets …`; negative where a signal ended it. What it said is the last of ``said``.

        ``do`` is called while it stands still right before a phase or change (see ``halted_rotation``) ; ``skew``: by
        how many seconds its clock is ahead.
        """
        halted = self.root / "halted"
        boundary = [KILLED, kill_at] if not at and not skew else [HALTED, halted, at, skew]
        command = [sys.executable, *map(str, boundary), "secrets", *words]
        if self.within is not None:
            command = [*self.within(*command)]
        begun = time.monotonic()
        with tempfile.TemporaryFile("w+", errors="replace", dir=self.root) as out:
            process = subprocess.Popen(
                command, env=self.environment, stdout=out, stderr=out, cwd=self.root, start_new_session=True
            )
            while process.poll() is None:
                self._look_at(process.pid)
                if at and halted.exists():
                    do()
                    halted.unlink()
                passed = time.monotonic() - begun
                if passed > SECONDS or (kill_in is not None and passed > kill_in):
                    process.kill()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.01)
            _await_orphans(process.pid)
            out.seek(0)
            self.said.append(out.read())
        return process.returncode

    @property
    def halted_process(self) -> int:
        """The one that stands still, while ``do`` is called."""
        return int((self.root / "halted").read_text())

    def finish(self, *words: str, times: int = 3) -> None:
        """Call it until it says that all is well, as a timer would."""
        for _ in range(times):
            if self.harden(*words) == 0:
                return
        raise AssertionError(self.said[-1])

    def files(self) -> Iterator[tuple[Path, bytes]]:
        """Every file of the state folder, and every temporary one."""
        for folder in ("state", "tmp", "home"):
            for path in (self.root / folder).rglob("*"):
                if path.is_file():
                    yield path, path.read_bytes()

    def check_clean(self, values: Sequence[bytes]) -> None:
        """No value, in no encoding, in arguments, environments, output, state, or temporary files."""
        places = [("shown", b"\n".join(self.shown)), ("said", "\n".join(self.said).encode())]
        places += [(str(path), content) for path, content in self.files()]
        for value in values:
            forms = [value, *(form for _kind, form in encoded_forms(value))]
            for where, content in places:
                assert not any(form in content for form in forms), f"a value lies in {where}"

    @property
    def environment(self) -> Mapping[str, str]:
        """What a process is given."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root / "home"),
            "TMPDIR": str(self.root / "tmp"),
            "HARDEN_STATE": str(self.root / "state"),
            "HARDEN_INVENTORY": str(self.inventory),
            "VAULT_TOKEN": self.bao.root_token,
            "VAULT_CACERT": str(self.bao.ca),
            **({"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}),
            **self.more,
        }

    def _look_at(self, pid: int) -> None:
        for one in (pid, *_descendants(pid), *self.beside()):
            for name in ("cmdline", "environ"):
                with contextlib.suppress(OSError):
                    self.shown.add(Path(f"/proc/{one}/{name}").read_bytes())


def _await_orphans(session: int) -> None:
    """What a killed process had begun goes on without it: a push is over when its git has ended.

    Not for ever: what only waits, as an ssh does that nobody speaks to any more, changes nothing.
    """
    end = time.monotonic() + 5
    while time.monotonic() < end and any(_session(path) == session for path in Path("/proc").glob("[0-9]*/stat")):
        time.sleep(0.02)


def _session(stat: Path) -> int:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[3])
    except OSError:  # it has ended meanwhile
        return 0


def _descendants(pid: int) -> list[int]:
    """All processes below one, those of its threads too."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        with contextlib.suppress(OSError):  # it may end meanwhile
            for listed in Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
                children = [int(one) for one in listed.read_text().split()]
                found += children
                waiting += children
    return found
