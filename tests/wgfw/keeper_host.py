"""A gateway on which nothing of harden's is but the keeper and rendered scripts: a network namespace and a folder."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lab.netns import Netns

from tests.wgfw.command_line import FAMILIES, OTHER_POLICY, POLICY, WG_CONF, Done, save
from wgfw.commands.gateway import load_policy
from wgfw.compiler import compile_policy
from wgfw.script import script_text

KEEPER = Path(__file__).resolve().parents[2] / "wgfw/keeper.sh"
DASH = ("dash",)
BUSYBOX = ("busybox", "sh")
PATIENCE = 60.0  # seconds
_RENDERED: dict[str, str] = {}  # by policy
# What a busybox as on small images does not bring: iptables, and on Debian flock.
_BESIDE_BUSYBOX = ("flock", *(f"ip{v}tables{action}" for v in ("", "6") for action in ("", "-save", "-restore")))


def rendered(policy: str, folder: Path, peers: str = WG_CONF) -> str:
    """The script of a policy for these peers."""
    if policy not in _RENDERED:
        (folder / "wg0.conf").write_text(peers)
        (folder / "policy.yaml").write_text(policy)
        meant = load_policy(str(folder / "policy.yaml"), None, on_gateway=False).policy
        _RENDERED[policy] = script_text(compile_policy(meant), meant.interfaces)
    return _RENDERED[policy]


class KeptHost:
    """``one`` and ``other`` are scripts of two policies; each keeper runs in a mount namespace with an own /run."""

    def __init__(self, netns: Netns, folder: Path) -> None:
        self.netns = netns
        self.folder = folder
        self.state = folder / "state"
        self.kept = self.state / "wg-keeper"
        self.keeper = folder / "keeper"
        self.keeper.write_bytes(KEEPER.read_bytes())
        self.one, self.other = folder / "one.sh", folder / "other.sh"
        for file, policy in ((self.one, POLICY), (self.other, OTHER_POLICY)):
            file.write_text(rendered(policy, folder))
        self.programs = folder / "programs"
        self.programs.mkdir()

    def close(self) -> None:
        """End the watchdogs that are still there."""
        for pid in self.watchdogs():
            os.kill(pid, signal.SIGKILL)

    def time_over(self) -> None:
        """The time of the open trial is over, and the watchdog is left to do what it does."""
        name = (self.kept / "open").read_text().strip()
        (self.kept / f"trial-{name}" / "deadline").write_text("0\n")
        until(lambda: "open" not in self.files())

    def watchdogs(self) -> list[int]:
        """The processes that wait for the end of a trial."""
        return [pid for pid, words in processes() if "expire" in words and str(self.state) in words]

    def only_busybox(self) -> None:
        """From now on PATH leads to the programs of a busybox first, its shell among them."""
        subprocess.run(["busybox", "--install", "-s", str(self.programs)], check=True, timeout=30)
        for name in _BESIDE_BUSYBOX:
            (self.programs / name).unlink(missing_ok=True)

    def fake(self, name: str, text: str) -> None:
        """A program before the real one, until :meth:`real`."""
        path = self.programs / name
        path.unlink(missing_ok=True)  # it may be a link to a real one
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def real(self, name: str) -> None:
        """The program itself again."""
        (self.programs / name).unlink()

    def argv(self, *arguments: str, shell: tuple[str, ...] = DASH, before: str = ":") -> list[str]:
        """The keeper with these arguments; ``before`` is done in its mount namespace."""
        enter = f'mount -t tmpfs none /run && {before} && exec "$@"'
        inside = ["unshare", "-m", "sh", "-c", enter, "sh", *shell, str(self.keeper), *arguments]
        return self.netns.command(*inside)

    def environment(self) -> dict[str, str]:
        """Of a console: nothing that tells of ssh."""
        path = f"{self.programs}:{os.environ['PATH']}"
        return {"PATH": path, "HARDEN_STATE": str(self.state), "HOME": "/root"}

    def run(self, *arguments: str, text: str = "", more: Mapping[str, str] = {}, **how: Any) -> Done:
        """What the keeper does, from a process that nobody has come to by a connection."""
        argv = ["/usr/bin/setsid", "--wait", *self.argv(*arguments, **how)]
        done = subprocess.run(
            argv, input=text, capture_output=True, text=True, timeout=120, check=False, cwd=self.folder,
            env={**self.environment(), **more},
        )  # fmt: skip
        assert not re.search(r"not found|unbound|parameter not set|bad number|integer expression", done.stderr), (
            done.stderr
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def done(self, *arguments: str, **how: Any) -> Any:
        """The document of a verb that must end well."""
        done = self.run(*arguments, "--json", **how)
        assert done.status == 0, (arguments, done)
        return json.loads(done.stdout)

    def in_force(self) -> Path | None:
        """Which of the two scripts is in force, as they say themselves; None: nothing of ours is there."""
        found = [script for script in (self.one, self.other) if self.check(script) == 0]
        assert found or not self.ours(), self.ours()
        return found[0] if found else None

    def check(self, script: Path) -> int:
        """What ``script check`` says."""
        command = self.netns.command("unshare", "-m", "sh", "-c", 'mount -t tmpfs none /run && exec "$@"', "sh")
        argv = [*command, "dash", str(script), "check"]
        return subprocess.run(argv, capture_output=True, timeout=60, check=False).returncode

    def ours(self) -> list[str]:
        """Our rules in the kernel, and the jumps to them."""
        return [line for text in self.rules().values() for line in text.splitlines() if "HARDEN-WG-" in line]

    def rules(self) -> dict[int, str]:
        """Everything in the kernel."""
        return {family: save(self.netns, family, "nft") for family in FAMILIES}

    def files(self) -> dict[str, bytes]:
        """What is remembered; not what a run leaves without a meaning."""
        names = ("confirmed", "previous", "open", "ended")
        return {name: (self.kept / name).read_bytes() for name in names if (self.kept / name).exists()}


def processes() -> list[tuple[int, list[str]]]:
    """The processes of this machine, and what they were started with."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:  # it has ended
                continue
            found.append((int(entry.name), words))
    return found


def until(what: Callable[[], bool]) -> None:
    """Wait until it is so."""
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)
