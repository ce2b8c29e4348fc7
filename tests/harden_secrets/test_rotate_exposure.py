"""What a git-crypt key has ever encrypted, in repositories made by the real git and git-crypt."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from bao.devserver import DevServer

from harden.output import Output
from harden_secrets.confidential import Confidential
from harden_secrets.detect import DETECTORS
from harden_secrets.fingerprint import Fingerprinter
from harden_secrets.firstpass import FirstPass
from harden_secrets.inventory.model import Inventory, SecretEntry, SecretKind
from harden_secrets.rotate.kinds.gitcrypt.exposure.contents import Contents
from harden_secrets.rotate.kinds.gitcrypt.exposure.finding import find_exposure
from harden_secrets.rotate.kinds.gitcrypt.exposure.known import NOTHING_KNOWN, Known, known_values
from harden_secrets.rotate.kinds.gitcrypt.exposure.report import exposure_report
from harden_secrets.rotate.kinds.gitcrypt.exposure.text import exposure_lines
from harden_secrets.rotate.kinds.gitcrypt.exposure.values import Exposure
from harden_secrets.rotate.kinds.gitcrypt.keyfile import parse
from harden_secrets.sources.gitcommand import Repository
from harden_secrets.unwrap import UNWRAP_SIGNATURES
from harden_secrets.vault.kv import KeyValue
from tests.harden_secrets.encrypted_repository import Encrypted, encrypted_repository, new_key
from tests.harden_secrets.fake_vault import FakeVault
from tests.harden_secrets.keys import ssh
from tests.harden_secrets.scanned import HARDEN, environment
from tests.harden_secrets.tokens.standing import github

QUIET = Output(verbosity=-1)
FINGERPRINTER = Fingerprinter(Confidential(bytes(32)))
Find = Callable[..., Exposure]


@pytest.fixture(name="first_pass", scope="module")
def _first_pass() -> FirstPass:
    return FirstPass(DETECTORS, UNWRAP_SIGNATURES)


@pytest.fixture(name="find")
def _find(first_pass: FirstPass) -> Find:
    """What the key has encrypted in a repository."""

    def find(
        made: Encrypted,
        key: Confidential | None = None,
        known: Known = NOTHING_KNOWN,
        processes: int = 1,
        new: Confidential | None = None,
    ) -> Exposure:
        contents, later = Contents(first_pass, FINGERPRINTER, known), parse(new) if new is not None else None
        repository, given = Repository(str(made.path)), parse(key or made.key())
        return find_exposure(repository, given, contents, QUIET, processes, successor=later)

    return find


@pytest.fixture(name="made")
def _made(tmp_path: Path) -> Encrypted:
    return encrypted_repository(tmp_path)


def places(exposure: Exposure) -> list[tuple[str, str]]:
    """Commit and path of everything, in its order."""
    return [(one.commit, one.path) for file in exposure.files for one in file.standings]


def test_each_content_of_each_path_is_listed_with_its_commit(made: Encrypted, find: Find) -> None:
    """Old contents and deleted files as well, oldest first; what was never encrypted is not there."""
    made.write("secret/a", b"first")
    made.write("plain", b"never encrypted")
    first = made.commit()
    made.write("secret/a", b"second")
    made.write("secret/b", b"short-lived")
    second = made.commit()
    made.git("rm", "-q", "secret/b")
    made.commit()
    exposure = find(made)
    assert places(exposure) == [(first, "secret/a"), (second, "secret/a"), (second, "secret/b")]
    assert [file.refs for file in exposure.files] == [(), ("main",), ()]
    assert [file.size for file in exposure.files] == [5, 6, 11]


def test_one_content_brought_in_twice_has_every_path_and_commit(made: Encrypted, find: Find) -> None:
    """Each commit that brought it in, on whichever branch, is a place where it can be read."""
    made.write("secret/a", b"the same")
    first = made.commit("first")
    made.git("checkout", "-q", "-b", "side")
    made.git("rm", "-q", "secret/a")
    made.commit("away")
    made.write("secret/copy", b"the same")
    copied = made.commit("copied")
    (file,) = find(made).files
    assert [(one.commit, one.path) for one in file.standings] == [(first, "secret/a"), (copied, "secret/copy")]
    assert file.refs == ("main", "side")


def _on_tag(made: Encrypted) -> None:
    made.commit("tagged")
    made.git("tag", "v1")
    made.git("reset", "-q", "--hard", "HEAD^")
    made.git("reflog", "expire", "--expire=now", "--all")


def _in_stash(made: Encrypted) -> None:
    made.git("add", "-A")
    made.git("stash", "-q")


def _amended_away(made: Encrypted) -> None:
    made.commit("with a value")
    made.git("reset", "-q", "--hard", "HEAD^")


def _lost(made: Encrypted) -> None:
    _amended_away(made)
    made.git("reflog", "expire", "--expire=now", "--all")


def _staged_only(made: Encrypted) -> None:
    made.git("add", "-A")


def _unreferenced(made: Encrypted) -> None:
    made.git("add", "-A")
    made.git("reset", "-q", "--hard")


def _packed(made: Encrypted) -> None:
    made.commit("packed")
    made.git("gc", "-q")


@pytest.mark.parametrize(
    ("hide", "path"),
    [
        (_on_tag, "secret/hidden"),
        (_in_stash, "secret/hidden"),
        (_amended_away, "secret/hidden"),
        (_lost, "secret/hidden"),
        (_staged_only, "secret/hidden"),
        (_packed, "secret/hidden"),
        (_unreferenced, None),  # nothing says any more which path it had
    ],
)
def test_it_is_found_wherever_it_hides(
    made: Encrypted, find: Find, hide: Callable[[Encrypted], None], path: str | None
) -> None:
    """On a tag, in a stash, a reflog, a commit or blob that nothing refers to, the index, a pack."""
    made.write("secret/hidden", b"a value")
    hide(made)
    (file,) = find(made).files
    assert file.size == 7
    assert file.paths == ((path,) if path else ())


def test_contents_under_another_key_are_counted_only(made: Encrypted, find: Find, tmp_path: Path) -> None:
    """The trial with the checksum tells keys apart for certain."""
    made.write("secret/a", b"the value")
    made.commit()
    exposure = find(made, new_key(tmp_path))
    assert exposure.files == ()
    assert exposure.others == 1
    assert list(exposure_lines(exposure)) == [
        f"{made.path}: nothing there was encrypted under this default key",
        "under other keys: 1 content",
    ]


def test_what_the_next_key_has_encrypted_anew_stands_where_it_stood(
    made: Encrypted, find: Find, tmp_path: Path
) -> None:
    """The same content under another key is another object; that it is still on a branch shows all the same."""
    made.write("secret/kept", b"the value")
    made.write("secret/gone", b"another value")
    made.commit()
    made.git("rm", "-q", "secret/gone")
    made.commit()
    old, new = made.key(), new_key(tmp_path)
    (made.path / ".git/git-crypt/keys/default").write_bytes(new.reveal())
    made.git("add", "--renormalize", ".")
    made.commit()
    assert {file.refs for file in find(made, old).files} == {()}
    stands = {file.paths: file.refs for file in find(made, old, new=new).files}
    assert stands == {("secret/kept",): ("main",), ("secret/gone",): ()}


def test_what_only_begins_like_an_encrypted_file_is_none(made: Encrypted, find: Find) -> None:
    """Short or damaged ones break nothing."""
    for number, content in enumerate([b"\0GITCRYPT\0", b"\0GITCRYPT\0" + bytes(11), b"\0GITCRYPT", b""]):
        made.write(f"plain-{number}", content)
    made.write("damaged", b"\0GITCRYPT\0" + bytes(12) + b"x")
    made.commit()
    exposure = find(made)
    assert exposure.files == ()
    assert exposure.others == 1


def test_it_says_what_the_contents_hold(made: Encrypted, find: Find) -> None:
    """Each key once, with kind, fingerprint, path and line; a comment that allows it somewhere makes no difference."""
    key, token = ssh.openssh(), github()
    made.write("secret/id", key)
    made.write("secret/app.env", f"# the app\nGITHUB_TOKEN={token}  # harden: allow vcs-token -- in here\n".encode())
    made.write("secret/copy", b"\n" + key)
    made.write("secret/notes", b"nothing that can be recognised")
    made.commit()
    exposure = find(made)
    assert [(duty.material, duty.places) for duty in exposure.duties] == [
        ("ssh-private-key", ("secret/copy:2", "secret/id:1")),
        ("vcs-token", ("secret/app.env:2",)),
    ]
    assert [file.paths for file in exposure.unrecognised] == [("secret/notes",)]
    text = "\n".join(exposure_lines(exposure))
    assert "ssh-private-key" in text
    assert token not in text
    assert "secret/notes" in text


def entry(name: str, kind: SecretKind = SecretKind.PASSWORD) -> SecretEntry:
    return SecretEntry(name, kind, f"app/{name}")


def stored(secrets: Mapping[str, list[dict[str, bytes]]]) -> Known:
    """Known values: the versions of each secret, oldest first, through a store as the real one is."""
    vault = FakeVault()
    for name, versions in secrets.items():
        for number, fields in enumerate(versions):
            held = {field: Confidential(value) for field, value in fields.items()}
            vault.write(f"app/{name}", held, cas=number)
    return known_values(Inventory(secrets={name: entry(name) for name in secrets}), vault, FINGERPRINTER)


def test_keys_of_the_inventory_are_recognised_in_any_form(made: Encrypted, find: Find) -> None:
    """By their fingerprint: as another file format of the same key, in base64, in a manifest."""
    key = ssh.openssh()
    known = stored({"deploy": [{"private_key": ssh.openssh()}, {"private_key": key}]})
    made.write("secret/id", b"\n\n" + key)
    made.commit()
    (duty,) = find(made, known=known).duties
    assert [(one.secret, one.field, one.current) for one in duty.kept] == [("deploy", "private_key", True)]


def test_a_value_that_no_detector_knows_is_recognised_by_the_inventory(made: Encrypted, find: Find) -> None:
    """As it is, and within base64, whatever stands before it there."""
    value = b"correct horse battery staple"
    known = stored({"mail": [{"password": value}]})
    made.write("secret/plain.txt", b"we use " + value + b" here")
    made.write("secret/encoded.txt", b"YWJjZGU6Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ==")  # abcde:correct …
    made.commit()
    (duty,) = find(made, known=known).duties
    assert duty.places == ("secret/encoded.txt", "secret/plain.txt")
    assert [(one.secret, one.current) for one in duty.kept] == [("mail", True)]


def test_a_value_that_was_replaced_since_is_told_from_one_in_use(made: Encrypted, find: Find) -> None:
    """What has been rotated already needs no more work; what has the value again does."""
    known = stored(
        {
            "gone": [{"password": b"a value of the past"}, {"password": b"another one"}],
            "kept": [{"password": b"a value that stays", "user": b"one"}, {"password": b"a value that stays"}],
        }
    )
    made.write("secret/all", b"- a value of the past\n- a value that stays\n")
    made.commit()
    exposure = find(made, known=known)
    assert {one.secret: one.current for duty in exposure.duties for one in duty.kept} == {"gone": False, "kept": True}
    text = "\n".join(exposure_lines(exposure))
    assert "gone, field password: an earlier version, replaced since" in text
    assert "kept, field password: in use" in text


def test_what_is_no_secret_beside_a_secret_is_not_reported(made: Encrypted, find: Find) -> None:
    """Names of users, public halves, and values that are too short to mean anything."""
    public = ssh.public_line()
    known = stored({"db": [{"user": b"application", "password": b"hunter2", "public_key": public, "pub": public}]})
    made.write("secret/all", b"application hunter2\n" + public + b"\n")
    made.commit()
    assert find(made, known=known).duties == ()


def test_a_secret_that_vault_refuses_is_named(made: Encrypted, find: Find) -> None:
    """The others are compared all the same."""
    vault = FakeVault()
    vault.write("app/one", {"password": Confidential(b"the value of one")}, cas=0)
    vault.write("app/two", {"password": Confidential(b"the value of two")}, cas=0)
    vault.fail(1, method="metadata", times=1)
    known = known_values(Inventory(secrets={name: entry(name) for name in ("one", "two")}), vault, FINGERPRINTER)
    made.write("secret/all", b"the value of one, the value of two")
    made.commit()
    exposure = find(made, known=known)
    assert [one.secret for duty in exposure.duties for one in duty.kept] == ["two"]
    assert any("the values of one" in line for line in exposure.incomplete)


def test_long_files_are_looked_at_in_pieces(made: Encrypted, find: Find) -> None:
    """A key beyond the first piece is found at its line, and only the right key fits."""
    key = ssh.openssh()
    filler = b"one line of a large file\n" * 400_000  # 10 MB
    made.write("secret/dump", filler + key + filler)
    made.commit()
    exposure = find(made)
    assert [duty.places for duty in exposure.duties] == [("secret/dump:400001",)]


def test_the_answer_does_not_depend_on_the_number_of_processes(made: Encrypted, find: Find) -> None:
    """Nor on the run: the same document, byte for byte."""
    for number in range(60):
        made.write(f"secret/{number % 20}", f"password = value-{number}\n".encode())
        if number % 10 == 0:
            made.commit()
    made.commit()
    one, two = find(made, processes=1), find(made, processes=2)
    assert json.dumps(one.as_json()) == json.dumps(two.as_json())
    assert len(one.files) > 20


def test_people_for_whom_the_key_was_wrapped_are_named(made: Encrypted, find: Find) -> None:
    """From the whole history: who was taken out later has had the key."""
    gone, stays = "A" * 40, "B" * 40
    for one in (gone, stays):
        made.write(f".git-crypt/keys/default/0/{one}.gpg", one.encode())
    made.write(f".git-crypt/keys/ops/0/{'C' * 40}.gpg", b"of another key")
    made.commit()
    made.git("rm", "-q", f".git-crypt/keys/default/0/{gone}.gpg")
    made.commit()
    assert find(made).wrapped_for == (gone, stays)


def test_a_shallow_clone_says_that_it_does_not_know_all(made: Encrypted, find: Find) -> None:
    """A list that is cut off must not look like a whole one."""
    made.write("secret/a", b"one")
    made.commit()
    made.write("secret/a", b"two")
    made.commit()
    path = made.path.parent / "shallow"
    made.git("clone", "-q", "--depth", "1", f"file://{made.path}", str(path))
    exposure = find(Encrypted(path, made.home), made.key())
    assert len(exposure.files) == 1
    assert any("shallow" in words for words in exposure.incomplete)


def test_odd_names_of_files_break_nothing(made: Encrypted, find: Find) -> None:
    """Blanks, quotes, line feeds, colons, bytes that are no UTF-8."""
    names = [b"a b", b'"quoted"', b"with\nfeed", b"with:colon", b"\xff\xfe"]
    for name in names:
        made.write("secret/" + os.fsdecode(name), b"value of " + name)
    made.commit()
    assert sorted(os.fsencode(path) for _, path in places(find(made))) == sorted(b"secret/" + name for name in names)


def test_the_report_of_a_rotation_is_the_same_answer(made: Encrypted, find: Find) -> None:
    """Lines for people, the document for programs."""
    made.write("secret/a", b"one")
    made.commit()
    exposure = find(made)
    report = exposure_report(exposure)
    assert list(report.lines) == list(exposure_lines(exposure))
    assert report.document == {"exposure": exposure.as_json()}


def test_a_long_list_can_be_cut(made: Encrypted, find: Find) -> None:
    """At the end of a rotation, which is no place for a thousand lines; the document has all."""
    for number in range(9):
        made.write(f"secret/{number}", f"value {number}".encode())
    made.commit()
    report = exposure_report(find(made), 4)
    assert [line for line in report.lines if line.startswith("  and ")] == ["  and 5 more", "  and 5 more"]
    assert len(exposure_report(find(made)).lines) > len(report.lines)


def test_values_are_in_neither_text_nor_document(made: Encrypted, find: Find) -> None:
    """Neither those of files nor those of the inventory."""
    key, value = ssh.openssh(), b"correct horse battery staple"
    known = stored({"mail": [{"password": value, "id": key}]})
    made.write("secret/a", b"mail: " + value + b"\n" + key)
    made.commit()
    exposure = find(made, known=known)
    said = repr(exposure) + json.dumps(exposure.as_json()) + "\n".join(exposure_lines(exposure)) + repr(known)
    assert value.decode() not in said
    assert key.decode().splitlines()[1] not in said
    assert "mail, field password" in said


def test_memory_does_not_grow_with_the_files(made: Encrypted, tmp_path: Path) -> None:
    """80 MB of files, in one process that takes less than 300 MB in all."""
    for number in range(4):
        made.write(f"secret/large-{number}", os.urandom(20 << 20))
    made.commit()
    key = tmp_path / "key"
    key.write_bytes(made.key().reveal())
    code = (
        "import sys; from harden.cli import main; sys.argv[1:1] = ['secrets', 'exposed']\n"
        "try: main()\n"
        # getrusage(2) would count what the process was before it became this program, too.
        "finally: print(*[one.split()[1] for one in open('/proc/self/status') if 'VmHWM' in one], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(made.path), "--key", str(key), "--json"],
        env=environment(tmp_path / "state"), capture_output=True, text=True, check=False, timeout=120,
        preexec_fn=lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}),  # all in this one process
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert len(json.loads(done.stdout)["exposed"]) == 4
    assert int(done.stderr.split()[-1]) < 300 * 1024


# The command


def harden(folder: Path, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """``harden secrets exposed`` as a process."""
    argv = [*HARDEN, "secrets", "exposed", *words]
    env = environment(folder / "state", HARDEN_INVENTORY=str(folder / "secrets.yaml"), **variables)
    return subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=60)


def test_the_command_answers_for_a_key_in_a_file(made: Encrypted, tmp_path: Path) -> None:
    """Status 3 where something is exposed, 0 where nothing is; the file may hold the base64 text of the key."""
    made.write("secret/a", b"one")
    commit = made.commit()
    key, other = tmp_path / "key", tmp_path / "other"
    key.write_bytes(made.key().reveal())
    other.write_bytes(new_key(tmp_path).reveal())
    done = harden(tmp_path, "upstream", "--key", "key")
    assert done.returncode == 3
    assert commit[:12] in done.stdout
    document: dict[str, Any] = json.loads(harden(tmp_path, "upstream", "--key", "key", "--json").stdout)
    assert [one["places"] for one in document["exposed"]] == [[{"commit": commit, "path": "secret/a"}]]
    done = harden(tmp_path, "upstream", "--key", "other")
    assert done.returncode == 0, done.stderr


def test_the_command_answers_for_a_secret_of_the_inventory(
    made: Encrypted, tmp_path: Path, bao: DevServer, vault: KeyValue
) -> None:
    """The repository and the key are those of the inventory; an older version is asked for by its number."""
    value = "a value of the vault's"
    made.write("secret/a", value.encode())
    made.commit()
    vault.write("infra/crypt", {"key": made.key()}, cas=0)
    vault.write("infra/crypt", {"key": new_key(tmp_path)}, cas=1)
    vault.write("infra/mail", {"password": Confidential(value.encode())}, cas=0)
    (tmp_path / "secrets.yaml").write_text(
        f'version: 1\nvault: {{address: "{bao.address}", mount: {vault.mount}}}\nsecrets:\n'
        f"  crypt: {{kind: git-crypt, path: infra/crypt, repository: {{path: {made.path}}}}}\n"
        "  mail: {kind: password, path: infra/mail}\n"
    )
    login = {"VAULT_TOKEN": bao.root_token, "VAULT_CACERT": str(bao.ca)}
    assert harden(tmp_path, "--secret", "crypt", **login).returncode == 0
    done = harden(tmp_path, "--secret", "crypt", "--version", "1", **login)
    assert done.returncode == 3, done.stderr
    assert "mail, field password: in use" in done.stdout
    assert value not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["upstream"], "which key?"),
        (["upstream", "--key", "key", "--secret", "x"], "which key?"),
        (["--key", "key"], "which repository?"),
        (["upstream", "--key", "key", "--version", "1"], "--secret"),
        (["upstream", "--key", "missing"], "missing: No such file"),
        (["upstream", "--key", "rubbish"], "no key of git-crypt"),
        (["rubbish", "--key", "key"], "rubbish"),
        (["upstream", "--secret", "unknown"], "no secret"),
    ],
)
def test_wrong_use_says_what_is_wrong(made: Encrypted, tmp_path: Path, words: list[str], said: str) -> None:
    """In words, without a traceback, and without a word about what is in the files."""
    (tmp_path / "key").write_bytes(made.key().reveal())
    (tmp_path / "rubbish").write_text("no key")
    done = harden(tmp_path, *words)
    assert done.returncode in {1, 2}
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_vault_that_cannot_be_reached_leaves_the_rest_of_the_answer(made: Encrypted, tmp_path: Path) -> None:
    """What is exposed is known without it; that nothing was compared is said."""
    made.write("secret/a", b"one")
    made.commit()
    (tmp_path / "key").write_bytes(made.key().reveal())
    (tmp_path / "secrets.yaml").write_text("version: 1\nsecrets: {mail: {kind: password, path: infra/mail}}\n")
    done = harden(tmp_path, "upstream", "--key", "key")
    assert done.returncode == 3, done.stderr
    assert "not compared with the inventory" in done.stderr
