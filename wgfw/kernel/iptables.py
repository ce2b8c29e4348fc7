"""The one place that reads and writes rules with iptables, for one backend in one network namespace."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence

from harden.errors import HardenError
from wgfw.kernel import legacy
from wgfw.kernel.backend import Backend
from wgfw.kernel.diagnosis import UnreadableTableError, refusal
from wgfw.kernel.emptytables import drop_empty_tables
from wgfw.kernel.programs import Finished, Programs, Running, begin, run
from wgfw.kernel.reading import Counted, KernelFamily, Lines, Place, SeenTable, parse_counters, parse_save
from wgfw.ruleset import TABLES, FamilyRules

LOCK_SECONDS = 20
_IPV6_THERE = "/proc/net/if_inet6"  # made by the kernel's IPv6 code; missing with ipv6.disable=1
# How many single chains are read in less time than everything: nft fetches one chain, legacy always the table.
_SINGLE_READS: Mapping[Backend, int] = {"nft": 16, "legacy": 1}


class Iptables:
    """A kernel's rules through one backend. Reading never makes a table; writing never touches what others have."""

    def __init__(self, programs: Programs, *, lock_seconds: int = LOCK_SECONDS) -> None:
        self.backend: Backend = programs.backend
        self.netns = programs.netns
        self.single_reads = _SINGLE_READS[programs.backend]
        self._programs = programs
        self._lock_seconds = lock_seconds
        self._begun: dict[int, Running] = {}
        self._peeked: dict[int, KernelFamily] = {}

    def families(self) -> tuple[int, ...]:
        """(4, 6), or (4,) on a host whose kernel has no IPv6 at all, where no IPv6 packet can pass either."""
        return (4, 6) if os.path.exists(_IPV6_THERE) else (4,)

    def begin_reading(self) -> None:
        """Start reading all families in the background; the next ``read`` of each takes that answer."""
        for family in self.families():
            if family not in self._begun and family not in self._peeked:
                self._begun[family] = Running(self._programs.command(family, "-save"))

    def cancel_reading(self) -> None:
        """Forget what ``begin_reading`` started and nobody asked for."""
        for running in self._begun.values():
            running.cancel()
        self._begun.clear()
        self._peeked.clear()

    def peek(self, family: int) -> KernelFamily:
        """What the next ``read`` will answer, tables that iptables cannot show included."""
        if family not in self._peeked:
            running = self._begun.pop(family, None) or Running(self._programs.command(family, "-save"))
            self._peeked[family] = parse_save(family, self._answer(running))
        return self._peeked[family]

    def read(self, family: int) -> KernelFamily:
        """Every table that exists, in the kernel's own words. Raises HardenError if one of those we use has other
        rules than iptables can show.
        """
        seen = self.peek(family)
        del self._peeked[family]
        strange = seen.incompatible.intersection(TABLES)
        if strange:
            raise UnreadableTableError(f"the table {', '.join(sorted(strange))!r} (IPv{family})")
        return seen

    def read_chains(self, family: int, places: Iterable[Place]) -> KernelFamily:
        """These chains only; fast for a few on nft."""
        tables: dict[str, dict[str, Lines]] = {}
        for table, chain in places:
            argv = (*self._programs.command(family), "-w", str(self._lock_seconds), "-t", table, "-S", chain)
            lines = self._answer(Running(argv)).split("\n")
            tables.setdefault(table, {})[chain] = tuple(line for line in lines if line.startswith("-A "))
        return KernelFamily(family, None, {table: SeenTable({}, chains) for table, chains in tables.items()})

    def counters(self, family: int) -> Mapping[Place, Sequence[Counted]]:
        """How often each rule of each chain matched."""
        return parse_counters(self._answer(Running((*self._programs.command(family, "-save"), "-c"))))

    def altered(self, rules: FamilyRules, places: Sequence[Place]) -> frozenset[Place]:
        """Those chains whose rules are not the wanted ones though their markers are, as far as it can be told.

        On legacy, with python-iptables, it can; nft has nothing of that kind.
        """
        if self.backend == "nft" or not places:
            return frozenset()
        return legacy.altered(rules, places, self.netns) or frozenset()

    def write(self, texts: Mapping[int, str]) -> None:
        """Give the kernel a text for ``iptables-restore --noflush`` in each family, all at the same time.

        Raises HardenError if it refuses any of it; tables before the refused one have been changed then, and the other
        family may be.
        """
        self.cancel_reading()  # from here on it would be old
        limit = ("--noflush", "-w", str(self._lock_seconds))
        commands = {family: (*self._programs.command(family, "-restore"), *limit) for family in texts}
        running: dict[int, Running] = {}
        failures: list[HardenError] = []
        for family, argv in commands.items():
            try:
                running[family] = begin(argv, texts[family])
            except HardenError as error:
                failures.append(error)
        for family, process in running.items():  # all of them: nothing may still write when we look again
            try:
                done = process.finish()
                if done.status != 0:
                    failures.append(refusal(self._name(process.argv), done.errors, texts[family]))
            except HardenError as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def drop_empty(self, family: int, tables: Iterable[str]) -> tuple[str, ...]:
        """Take out those of ``tables`` that hold nothing any more; the answer names those that stay.

        Legacy tables stay always: the kernel has no way to give one back.
        """
        tables = tuple(tables)
        if self.backend == "legacy":
            return tables
        seen = self.read(family)
        empty = [table for table in tables if (there := seen.tables.get(table)) and _is_empty(there)]
        for table in empty:
            for builtin in seen.tables[table].policies:
                # fails where there is no such chain, or where somebody has just put a rule into it: then it stays
                run((*self._programs.command(family), "-t", table, "-X", builtin))
        dropped = drop_empty_tables(family, empty, self.netns)
        return tuple(table for table in tables if table in seen.tables and table not in dropped)

    def _answer(self, running: Running) -> str:
        try:
            done: Finished = running.finish()
            if done.status != 0:
                raise refusal(self._name(running.argv), done.errors)
        except BaseException:
            self.cancel_reading()
            raise
        return done.output

    def _name(self, argv: Sequence[str]) -> str:
        words = argv[len(self._programs.begin) :]
        return " ".join(re.sub(r".*/", "", word) for word in words[:2] if not word.startswith("-"))


def _is_empty(table: SeenTable) -> bool:
    only_built_in = table.chains.keys() <= table.policies.keys()
    accepting = all(policy == "ACCEPT" for policy in table.policies.values())
    return only_built_in and accepting and not any(table.chains.values())
