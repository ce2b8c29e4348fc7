"""A unit of systemd as a value. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

MARK = "# Made by `harden "  # in the first line of each file: one without it is not ours
_ENABLING = re.compile(r"^(Wanted|Required)By=(\S+)$", re.MULTILINE)
_WRITES = re.compile(r"^Writes=(.*)$", re.MULTILINE)
_KINDS = {"Wanted": "wants", "Required": "requires"}

SETS = {
    "wg": ("harden-wg.service", "harden-wg-repair.service", "harden-wg-repair.timer"),
    "rotate": ("harden-rotate.service", "harden-rotate.timer"),
    "metrics": (
        "harden-wg-metrics.service", "harden-wg-metrics.timer",
        "harden-rotate-metrics.service", "harden-rotate-metrics.timer",
    ),
    "keeper": ("harden-wg-keeper.service", "harden-wg-keeper-repair.service", "harden-wg-keeper-repair.timer"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unit:
    """``name`` is that of its file, ``text`` what it says."""

    name: str
    text: str

    @property
    def is_ours(self) -> bool:
        """Whether harden made it."""
        return self.text.partition("\n")[0].startswith(MARK)

    @property
    def links(self) -> frozenset[str]:
        """The folders beside it that get a link to it when it is enabled (systemd.unit(5), [Install])."""
        return frozenset(f"{other}.{_KINDS[kind]}" for kind, other in _ENABLING.findall(self.text))

    @property
    def leavings(self) -> frozenset[str]:
        """Files that there are because of it: what it writes, when its timer was last due (systemd.timer(5))."""
        stamp = [f"/var/lib/systemd/timers/stamp-{self.name}"] if "\nPersistent=true\n" in self.text else []
        return frozenset((*_WRITES.findall(self.text), *stamp))


def writing(text: str, file: str) -> str:
    """The text of a unit with a note of the file that it writes; systemd does not look at sections of that name."""
    return f"{text}\n[X-Harden]\nWrites={file}\n"


def timer(made_by: str, description: str, first: str, calendar: str, spread: int) -> str:
    """A timer that comes ``first`` after its start, and then by the clock, each host up to ``spread`` seconds late.

    By the clock, because a service whose condition does not hold has not run, and then "so long after its last run"
    would never come.
    """
    return f"""# Made by {made_by}
[Unit]
Description={description}

[Timer]
OnActiveSec={first}
OnCalendar={calendar}
RandomizedDelaySec={spread}
FixedRandomDelay=true
AccuracySec=1

[Install]
WantedBy=timers.target
"""


def names_of(sets: Iterable[str]) -> tuple[str, ...]:
    """The names of all units in these sets."""
    return tuple(name for one in sets for name in SETS[one])
