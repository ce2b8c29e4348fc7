"""Work over processes: all answers or an error, never fewer."""

import os
import signal
import threading

import pytest

from harden.errors import HardenError
from harden_secrets.scan.workers import spread

PLANTED = "the-value-that-nobody-may-see"


def _square(number: int) -> int:
    return number * number


def _dies_at_7(number: int) -> int:
    if number == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def _ends_at_7(number: int) -> int:
    if number == 7:
        os._exit(0)
    return number


def _fails_at_7(number: int) -> int:
    if number == 7:
        raise ValueError(PLANTED)
    return number


@pytest.mark.parametrize("processes", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 200])
def test_every_task_is_answered_once(processes: int, count: int) -> None:
    """Whatever the number of processes."""
    with spread(range(count), _square, processes) as answers:
        assert sorted(answers) == [number * number for number in range(count)]


@pytest.mark.parametrize(("work", "how"), [(_dies_at_7, "killed by SIGKILL"), (_ends_at_7, "status 0")])
def test_a_process_that_dies_is_an_error(work: object, how: str) -> None:
    """Even if it ends as if all were well."""
    with pytest.raises(HardenError, match=f"died \\({how}\\)"), spread(range(50), work, 2) as answers:  # type: ignore[arg-type]
        list(answers)


@pytest.mark.parametrize("processes", [2, 3])
def test_an_exception_is_told_without_its_text(processes: int) -> None:
    """The text may quote what was looked at."""
    with pytest.raises(HardenError) as caught, spread(range(50), _fails_at_7, processes) as answers:
        list(answers)
    assert "ValueError" in str(caught.value)
    assert "test_workers.py" in str(caught.value)
    assert PLANTED not in str(caught.value)


def test_processes_are_gone_afterwards() -> None:
    """Also when the answers are not wanted to the end."""
    with spread(range(10_000), lambda _task: os.getpid(), 2) as answers:
        some = {next(answers) for _ in range(20)}
    assert some
    for process in some:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


def test_tasks_are_made_as_they_are_needed() -> None:
    """A walk over a large tree is not waited for, nor kept."""
    taken: list[int] = []

    def tasks() -> object:
        for number in range(1000):
            taken.append(number)
            yield number

    with spread(tasks(), _square, 2) as answers:  # type: ignore[arg-type, var-annotated]
        next(answers)
        assert len(taken) < 20


def test_threads_of_the_caller_come_after_the_processes() -> None:
    """A process that is forked beside a thread may inherit a lock that nobody opens: none is."""
    with spread(range(20), lambda _task: threading.active_count(), 2) as answers:
        timer = threading.Timer(60, lambda: None)
        timer.start()
        counts = set(answers)
        timer.cancel()
    assert counts == {1}
