"""A repository whose own settings would have git run programs: none is run, and nothing is written where it leads."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.rotate.kinds.gitcrypt import workroom
from tests.harden_secrets.gitcrypt_lab import Lab, begun, contents, go, make_lab, rotator_of, run

_FILES = {
    ".gitattributes": b"*.secret filter=git-crypt diff=git-crypt\n*.txt filter=evil diff=evil merge=evil\n",
    "a.secret": b"hunter2\n",
    "b.txt": b"open\n",
}


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """An unlocked clone."""
    monkeypatch.setenv("HOME", str(tmp_path))
    made = make_lab(tmp_path)
    made.commit(_FILES)
    return made


def _trap(lab: Lab) -> tuple[str, Path]:
    """A program, and the file that says that it was run."""
    program, witness = lab.home / "trap", lab.home / "sprung"
    program.write_text(f'#!/bin/sh\necho "$0 $*" >> {witness}\ncat\n')
    program.chmod(0o755)
    return str(program), witness


def test_no_program_of_the_repository_is_run(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hooks, filters, drivers, monitors, helpers, pagers, in its configuration or in our environment."""
    bare = lab.clone("forge.git", "--bare")
    trap, witness = _trap(lab)
    (hooks := lab.path / ".git" / "hooks").mkdir(exist_ok=True)
    for name in ("reference-transaction", "post-index-change", "pre-push", "post-checkout", "pre-auto-gc"):
        (hooks / name).symlink_to(trap)
    settings = {
        "core.fsmonitor": trap,
        "core.pager": trap,
        "core.editor": trap,
        "core.sshCommand": trap,
        "core.askPass": trap,
        "core.gitProxy": trap,
        "core.alternateRefsCommand": trap,
        "core.hooksPath": str(hooks),
        "credential.helper": trap,
        "diff.external": trap,
        "diff.evil.textconv": trap,
        "diff.evil.command": trap,
        "filter.evil.clean": trap,
        "filter.evil.smudge": trap,
        "filter.git-crypt.process": trap,
        "merge.evil.driver": trap,
        "gpg.program": trap,
        "commit.gpgSign": "true",
        "push.gpgSign": "if-asked",
        "log.showSignature": "true",
        "uploadpack.packObjectsHook": trap,
        "remote.origin.url": str(bare),
        "remote.origin.uploadpack": trap,
        "remote.origin.receivepack": trap,
        "remote.origin.vcs": "trap",
    }
    for name, value in settings.items():
        lab.git("config", name, value)
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", trap)
    monkeypatch.setenv("GIT_SSH_COMMAND", trap)
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", f"'core.fsmonitor'='{trap}'")
    monkeypatch.setenv("GIT_DIR", str(lab.home / "elsewhere"))
    rotator = rotator_of(lab, "master")
    pair = begun(rotator, lab.fields)
    rotator.check(lab.fields)
    go(rotator, pair, "install", "prove", "cut_over", "withdraw")
    rotator = rotator_of(lab, "master", remote="origin")
    rotator.check(lab.fields)
    pair = begun(rotator, lab.fields, "b" * 12)
    go(rotator, pair)
    assert not witness.exists(), witness.read_text()
    assert isinstance(lab.unlocked(pair.new["key"], source=bare), dict)


@pytest.mark.parametrize("url", ["ext::touch {}", "fd::7", "{}", "--upload-pack=touch {};"])
def test_a_remote_cannot_be_a_program(lab: Lab, url: str) -> None:
    """``ext::`` among them, or an option, by the name of a remote in the repository's settings."""
    _, witness = _trap(lab)
    lab.git("config", "remote.origin.url", url.format(witness))
    with pytest.raises(HardenError):
        rotator_of(lab, "master", remote="origin").check(lab.fields)
    assert not witness.exists()


def test_what_the_clone_alone_knows_of_attributes_does_not_count(lab: Lab) -> None:
    """Neither the clone's own attributes nor the user's: who clones the branch does not have them."""
    (lab.path / ".git" / "info").mkdir(exist_ok=True)
    (lab.path / ".git" / "info" / "attributes").write_text("*.txt filter=git-crypt\n")
    (lab.home / ".config" / "git").mkdir(parents=True)
    (lab.home / ".config" / "git" / "attributes").write_text("*.txt filter=git-crypt\n")
    rotator = rotator_of(lab, "master")
    assert rotator.check(lab.fields).lines == ("master: 1 file encrypted with this key",)
    go(rotator, begun(rotator, lab.fields), "install", "prove")


def test_a_link_in_the_work_tree_leads_nowhere(lab: Lab) -> None:
    """A folder of a locked work tree that somebody made a link: refused, and nothing is written behind it."""
    lab.commit({"deep/c.secret": b"deep\n"})
    clone = lab.clone("locked")
    outside = lab.home / "outside"
    (clone / "deep").rename(outside)
    (clone / "deep").symlink_to(outside)
    kept = (outside / "c.secret").read_bytes()
    rotator = rotator_of(lab, path=str(clone))
    with pytest.raises(HardenError, match=r'"deep/c.secret"'):
        rotator.check(lab.fields)
    pair = begun(rotator, lab.fields)
    go(rotator, pair, "install")
    with pytest.raises(HardenError, match=r'"deep/c.secret"'):
        go(rotator, pair, "cut_over")
    assert (outside / "c.secret").read_bytes() == kept
    assert lab.tip(at=clone) == lab.tip()


def test_objects_of_another_repository_are_read_where_they_are(lab: Lab) -> None:
    """A clone that borrows its objects."""
    clone = lab.clone("borrowing", "--shared")
    rotator = rotator_of(lab, path=str(clone))
    pair = begun(rotator, lab.fields)
    go(rotator, pair)
    assert lab.status(clone) == ""
    assert isinstance(lab.unlocked(pair.new["key"], source=clone), dict)


@pytest.fixture
def open_lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A clone that other users can reach."""
    with tempfile.TemporaryDirectory() as home:
        monkeypatch.setenv("HOME", home)
        Path(home).chmod(0o755)
        made = make_lab(Path(home))
        made.commit(_FILES)
        yield made


def test_another_user_s_repository_stays_his(open_lab: Lab) -> None:
    """Root rotates where it was told to trust; afterwards the owner still reads and commits."""
    lab = open_lab
    for path in (lab.path, *lab.path.rglob("*")):
        os.chown(path, 1234, 1234, follow_symlinks=False)
    with pytest.raises(HardenError, match="belongs to another user"):
        rotator_of(lab, "master").check(lab.fields)
    lab.git("config", "--global", "safe.directory", str(lab.path), at=lab.home)
    rotator = rotator_of(lab, "master")
    pair = begun(rotator, lab.fields)
    rotator.check(lab.fields)
    go(rotator, pair)
    for path in (lab.path / ".git" / "git-crypt" / "keys" / "default", lab.path / ".git" / "index"):
        assert (path.stat().st_uid, path.stat().st_gid) == (1234, 1234)
    script = "git status --porcelain && echo later > c.secret && git add . && git commit -qm Later && git gc --quiet"
    done = subprocess.run(
        ["sh", "-c", script],
        cwd=lab.path,
        env={"PATH": os.environ["PATH"], "HOME": str(lab.path), "GIT_CONFIG_NOSYSTEM": "1", **_NAMES},
        user=1234,
        group=1234,
        extra_groups=[],
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b""), done.stderr
    lab.git("config", "--global", "--add", "safe.directory", "*", at=lab.home)
    assert isinstance(lab.unlocked(pair.new["key"]), dict)


_NAMES = {f"GIT_{role}_{what}": "owner" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def test_nothing_of_the_key_or_the_plaintext_is_left(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in temporary folders, not in the object database, not among the arguments of any program."""
    monkeypatch.setattr(workroom, "_IN_MEMORY", lab.home)
    clone = lab.clone("locked.git", "--bare")
    seen: list[str] = []
    usual = subprocess.Popen.__init__

    def listening(self: "subprocess.Popen[bytes]", argv: list[str], *rest: object, **named: object) -> None:
        seen.append(" ".join(map(str, argv)) + repr(named.get("env")))
        usual(self, argv, *rest, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess.Popen, "__init__", listening)
    rotator = rotator_of(lab, path=str(clone))
    pair = begun(rotator, lab.fields)
    go(rotator, pair)
    secrets = [key.reveal()[part] for key in (lab.key, pair.new["key"]) for part in (slice(40, 60), slice(80, 100))]
    secrets.append(b"hunter2")
    assert seen
    for secret in secrets:
        assert not any(secret.hex() in line or secret.decode("latin-1") in line for line in seen)
        assert not any(secret in content for content in contents(clone).values())
    listed = run("git", "cat-file", "--batch-all-objects", "--batch", at=clone, home=lab.home)
    assert "hunter2" not in listed
    assert list(lab.home.glob("harden-rekey-*")) == []


def test_the_lab_s_key_is_as_git_crypt_keeps_it(lab: Lab) -> None:
    """The export is what lies in the clone."""
    exported = lab.home / "exported"
    run("git-crypt", "export-key", str(exported), at=lab.path, home=lab.home)
    assert Confidential(exported.read_bytes()) == lab.key
