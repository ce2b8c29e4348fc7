"""``harden secrets conform``: the examples keep to the protocol, and each way not to is found."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from harden_secrets.rotate.kinds.command.conformance import Conformance, Result, Subject
from harden_secrets.rotate.kinds.command.watching import Watch
from tests.harden_secrets.rotate_programs import kept_in_a_file
from tests.harden_secrets.rotate_services import password_service, serving, token_service

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "rotate"


def examined(tmp_path: Path, *changes: str, seconds: float = 20) -> dict[str, Result]:
    """What is found of the good program with these lines put into it."""
    path = kept_in_a_file(tmp_path, *changes)
    with Watch() as watch:
        subject = Subject([str(path)], timedelta(seconds=seconds), "command", "value")
        return {result.requirement: result for result in Conformance(subject, watch).results()}


def broken(results: dict[str, Result]) -> str:
    """All that was found wrong."""
    return "\n".join(f"{name}: {one.words}" for name, one in results.items() if one.kept is False)


def test_a_good_program_passes(tmp_path: Path) -> None:
    """With what it does not have left out, and with its calls really cut off."""
    results = examined(tmp_path, "sleep 0.03")
    assert broken(results) == ""
    assert {name for name, one in results.items() if one.kept is None} == {
        "check changes nothing and can be repeated",
        "generate makes another value each time",
        "limit can be repeated",
        "still-used can be repeated",
    }
    killed = [one.words for name, one in results.items() if "killed" in name]
    assert len(killed) == 3
    assert "killed 0 times" not in killed


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            '[ "$operation" != an-operation-of-a-later-protocol ] || exit 0',
            "as if it had done something",
        ),
        ("do_prove() { :; }", "it proves a value that it has never seen"),
        ("do_prove_refused() { :; }", "it calls refused what works"),
        ("do_retire() { :; }", "the old value is refused, and does not work"),
        ("do_withdraw() { :; }", "a withdrawal that is killed in the middle"),
        ('known="install prove prove-refused withdraw"', "it does not have the operation retire"),
        ('known="install prove retire withdraw"', "it does not have the operation prove-refused"),
        ('known="prove retire prove-refused withdraw"', "it has neither install nor cut-over"),
        ('do_install() { good "$new" && exit 1; put "$new"; }', "is installed, twice"),
        ('do_retire() { good "$old" || exit 1; drop "$old"; }', "is retired, twice"),
        ('do_install() { drop "$old"; put "$new"; }', "the old value works beside it"),
        ("""[ $operation = prove ] && echo '{"said": "'"$new"'"}'""", "a value is in stdout of prove"),
        ('echo "$old" >&2', "a value is in stderr of"),
        ("V=$new sleep 0.03", "a value is in the environment of sleep"),
        ("sh -c 'sleep 0.03; :' \"$new\"", "a value is on the command line of sh"),
        (
            """known="$known generate"; do_generate() { echo '{"fields": {"value": {"base64": "c2FtZQ=="}}}'; }""",
            "it made the same twice",
        ),
        (
            'do_install() { [ -e "$store.x" ] && exit 1; : >"$store.x"; sleep 0.1; put "$new"; rm "$store.x"; }',
            "installing that is killed in the middle",
        ),
    ],
)
def test_each_fault_is_found(tmp_path: Path, change: str, says: str) -> None:
    """By the requirement that it breaks."""
    assert says in broken(examined(tmp_path, change))


def test_a_program_that_takes_too_long_is_found(tmp_path: Path) -> None:
    """By the time limit."""
    assert "did not end within" in broken(examined(tmp_path, "[ $operation != retire ] || sleep 60", seconds=1.5))


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run() -> Run:
    def conform(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).with_name("harden")), "secrets", "conform", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    return conform


@pytest.mark.checkout
def test_the_example_in_sh_conforms(tmp_path: Path, run: Run) -> None:
    """A table for people, status 0."""
    (tmp_path / "tokens").mkdir()
    with serving(token_service(tmp_path / "tokens")) as url:
        done = run("--field", "token", "--", str(EXAMPLES / "token-folder.sh"), str(tmp_path / "tokens"), url)
    assert (done.returncode, done.stderr) == (0, "")
    assert "the old value works beside it" in done.stdout
    assert " no " not in done.stdout


@pytest.mark.checkout
def test_the_example_in_python_conforms(tmp_path: Path, run: Run) -> None:
    """From a password that works, which works again at the end; the answer as one JSON document."""
    file, start = tmp_path / "password", tmp_path / "start.json"
    file.write_text("what-was-there-before")
    start.write_text('{"password": "what-was-there-before", "user": "app"}')
    with serving(password_service(file, "app")) as url:
        program = [sys.executable, str(EXAMPLES / "password_file.py"), str(file), "app", url]
        done = run("--json", "--from", str(start), "--", *program)
        planned = run("--dry-run", "--from", str(start), "--", *program)
    found = json.loads(done.stdout)
    assert (done.returncode, found["conforms"]) == (0, True)
    assert found["requirements"][-3]["requirement"] == "the values from before are good again"
    assert file.read_text() == "what-was-there-before"
    assert planned.returncode == 0
    assert "the values from before are good again" in planned.stdout


def test_what_fails_is_status_3(run: Run, tmp_path: Path) -> None:
    """And a file or program that cannot be used is an error."""
    assert run("--", "/bin/false").returncode == 3
    assert run("--", "/no/such/program").returncode == 1
    assert run("--timeout", "soon", "--", "/bin/false").returncode == 2
    (tmp_path / "start").write_text("[1]")
    done = run("--from", str(tmp_path / "start"), "--", "/bin/false")
    assert (done.returncode, "is no object of texts" in done.stderr) == (1, True)


def test_a_name_may_stand_anywhere(tmp_path: Path) -> None:
    """A short field that is made anew, such as a user's name, is no value that must not be seen."""
    random = "$(head -c 24 /dev/urandom | base64)"
    made = '{"fields": {"value": {"base64": "' + f"'{random}'" + '"}, "user": {"base64": "YXBw"}}}'
    generates = f"""known="$known generate"; do_generate() {{ echo '{made}'; }}"""
    assert broken(examined(tmp_path, generates, "echo app YXBw >&2")) == ""
