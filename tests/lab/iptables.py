"""iptables in a lab: loading rules, publishing ports, reading back."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lab.tun import Lab

BACKENDS = ("nft", "legacy")
FAMILIES = (4, 6)
TABLES = ("raw", "mangle", "nat", "filter", "security")


@dataclass(frozen=True)
class Iptables:
    """The programs of one backend, run inside a lab's namespace."""

    lab: Lab
    backend: str

    def program(self, family: int, action: str = "") -> str:
        """``iptables-nft``, ``ip6tables-legacy-restore``, …"""
        return f"ip{'6' if family == 6 else ''}tables-{self.backend}{action}"

    def run(self, family: int, *arguments: str) -> str:
        """The output of ``iptables ARGUMENTS``."""
        return self.lab.netns.run(self.program(family), "-w", *arguments).stdout

    def both(self, *arguments: str) -> None:
        """The same rule in both families."""
        for family in FAMILIES:
            self.run(family, *arguments)

    def restore(self, family: int, text: str) -> None:
        """Load text beside what is there, as one transaction a table."""
        done = self.lab.netns.run(self.program(family, "-restore"), "-w", "--noflush", text=text, check=False)
        if done.returncode:
            numbered = "\n".join(f"{n:4} {line}" for n, line in enumerate(text.splitlines(), 1))
            raise AssertionError(f"{self.program(family, '-restore')}: {done.stderr}\n{numbered}")

    def save(self, family: int) -> str:
        """All rules, without counters and time stamps."""
        text = self.lab.netns.run(self.program(family, "-save")).stdout
        lines = (line for line in text.splitlines() if not line.startswith("#"))
        return "".join(re.sub(r" \[\d+:\d+\]$", "", line) + "\n" for line in lines)

    def clear(self) -> None:
        """Take out every rule of this backend and family, everyone's, with all policies on ACCEPT."""
        for family in FAMILIES:
            text = "".join(f"*{table}\n{_BUILT_IN[table]}COMMIT\n" for table in TABLES)
            self.lab.netns.run(self.program(family, "-restore"), "-w", text=text)

    def trace(self, family: int, send: Callable[[], object]) -> str:
        """The rules that ``send`` makes count, in no order of time: for the message of a failed test."""
        for table in TABLES:
            self.run(family, "-t", table, "-Z")
        send()
        lines = self.lab.netns.run(self.program(family, "-save"), "-c").stdout.splitlines()
        return "\n".join(line for line in lines if line[:1] in "*[" and not line.startswith("[0:0]"))

    def dnat(self, rules: Iterable["Dnat"]) -> None:
        """Publish what ``rules`` say, in the nat table."""
        lines: dict[int, list[str]] = {4: [], 6: []}
        for rule in rules:
            lines[rule.family].append(rule.line)
        for family, found in lines.items():
            if found:
                self.restore(family, "*nat\n" + "\n".join(found) + "\nCOMMIT\n")


_CHAINS = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
}
_BUILT_IN = {table: "".join(f":{chain} ACCEPT [0:0]\n" for chain in chains) for table, chains in _CHAINS.items()}


@dataclass(frozen=True)
class Dnat:
    """A port published on the gateway, or a virtual address: what asks for ``dst`` gets ``to``.

    ``to`` None means the gateway itself (REDIRECT). Ports are of ``protocol`` (``tcp`` or ``udp``).
    """

    dst: str
    protocol: str
    port: int
    to: str | None
    to_port: int

    @property
    def family(self) -> int:
        """4 or 6."""
        return 6 if ":" in self.dst else 4

    @property
    def line(self) -> str:
        """The rule, for iptables-restore."""
        match = f"-A PREROUTING -d {self.dst} -p {self.protocol} --dport {self.port}"
        if self.to is None:
            return f"{match} -j REDIRECT --to-ports {self.to_port}"
        to = f"[{self.to}]" if self.family == 6 else self.to
        return f"{match} -j DNAT --to-destination {to}:{self.to_port}"
