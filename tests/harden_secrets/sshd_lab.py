"""Any number of hosts with a real sshd each, in network namespaces of their own, and a place to reach them from.

    with SshdLab(tmp_path) as lab:
        host = lab.host()                                # users root, app, ops (who has sudo), plain; sshd listens
        host.authorize(lab.old_line)                     # authorized_keys of app
        rotation = lab.rotation([host.target()])         # its rotator, as a machine would drive it
        rotation.rotator.install(rotation.name, rotation.pair)

Hosts are ``10.77.0.N`` and ``fd77::N``. ``lab.call(function)`` runs anything there, ``lab.command(…)`` a program.
"""

import itertools
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from lab.netns import Netns

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.inventory.model import SecretEntry, SecretKind, Target
from harden_secrets.rotate.kinds.ssh import ssh_rotator
from harden_secrets.rotate.rotator import Fields, Pair, Rotator
from tests.harden_secrets.sshd_log import Syslog
from tests.harden_secrets.sshd_target import SshdTarget, private_file, public_line

T = TypeVar("T")


class SshdLab:
    """Hosts on one bridge. ``old`` is the secret's version before a rotation, ``old_line`` its public half."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(2)
        self._consumers = itertools.count()
        self._spaces: list[Netns] = []
        self.hosts: list[SshdTarget] = []
        self._syslog = Syslog()
        self.hub = Netns("sshdhub")
        self.hub.run("ip", "link", "add", "br0", "type", "bridge")
        self.hub.run("ip", "addr", "add", "10.77.0.1/16", "dev", "br0")
        self.hub.run("ip", "addr", "add", "fd77::1/64", "dev", "br0", "nodad")
        self.hub.run("ip", "link", "set", "br0", "up")
        self.old_key = Ed25519PrivateKey.generate()
        self.old_line = public_line(self.old_key)
        self.old: Fields = {
            "private_key": Confidential(private_file(self.old_key)),
            "public_key": Confidential(f"{self.old_line} app@example\n".encode()),
        }

    def __enter__(self) -> "SshdLab":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Every host, and the namespaces."""
        for host in self.hosts:
            host.close()
        for space in (*self._spaces, self.hub):
            space.close()
        self._syslog.close()

    def host(
        self, *config: str, start: bool = True, ipv6: bool = False, behind: "SshdTarget | None" = None, **more: Any
    ) -> SshdTarget:
        """One more host; ``config`` are lines of sshd_config. ``behind`` another it can be reached from there only."""
        number = next(self._numbers)
        space = Netns("sshd")
        self._spaces.append(space)
        if behind is None:
            self._plug(space, number)
            address = f"fd77::{number:x}" if ipv6 else f"10.77.0.{number}"
        else:
            self._plug_behind(space, self._spaces[self.hosts.index(behind)], number)
            address = f"10.78.{number}.2"
        made = SshdTarget(self._folder / f"host{number}", space.path, address, self._syslog, **more)
        self.hosts.append(made)
        if start:
            made.start(*config)
        return made

    def space(self, host: SshdTarget) -> Netns:
        """The network namespace that the host is in."""
        return self._spaces[self.hosts.index(host)]

    def unplug(self, host: SshdTarget, *, again: bool = False) -> None:
        """The host's cable: nothing it sends or is sent arrives, until it is plugged in again."""
        self.hub.run("ip", "link", "set", f"v{host.address.rpartition('.')[2]}", "up" if again else "down")

    def entry(self, targets: Sequence[Target], **more: Any) -> SecretEntry:
        """The secret whose targets these are."""
        return SecretEntry("app-ssh", SecretKind.SSH_KEY, "app/ssh", targets=tuple(targets), **more)

    def rotation(self, targets: Sequence[Target], old: Fields | None = None, login: Fields | None = None) -> "Rotation":
        """A rotation that has made its new key. ``login`` are the fields of any secret that is a ``login_key``."""
        before = self.old if old is None else old
        rotator = ssh_rotator(self.entry(targets), lambda _: (login or {})["private_key"])
        pair = Pair(before, rotator.generate(before), "0123456789ab", datetime.now(UTC))
        return Rotation(self.reached(rotator), pair, tuple(rotator.targets))

    def login(self, key: Confidential, host: SshdTarget, *command: str, user: str = "app") -> "subprocess.Popen[str]":
        """A plain ssh of somebody who has that key, as a consumer would run it; its end is the caller's matter."""
        file = self._folder / f"consumer{next(self._consumers)}"
        file.touch(0o600)
        file.write_bytes(key.reveal())
        options = (
            "-oBatchMode=yes",
            "-oStrictHostKeyChecking=no",
            "-oUserKnownHostsFile=/dev/null",
            "-oIdentityAgent=none",
        )
        argv = ("ssh", "-F", "none", "-q", *options, "-oIdentitiesOnly=yes", "-i", str(file), "-p", str(host.port))
        pipe = subprocess.PIPE
        return subprocess.Popen(
            self.command(*argv, f"{user}@{host.address}", *command), stdin=pipe, stdout=pipe, stderr=pipe, text=True
        )

    def other_key(self, kind: str = "ed25519") -> Fields:
        """The fields of a secret with a key of its own, as ssh-keygen makes it."""
        file = self._folder / f"key{next(self._consumers)}"
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(file)], check=True, timeout=30)
        return {"private_key": Confidential(file.read_bytes())}

    def lets_in(self, key: Confidential, host: SshdTarget, user: str = "app") -> bool:
        """Whether somebody with that key can run a command there."""
        with self.login(key, host, "echo", "in", user=user) as consumer:
            printed, _ = consumer.communicate(timeout=30)
        return printed == "in\n"

    def call(self, function: Callable[[], T]) -> T:
        """The value of a function that is called where the hosts can be reached."""
        return self.hub.call(function)

    def command(self, *argv: str) -> list[str]:
        """The argument list of a program that is to run where the hosts can be reached."""
        return self.hub.command(*argv)

    def reached(self, rotator: Rotator) -> Rotator:
        """The same, with its methods called where the hosts can be reached."""
        return cast(Rotator, _Reached(self, rotator))

    def _plug(self, space: Netns, number: int) -> None:
        self.hub.run("ip", "link", "add", f"v{number}", "type", "veth", "peer", "name", "eth0", "netns", space.name)
        self.hub.run("ip", "link", "set", f"v{number}", "master", "br0", "up")
        space.run("ip", "addr", "add", f"10.77.0.{number}/16", "dev", "eth0")
        space.run("ip", "addr", "add", f"fd77::{number:x}/64", "dev", "eth0", "nodad")
        space.run("ip", "link", "set", "eth0", "up")

    def _plug_behind(self, space: Netns, way: Netns, number: int) -> None:
        way.run("ip", "link", "add", f"b{number}", "type", "veth", "peer", "name", "eth0", "netns", space.name)
        for one, device, address in ((way, f"b{number}", 1), (space, "eth0", 2)):
            one.run("ip", "addr", "add", f"10.78.{number}.{address}/24", "dev", device)
            one.run("ip", "link", "set", device, "up")


@dataclass(frozen=True)
class Rotation:
    """A rotator whose methods are called where the hosts can be reached, and what they are called with."""

    rotator: Rotator
    pair: Pair
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        """The only target."""
        (name,) = self.names
        return name

    @property
    def old(self) -> Confidential:
        """The old private key."""
        return self.pair.old["private_key"]

    @property
    def new(self) -> Confidential:
        """The new private key."""
        return self.pair.new["private_key"]


class _Reached:
    def __init__(self, lab: SshdLab, rotator: Rotator) -> None:
        self._lab, self._rotator = lab, rotator

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._rotator, name)
        if not callable(found):
            return found
        return lambda *given: self._lab.call(lambda: found(*given))


def fails(function: Callable[[], object]) -> str:
    """What a person is told when that fails, as it has to."""
    with pytest.raises(HardenError) as error:
        function()
    return "\n".join((*error.value.messages, *error.value.hints))
