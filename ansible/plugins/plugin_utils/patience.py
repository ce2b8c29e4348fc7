# Copyright: the harden authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A limit for what goes on over a connection that may have died without a word."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from ansible.errors import AnsibleConnectionFailure


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raises AnsibleConnectionFailure in the block when it has taken that long. Needs the main thread, which is where
    Ansible's workers run actions; elsewhere there is no limit. A limit that the task has is kept."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def give_up(*unused: Any) -> NoReturn:
        raise AnsibleConnectionFailure(f"no answer within {seconds:.0f} s")

    began = time.monotonic()
    before = signal.signal(signal.SIGALRM, give_up)
    left = signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.1))[0]
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - began), 0.001))
