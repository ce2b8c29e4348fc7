"""What happens in a rotation, told while it happens: lines for people, JSON lines for programs."""

import contextlib
from types import TracebackType

from harden.errors import HardenError
from harden.output import Output, OutputClosedError, OutputFailedError, json_text
from harden.progress import progress
from harden_secrets.rotate.event import Event, Happened


class Teller:
    """Tells events to an output, and shows on a terminal what takes long.

    That nobody hears it any more is no reason to leave a rotation in the middle: it is raised when the Teller is left.
    """

    def __init__(self, output: Output) -> None:
        self._output = output
        self._shown = contextlib.ExitStack()
        self._working = 0
        self._unheard: OutputClosedError | OutputFailedError | None = None

    def __enter__(self) -> "Teller":
        """Nothing is shown yet."""
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Nothing is shown any more. Raises OutputClosedError or OutputFailedError where not all could be told."""
        self._shown.close()
        if self._unheard is not None and _error is None:
            raise self._unheard

    def tell(self, event: Event) -> None:
        """Tell of it."""
        if self._unheard is not None:
            return
        try:
            self._tell(event)
        except (OutputClosedError, OutputFailedError) as error:
            self._unheard = error

    def _tell(self, event: Event) -> None:
        if event.happened is not Happened.WORKING:
            self._shown.close()
            self._working = 0
        if self._output.as_json:
            self._output.raw(json_text(event.document()) + "\n")
        elif event.happened is Happened.WORKING:
            self._begin(event)
        elif event.happened is Happened.FAILED:
            self._output.error(HardenError(_line(event), event.hints))
        else:
            self._output.line(_line(event))

    def _begin(self, event: Event) -> None:
        self._working += 1
        if self._working == 1:
            self._shown.enter_context(progress(self._output, f"{event.secret}: {event.words}"))


def _line(event: Event) -> str:
    where = f"{event.unit}: " if event.unit is not None else ""
    return f"{event.secret}: {where}{event.words}"
