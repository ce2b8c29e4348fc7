"""What went wrong, and what to tell the person about it."""

from collections.abc import Iterable, Sequence

ANSWER_IS_NO = 3  # the exit status of a command that did what it was asked and whose answer is "no"


class HardenError(Exception):
    """A failure with words for the person at the terminal.

    ``messages`` are complete lines without a prefix (``policy.yaml:12: unknown profile "guset"``);
    ``hints`` say what to do next. ``exit_status`` is what the process returns: 1 failed with nothing
    half-done, 2 wrong usage.
    """

    exit_status = 1

    def __init__(self, messages: str | Iterable[str], hints: str | Iterable[str] = ()) -> None:
        self.messages: Sequence[str] = (messages,) if isinstance(messages, str) else tuple(messages)
        self.hints: Sequence[str] = (hints,) if isinstance(hints, str) else tuple(hints)
        super().__init__("\n".join(self.messages))


class UsageError(HardenError):
    """The command line or the environment asks for something that makes no sense."""

    exit_status = 2
