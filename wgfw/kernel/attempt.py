"""Carrying out a plan on trial, under the lock: the watchdog first, the rules second.

A sudden end at any point leaves a trial that its watchdog ends: with the rules before it. Only once the rules are
written is it noted which connections are older, and only then can anybody confirm.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from harden.errors import HardenError
from wgfw.kernel.execution import Execution
from wgfw.kernel.plan import Outcome
from wgfw.kernel.record import Record
from wgfw.kernel.remembered import seen_text
from wgfw.kernel.trial import Moment, Trial, after


@dataclass(frozen=True, slots=True)
class Window:
    """The time in which to confirm, in seconds, and what a trial needs of its surroundings: ``arm`` starts the watchdog
    of the trial with that id, ``moment`` is the clock, ``connections`` are the inodes of those that exist."""

    seconds: int
    arm: Callable[[str], None]
    moment: Callable[[], Moment]
    connections: Callable[[], frozenset[int]]


class Attempt:
    """One plan on its way into one kernel, on trial."""

    def __init__(self, execution: Execution, window: Window) -> None:
        self._execution = execution
        self._window = window
        self._trials = execution.state.trials

    def run(self) -> Outcome:
        """Do it. Raises HardenError with the kernel as it was before, or with a trial that ends in that."""
        waiting = self._trials.open()
        if waiting is None and self._execution.plan.in_sync:
            return self._execution.run()
        trial = self._begin(waiting)
        try:
            self._window.arm(trial.id)
        except BaseException:
            self._go_on_with(waiting)
            raise
        try:
            outcome = self._execution.run()
        except BaseException:
            if self._execution.state.pending() is None:  # the kernel is as it was
                self._go_on_with(waiting)
            raise
        trial = replace(trial.extended(self._window.moment()), connections=self._older(waiting))
        self._trials.note(trial)
        return replace(outcome, trial=trial)

    def _older(self, waiting: Trial | None) -> tuple[int, ...]:
        """The connections that are older than the rules; these have been in force for a while if nothing changed."""
        if waiting is not None and waiting.connections is not None and self._execution.plan.in_sync:
            return waiting.connections
        return tuple(sorted(self._window.connections()))

    def _begin(self, waiting: Trial | None) -> Trial:
        plan, backend, moment = self._execution.plan, self._execution.kernel.backend, self._window.moment()
        if plan.current is not None and not plan.current.empty and plan.current.backend != backend:
            raise HardenError(
                f"the rules in force are in the {plan.current.backend} backend, and these are for {backend}: "
                "to go back from one to the other is not possible",
                "`harden wg remove` first, or `harden wg apply` without --confirm",
            )
        trial = Trial(
            id=secrets.token_hex(4),
            seconds=self._window.seconds,
            incarnation=moment.incarnation,
            deadline=0.0,
            applied=after(moment.wall, 0),
            until="",
            backend=backend,
            known=waiting.known if waiting else plan.current is not None,
        ).extended(moment)
        texts = {family: seen_text(seen) for family, seen in plan.seen.items()}
        self._trials.begin(trial, Record("", "", backend, self._execution.version, texts))
        return trial

    def _go_on_with(self, waiting: Trial | None) -> None:
        if waiting is None:
            self._trials.withdraw()
        else:
            self._trials.resume()
