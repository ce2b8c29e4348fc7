"""The command as a person or a script meets it: help, version, errors, exit statuses."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from harden import __version__
from harden.cli import INTERRUPTED, READER_GONE, run
from harden.errors import HardenError, UsageError
from harden.output import Output, OutputClosedError

COMMAND = [sys.executable, "-c", "from harden.cli import main; main()"]


def harden(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs the command in a process of its own, which finds the code where this one does."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **variables}
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=60, env=environment, check=False
    )


def raising(error: BaseException) -> Callable[[], object]:
    def command() -> object:
        raise error

    return command


def test_version() -> None:
    """--version answers on stdout and is done."""
    done = harden("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"harden {__version__}\n", "")


def test_help_lists_the_parts() -> None:
    """--help names what there is, on stdout."""
    done = harden("--help")
    assert done.returncode == 0
    assert "  wg  " in done.stdout
    assert done.stderr == ""


def test_help_and_completion_import_no_part() -> None:
    """The heavy libraries are not imported before a command needs them."""
    script = (
        "import sys\n"
        "from harden.cli import run, app\n"
        "import typer\n"
        "run(lambda: typer.main.get_command(app).main(['--help'], prog_name='harden', standalone_mode=False))\n"
        "heavy = {'pyroute2', 'yaml', 'rich', 'iptc', 'pydantic', 'wgfw', 'harden_secrets', 'kubernetes', 'hvac'}\n"
        "heavy |= {'harden.completion', 'harden.install', 'harden.manual'}\n"
        "sys.stderr.write(' '.join(sorted(heavy & set(sys.modules))))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, env=environment, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_completion_offers_the_parts() -> None:
    """The shell asks through the environment and gets the names of the parts."""
    done = harden(_HARDEN_COMPLETE="complete_bash", COMP_WORDS="harden\nw", COMP_CWORD="1")
    assert done.stdout.split() == ["wg"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "missing command"),
        (["wgg"], "no such command 'wgg'. Did you mean 'wg'?"),
        (["--nope"], "no such option: --nope"),
        (["--x\x1b[2J"], "no such option: --x\\x1b[2J"),
    ],
)
def test_wrong_usage_is_status_2_and_says_so_in_our_form(arguments: list[str], message: str) -> None:
    """A wrong command line gives an error and a hint on stderr, nothing on stdout, status 2."""
    done = harden(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == f"harden: error: {message}\nharden: hint: `harden --help` says what it takes\n"


def test_a_part_called_by_itself_is_wrong_usage_of_that_part() -> None:
    """`harden wg` says that a command is missing and where they are listed."""
    done = harden("wg")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "harden: error: missing command\nharden: hint: `harden wg --help` says what it takes\n"


def test_a_part_has_a_help_of_its_own() -> None:
    """`harden wg --help` lists the commands of the part, in its own words."""
    done = harden("wg", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: harden wg [OPTIONS] COMMAND")
    assert "  apply  " in done.stdout


def test_completion_reaches_into_a_part() -> None:
    """The shell completes the commands of a part too."""
    done = harden(_HARDEN_COMPLETE="complete_bash", COMP_WORDS="harden\nwg\nexpl", COMP_CWORD="2")
    assert done.stdout.split() == ["explain"]


def test_a_failure_is_told_with_its_status(capsys: pytest.CaptureFixture[str]) -> None:
    """Messages and hints of an error reach stderr; the status is the error's."""
    assert run(raising(HardenError("policy.yaml:3: unknown key", "did you mean `peers`?"))) == 1
    assert run(raising(UsageError("no such backend"))) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == (
        "harden: error: policy.yaml:3: unknown key\n"
        "harden: hint: did you mean `peers`?\n"
        "harden: error: no such backend\n"
    )


@pytest.mark.parametrize("error", [KeyError("s3cret"), RecursionError(), MemoryError(), OSError("s3cret")])
def test_a_defect_is_one_line_without_its_text(
    error: Exception, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception that nobody expected shows its kind and place; its text, which may quote a secret, stays away."""
    monkeypatch.delenv("HARDEN_DEBUG", raising=False)
    assert run(raising(error)) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"harden: error: internal error: {type(error).__name__} at {__file__}:")
    assert "HARDEN_DEBUG=1" in told
    assert "s3cret" not in told
    assert "Traceback" not in told


def test_debug_shows_where_a_defect_comes_from(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """HARDEN_DEBUG=1 adds the traceback."""
    monkeypatch.setenv("HARDEN_DEBUG", "1")
    assert run(raising(KeyError("x"))) == 1
    assert "Traceback" in capsys.readouterr().err


def test_an_interrupt_ends_quietly(capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C is status 130 and no words."""
    assert run(raising(KeyboardInterrupt())) == INTERRUPTED
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("result", "status"), [(None, 0), (3, 3), ("text", 0)])
def test_a_number_that_a_command_returns_is_its_status(result: object, status: int) -> None:
    """A command says "the answer is no" by returning 3; commands that return nothing are done."""
    assert run(lambda: result) == status


def test_an_exit_inside_a_command_is_its_status() -> None:
    """typer.Exit(3) in a command ends the process with 3."""
    app = typer.Typer(rich_markup_mode=None)

    @app.command()
    def no() -> None:
        raise typer.Exit(3)

    assert run(lambda: typer.main.get_command(app).main([], standalone_mode=False)) == 3


def test_a_gone_reader_is_no_error() -> None:
    """`harden … | head -1` prints no complaint, and the shell can see what happened by the status."""
    script = (
        "import sys\n"
        "from harden.cli import run\n"
        "from harden.output import Output\n"
        "def talk():\n"
        "    for number in range(100_000):\n"
        "        Output().line(f'line {number}')\n"
        "sys.exit(run(talk))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as talker:
        assert talker.stdout is not None
        assert talker.stderr is not None
        assert talker.stdout.readline() == "line 0\n"
        talker.stdout.close()
        assert talker.stderr.read() == ""
        assert talker.wait(timeout=60) == READER_GONE


def test_a_full_disk_under_the_answer_is_an_error_in_words() -> None:
    """Not a defect, and nothing more is said when the interpreter ends."""
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", "from harden.cli import main; main()", "wg", "schema"],
            stdout=full,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "LC_ALL": "C"},
            text=True,
            check=False,
        )
    told = "harden: error: the answer cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, told)


def test_a_broken_connection_of_a_command_is_not_taken_for_a_gone_reader(tmp_path: Path) -> None:
    """A socket that closes under a command is a failure with words; only stdout's end is silent."""
    (tmp_path / "broken_part.py").write_text(
        "import typer\n"
        "app = typer.Typer(rich_markup_mode=None)\n"
        "@app.callback()\n"
        "def part(): ...\n"
        "@app.command()\n"
        "def talk(): raise BrokenPipeError\n"
    )
    script = "import harden.cli as cli\ncli.PARTS = (cli.Part('broken', 'Breaks.', 'broken_part'),)\ncli.main()\n"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)])}
    done = subprocess.run(
        [sys.executable, "-c", script, "broken", "talk"],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "harden: error: a program or socket that harden was talking to closed the connection\n"


def test_output_closed_is_status_of_a_broken_pipe(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What was still buffered for the reader goes nowhere instead of failing at exit."""
    with (tmp_path / "stdout").open("w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert run(raising(OutputClosedError())) == READER_GONE
        Output(stdout=stream).line("after")
    assert (tmp_path / "stdout").read_text() == ""
