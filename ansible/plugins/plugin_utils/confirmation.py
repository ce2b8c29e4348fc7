# Copyright: the harden authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Keeping what is on trial by a new connection, or finding out that it has not been kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection import ConnectionBase
from ansible_collections.harden.toolkit.plugins.plugin_utils.patience import within

PAUSE = 1.0  # seconds between two attempts
ONE_ATTEMPT = 60.0  # seconds at the most
GRACE = 2.0  # seconds after the end of a trial until the old rules are certainly back
AFTERWARDS = 60.0  # seconds in which to reach a gateway again that has gone back


class Confirmation:
    """Attempts to keep a policy, each by a connection of its own.

    ``attempt`` runs wg_confirm; its argument says whether it is the last time. ``deadline`` is by time.monotonic(), not
    before that of the gateway.
    """

    def __init__(self, connection: Any, attempt: Callable[[bool], dict[str, Any]], deadline: float) -> None:
        self._connection = connection
        self._attempt = attempt
        self._deadline = deadline

    def outcome(self) -> dict[str, Any]:
        """The result of wg_confirm: of the first attempt that succeeded, else what the gateway says after the end of
        the trial, with ``failed``. Raises AnsibleConnectionFailure if it cannot be reached even then."""
        reason: str | None = None
        while time.monotonic() < self._deadline:
            try:
                result = self._by_new_connection(last=False, limit=self._deadline - time.monotonic())
            except AnsibleConnectionFailure as error:
                reason = str(error)
            else:
                if not result.get("failed"):
                    return result
                reason = str(result.get("msg"))
            time.sleep(min(PAUSE, max(self._deadline - time.monotonic(), 0)))
        return self._afterwards(reason)

    def _afterwards(self, reason: str | None) -> dict[str, Any]:
        """What the gateway says when the time is over. It may have been kept: an answer can get lost, too."""
        time.sleep(max(self._deadline + GRACE - time.monotonic(), 0))
        give_up_at = time.monotonic() + AFTERWARDS
        while True:
            try:
                result = self._by_new_connection(last=True, limit=ONE_ATTEMPT)
            except AnsibleConnectionFailure:
                if time.monotonic() > give_up_at:
                    raise
                time.sleep(PAUSE)
            else:
                return {**result, "reason": reason} if result.get("failed") else result

    def _by_new_connection(self, *, last: bool, limit: float) -> dict[str, Any]:
        with within(min(limit, ONE_ATTEMPT)):
            start_anew(self._connection)
            return self._attempt(last)


def start_anew(connection: Any) -> None:
    """Whatever is done next over the connection is done over a new one, also where ssh keeps one open for reuse."""
    if type(connection).reset is not ConnectionBase.reset:  # those of the machine itself have nothing to be reset
        connection.reset()


def lost(error: AnsibleConnectionFailure) -> Mapping[str, Any]:
    """The result of a task whose gateway has not come back."""
    return {
        "failed": True,
        "rolled_back": None,
        "msg": f"the gateway is not to be reached since the new rules are on trial: {error}",
        "hints": [
            "the old rules come back by themselves there, without anybody's help",
            "look whether it is up, and whether something else is in the way",
        ],
    }
