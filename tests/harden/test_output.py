"""What reaches the terminal: safe text, tables that fit their reader, one JSON document."""

import io
import json
import re
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harden.errors import HardenError
from harden.output import Cell, Column, Output, OutputClosedError, plain_table
from harden.printable import printable
from harden.progress import progress


class Terminal(io.StringIO):
    """A stream that a person reads."""

    def isatty(self) -> bool:
        return True


class ClosedPipe(io.StringIO):
    """A pipe whose reader has gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def captured(*, terminal: bool = False, verbosity: int = 0) -> tuple[Output, io.StringIO, io.StringIO]:
    make: Callable[[], io.StringIO] = Terminal if terminal else io.StringIO
    stdout, stderr = make(), make()
    return Output(verbosity=verbosity, stdout=stdout, stderr=stderr), stdout, stderr


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("anca", "anca"),
        ("Zoë 📱 家族", "Zoë 📱 家族"),
        ("👩\u200d💻", "👩\u200d💻"),
        ("\x1b[2J\x1b]0;gone\x07", "\\x1b[2J\\x1b]0;gone\\x07"),
        ("one\ntwo\r\tthree", "one\\ntwo\\r\\tthree"),
        ("\x9b31m", "\\x9b31m"),
        ("admin\u202etseug", "admin\\u202etseug"),
        ("line\u2028break", "line\\u2028break"),
        ("half \ud83d", "half \\ud83d"),
    ],
)
def test_printable_spells_out_what_a_terminal_would_act_on(name: str, shown: str) -> None:
    """Escape sequences, line breaks and direction overrides are spelled out; letters and emoji stay."""
    assert printable(name) == shown


@given(st.text(alphabet=st.characters()))
def test_printable_text_is_one_harmless_line(text: str) -> None:
    """Whatever the name, what is printed has no control character and can be encoded."""
    shown = printable(text)
    assert len(shown.splitlines()) <= 1
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", shown)
    shown.encode("utf-8")


def test_a_document_is_one_line_of_json_on_stdout() -> None:
    """JSON is the whole answer: one document, names as they are, nothing on stderr."""
    output, stdout, stderr = captured()
    output.document({"name": "Zoë\n", "in_sync": True})
    assert stdout.getvalue() == '{"name": "Zoë\\n", "in_sync": true}\n'
    assert json.loads(stdout.getvalue()) == {"name": "Zoë\n", "in_sync": True}
    assert stderr.getvalue() == ""


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, b"key"])
def test_what_json_cannot_say_is_an_error(value: object) -> None:
    """NaN, sets and bytes do not turn into something else on the way."""
    output, stdout, _ = captured()
    with pytest.raises((TypeError, ValueError)):
        output.document({"value": value})
    assert stdout.getvalue() == ""


def test_a_table_in_a_pipe_has_a_line_a_row_and_no_colour() -> None:
    """Away from a terminal a row stays on its line however long it is, so that grep and awk can read it."""
    long_name = "x" * 300
    output, stdout, _ = captured()
    output.table(["client", Column("bytes", "right")], [("anca", 5), (long_name, 12000)])
    lines = stdout.getvalue().splitlines()
    assert [line.split() for line in lines] == [["CLIENT", "BYTES"], ["anca", "5"], [long_name, "12000"]]
    assert lines[1].endswith("  5")
    assert "\x1b" not in stdout.getvalue()


def test_a_table_on_a_terminal_folds_instead_of_cutting(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal everything of a long name can be read, brackets in it mean nothing, escapes do nothing."""
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm")
    output, stdout, _ = captured(terminal=True)
    output.table(["client"], [("[bold]" + "y" * 100 + "\x1b[2J",)])
    shown = "".join(stdout.getvalue().split())
    assert "[bold]" in shown
    assert shown.count("y") == 100
    assert "\\x1b[2J" in shown


@pytest.mark.parametrize(("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_colour_is_for_terminals_that_want_it(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], coloured: bool
) -> None:
    """On a terminal a tone is a colour; with NO_COLOR and on a dumb terminal it is none."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    output, stdout, _ = captured(terminal=True)
    output.table(["verdict"], [(Cell("deny", "bad"),)])
    assert "deny" in stdout.getvalue()
    assert ("\x1b[31m" in stdout.getvalue()) is coloured


def test_an_empty_table_says_so() -> None:
    """Where there are no rows there are no headings either, but a sentence."""
    output, stdout, _ = captured()
    output.table(["client"], [], empty="no clients")
    assert stdout.getvalue() == "no clients\n"


def test_plain_columns_line_up() -> None:
    """Text to the left, numbers to the right, nothing trailing."""
    columns = [Column("a"), Column("n", "right"), Column("z")]
    text = plain_table(columns, [[Cell("x"), Cell("10"), Cell("end")], [Cell("long", "bad"), Cell("7"), Cell("")]])
    assert text == "A      N  Z\nx     10  end\nlong   7\n"


def test_an_error_is_errors_first_then_hints() -> None:
    """Each message and each hint is a line of its own with its kind in front."""
    output, stdout, stderr = captured(verbosity=-1)
    output.error(HardenError(["policy.yaml:12: unknown profile", "policy.yaml:15: bad address"], ["see the docs"]))
    assert stderr.getvalue() == (
        "harden: error: policy.yaml:12: unknown profile\n"
        "harden: error: policy.yaml:15: bad address\n"
        "harden: hint: see the docs\n"
    )
    assert stdout.getvalue() == ""


@pytest.mark.parametrize(
    ("verbosity", "heard"),
    [(-1, ["warning: w"]), (0, ["note", "warning: w"]), (1, ["note", "detail", "warning: w"])],
)
def test_quiet_and_verbose(verbosity: int, heard: list[str]) -> None:
    """-q silences notes but no warnings; -v adds details; all of it is on stderr."""
    output, stdout, stderr = captured(verbosity=verbosity)
    output.note("note")
    output.detail("detail")
    output.warning("w")
    assert stderr.getvalue().splitlines() == [f"harden: {line}" for line in heard]
    assert stdout.getvalue() == ""


def test_a_name_that_the_encoding_lacks_is_spelled_out() -> None:
    """Under LANG=C a Cyrillic name is no crash."""
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    Output(stdout=stdout).line("Анка")
    stdout.flush()
    assert stdout.buffer.getvalue() == b"\\u0410\\u043d\\u043a\\u0430\n"


def test_a_reader_that_has_gone_is_told_apart() -> None:
    """Writing an answer to a closed pipe has an exception of its own; a remark to one is just not heard."""
    output = Output(stdout=ClosedPipe(), stderr=ClosedPipe())
    output.note("nobody hears this")
    with pytest.raises(OutputClosedError):
        output.line("answer")


def test_progress_shows_only_what_takes_long_and_wipes_it() -> None:
    """Nothing for a short wait; for a long one a line that is cleared at the end."""
    output, _, stderr = captured(terminal=True)
    with progress(output, "compiling", delay=5):
        pass
    assert stderr.getvalue() == ""
    with progress(output, "compiling \x1b[2J", delay=0):
        deadline = time.monotonic() + 10
        while not stderr.getvalue() and time.monotonic() < deadline:
            time.sleep(0.01)
    assert stderr.getvalue() == "\r\x1b[2Kharden: compiling \\x1b[2J …\r\x1b[2K"


@pytest.mark.parametrize(("terminal", "verbosity"), [(False, 0), (True, -1)])
def test_progress_is_silent_in_pipes_and_with_quiet(terminal: bool, verbosity: int) -> None:
    """Logs and -q get no progress."""
    output, _, stderr = captured(terminal=terminal, verbosity=verbosity)
    with progress(output, "compiling", delay=0):
        time.sleep(0.05)
    assert stderr.getvalue() == ""
