"""Requests to a Vault that are tried again while that makes sense, with an end."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import hvac
import tenacity

from harden_secrets.vault.session import Session
from harden_secrets.vault.transport import TroubleError
from harden_secrets.vault.trouble import Need


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long to try; the pauses double, with chance in them, so that clients do not march in step."""

    attempts: int = 6
    seconds: float = 60.0
    first_pause: float = 0.2
    longest_pause: float = 5.0


class Connection:
    """A session with patience."""

    def __init__(
        self, session: Session, patience: Patience = Patience(), sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._session = session
        self._patience = patience
        self._sleep = sleep

    @property
    def address(self) -> str:
        """Where the server is."""
        return self._session.address

    def ask(self, call: Callable[[hvac.Client], Any], need: Need) -> Any:
        """What ``call`` gives, or None where its path is not there. Raises VaultError.

        ``call`` must be fit to be made again: after a timeout nobody knows whether the first one was heard.
        """
        try:
            return self._retrying()(self._session.ask, call)
        except TroubleError as error:
            trouble = error.trouble
        raise self._session.complaint(trouble, need)

    def _retrying(self) -> tenacity.Retrying:
        patience = self._patience
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(is_passing),
            stop=tenacity.stop_after_attempt(patience.attempts) | tenacity.stop_after_delay(patience.seconds),
            wait=self._pause,
            sleep=self._sleep,
            reraise=True,
        )

    def _pause(self, state: tenacity.RetryCallState) -> float:
        """Exponential with jitter, and not shorter than the server asked for (Retry-After, RFC 9110)."""
        grown = tenacity.wait_random_exponential(self._patience.first_pause, self._patience.longest_pause)(state)
        error = state.outcome.exception() if state.outcome else None
        asked = error.trouble.wait if isinstance(error, TroubleError) else 0.0
        return max(grown, asked)


def is_passing(error: BaseException) -> bool:
    """Whether another try makes sense."""
    return isinstance(error, TroubleError) and error.trouble.passing
