"""A gateway in a namespace, and the commands of harden and of others on it."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from lab.netns import Netns

from wgfw.kernel.opening import Opening
from wgfw.kernel.plan import Outcome
from wgfw.kernel.reconcile import Reconciler
from wgfw.ruleset import RuleSet

BACKENDS = ("nft", "legacy")
FAMILIES = (4, 6)
CHECKOUT = Path(__file__).parents[2]


@dataclass
class Host:
    """A namespace, its iptables, and a state folder."""

    netns: Netns
    backend: str
    state: Path

    def program(self, family: int, action: str = "") -> str:
        """``iptables-nft``, ``ip6tables-legacy-restore``, …"""
        return f"ip{'6' if family == 6 else ''}tables-{self.backend}{action}"

    def run(self, family: int, *arguments: str) -> str:
        """The output of ``iptables ARGUMENTS``."""
        return self.netns.run(self.program(family), "-w", *arguments).stdout

    def load(self, family: int, text: str) -> None:
        """What somebody else's iptables-restore does."""
        self.netns.run(self.program(family, "-restore"), "-w", "--noflush", text=text)

    def save(self, family: int) -> str:
        """What iptables-save prints, but for counters and times."""
        lines = self.netns.run(self.program(family, "-save")).stdout.splitlines()
        return "".join(re.sub(r" \[\d+:\d+\]$", "", line) + "\n" for line in lines if not line.startswith("#"))

    def reconciler(self, backend: str | None = None) -> Reconciler:
        """As a command opens it."""
        return Opening(backend or self.backend, self.netns.name, self.state).reconciler()  # type: ignore[arg-type]

    def apply(self, rules: RuleSet) -> Outcome:
        """`harden wg apply`."""
        reconciler = self.reconciler()
        return reconciler.apply(reconciler.plan(rules))

    def remove(self) -> Outcome:
        """`harden wg remove`."""
        reconciler = self.reconciler()
        return reconciler.apply(reconciler.plan_removal())

    def rollback(self) -> Outcome:
        """`harden wg rollback`."""
        reconciler = self.reconciler()
        return reconciler.apply(reconciler.plan_rollback())

    def in_sync(self, rules: RuleSet) -> bool:
        """`harden wg plan`."""
        return self.reconciler().plan(rules).in_sync

    def saved(self) -> dict[int, str]:
        """Both families as iptables-save prints them, but for counters."""
        return {family: self.save(family) for family in FAMILIES}

    def process(self, *ports: int) -> subprocess.Popen[str]:
        """An apply in a process group of its own."""
        argv = [self.backend, self.netns.name, str(self.state), ",".join(map(str, ports))]
        return subprocess.Popen(
            [sys.executable, "-m", "tests.wgfw.apply_made", *argv],
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
