"""The command as it is installed, run on a host of its own: a network namespace and a folder."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.netns import Netns

HARDEN = (sys.executable, "-c", "from harden.cli import main; main()")
WG_CONF = """\
[Interface]
Address = 10.8.0.1/24, fd00:8::1/64
PrivateKey = aGFyZGVuIGxhYiBwcml2YXRlIGtleSAwMDAwMDAwMDA=
ListenPort = 51820

# friendly_name = anca
[Peer]
PublicKey = aGFyZGVuIGxhYiBwdWJsaWMga2V5IDAwMDAwMDAwMDE=
AllowedIPs = 10.8.0.2/32, fd00:8::2/128

# friendly_name = laptop
[Peer]
PublicKey = aGFyZGVuIGxhYiBwdWJsaWMga2V5IDAwMDAwMDAwMDI=
AllowedIPs = 10.8.0.3/32, fd00:8::3/128
"""
POLICY = """\
version: 1
interface: wg0
peers: wg0.conf
networks:
  nas: [192.168.1.10, "fd00:1::10"]
clients:
  anca:
    allow:
      - {to: nas, services: [smb, ssh]}
  laptop: {profile: internet-only}
tests:
  - {from: anca, to: 192.168.1.10, service: tcp/445, expect: allow}
"""
OTHER_POLICY = POLICY.replace("[smb, ssh]", "[smb]").replace("profile: internet-only", "profile: quarantine")
# In a mount namespace of its own: what /proc looks like where the kernel has no IPv6, ipv6.disable=1 for example.
HIDE_IPV6 = (
    "mkdir -p $PWD/p && mount --rbind /proc $PWD/p && mount -t tmpfs none /proc && mkdir /proc/net"
    " && for e in self thread-self sys mounts; do ln -s $PWD/p/$e /proc/$e; done"
    " && for e in dev ip_tables_names; do ln -s $PWD/p/self/net/$e /proc/net/$e; done"
)
BACKENDS = ("nft", "legacy")
FAMILIES = (4, 6)


@dataclass(frozen=True)
class Done:
    """How a command ended and what it said."""

    status: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.stdout)

    @property
    def errors(self) -> list[str]:
        """The messages of ``harden: error: …``."""
        return re.findall(r"^harden: error: (.*)$", self.stderr, re.MULTILINE)

    @property
    def hints(self) -> list[str]:
        """The messages of ``harden: hint: …``."""
        return re.findall(r"^harden: hint: (.*)$", self.stderr, re.MULTILINE)


@dataclass
class Host:
    """A gateway with the command on it. Its folder holds ``wg0.conf``, ``policy.yaml`` and ``state``."""

    netns: Netns
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.policy = self.folder / "policy.yaml"
        self.state = self.folder / "state"
        self.write("wg0.conf", WG_CONF)
        self.write("policy.yaml", POLICY)

    def write(self, name: str, text: str) -> Path:
        """A file in the folder."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def variables(self) -> dict[str, str]:
        """The environment of the command: its policy, its state, a lock that no other test waits for."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HARDEN_")}
        return {
            **kept,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "XTABLES_LOCKFILE": self.netns.lock,
            "HARDEN_POLICY": str(self.policy),
            "HARDEN_STATE": str(self.state),
            **self.environment,
        }

    def fake(self, name: str, text: str) -> None:
        """A program of a folder that stands first in PATH from now on; ``$0.calls`` may count its calls."""
        folder = self.folder / "fakes"
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        self.environment["PATH"] = f"{folder}:{os.environ['PATH']}"

    def after(self, preparation: str, *arguments: str) -> Done:
        """``harden wg ARGUMENTS`` in a mount namespace of its own in which a shell has done something before."""
        inside = ["unshare", "-m", "sh", "-c", f'{preparation} && exec "$@"', "sh", *HARDEN, "wg", *arguments]
        return self.run(self.netns.command(*inside))

    def argv(self, *arguments: str) -> list[str]:
        """``harden wg ARGUMENTS`` on this host."""
        return self.netns.command(*HARDEN, "wg", *arguments)

    def wg(self, *arguments: str, without: str = "") -> Done:
        """``harden wg ARGUMENTS``, without one of its variables; whatever comes of it, no traceback."""
        return self.run(self.argv(*arguments), without=without)

    def run(self, argv: list[str], *, without: str = "", text: str = "") -> Done:
        """Any command line on this host that ends in harden's."""
        environment = {name: value for name, value in self.variables().items() if name != without}
        done = subprocess.run(
            argv, input=text, capture_output=True, encoding="utf-8", timeout=120, check=False,
            cwd=self.folder, env=environment,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        assert "internal error" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def done(self, *arguments: str) -> Done:
        """``harden wg ARGUMENTS``, which must end well."""
        done = self.wg(*arguments)
        assert done.status == 0, (arguments, done)
        return done

    def kernel(self) -> dict[str, str]:
        """Every rule of both backends, without counters: programs that make no table by asking."""
        nft = self.netns.run("nft", "--stateless", "list", "ruleset").stdout
        legacy = {family: save(self.netns, family, "legacy") for family in FAMILIES}
        return {"nft": nft, "legacy 4": legacy[4], "legacy 6": legacy[6]}

    def rules(self, backend: str) -> dict[int, str]:
        """What iptables-save prints of a backend, without counters and times."""
        return {family: save(self.netns, family, backend) for family in FAMILIES}

    def files(self) -> Mapping[str, tuple[int, bytes]]:
        """Every file in the folder, when it was written and what it holds; the lock files aside."""
        paths = sorted(path for path in self.folder.rglob("*") if path.name != "lock")
        return {str(p): (p.stat().st_mtime_ns, p.read_bytes()) if p.is_file() else (0, b"") for p in paths}


def save(netns: Netns, family: int, backend: str) -> str:
    """The output of ``iptables-save``, without counters and times."""
    lines = netns.run(program(family, backend, "-save")).stdout.splitlines()
    return "".join(re.sub(r" \[\d+:\d+\]$", "", line) + "\n" for line in lines if not line.startswith("#"))


def program(family: int, backend: str, action: str = "") -> str:
    """``iptables-nft``, ``ip6tables-legacy-restore``, …"""
    return f"ip{'6' if family == 6 else ''}tables-{backend}{action}"


def only_ours(rules: Mapping[int, str]) -> dict[int, list[str]]:
    """Our chains and rules, table by table, without the order of chains in a table."""
    found: dict[int, list[str]] = {}
    for family, text in rules.items():
        table = ""
        found[family] = lines = []
        for line in text.splitlines():
            table = line if line.startswith("*") else table
            if "HARDEN-WG-" in line:
                lines.append(f"{table} {line}")
        lines.sort(key=lambda line: (line.split(" ")[0], line.split(" ")[1:3]))  # rules of one chain keep their order
    return found
