"""From the units that are wanted and what is there, to what has to change. Pure."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harden.errors import HardenError
from harden.install.unit import Unit

FOLDER = "/etc/systemd/system"
Change = Literal["made", "changed", "enabled", "removed", "unchanged"]


@dataclass(frozen=True, slots=True)
class There:
    """What is there of units of some names: their files, and the folders with a link to each."""

    units: Mapping[str, Unit]
    links: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Step:
    """What is done with one unit. ``link`` and ``unlink`` are folders, ``clear`` other files that have to go."""

    name: str
    before: str | None
    after: str | None
    link: frozenset[str] = frozenset()
    unlink: frozenset[str] = frozenset()
    clear: frozenset[str] = frozenset()

    @property
    def change(self) -> Change:
        """In one word."""
        if self.after is None:
            return "removed"
        if self.before is None:
            return "made"
        if self.before != self.after:
            return "changed"
        return "enabled" if self.link or self.unlink or self.clear else "unchanged"

    def diff(self) -> Iterator[str]:
        """Lines as ``diff -u`` has them, and a line for each link and each other file."""
        old, new = (text.splitlines() if text is not None else [] for text in (self.before, self.after))
        there, then = (
            f"{FOLDER}/{self.name}" if text is not None else "/dev/null" for text in (self.before, self.after)
        )
        yield from difflib.unified_diff(old, new, there, then, lineterm="")
        yield from (f"-{FOLDER}/{folder}/{self.name}" for folder in sorted(self.unlink))
        yield from (f"+{FOLDER}/{folder}/{self.name} -> ../{self.name}" for folder in sorted(self.link))
        yield from (f"-{file}" for file in sorted(self.clear))


Plan = Sequence[Step]


def plan_installation(wanted: Sequence[Unit], names: Iterable[str], there: There) -> Plan:
    """The units ``wanted`` in place and enabled, and no other of these ``names``.

    Raises HardenError where a file of such a name is somebody else's.
    """
    foreign = [f"{FOLDER}/{name}: is not harden's" for name in there.units if not there.units[name].is_ours]
    if foreign:
        raise HardenError(foreign, "move it away, or give it another name; nothing was changed")
    kept = {unit.name for unit in wanted}
    steps = [_put(unit, there) for unit in wanted]
    return (*steps, *plan_removal((name for name in names if name not in kept), there))


def plan_removal(names: Iterable[str], there: There) -> Plan:
    """None of these left; what is somebody else's stays."""
    return tuple(
        Step(name, unit.text, None, unlink=there.links.get(name, frozenset()), clear=unit.leavings)
        for name in names
        if (unit := there.units.get(name)) is not None and unit.is_ours
    )


def _put(unit: Unit, there: There) -> Step:
    before = there.units.get(unit.name)
    linked = there.links.get(unit.name, frozenset())
    # An interface that is no longer in the policy no longer needs it. What else wants it may be a person's doing.
    stale = {folder for folder in linked - unit.links if folder.endswith(".requires")}
    return Step(
        unit.name,
        before.text if before is not None else None,
        unit.text,
        link=unit.links - linked,
        unlink=frozenset(stale),
        clear=(before.leavings if before is not None else frozenset()) - unit.leavings,
    )
