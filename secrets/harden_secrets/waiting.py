"""Asking again and again whether something has happened. The clock is the caller's: tests have one of their own."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Waiting:
    """``now`` and ``pause`` are the clock: seconds, and a sleep for some of them; it looks each ``poll_seconds``."""

    now: Callable[[], float]
    pause: Callable[[float], None]
    poll_seconds: float = 1

    def until(self, seconds: float, done: Callable[[], bool]) -> bool:
        """Whether it has happened within that time; looked at once even if that is none."""
        end = self.now() + seconds
        while not done():
            if self.now() >= end:
                return False
            self.pause(self.poll_seconds)
        return True
