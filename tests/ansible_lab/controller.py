"""Where ansible-playbook runs: the operator's machine, from which the gateways of a fleet are reached.

controller = Controller(fleet, tmp_path / "controller")
run = controller.playbook("harden.toolkit.gateway", Inventory((bucharest, cluj)), variables={…})
assert run.recap["bucharest"].changed == 0
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from ansible_lab.editions import COLLECTION, Edition, environment
from ansible_lab.gateways import HARDEN, Fleet, Gateway
from ansible_lab.outcome import Run, parse_record

PYTHON = "/usr/bin/python3"  # what a gateway has, whatever runs the tests
# The usual key exchange withstands quantum computers and takes seven times the time.
_SSH_CONFIG = """
IdentityFile {key}
UserKnownHostsFile {known_hosts}
GlobalKnownHostsFile none
StrictHostKeyChecking yes
IdentitiesOnly yes
IdentityAgent none
KexAlgorithms curve25519-sha256
ConnectTimeout 5
"""


@dataclass(frozen=True)
class Inventory:
    """Which gateways, in which order, and how they are reached.

    ``through_vpn``: by those addresses that only the operator's tunnel leads to. ``become``: as ops, who has sudo.
    """

    gateways: Sequence[Gateway]
    through_vpn: bool = False
    become: bool = False
    variables: Mapping[str, Any] = field(default_factory=dict)
    of_host: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    group: str = "harden_gateways"

    def document(self, ssh_config: Path) -> dict[str, Any]:
        """As a YAML inventory has it."""
        hosts = {gateway.name: self._host(gateway, ssh_config) for gateway in self.gateways}
        user = {"ansible_user": "ops", "ansible_become": True} if self.become else {"ansible_user": "root"}
        common = {"ansible_python_interpreter": PYTHON, **user, **self.variables}
        return {self.group: {"hosts": hosts, "vars": common}}

    def _host(self, gateway: Gateway, ssh_config: Path) -> dict[str, Any]:
        way = f"-F {ssh_config}"
        if gateway.behind is not None:
            way += f" -J root@{gateway.behind.address}"
        address = gateway.vpn_address if self.through_vpn else gateway.address
        own = {"vpn_address": gateway.vpn_address, "nas": gateway.nas}
        return {"ansible_host": address, "ansible_ssh_common_args": way, **own, **self.of_host.get(gateway.name, {})}


class Controller:
    """One machine with one Ansible. ``collections`` is a folder that has another ``ansible_collections``."""

    def __init__(
        self,
        fleet: Fleet,
        folder: Path,
        edition: Edition = "newest",
        *,
        collections: Path | None = None,
        harden: bool = True,
    ) -> None:
        self._fleet = fleet
        self.folder = folder
        self.edition = edition
        self._harden = harden
        folder.mkdir(parents=True)
        self.collections = collections or _linked(folder / "collections")
        self._sockets = Path(tempfile.mkdtemp(prefix="hssh"))  # a socket's path may have 107 characters

    def close(self) -> None:
        """The connections that were kept open for the next run end."""
        for socket in self._sockets.iterdir():
            argv = self._fleet.command("ssh", "-F", "none", "-o", f"ControlPath={socket}", "-O", "exit", "nobody")
            subprocess.run(argv, capture_output=True, timeout=30, check=False)
        shutil.rmtree(self._sockets)

    def __enter__(self) -> "Controller":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def playbook(
        self, playbook: str | Path | Sequence[Mapping[str, Any]], inventory: Inventory, *arguments: str, **more: Any
    ) -> Run:
        """Run a playbook of a collection, a file, or plays. ``more`` is what :meth:`start` takes."""
        started = self.start(playbook, inventory, *arguments, **more)
        return started.finish()

    def start(
        self,
        playbook: str | Path | Sequence[Mapping[str, Any]],
        inventory: Inventory,
        *arguments: str,
        variables: Mapping[str, Any] | None = None,
        pipelining: bool = False,
        persist: bool = True,
        forks: int = 5,
        settings: Mapping[str, str] | None = None,
    ) -> "Running":
        """Begin one. ``arguments`` are options of ansible-playbook; ``variables`` win over all others.

        ``settings`` are environment variables of Ansible. ``persist``: connections are kept open for the next run.
        """
        inventory_file = self._write("inventory", ".yml", yaml.safe_dump(inventory.document(self._ssh_config())))
        argv = ["ansible-playbook", "-i", str(inventory_file), *arguments]
        if variables:
            argv += ["--extra-vars", f"@{self._write('variables', '.yml', yaml.safe_dump(dict(variables)))}"]
        if not isinstance(playbook, str | Path):
            playbook = self._write("playbook", ".yml", yaml.safe_dump([dict(play) for play in playbook]))
        persistence = "-o ControlMaster=auto -o ControlPersist=60s" if persist else "-o ControlPath=none"
        usual = {
            "ANSIBLE_PIPELINING": str(pipelining),
            "ANSIBLE_SSH_ARGS": f"-C {persistence}",
            "ANSIBLE_FORKS": str(forks),
        }
        return self._begin([*argv, str(playbook)], usual | dict(settings or {}))

    def _begin(self, argv: Sequence[str], settings: Mapping[str, str]) -> "Running":
        record = self._write("record", ".jsonl", "")
        environment = self._environment() | {"HARDEN_TEST_RECORD": str(record), **settings}
        return Running(self._fleet.command(*argv), environment, self.folder, record)

    def _environment(self) -> dict[str, str]:
        own = environment(self.edition, self.folder)
        return {
            **own,
            "PATH": f"{own['PATH']}:{HARDEN.parent}" if self._harden else own["PATH"],
            "ANSIBLE_COLLECTIONS_PATH": str(self.collections),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self._sockets),
            "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).parent / "callbacks"),
            "ANSIBLE_CALLBACKS_ENABLED": "record",
            "ANSIBLE_TIMEOUT": "5",
        }

    def _ssh_config(self) -> Path:
        known_hosts = self._write("known_hosts", "", self._fleet.known_hosts)
        return self._write("ssh_config", "", _SSH_CONFIG.format(key=self._fleet.private_key, known_hosts=known_hosts))

    def _write(self, name: str, suffix: str, text: str) -> Path:
        path = self.folder / f"{name}-{uuid.uuid4().hex[:8]}{suffix}"
        path.write_text(text)
        return path


class Running:
    """An Ansible at work. What it prints goes to files: a connection that it keeps open must not keep us waiting."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], folder: Path, record: Path) -> None:
        self._record = record
        self._began = time.monotonic()
        self._stdout, self._stderr = record.with_suffix(".stdout"), record.with_suffix(".stderr")
        with self._stdout.open("wb") as out, self._stderr.open("wb") as err:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *argv],
                cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True,
            )  # fmt: skip

    def finish(self, timeout: float = 240) -> Run:
        """What it came to."""
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"Ansible does not end\n{self.so_far}") from None
        return self._ended()

    def await_text(self, text: str, timeout: float = 60) -> None:
        """Return as soon as it has printed that. Raises AssertionError if it does not, or ends."""
        self.wait_until(lambda: text in self.so_far, timeout)

    def wait_until(self, true: Callable[[], bool], timeout: float = 60) -> None:
        """Return as soon as that is so. Raises AssertionError if it takes too long, or the run ends before."""
        deadline = time.monotonic() + timeout
        while not true():
            ended = self.process.poll() is not None and not true()
            assert not ended, f"Ansible has ended\n{self.so_far}"
            assert time.monotonic() < deadline, f"not within {timeout:.0f} s\n{self.so_far}"
            time.sleep(0.02)

    def kill(self) -> Run:
        """It and its workers are killed where they stand, as by a machine that loses its power."""
        for pid in self._everyone():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        return self._ended()

    def kill_main(self) -> None:
        """Only the process that was started is killed. Newer Ansibles have workers in sessions of their own."""
        self.process.kill()
        self.process.wait()

    def _everyone(self) -> Iterator[int]:
        """All that it has started, connections that are kept open included: they have its environment."""
        ours = f"HARDEN_TEST_RECORD={self._record}".encode()
        for folder in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if folder.name.isdigit() and ours in (folder / "environ").read_bytes().split(b"\0"):
                    yield int(folder.name)

    @property
    def so_far(self) -> str:
        """What it has printed."""
        return self._stdout.read_text() + self._stderr.read_text()

    def _ended(self) -> Run:
        stdout, stderr = self._stdout.read_text(), self._stderr.read_text()
        seconds = time.monotonic() - self._began
        return Run(self.process.returncode, stdout, stderr, seconds, parse_record(self._record.read_text()))


def _linked(folder: Path) -> Path:
    """A folder of collections that has ours as it stands in the checkout."""
    (folder / "ansible_collections/harden").mkdir(parents=True)
    (folder / "ansible_collections/harden/toolkit").symlink_to(COLLECTION, target_is_directory=True)
    return folder
