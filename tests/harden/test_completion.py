"""Completion in real shells: bash, zsh and fish on a terminal, with nothing of a person's own settings."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from harden.cli import app
from harden.completion import SCRIPTS, Shell

TOO_LONG = 30  # seconds


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder with harden in its bin, which says on stderr what no completion may show."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "bin").mkdir()
    command = folder / "bin/harden"
    command.write_text(
        f"#!{sys.executable}\nimport sys\nfrom harden.cli import main\nprint('NOISE', file=sys.stderr)\nmain()\n"
    )
    command.chmod(0o755)
    (folder / "policy-of-mine.yaml").touch()
    (folder / "functions").mkdir()
    return folder


def environment(home: Path) -> dict[str, str]:
    return {
        "PATH": f"{home}/bin:/usr/bin:/bin",
        "HOME": str(home),
        "TERM": "dumb",
        "LANG": "C.UTF-8",
        "PS1": "> ",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_DATA_HOME": str(home / "data"),
    }


def harden(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    everything = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **variables}
    command = [sys.executable, "-c", "from harden.cli import main; main()", *arguments]
    return subprocess.run(command, env=everything, capture_output=True, text=True, timeout=60, check=False)


class Terminal:
    """A shell on a terminal of its own, into which one types."""

    def __init__(self, words: list[str], home: Path) -> None:
        self.seen = ""
        self._ahead = ""  # what came after the text that was waited for
        self._screen, keyboard = pty.openpty()
        self._shell = subprocess.Popen(
            ["setsid", "--ctty", *words],
            stdin=keyboard,
            stdout=keyboard,
            stderr=keyboard,
            cwd=home,
            env=environment(home),
        )
        os.close(keyboard)

    def prepare(self, script: str) -> None:
        """Runs a line, and waits until the shell reads keys again."""
        self.type(f"{script}; echo rea'dy'\n", "ready")
        self.type("", "> ")

    def type(self, keys: str, until: str) -> str:
        """Types, and gives what appears up to this text. Fails where that does not come."""
        os.write(self._screen, keys.encode())
        new, end = self._ahead, time.monotonic() + TOO_LONG
        while until not in new:
            assert time.monotonic() < end, f"{keys!r} did not lead to {until!r}, but to: {new!r}"
            if select.select([self._screen], [], [], 0.1)[0]:
                new += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]", "", os.read(self._screen, 65536).decode())
                new = re.sub(r".\x08", "", new)  # what the shell took back again
        shown, new, self._ahead = new.partition(until)
        self.seen += shown + new
        return shown + new

    def close(self) -> None:
        """The terminal goes away, and the shell with it."""
        self._shell.kill()
        self._shell.wait()
        os.close(self._screen)


@pytest.fixture
def bash(home: Path) -> Iterator[Terminal]:
    terminal = Terminal(["bash", "--norc", "--noprofile", "-i"], home)
    terminal.prepare('bind "set enable-bracketed-paste off"; eval "$(harden completion bash 2>/dev/null)"')
    yield terminal
    terminal.close()


@pytest.fixture(params=["autoloaded", "evaluated"])
def zsh(home: Path, request: pytest.FixtureRequest) -> Iterator[Terminal]:
    found("zsh")
    (home / "functions/_harden").write_text(SCRIPTS["zsh"] if request.param == "autoloaded" else "")
    setup = f"fpath=({home}/functions $fpath); autoload -Uz compinit; compinit -u -D"
    if request.param == "evaluated":
        (home / "functions/_harden").unlink()
        setup += '; eval "$(harden completion zsh 2>/dev/null)"'
    terminal = Terminal(["zsh", "-f", "-i"], home)
    terminal.prepare(f"PROMPT='> '; {setup}")
    yield terminal
    terminal.close()


def found(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.fail(f"{shell} is missing: apt-get install --no-install-recommends {shell}")


def test_bash_completes_commands_options_values_and_files(bash: Terminal) -> None:
    """On the keys that a person presses, down to the values of an option, with an equals sign or without."""
    bash.type("harden w\t", "harden wg ")
    bash.type("\x15harden wg sta\t--form\tpro\t", "harden wg status --format prometheus ")
    bash.type("\x15harden wg status --format=t\t", "--format=text ")
    listed = bash.type("\x15harden secrets scan --\t\t", "--write-baseline")
    assert "--fingerprint-key" in listed
    bash.type("\x15harden wg check --policy pol\t", "policy-of-mine.yaml ")
    bash.type("\x15./bin/harden completion f\t", "completion fish ")
    assert "NOISE" not in bash.seen


def test_zsh_completes_and_says_what_things_are_for(zsh: Terminal) -> None:
    """Whether the script lies in ``$fpath``, where the first key must find it already, or is evaluated."""
    zsh.type("harden wg sta\t--form\t", "status --format ")
    zsh.type("pro\t", "metheus ")
    zsh.type("\x15harden wg status --format=t\t", "ext ")
    zsh.type("\x15harden secrets scan --write-b\t", "aseline ")
    zsh.type("\x15harden secrets scan --\t", "Write what is found as known. Holds no value.")
    zsh.type("\x15harden wg check --policy pol\t", "icy-of-mine.yaml ")
    assert "NOISE" not in zsh.seen


def test_fish_completes_and_says_what_things_are_for(home: Path) -> None:
    """By fish's own ``complete -C``, which answers as its Tab key does."""
    found("fish")

    def suggested(line: str) -> dict[str, str]:
        script = "harden completion fish 2>/dev/null | source; complete -C $argv[1]"
        words = ["fish", "--no-config", "-c", script, line]
        done = subprocess.run(
            words, env=environment(home), cwd=home, capture_output=True, text=True, timeout=60, check=True
        )
        assert done.stderr == ""
        return dict(answer.partition("\t")[::2] for answer in done.stdout.splitlines())

    assert set(suggested("harden ")) == {"wg", "secrets", "vault", "man", "completion", *others()}
    assert suggested("harden wg status --dr") == {}
    assert suggested("harden wg apply --dr") == {"--dry-run": "Say what would be done and do nothing."}
    assert set(suggested("harden wg status --format ")) == {"text", "prometheus"}
    assert set(suggested("harden wg status --format=p")) == {"--format=prometheus"}
    assert set(suggested("harden wg check --policy pol")) == {"policy-of-mine.yaml"}
    assert set(suggested("./bin/harden secrets rot")) == {"rotate"}


def others() -> set[str]:
    """The commands beside the parts, of which more may come."""
    return {name for name, command in typer.main.get_group(app).commands.items() if not command.hidden}


@pytest.mark.parametrize("shell", sorted(SCRIPTS))
def test_the_scripts_are_what_the_command_prints(shell: Shell) -> None:
    """Nothing else is on stdout or stderr, and the shell finds no fault in them."""
    done = harden("completion", shell)
    assert (done.returncode, done.stdout, done.stderr) == (0, SCRIPTS[shell], "")
    found(shell)
    checked = subprocess.run([shell, "-n"], input=done.stdout, capture_output=True, text=True, timeout=60, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["harden", "w"], ["wg"]),
        (["harden", "wg", "expl"], ["explain"]),
        (["harden", "secrets", "log", ""], ["verify"]),
        (["harden", "wg", "nonsense", ""], None),
        (["harden", "wg", "plan", "--backend", "'n"], ["nft"]),
        (["harden", "wg", "import", "/etc/"], []),
        (["harden", "wg", "confirm-nothing"], []),
        (["harden", "$(touch x)", "`touch x`", ""], None),
        ([""], None),
    ],
)
def test_it_answers_any_line_with_suggestions_or_nothing(words: list[str], answer: list[str] | None) -> None:
    """A suggestion a line and no other word, whatever the line is: never a complaint, never a traceback."""
    line = {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)}
    done = harden(_HARDEN_COMPLETE="complete_bash", **line)
    assert (done.returncode, done.stderr) == (0, "")
    assert answer is None or done.stdout.split() == answer


@pytest.mark.parametrize("part", ["wg\napply", "secrets\nscan", "vault\nup"])
def test_a_part_answers_without_its_libraries(part: str) -> None:
    """The keys wait for the answer: what is imported for it are the part's commands, and what typer itself needs."""
    script = (
        "import atexit, sys\n"
        "heavy = {'pyroute2', 'yaml', 'rich', 'kubernetes', 'hvac', 'cryptography', 'hyperscan'}\n"
        "atexit.register(lambda: sys.stderr.write(' '.join(sorted(heavy & set(sys.modules)))))\n"
        "from harden.cli import main\n"
        "main()\n"
    )
    line = {"COMP_WORDS": f"harden\n{part}\n--", "COMP_CWORD": "3", "_HARDEN_COMPLETE": "complete_bash"}
    everything = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **line}
    done = subprocess.run(
        [sys.executable, "-c", script], env=everything, capture_output=True, text=True, timeout=60, check=False
    )
    assert "--state" in done.stdout.split()
    assert (done.returncode, done.stderr) == (0, "")


def test_in_the_middle_of_a_line_only_what_is_before_counts() -> None:
    """The cursor may stand before words that are there already, an empty one under it."""
    line = {"COMP_WORDS": "harden\nwg\n\n--json", "COMP_CWORD": "2"}
    assert "status" in harden(_HARDEN_COMPLETE="complete_bash", **line).stdout.split()


def test_there_is_one_way_to_install_it() -> None:
    """typer's own options, which write into a person's dot files, are not there."""
    assert "install-completion" not in harden("--help").stdout
    assert harden("--install-completion").returncode == 2
