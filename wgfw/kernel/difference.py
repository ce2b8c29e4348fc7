"""What has to be written so that a kernel holds the rules we want, and nothing more than that. Pure.

What we want is either rules as data or a text that the kernel itself printed once (to put something back exactly).
Our chains are compared by their tag and their length, and by the kernel's own text where it is known what that
was when we wrote them: so that somebody's change which leaves our tag in place is found too. Rules of ours in
others' chains are plain jumps (``-i wg0 -j …``), which the kernel prints as they were given.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from wgfw.kernel.reading import KernelFamily, Lines, Place, tag_of
from wgfw.render import chain_lines, declarations, rule_line
from wgfw.ruleset import REMOVAL, TABLES, Chain, FamilyRules

Placed = tuple[tuple[int, str], ...]
NOTHING: Placed = ()


class Wanted(Protocol):
    """What one family shall hold of ours."""

    @property
    def family(self) -> int:
        """4 or 6."""

    @property
    def chains(self) -> Iterable[Place]:
        """The chains of ours, in the order in which they are written."""

    @property
    def hooks(self) -> Mapping[Place, Placed]:
        """For each chain of others in which rules of ours shall stand: index (from 0) and ``-A`` line."""

    def lines(self, place: Place) -> Lines:
        """The rules of a chain of ours as ``-A`` lines."""

    def agrees(self, place: Place, seen: Lines, recorded: Lines | None) -> bool:
        """Whether the rules seen in this chain are those wanted; ``recorded`` is what they were when written."""


class WantedRules:
    """Rules as data."""

    def __init__(self, rules: FamilyRules) -> None:
        self.family = rules.family
        self._chains: dict[Place, Chain] = {(chain.table, chain.name): chain for chain in rules.chains}
        self._tags = rules.tags
        self.chains = self._chains.keys()
        self.hooks = _hook_lines(rules)

    def lines(self, place: Place) -> Lines:
        return tuple(chain_lines(self._chains[place], self.family))

    def agrees(self, place: Place, seen: Lines, recorded: Lines | None) -> bool:
        tag = self._tags[place]
        if len(seen) != len(self._chains[place].rules) + 1 or tag_of(seen) != tag:
            return False
        return recorded is None or seen == recorded or tag_of(recorded) != tag


class WantedText:
    """What a kernel once showed of ours, to be put back as it was.

    ``exact`` says that the same program prints what is compared, so that the text itself may decide; ``positions``
    that rules in others' chains go back to where they were, and not before everyone else's.
    """

    def __init__(self, text: KernelFamily, *, exact: bool = True, positions: bool = False) -> None:
        self.family = text.family
        self._lines: dict[Place, Lines] = dict(text.our_chains())
        self.chains = self._lines.keys()
        self._exact = exact
        self.hooks: dict[Place, Placed] = {
            place: placed if positions else tuple((index, line) for index, (_, line) in enumerate(placed))
            for place, placed in text.our_rules_elsewhere()
        }

    def lines(self, place: Place) -> Lines:
        return self._lines[place]

    def agrees(self, place: Place, seen: Lines, recorded: Lines | None) -> bool:
        wanted = self._lines[place]
        return seen == wanted if self._exact else len(seen) == len(wanted) and tag_of(seen) == tag_of(wanted)


@dataclass(frozen=True, slots=True)
class ChainChange:
    """A chain of ours to be written anew, as ``lines``."""

    place: Place
    why: str
    lines: Lines


@dataclass(frozen=True, slots=True)
class HookChange:
    """Rules of ours in a chain of others: first ``delete`` these lines, then ``insert`` those at their index."""

    place: Place
    why: str
    delete: Lines
    insert: Placed


@dataclass(frozen=True, slots=True)
class Difference:
    """All that has to be done in one family. ``removal`` says that nothing of ours shall remain."""

    family: int
    chains: tuple[ChainChange, ...] = ()
    hooks: tuple[HookChange, ...] = ()
    stale: tuple[Place, ...] = ()
    removal: bool = False

    def __bool__(self) -> bool:
        return bool(self.chains or self.hooks or self.stale)

    @property
    def places(self) -> tuple[Place, ...]:
        """The chains in which something is written."""
        return (*(change.place for change in self.chains), *(change.place for change in self.hooks))

    def describe(self) -> Iterator[str]:
        """One line for each change, for the person who asked for details."""
        name = f"IPv{self.family}"
        for hook in self.hooks:
            yield f"{name} {hook.place[0]} {hook.place[1]}: {hook.why}"
        for chain in self.chains:
            yield f"{name} {chain.place[0]} {chain.place[1]}: {chain.why}, {len(chain.lines)} rules to write"
        for table, stale in self.stale:
            yield f"{name} {table} {stale}: not wanted, to be deleted"


def compare(
    wanted: Wanted,
    seen: KernelFamily,
    recorded: KernelFamily | None = None,
    altered: frozenset[Place] = frozenset(),
) -> Difference:
    """What to write so that ``seen`` becomes ``wanted``.

    ``recorded`` is what the kernel showed after our last write, printed by the same version of iptables; ``altered``
    names chains that are known to be wrong however right they look.
    """
    return Difference(
        wanted.family,
        chains=tuple(_chain_changes(wanted, seen, recorded, altered)),
        hooks=tuple(_hook_changes(wanted, seen)),
        stale=tuple(place for place, _ in seen.our_chains() if place not in wanted.chains),
        removal=not wanted.chains and not wanted.hooks,
    )


def restore_text(difference: Difference) -> str:
    """The text for one ``iptables-restore --noflush``.

    Chains that are as they should be do not occur in it, so they keep their counters. A declared chain is emptied
    by its declaration; one that goes is emptied first and deleted when nothing refers to it any more.
    """
    tables = {table for table, _ in (*difference.places, *difference.stale)}
    ordered = [table for table in (REMOVAL if difference.removal else TABLES) if table in tables]
    lines: list[str] = []
    for table in ordered:
        lines.extend(_table_lines(table, difference))
    return "\n".join(lines) + "\n" if lines else ""


def _hook_lines(rules: FamilyRules) -> dict[Place, Placed]:
    found: dict[Place, Placed] = {}
    for hook in rules.hooks:
        place = hook.table, hook.builtin
        before = found.get(place, NOTHING)
        found[place] = (*before, (len(before), rule_line("-A", hook.builtin, hook.rule)))
    return found


def _chain_changes(
    wanted: Wanted, seen: KernelFamily, recorded: KernelFamily | None, altered: frozenset[Place]
) -> Iterator[ChainChange]:
    for place in wanted.chains:
        lines = seen.chain(place)
        if lines is None:
            yield ChainChange(place, "missing", wanted.lines(place))
        elif place in altered or not wanted.agrees(place, lines, recorded.chain(place) if recorded else None):
            yield ChainChange(place, "differs", wanted.lines(place))


def _hook_changes(wanted: Wanted, seen: KernelFamily) -> Iterator[HookChange]:
    there = dict(seen.our_rules_elsewhere())
    for place in dict.fromkeys((*wanted.hooks, *there)):
        now, then = there.get(place, NOTHING), wanted.hooks.get(place, NOTHING)
        if now != then:
            yield HookChange(place, _why(now, then), tuple(line for _, line in now), then)


def _why(now: Placed, then: Placed) -> str:
    if not then:
        return "a rule of ours that is not wanted there"
    if not now:
        return "our rules are missing"
    have, want = [line for _, line in now], [line for _, line in then]
    if have == want:
        return "our rules are not the first"
    return "our rules stand there more than once" if set(have) == set(want) else "our rules differ"


def _table_lines(table: str, difference: Difference) -> Iterator[str]:
    chains = [change for change in difference.chains if change.place[0] == table]
    stale = [chain for where, chain in difference.stale if where == table]
    yield f"*{table}"
    yield from declarations((*(change.place[1] for change in chains), *stale))
    for change in chains:
        yield from change.lines
    for hook in difference.hooks:
        if hook.place[0] == table:
            yield from _hook_commands(hook)
    yield from (f"-X {chain}" for chain in stale)
    yield "COMMIT"


def _hook_commands(hook: HookChange) -> Iterator[str]:
    chain = hook.place[1]
    for line in hook.delete:
        yield line.replace("-A ", "-D ", 1)
    for index, line in hook.insert:
        yield f"-I {chain} {index + 1}{line.removeprefix(f'-A {chain}')}"
