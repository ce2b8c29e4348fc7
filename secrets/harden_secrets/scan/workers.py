"""Work spread over processes that are forked with everything they need; answers come in whatever order.

A process that dies is an error, never a smaller result.
"""

import contextlib
import gc
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar, cast

from harden.errors import HardenError
from harden_secrets.scan.defect import defect_in

Task = TypeVar("Task")
Answer = TypeVar("Answer")
_AHEAD = 2  # tasks that a process has in hand, so that it need not wait for the next
_PATIENCE = 5.0  # seconds that a process has to end by itself


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def spread(
    tasks: Iterable[Task], work: Callable[[Task], Answer], processes: int | None = None
) -> Iterator[Iterator[Answer]]:
    """Gives the answers to all tasks. A single task is done here, without another process.

    Processes are forked on entry, before threads that the caller starts within the block. Tasks and answers are
    pickled on their way, so they must not hold a value. The answers raise HardenError if a process dies or ``work``
    raises anything.
    """
    remaining = iter(tasks)
    first = list(islice(remaining, 2))
    every = chain(first, remaining)
    count = processors() if processes is None else processes
    if len(first) < 2 or count < 2:
        yield map(work, every)
        return
    team = _Team(work, count)
    try:
        yield team.answers(every)
    finally:
        team.dismiss()


class _Worker:
    """One process, and our end of the pipe to it."""

    def __init__(self, process: BaseProcess, pipe: "Connection[Any, Any]") -> None:
        self.process = process
        self.pipe = pipe
        self.in_hand = 0

    def died(self) -> HardenError:
        """What to say of it once it does not answer any more."""
        self.process.join(_PATIENCE)
        status = self.process.exitcode
        how = f"killed by {signal.Signals(-status).name}" if status is not None and status < 0 else f"status {status}"
        return HardenError(
            f"a process of the scan died ({how}), so the scan is not complete",
            "SIGKILL usually means that memory ran out: give it more, or fewer processors (`taskset -c 0 harden …`)",
        )


class _Team(Generic[Task, Answer]):
    """Processes that all do the same work."""

    def __init__(self, work: Callable[[Task], Answer], processes: int) -> None:
        self._workers: dict[Connection[Any, Any], _Worker] = {}
        for _ in range(processes):
            self._start(work)

    def _start(self, work: Callable[[Task], Answer]) -> None:
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe()
        not_theirs = [*self._workers, ours]  # a copy of another's pipe would keep that one waiting when we are gone
        process = context.Process(target=_serve, args=(theirs, not_theirs, work), daemon=True)
        process.start()
        theirs.close()
        self._workers[ours] = _Worker(process, ours)

    def answers(self, tasks: Iterator[Task]) -> Iterator[Answer]:
        """Hands out the tasks, and gives the answers as they come."""
        for _ in range(_AHEAD):
            for worker in self._workers.values():
                self._hand_out(worker, tasks)
        while busy := [worker.pipe for worker in self._workers.values() if worker.in_hand]:
            for pipe in wait(busy):
                worker = self._workers[cast("Connection[Any, Any]", pipe)]
                answer = self._answer(worker)
                self._hand_out(worker, tasks)
                yield answer

    def _hand_out(self, worker: _Worker, tasks: Iterator[Task]) -> None:
        for task in islice(tasks, 1):
            try:
                worker.pipe.send(task)
            except OSError as error:
                raise worker.died() from error
            worker.in_hand += 1

    def _answer(self, worker: _Worker) -> Answer:
        try:
            done, answer = worker.pipe.recv()
        except (EOFError, OSError) as error:
            raise worker.died() from error
        if not done:
            raise HardenError(str(answer))
        worker.in_hand -= 1
        return cast("Answer", answer)

    def dismiss(self) -> None:
        """Closes the pipes, which is how the processes learn that they are done, and waits for their end."""
        for worker in self._workers.values():
            worker.pipe.close()
            if worker.in_hand:
                worker.process.terminate()
        for worker in self._workers.values():
            worker.process.join(_PATIENCE)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()


def _serve(pipe: "Connection[Any, Any]", not_ours: list["Connection[Any, Any]"], work: Callable[[Any], Any]) -> None:
    """What a process does: take a task, give its answer, until there are no more."""
    gc.freeze()
    gc.enable()  # off in the first process, which ends soon; what this one takes apart must not pile up
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all of them; the first process ends the others
    for other in not_ours:
        other.close()
    with contextlib.suppress(EOFError, OSError):  # OSError: nobody waits for the answer any more
        while True:
            task = pipe.recv()
            pipe.send(_done(work, task))


def _done(work: Callable[[Any], Any], task: Any) -> tuple[bool, Any]:
    try:
        return True, work(task)
    except HardenError as error:
        return False, str(error)
    except Exception as error:  # noqa: BLE001 - it has to reach the first process, which has the words for it
        return False, defect_in(error)
