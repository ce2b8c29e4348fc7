"""Work that is done to its end, whatever becomes of the process that asked for it."""

import contextlib
import os
import pickle
import signal
import traceback
from collections.abc import Callable
from typing import NoReturn, TypeVar

from harden.errors import HardenError

T = TypeVar("T")


def nothing() -> None:
    """There is nothing to do meanwhile."""


def directly(work: Callable[[], T], meanwhile: Callable[[], None] = nothing) -> T:
    """The result of ``work``, done here; ``meanwhile`` follows."""
    result = work()
    meanwhile()
    return result


def uninterrupted(work: Callable[[], T], meanwhile: Callable[[], None] = nothing) -> T:
    """The result of ``work``, done by a child in a session of its own. ``meanwhile`` is done here until it is ready.

    Two families of rules are two transactions. A terminal that closes, Ctrl-C or ``kill -9`` between the two would
    leave one old and one new; the child does not get to know of any of them, and holds our locks until it is done.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _work(work, writing)
    os.close(writing)
    interrupted: BaseException | None = None
    answer = b""
    with open(reading, "rb", buffering=0) as results:
        try:
            meanwhile()
        except BaseException as error:  # noqa: BLE001  the child is waited for first
            interrupted = error
        while True:
            try:
                part = results.read(65536)
            except KeyboardInterrupt as error:
                interrupted = error
                continue
            if not part:
                break
            answer += part
    os.waitpid(child, 0)
    if interrupted:
        raise interrupted
    return _result(answer)


def _work(work: Callable[[], T], writing: int) -> NoReturn:
    status = 1
    try:
        os.setsid()
        for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(ignored, signal.SIG_IGN)
        try:
            result = pickle.dumps((True, work()))
        except HardenError as error:
            result = pickle.dumps((False, (tuple(error.messages), tuple(error.hints))))
        except Exception:  # noqa: BLE001  a fault of ours: its traceback belongs to the parent
            result = pickle.dumps((None, traceback.format_exc()))
        with contextlib.suppress(BrokenPipeError), open(writing, "wb") as results:
            results.write(result)
        status = 0
    finally:
        # no exit handlers and no flushing of what the parent has buffered too
        os._exit(status)


def _result(answer: bytes) -> T:  # type: ignore[type-var]
    if not answer:
        raise HardenError(
            "the process that changes the rules was ended from outside before it was done",
            "run the command again: it finds and repairs what is missing",
        )
    good, value = pickle.loads(answer)  # noqa: S301  our own child's words
    if good is None:
        raise RuntimeError(value)
    if not good:
        messages, hints = value
        raise HardenError(messages, hints)
    result: T = value
    return result
