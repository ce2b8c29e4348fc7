"""Gateways to roll out to: each a network namespace with an sshd, files and a WireGuard of its own.

    with Fleet(tmp_path) as fleet:
        gateway = fleet.gateway("bucharest")                     # root and ops (who has sudo) log in with fleet.key
        controller = Controller(fleet, tmp_path / "controller")  # ansible-playbook, where the gateways can be reached
        controller.playbook(…)
        assert fleet.guest_reaches(gateway, 445)                 # a client, through the tunnel, to the NAS behind it

Gateway N is ``10.77.0.N`` and ``fd77::N``; in its VPN it is ``10.8.N.1``, the operator (where the controller runs) .2
and the guest .3; its NAS is ``192.168.N.10``. Each has an /etc, /opt, /run, /usr/local and /var/lib
of its own.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from ansible_lab.tunnels import Tunnels
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from lab.doorway import doorway
from lab.tunnel import Keys

from tests.harden_secrets.sshd_lab import SshdLab
from tests.harden_secrets.sshd_target import SshdTarget, private_file, public_line

POLICY_FILE = "/etc/harden/policy.yaml"
CONF = "/etc/wireguard/wg0.conf"
STATE = ("/etc/harden", "/etc/wireguard", "/etc/systemd", "/var/lib/harden", "/opt/harden", "/usr/local/lib/harden")
HARDEN = Path(sys.executable).with_name("harden")

# Its arguments are data. What lies over the machine's own folders is kept in the host's /run, which goes with it.
_ROOM = """
set -e
folder=$1 harden=$2
mkdir /run/own /dev/net
for part in etc opt usr/local var/lib; do
  mkdir -p "/run/own/$part/upper" "/run/own/$part/work"
done
for file in passwd group shadow sudoers machine-id; do
  cp -p "$folder/etc/$file" /run/own/etc/upper/
done
for part in etc opt usr/local var/lib; do
  own=/run/own/$part
  mount -t overlay -o "lowerdir=/$part,upperdir=$own/upper,workdir=$own/work" none "/$part"
done
rm -rf /etc/harden /etc/wireguard /var/lib/harden /opt/harden /usr/local/lib/harden
mkdir -m 700 /etc/wireguard
if [ -n "$harden" ]; then
  mkdir -p /opt/harden/bin
  ln -s "$harden" /opt/harden/bin/harden
fi
mount -t sysfs none /sys
mount -t tmpfs -o mode=755 none /dev/net
mknod -m 666 /dev/net/tun c 10 200
ln -s /proc/self/fd /dev/fd
for stream in 0:stdin 1:stdout 2:stderr; do
  ln -s "fd/${stream%:*}" "/dev/${stream#*:}"
done
"""


@dataclass(frozen=True)
class Gateway:
    """One of them. ``address`` is where its sshd is reached."""

    name: str
    number: int
    host: SshdTarget
    keys: Keys
    address: str
    behind: "Gateway | None" = None

    @property
    def vpn_address(self) -> str:
        """Where its clients reach it."""
        return f"10.8.{self.number}.1"

    @property
    def nas(self) -> str:
        """What its clients want to reach."""
        return f"192.168.{self.number}.10"

    @property
    def sshd_log(self) -> str:
        """What its sshd and its sudo have logged."""
        return self.host.log.read_text()

    def run(self, *argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a program on it, as root. Raises AssertionError with its stderr when it fails and ``check`` is set."""
        done = subprocess.run(self.host.inside(*argv), capture_output=True, text=True, timeout=60, check=False)
        assert not check or done.returncode == 0, (
            f"{self.name}: {' '.join(argv)}: exit {done.returncode}\n{done.stderr}"
        )
        return done

    def harden(self, *argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `harden` on it, as root, whether or not it is installed there."""
        return self.run(str(HARDEN), *argv, check=check)

    def reset(self) -> None:
        """As it was when it was made: no rules, no trial, policy, state, units; an empty log."""
        for pid in self.host.processes():
            with contextlib.suppress(OSError):
                if b"harden" in Path(f"/proc/{pid}/cmdline").read_bytes():  # a watchdog
                    os.kill(pid, signal.SIGKILL)
        self.run("nft", "flush", "ruleset")
        self.run("sh", "-c", "rm -rf /etc/harden /var/lib/harden /usr/local/lib/harden /srv/*/.ansible")
        self.run("find", "/etc/systemd/system", "-name", "harden-*", "-delete")
        self.forget_logins()

    def forget_logins(self) -> None:
        """Nothing has been logged so far."""
        self.host.log.write_text("")

    def policy(self) -> str | None:
        """The policy file that it has; None where it has none."""
        path = self.path(POLICY_FILE)
        return path.read_text() if path.exists() else None

    def status(self) -> Any:
        """What `harden wg status --json` says."""
        return json.loads(self.harden("wg", "status", "--json", check=False).stdout)

    def files(self, *folders: str) -> dict[str, str]:
        """Every file under the folders but locks, with the hash of what it says: whether anything was written."""
        found = 'find "$folder" -type f ! -name lock -exec sha256sum {} +'
        script = f'for folder; do [ ! -e "$folder" ] || {found}; done'
        lines = self.run("sh", "-c", script, "sh", *(folders or STATE)).stdout.splitlines()
        return {path: digest for digest, _, path in (line.partition("  ") for line in lines)}

    def path(self, name: str) -> Path:
        """A file of its own, as the test can read and write it."""
        return self.host.root / name.lstrip("/")

    def rules(self) -> str:
        """The rules in its kernel, both families, without counters."""
        saved = [self.run(f"{program}-save").stdout for program in ("iptables-nft", "ip6tables-nft")]
        lines = "".join(saved).splitlines()
        return "\n".join(line.partition(" [")[0] for line in lines if not line.startswith("#"))


class Fleet:
    """Any number of gateways. The operator's end of the tunnels is where the controller runs."""

    def __init__(self, folder: Path) -> None:
        self._lab = SshdLab(folder / "sshd")
        self._folder = folder
        self._tunnels: Tunnels | None = None
        self.gateways: dict[str, Gateway] = {}
        self.private_key = folder / "operator"
        key = Ed25519PrivateKey.generate()
        self.private_key.touch(0o600)
        self.private_key.write_bytes(private_file(key))
        self._line = public_line(key)

    def __enter__(self) -> "Fleet":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Every gateway, the tunnels, and what runs where they are reached from."""
        with contextlib.ExitStack() as stack:
            stack.callback(self._lab.close)
            stack.callback(self._end_visitors)
            if self._tunnels is not None:
                stack.callback(self._tunnels.close)

    def gateway(
        self,
        name: str,
        *sshd: str,
        ipv6: bool = False,
        behind: Gateway | None = None,
        tunnel: bool = True,
        harden: bool = True,
    ) -> Gateway:
        """One more; ``sshd`` are lines of its sshd_config.

        ``ipv6``: it has no other address. ``behind`` another: it is reached from there only. Neither has a tunnel.
        Without ``tunnel`` it has WireGuard's file, but no interface: for many. Without ``harden`` none is to be found.
        """
        host = self._lab.host(start=False, ipv6=ipv6, behind=behind.host if behind else None)
        # The room cannot be entered by its name: its folders are to be made by a shell that is in it.
        argv = ("sh", "-c", _ROOM, "sh", str(host.folder), str(HARDEN) if harden else "")
        subprocess.run(host.inside(*argv), check=True, timeout=30)
        number = _number(host)
        gateway = Gateway(name, number, host, Keys.make(), host.address, behind)
        if ipv6:
            gateway.run("ip", "address", "del", f"10.77.0.{number}/16", "dev", "eth0")
        for user in ("root", "ops"):
            host.authorize(self._line, user=user)
        host.start("Subsystem sftp internal-sftp", *sshd)
        gateway.path(CONF).touch(0o600)
        gateway.path(CONF).write_text(self.tunnels.conf(gateway))
        if tunnel and behind is None and not ipv6:
            self.tunnels.connect(gateway)
        self.gateways[name] = gateway
        return gateway

    @property
    def tunnels(self) -> Tunnels:
        """The clients' ends."""
        if self._tunnels is None:
            self._tunnels = Tunnels(self._lab.hub)
        return self._tunnels

    @property
    def known_hosts(self) -> str:
        """The host keys of all of them, as ssh reads it."""
        return "".join(
            f"{address} {gateway.host.host_key}\n"
            for gateway in self.gateways.values()
            for address in (gateway.address, gateway.vpn_address)
        )

    def command(self, *argv: str) -> list[str]:
        """The argument list of a program that runs at the operator's."""
        return self._lab.command(*argv)

    def unplug(self, gateway: Gateway, *, again: bool = False) -> None:
        """Nothing it sends or is sent arrives, until it is plugged in again."""
        self._lab.unplug(gateway.host, again=again)

    def doorway(self, gateway: Gateway, port: int) -> AbstractContextManager[None]:
        """While it lasts, what listens at a port of the test's loopback is there at the gateway's loopback, too."""
        return doorway(self._lab.space(gateway.host), port)

    def guest_reaches(self, gateway: Gateway, port: int) -> bool:
        """Whether the guest can open a connection to a port (445 or 22) of the NAS behind it."""
        return self.tunnels.reaches(gateway.nas, port)

    def _end_visitors(self) -> None:
        """Connections that outlive their ansible-playbook, for the next."""
        self._lab.hub.run("sh", "-c", 'ip netns pids "$1" | xargs -r kill -KILL', "sh", self._lab.hub.name, check=False)


def _number(host: SshdTarget) -> int:
    """The one that the lab has given it."""
    return int(host.folder.name.removeprefix("host"))
