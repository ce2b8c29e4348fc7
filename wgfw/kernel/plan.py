"""What would be done to a kernel, as a value."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from wgfw.kernel.difference import Difference, Wanted
from wgfw.kernel.reading import KernelFamily
from wgfw.kernel.record import Record, Token
from wgfw.kernel.trial import Trial
from wgfw.ruleset import RuleSet

# `return` is that of a trial that is being ended: until it is, it tells itself which rules are to be in force.
Kind = Literal["apply", "rollback", "remove", "restore", "return"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is wanted, what was seen, and the difference, by family; only :meth:`Reconciler.apply` carries it out.

    ``policy`` and ``digest`` are remembered with the rules; ``current`` is what was remembered until now, and
    ``token`` tells whether that still holds.
    """

    kind: Kind
    rules: RuleSet | None
    policy_of: Callable[[], str]
    digest: str
    wanted: Mapping[int, Wanted]
    seen: Mapping[int, KernelFamily]
    differences: Mapping[int, Difference]
    current: Record | None
    token: Token
    notes: tuple[str, ...] = ()

    @property
    def policy(self) -> str:
        """Made when it is asked for: where the kernel is being changed, something else goes on meanwhile."""
        return self.policy_of()

    @property
    def in_sync(self) -> bool:
        """Whether the kernel holds already what is wanted."""
        return not any(self.differences.values())

    @property
    def empties(self) -> bool:
        """Whether nothing of ours remains."""
        return not any(wanted.chains or wanted.hooks for wanted in self.wanted.values())

    def describe(self) -> Iterator[str]:
        """The changes as lines, chain by chain, for the person who asked for details."""
        for difference in self.differences.values():
            yield from difference.describe()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done: ``notes`` are things worth telling that are no failure, ``trial`` what waits to be confirmed."""

    changed: bool
    notes: tuple[str, ...] = ()
    trial: Trial | None = None
