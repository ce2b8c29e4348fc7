"""The suite in parts, side by side: nothing that fails is missed, and what each says stays together."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.checkout

SCRIPT = Path(__file__).with_name("side_by_side.py")
SETTINGS = "[pytest]\nmarkers =\n    cluster\n    kernel\naddopts = --import-mode=importlib\n"
TESTS = """
import os, pathlib, signal, time
import pytest

@pytest.mark.cluster
@pytest.mark.kernel
def test_cluster():
    pathlib.Path("cluster").touch()
    wait_for("kernel")
    %s

@pytest.mark.kernel
def test_kernel():
    pathlib.Path("kernel").touch()
    wait_for("cluster")
    %s

def test_plain():
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGQUIT) == signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    %s

def wait_for(name):
    end = time.monotonic() + 30
    while len(os.sched_getaffinity(0)) > 1 and not pathlib.Path(name).exists():
        assert time.monotonic() < end, "they are not at work at the same time"
        time.sleep(0.01)
"""


def begin(folder: Path, *bodies: str, wrapper: tuple[str, ...] = ()) -> "subprocess.Popen[str]":
    """The script over a suite of three tests that end with these lines."""
    (folder / "pytest.ini").write_text(SETTINGS)
    (folder / "test_it.py").write_text(TESTS % bodies)
    command = [*wrapper, sys.executable, str(SCRIPT), "-p", "no:hypothesispytest"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip


def finish(process: "subprocess.Popen[str]") -> tuple[int, str]:
    output = process.communicate(timeout=60)[0]
    return process.returncode, output


def test_all_parts_pass(tmp_path: Path) -> None:
    """Two at a time, each test in one part, with signals as they are by default though the caller ignored them."""
    ignoring = ("sh", "-c", 'trap "" INT QUIT TERM; exec "$@"', "sh")
    status, output = finish(begin(tmp_path, "pass", "pass", "pass", wrapper=ignoring))
    assert status == 0, output
    assert [line for line in output.splitlines() if line.startswith("== ") and "status" in line] != []
    assert output.count("1 passed, 2 deselected") == 3


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_a_part_that_fails_is_not_missed(tmp_path: Path, failing: int) -> None:
    """Its report stands in one piece, and the others run to their end."""
    bodies = ["assert 'what' == 'was seen'" if number == failing else "pass" for number in range(3)]
    status, output = finish(begin(tmp_path, *bodies))
    assert status == 1
    assert output.count("1 passed, 2 deselected") == 2
    name = ("cluster", "kernel", "plain")[failing]
    report = output.partition(f"== {name}: status 1\n")[2].partition("\n== ")[0]
    assert "was seen" in report
    assert "1 failed, 2 deselected" in report


def test_a_part_that_cannot_begin_is_a_failure(tmp_path: Path) -> None:
    """An error while tests are collected, say."""
    (tmp_path / "test_broken.py").write_text("import nothing_of_that_name\n")
    status, output = finish(begin(tmp_path, "pass", "pass", "pass"))
    assert status == 2
    assert "nothing_of_that_name" in output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_parts(tmp_path: Path, number: signal.Signals) -> None:
    """From a terminal all get it, from `kill` one; those at work end, and none is begun any more."""
    process = begin(tmp_path, "time.sleep(60)", "time.sleep(60)", "pass")
    while not all((tmp_path / part).exists() for part in ("cluster", "kernel")):
        assert process.poll() is None
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    status, output = finish(process)
    assert status == (2 if number == signal.SIGINT else 128 + number), output
    assert "== plain" not in output
