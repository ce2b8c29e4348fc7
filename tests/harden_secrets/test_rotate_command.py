"""Rotation by a program of the user's: the protocol, the example programs, and what a program can do wrong."""

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.inventory.model import SecretEntry, SecretKind, Target
from harden_secrets.rotate.environment import PASSED_ON
from harden_secrets.rotate.kinds.command import command_rotator
from harden_secrets.rotate.kinds.command.calling import TimeOverError, call
from harden_secrets.rotate.kinds.command.protocol import Question, parse_answer
from harden_secrets.rotate.masking import shown_lines, without_values
from harden_secrets.rotate.rotator import Fields, Pair, Rotator
from tests.harden_secrets.rotate_services import password_service, serving, token_service

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "rotate"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
OLD = {"token": Confidential(b"old-token-of-the-tests"), "user": Confidential(b"app")}
NEW = {"token": Confidential(b"new-token-of-the-tests"), "user": Confidential(b"app")}
PAIR = Pair(OLD, NEW, "0123456789ab", NOW)

Make = Callable[[str], str]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes a Python program out of a body that has ``question`` and ``folder``; its path."""

    def write(body: str) -> str:
        path = tmp_path / f"program{len(list(tmp_path.iterdir()))}"
        head = f"#!{sys.executable}\nimport json, os, pathlib, sys, time\nfolder = pathlib.Path({str(tmp_path)!r})\n"
        path.write_text(
            f"{head}question = json.load(sys.stdin)\noperation = question['operation']\n" + textwrap.dedent(body)
        )
        path.chmod(0o755)
        return str(path)

    return write


def rotator(*command: str, seconds: float = 20, targets: tuple[Target, ...] = ()) -> Rotator:
    return command_rotator(
        SecretEntry(
            "deploy", SecretKind.COMMAND, "a/b", command=command, targets=targets, timeout=timedelta(seconds=seconds)
        )
    )


def said(error: pytest.ExceptionInfo[HardenError]) -> str:
    return "\n".join((*error.value.messages, *error.value.hints))


def test_a_program_is_asked_with_one_document(make: Make, tmp_path: Path) -> None:
    """On stdin, with the values as base64 and times in UTC; what it says is what the step has shown."""
    program = make("""
        (folder / 'asked').open('a').write(json.dumps(question) + '\\n')
        print(json.dumps({'said': 'did ' + operation}))
    """)
    one = rotator(program, targets=(Target("web1", "root"), Target("web2", port=2222)))
    assert one.targets == ("root@web1", "web2:2222")
    assert one.install("root@web1", PAIR) == "did install"
    assert one.limit("root@web1", PAIR, NOW + timedelta(hours=1)) == "did limit"
    assert one.still_used("web2:2222", PAIR, NOW) == "did still-used"
    asked = [json.loads(line) for line in (tmp_path / "asked").read_text().splitlines()]
    assert asked[0] == {
        "protocol": 1, "operation": "install", "secret": "deploy", "target": "root@web1", "rotation": "0123456789ab",
        "old": {"token": {"base64": "b2xkLXRva2VuLW9mLXRoZS10ZXN0cw=="}, "user": {"base64": "YXBw"}},
        "new": {"token": {"base64": "bmV3LXRva2VuLW9mLXRoZS10ZXN0cw=="}, "user": {"base64": "YXBw"}},
    }  # fmt: skip
    assert (asked[1]["until"], asked[2]["since"]) == ("2026-01-02T04:04:05Z", "2026-01-02T03:04:05Z")


def test_the_environment_is_the_documented_minimum(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a token of ours nor anything else that happens to be set."""
    monkeypatch.setenv("VAULT_TOKEN", "hvs.of-the-tests")
    monkeypatch.setenv("TZ", "Europe/Bucharest")
    program = make("print(json.dumps({'said': ' '.join(sorted(os.environ)) + ' ' + os.environ['TZ']}))")
    names = rotator(program).install("command", PAIR).split()
    assert "Europe/Bucharest" in names
    assert "PATH" in names
    known = {*PASSED_ON, "Europe/Bucharest"}
    assert set(names) <= known
    assert not any("TOKEN" in name or "VAULT" in name for name in known)


@pytest.mark.parametrize("status", [0, 64])
def test_what_is_optional_may_be_missing(make: Make, status: int) -> None:
    """Check, cut-over, limit, still-used and withdraw: status 64 counts as nothing to do."""
    one = rotator(make(f"sys.exit(0 if operation in ('install', 'prove', 'retire', 'prove-refused') else {status})"))
    one.check(OLD)
    one.install("command", PAIR)
    assert one.prove("command", PAIR) == "works"
    one.cut_over("command", PAIR)
    one.limit("command", PAIR, NOW)
    assert one.still_used("command", PAIR, NOW) == ""
    one.retire("command", PAIR)
    one.prove_refused("command", PAIR)
    one.withdraw("command", PAIR)


@pytest.mark.parametrize("missing", ["prove", "retire", "prove-refused"])
def test_what_is_required_may_not(make: Make, missing: str) -> None:
    """A proof that is not there is no proof."""
    one = rotator(make(f"sys.exit(64 if operation == {missing!r} else 0)"))
    step = {"prove": one.prove, "retire": one.retire, "prove-refused": one.prove_refused}[missing]
    with pytest.raises(HardenError, match=f"does not have the operation {missing}"):
        step("command", PAIR)


def test_one_place_is_proved_at_the_cut_over(make: Make, tmp_path: Path) -> None:
    """A program with cut-over instead of install is asked for a proof only when that is done."""
    program = make("""
        (folder / 'asked').open('a').write(operation + ' ')
        sys.exit(64 if operation in ('install', 'retire') else 0)
    """)
    one = rotator(program)
    assert "one place" in one.install("command", PAIR)
    assert "one place" in one.prove("command", PAIR)
    assert (tmp_path / "asked").read_text() == "install "
    assert one.cut_over("command", PAIR) == "cut over; works"
    assert "one place" in rotator(program).retire("command", PAIR)  # by another process, too
    with pytest.raises(HardenError, match="neither install nor cut-over"):
        rotator(make("sys.exit(64)")).cut_over("command", PAIR)


def test_what_cannot_be_withdrawn_must_not_hurt(make: Make) -> None:
    """Without withdraw the old value has to work still, or the person hears of it."""
    works = make("sys.exit(64 if operation == 'withdraw' else 0)")
    assert "takes nothing back" in rotator(works).withdraw("command", PAIR)
    with pytest.raises(HardenError, match="prove"):
        rotator(make("sys.exit(64 if operation == 'withdraw' else 1)")).withdraw("command", PAIR)


def test_harden_makes_the_value_where_the_program_does_not(make: Make) -> None:
    """For the only field; with more than one it cannot know which. Letters and digits of every class."""
    one = rotator(make("sys.exit(64)"))
    made = one.generate({"token": OLD["token"]})["token"].reveal().decode()
    assert len(made) == 32
    assert made.isascii()
    assert made.isalnum()
    for is_one in (str.islower, str.isupper, str.isdigit):
        assert any(is_one(char) for char in made)
    assert list(one.generate({})) == ["value"]
    with pytest.raises(HardenError, match='which of "token" and "user" is made anew'):
        one.generate(OLD)


def test_what_the_program_makes_is_put_over_what_was(make: Make) -> None:
    """Fields that it does not name are carried over; something has to be new."""
    program = make("print(json.dumps({'fields': {'token': {'base64': 'eHl6\\nMTIz'}}}))")
    assert rotator(program).generate(OLD) == {**OLD, "token": Confidential(b"xyz123")}
    for answer, says in (
        ("{}", "answered no fields"),
        ("question['old'] and {'fields': question['old']}", "was there"),
    ):
        with pytest.raises(HardenError, match=says):
            rotator(make(f"print(json.dumps({answer}))")).generate(OLD)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"nonsense", "is not one JSON document"),
        (b"{} {}", "is not one JSON document"),
        (b"[" * 100000, "is not one JSON document"),
        (b"[]", "is no JSON object"),
        (b'{"said": 1}', '"said" in its answer is no text'),
        (b'{"fields": []}', '"fields" in its answer is no object'),
        (b'{"fields": {"a": "b"}}', 'is not {"base64": …}'),
        (b'{"fields": {"a": {"base64": "?"}}}', "is not base64"),
        (b'{"fields": {"a\\n": {"base64": ""}}}', "has no proper name"),
        (b"\xff\xfe\xff", "is not one JSON document"),
    ],
)
def test_an_answer_of_another_shape_is_told(answer: bytes, says: str) -> None:
    """In words that hold nothing of it."""
    with pytest.raises(ValueError, match=re.escape(says)):
        parse_answer(answer)


def test_a_failure_is_told_without_any_value(make: Make) -> None:
    """The first lines of stderr: a value, its base64, a piece of it or of its wrapped base64 is not among them."""
    program = make("""
        import base64
        value = base64.b64decode(question['new']['token']['base64']).decode()
        wrapped = base64.encodebytes(value.encode() * 9).decode()
        print('cannot reach web1', 'with ' + value, question['old']['token']['base64'], 'cut: ' + value[3:14],
              wrapped, 'one more', 'and one more', sep='\\n', file=sys.stderr)
        sys.exit(1)
    """)
    with pytest.raises(HardenError) as raised:
        rotator(program).install("command", PAIR)
    words = said(raised)
    assert "failed with status 1" in words
    assert "cannot reach web1" in words
    assert "(a value)" in words
    assert "more lines)" in words
    for piece in ("token-of", "bmV3LXRv", "b2xkLXRv", "n-of-the"):
        assert piece not in words


def test_what_a_program_says_is_masked_too(make: Make) -> None:
    """It is kept with the rotation, and shown by status."""
    one = rotator(make("print(json.dumps({'said': 'token ' + 'new-token-of-the-tests' + '\\nis in'}))"))
    assert one.install("command", PAIR) == "token (a value) is in"


def test_pieces_of_short_values_do_not_hide_everything() -> None:
    """A user's name in a message is masked, and the rest of the message stays."""
    assert without_values(b'role "app" is gone', [Confidential(b"app")]) == 'role "(a value)" is gone'
    assert shown_lines(b"\n\n \nx\n", [Confidential(b"")]) == ["x"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("sys.exit(75)", "is to be tried again later"),
        ("sys.exit(1)", "it said nothing on stderr"),
        ("os.kill(os.getpid(), 9)", "was ended by signal 9"),
        ("print('[')", "is not one JSON document"),
        ("os.write(1, b'x' * 3000000)", "wrote more than 1024 KiB"),
    ],
)
def test_how_a_call_can_end(make: Make, body: str, says: str) -> None:
    """Each with its words."""
    with pytest.raises(HardenError) as raised:
        rotator(make(body)).install("command", PAIR)
    assert says in said(raised)


def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    """At the check, and at a call; one that cannot be executed too."""
    with pytest.raises(HardenError, match="there is no program"):
        rotator("/no/such/program").check(OLD)
    with pytest.raises(HardenError, match="cannot be started"):
        rotator("/no/such/program").install("command", PAIR)
    plain = tmp_path / "plain"
    plain.write_text("echo")
    with pytest.raises(HardenError, match="cannot be started: Permission denied"):
        rotator(str(plain)).install("command", PAIR)


def test_a_program_that_cannot_be_killed_is_not_waited_for() -> None:
    """One that has become root, as sudo does, goes on; whoever called it hears of that in time."""
    script = """
        import os, sys
        from harden.errors import HardenError
        from harden_secrets.rotate.kinds.command.calling import call
        os.setgroups([])
        os.setresuid(65534, 65534, 65534)
        try:
            call([sys.argv[1], "--reuid", "0", "sleep", "60"], b"", 0.5, lambda pid: print(pid, flush=True))
        except HardenError as error:
            print(*error.messages)
    """
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        setpriv = shutil.copy2("/usr/bin/setpriv", folder)
        os.chmod(setpriv, 0o4755)
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script), setpriv],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE, text=True, timeout=50, check=True,
        )  # fmt: skip
        pid, _, words = done.stdout.partition("\n")
        os.kill(int(pid), signal.SIGKILL)
    assert "cannot be killed: it goes on as another user" in words
    assert time.monotonic() - began < 20


def test_a_call_that_overruns_is_killed_with_all_it_has_begun(make: Make, tmp_path: Path) -> None:
    """Its children, too; nothing goes on behind our back."""
    program = make("""
        if os.fork() == 0:
            time.sleep(1.5)
            (folder / 'late').write_text('')
        time.sleep(60)
    """)
    began = time.monotonic()
    with pytest.raises(TimeOverError, match=r"did not end within 0\.5 seconds"):
        rotator(program, seconds=0.5).install("command", PAIR)
    assert time.monotonic() - began < 5
    time.sleep(1.6)
    assert not (tmp_path / "late").exists()


def test_a_child_that_keeps_the_pipes_does_not_hold_us(make: Make) -> None:
    """A program that leaves a daemon behind has ended when it has ended."""
    program = make("""
        if os.fork() == 0:
            time.sleep(60)
        print(json.dumps({'said': 'started'}))
    """)
    began = time.monotonic()
    assert rotator(program).install("command", PAIR) == "started"
    assert time.monotonic() - began < 10


def test_a_program_need_not_read_what_it_is_given(tmp_path: Path) -> None:
    """Nor does one that writes much to stderr stand still."""
    big = {"file": Confidential(os.urandom(500_000))}
    question = Question("install", "s", new=big).document()
    assert call(["/bin/true"], question, 10).status == 0
    ending = call(["/bin/sh", "-c", "head -c 3000000 /dev/zero >&2; cat >/dev/null; exit 3"], question, 10)
    assert (ending.status, len(ending.stderr)) == (3, 64 * 1024)
    assert json.loads(call(["/bin/cat"], question, 10).stdout)["operation"] == "install"


def test_two_targets_of_one_name_are_told() -> None:
    """One of them would never be asked for."""
    with pytest.raises(HardenError, match=r"web1 is a target of .* already"):
        rotator("x", targets=(Target("web1"), Target("web1")))


def test_targets_are_named_as_people_write_them() -> None:
    """Whatever the kind of secret: an IPv6 address in brackets, so that its port can be told from it."""
    targets = (Target("web1"), Target("fd00::1"), Target("fd00::1", port=2222), Target("[fd00::1]", user="app"))
    assert rotator("x", targets=targets).targets == ("web1", "[fd00::1]", "[fd00::1]:2222", "app@[fd00::1]")


def carried_out(one: Rotator, old: Fields) -> Fields:
    """A whole rotation, each step twice."""
    one.check(old)
    pair = Pair(old, one.generate(old), "0123456789ab", NOW)
    for step in (one.install, one.prove, one.cut_over, one.retire, one.prove_refused):
        for _ in range(2):
            for target in one.targets:
                step(target, pair)
    return pair.new


@pytest.mark.checkout
@pytest.mark.parametrize("example", ["token-folder.sh", "password_file.py"])
def test_the_examples_can_be_executed(example: str) -> None:
    """As they are: one that is asked for what it does not know says so."""
    question = Question("an-operation-of-a-later-protocol", "s").document()
    assert call([str(EXAMPLES / example), "a", "b", "c"], question, 60).status == 64


@pytest.mark.checkout
def test_the_example_in_sh_rotates_a_token(tmp_path: Path) -> None:
    """Against a real service: exactly the new one is good in the end; a withdrawn one is not."""
    folder = tmp_path / "tokens"
    folder.mkdir()
    with serving(token_service(folder)) as url:
        one = rotator(str(EXAMPLES / "token-folder.sh"), str(folder), url)
        old: Fields = {"token": Confidential(b"first-token")}
        one.install("command", Pair({}, old, "0123456789ab", NOW))
        new = carried_out(one, old)
        assert len(list(folder.iterdir())) == 1
        pair = Pair(new, one.generate(new), "0123456789ab", NOW)
        one.install("command", pair)
        assert len(list(folder.iterdir())) == 2
        one.withdraw("command", pair)
        one.prove("command", Pair(old, new, "0123456789ab", NOW))
        with pytest.raises(HardenError, match="the service takes the old token"):
            one.prove_refused("command", pair)
    with pytest.raises(HardenError, match="to be tried again later"):
        one.prove_refused("command", pair)


@pytest.mark.checkout
def test_the_example_in_python_rotates_a_password(tmp_path: Path) -> None:
    """A file with one password: changed at the cut-over, and back again when withdrawn."""
    file = tmp_path / "password"
    with serving(password_service(file, "app")) as url:
        one = rotator(sys.executable, str(EXAMPLES / "password_file.py"), str(file), "app", url)
        old: Fields = {"password": Confidential(b"the first password")}
        file.write_bytes(old["password"].reveal())
        new = carried_out(one, old)
        assert file.read_bytes() == new["password"].reveal()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        one.withdraw("command", Pair(old, new, "0123456789ab", NOW))
        assert file.read_bytes() == old["password"].reveal()
