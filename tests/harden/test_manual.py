"""The manual page, as the programs that set such pages take it."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from harden.cli import app
from harden.manual import read
from harden.manual.facts import FILES, VARIABLES
from harden.manual.roff import manual_page
from harden.manual.tree import Command, Entry
from harden.state import DEFAULT_ROOT
from harden_secrets.inventory.file import DEFAULT as DEFAULT_INVENTORY
from wgfw.commands.options import DEFAULT_POLICY

COMMAND = [sys.executable, "-c", "from harden.cli import main; main()"]


def harden(*arguments: str, **variables: str) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **variables}
    done = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=60, env=environment, check=True
    )
    assert done.stderr == ""
    return done.stdout


def program(*words: str, page: str) -> subprocess.CompletedProcess[str]:
    """A program that sets manual pages, with the page on its stdin."""
    try:
        return subprocess.run(
            words, input=page, capture_output=True, text=True, timeout=60, check=False, encoding="utf-8"
        )
    except FileNotFoundError:
        pytest.fail(f"{words[0]} is missing: apt-get install --no-install-recommends groff-base mandoc")


@pytest.fixture(scope="module")
def page() -> str:
    return harden("man")


@pytest.fixture(scope="module")
def shown(page: str) -> str:
    """What a person sees: without emphasis, and each paragraph on one line."""
    done = program("mandoc", "-Tutf8", "-O", "width=1000", page=page)
    return re.sub(r".\x08", "", done.stdout)


@pytest.fixture(scope="module")
def tree() -> Command:
    return read(typer.main.get_group(app))


def every(command: Command) -> list[Command]:
    return [command, *(below for inner in command.commands for below in every(inner))]


def test_groff_and_mandoc_set_it_without_a_word(page: str) -> None:
    """With every warning that they have, but mandoc's on the date, of which the page has none on purpose."""
    groff = program("groff", "-man", "-Tutf8", "-ww", "-z", page=page)
    assert (groff.returncode, groff.stdout, groff.stderr) == (0, "", "")
    mandoc = program("mandoc", "-Tlint", "-Wwarning", page=page)
    assert [line for line in mandoc.stdout.splitlines() if "missing date" not in line] == []


def test_it_has_every_command_and_every_option(shown: str, tree: Command) -> None:
    """Each with what ``--help`` says about it, which typer makes from the same place."""
    for command in every(tree):
        helped = " ".join(harden(*command.path[1:], "--help", COLUMNS="1000").split())
        heading = re.escape(command.name if len(command.path) > 2 else command.name.upper())
        section = re.search(rf"(?ms)^ *{heading}\n(.*?)(?=^ {{0,3}}\S|\Z)", shown)
        text = " ".join((section[1] if section and len(command.path) > 1 else shown).split())
        for entry in (*command.arguments, *command.options):
            assert f"{entry.term} {entry.text}" in helped
            assert f"{entry.term} {entry.text}".replace("`", "") in text, command.name


def test_it_is_the_same_whoever_prints_it(page: str) -> None:
    """Nothing of the environment or of the terminal gets into it."""
    other = harden(
        "man", HARDEN_POLICY="/elsewhere", HARDEN_STATE="/elsewhere", COLUMNS="40", LC_ALL="C", KUBECONFIG="/k"
    )
    assert other == page


def test_every_variable_that_an_option_names_is_explained(tree: Command) -> None:
    """``[env var: …]`` in a help leads to the section on the environment."""
    texts = [entry.text for command in every(tree) for entry in command.options]
    named = {name for text in texts for name in re.findall(r"\[env var: (\w+)", text)}
    assert "HARDEN_POLICY" in named
    assert named - set(VARIABLES) == set()


def test_the_files_are_those_that_harden_uses() -> None:
    """The defaults in the code and on the page are the same."""
    assert {DEFAULT_POLICY, str(DEFAULT_INVENTORY), str(DEFAULT_ROOT)} <= set(FILES)


def test_text_is_never_taken_for_a_request() -> None:
    """A full stop or an apostrophe at the beginning, a backslash, quotes, dashes and foreign letters are only text."""
    text = r""".TH is `a "request"` 'x ` C:\new --opt ~^ ăș→…"""
    hostile = Command(("harden",), "[OPTIONS]", (text, text), (), (Entry("-o, --output 'F\\I'", text),))
    done = program("mandoc", "-Tutf8", "-O", "width=200", page=manual_page(hostile, "1"))
    seen = re.sub(r".\x08", "", done.stdout)
    assert seen.count(text.replace("`a", "a").replace('request"`', 'request"')) >= 3
    assert "-o, --output 'F\\I'" in seen
    groff = program("groff", "-man", "-Tutf8", "-ww", "-z", page=manual_page(hostile, "1"))
    assert groff.stderr == ""


def test_what_is_hidden_is_not_on_it() -> None:
    """Commands and options that ``--help`` does not list."""
    made: Any = typer.Typer(rich_markup_mode=None, add_completion=False)

    @made.callback()
    def root() -> None:
        """A tool."""

    @made.command(hidden=True)
    def secretly() -> None:
        """Unseen."""

    @made.command()
    def openly(oddity: str = typer.Option("", hidden=True)) -> None:
        """Seen."""

    page = manual_page(read(typer.main.get_group(made), "tool"), "1")
    assert "openly" in page
    assert "secretly" not in page
    assert "oddity" not in page


def test_man_shows_it_from_a_file(page: str, tmp_path: Path) -> None:
    """``mandoc FILE`` and ``man -l FILE`` alike find the name that whatis and apropos search for."""
    (tmp_path / "harden.1").write_text(page)
    assert re.search(r"^\.SH NAME\nharden \\- Trust profiles", page, re.MULTILINE)
    done = program("mandoc", "-Tman", str(tmp_path / "harden.1"), page="")
    assert done.returncode == 0
