"""What the reconciler needs of a kernel; the tests own a second implementation, in memory."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from wgfw.kernel.reading import KernelFamily, Place
from wgfw.ruleset import FamilyRules


class Kernel(Protocol):
    """The packet filter of one network namespace, through one backend."""

    @property
    def backend(self) -> str:
        """``nft`` or ``legacy``."""

    @property
    def single_reads(self) -> int:
        """How many chains ``read_chains`` gets in less time than ``read`` gets everything."""

    def families(self) -> tuple[int, ...]:
        """The families that this kernel knows."""

    def begin_reading(self) -> None:
        """Start reading every family in the background, for the next ``read`` of each."""

    def read(self, family: int) -> KernelFamily:
        """Everything that one family holds."""

    def read_chains(self, family: int, places: Iterable[Place]) -> KernelFamily:
        """These chains only."""

    def altered(self, rules: FamilyRules, places: Sequence[Place]) -> frozenset[Place]:
        """Those chains of ``rules`` that bear the right marker but not the right rules, as far as it can be told."""

    def write(self, texts: Mapping[int, str]) -> None:
        """Carry out a text for ``iptables-restore --noflush`` in each family; each table is one transaction.

        Raises HardenError if a table is refused; those before it in the text, and the other family, are changed then.
        """

    def drop_empty(self, family: int, tables: Iterable[str]) -> tuple[str, ...]:
        """Take out those tables that hold nothing; the answer names those that stay, empty or not."""
