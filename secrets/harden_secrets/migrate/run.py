"""Going through the steps of a run, forward or back, from wherever it stands.

Rules:
- before a step changes anything, what undoes it is in the journal; what is noted at its first beginning stays;
- a step that was begun and not ended is performed again: every performer can be told twice;
- a step that failed leaves the run where it is: `resume` tries it again, `rollback` undoes what was begun, last first;
- a run that turned back never goes forward again;
- a step is undone only once everything that came after it is undone.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.migrate.event import Event, StepState
from harden_secrets.migrate.step import Kind, Step


class Journal(Protocol):
    """What is known of a run. All that is noted outlives the process, and is there before the call returns."""

    @property
    def going_back(self) -> bool:
        """Whether the run is being rolled back."""
        ...

    def state(self, step: str) -> StepState | None:
        """Where a step stands; None where it never began."""
        ...

    def before(self, step: str) -> Confidential:
        """What was noted when the step began."""
        ...

    def begin(self, step: str, before: Confidential) -> None:
        """Note what is needed to undo a step."""
        ...

    def done(self, step: str, result: Mapping[str, Any]) -> None:
        """Note that a step is done, with facts about it that hold no value."""
        ...

    def failed(self, step: str, why: str) -> None:
        """Note that a step was tried and failed."""
        ...

    def turn_back(self) -> None:
        """Note that the run is being rolled back."""
        ...

    def undone(self, step: str) -> None:
        """Note that a step is undone."""
        ...

    def finish(self) -> None:
        """Note that the run has come to its end, in the direction it went."""
        ...


class Performer(Protocol):
    """Carries out the steps of one kind."""

    def capture(self, step: Step) -> Confidential:
        """What :meth:`undo` will need, read from the world as it is. Changes nothing."""
        ...

    def perform(self, step: Step, before: Confidential) -> Mapping[str, Any]:
        """Bring it about, whether or not some or all of it is so already. Gives facts that hold no value."""
        ...

    def undo(self, step: Step, before: Confidential) -> None:
        """Bring back what was, whether or not some or all of it is so already."""
        ...


# Told of each event. What is done is told before the journal has it: if it is cut off there, it is done and told again.
Listener = Callable[[Step, Event, Mapping[str, Any]], None]


class Run:
    """The steps of one plan and where they stand."""

    def __init__(
        self, steps: Sequence[Step], journal: Journal, performers: Mapping[Kind, Performer], tell: Listener
    ) -> None:
        self._steps = steps
        self._journal = journal
        self._performers = performers
        self._tell = tell

    def forward(self) -> None:
        """Perform what is not done yet. Raises the HardenError of the step that fails, with what can be done next."""
        if self._journal.going_back:
            raise HardenError(
                "this run is being rolled back and cannot go forward again",
                "finish that with: harden secrets rollback; then make a new plan",
            )
        for step in self._steps:
            state = self._journal.state(step.id)
            if state is None or state.event is not Event.DONE:
                self._perform(step, begun=state is not None)
        self._journal.finish()

    def back(self) -> None:
        """Undo what was begun, last first. Raises HardenError at the first step that cannot be undone."""
        self._journal.turn_back()
        for step in reversed(self._steps):
            state = self._journal.state(step.id)
            if state is not None and state.event is not Event.UNDONE:
                self._performers[step.kind].undo(step, self._journal.before(step.id))
                self._tell(step, Event.UNDONE, {})
                self._journal.undone(step.id)
        self._journal.finish()

    def _perform(self, step: Step, *, begun: bool) -> None:
        performer = self._performers[step.kind]
        if not begun:
            self._journal.begin(step.id, performer.capture(step))
        self._tell(step, Event.BEGIN, {})
        try:
            result = performer.perform(step, self._journal.before(step.id))
        except HardenError as error:
            self._journal.failed(step.id, error.messages[0])
            self._tell(step, Event.FAILED, {"why": error.messages[0]})
            raise
        self._tell(step, Event.DONE, result)
        self._journal.done(step.id, result)
