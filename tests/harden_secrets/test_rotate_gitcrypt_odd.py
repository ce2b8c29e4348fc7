"""Repositories in odd states, and odd values in Vault: a key is rotated there, or a person is told before it begins."""

import base64
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from harden_secrets.confidential import Confidential
from harden_secrets.rotate.kinds.gitcrypt import rekey
from harden_secrets.rotate.kinds.gitcrypt.proof import prove_read
from harden_secrets.rotate.kinds.gitcrypt.rekeying import Succession
from harden_secrets.rotate.kinds.gitcrypt.site import Site
from tests.harden_secrets.gitcrypt_lab import Lab, begun, go, make_lab, rotator_of, run

_ATTRIBUTES = b"*.secret filter=git-crypt diff=git-crypt\n"


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """An unlocked clone with one encrypted file."""
    monkeypatch.setenv("HOME", str(tmp_path))
    made = make_lab(tmp_path)
    made.commit({".gitattributes": _ATTRIBUTES, "a.secret": b"hunter2\n", "b.txt": b"open\n"})
    return made


@pytest.mark.parametrize("value", [b"n" * 96, b"0f" * 64], ids=["as long as an old key", "base64 of that length"])
def test_another_field_is_not_taken_for_a_key(lab: Lab, value: bytes) -> None:
    """Keys of before git-crypt 0.4 are known by their length alone; a SHA-512 in hexadecimal decodes to as much."""
    fields = {**lab.fields, "digest": Confidential(value)}
    rotator = rotator_of(lab)
    rotator.check(fields)
    pair = begun(rotator, fields)
    assert pair.new["digest"] == fields["digest"]
    assert pair.new["key"] != fields["key"]


def test_base64_text_may_be_wrapped(lab: Lab) -> None:
    """As ``base64`` prints it, in lines of 76 columns."""
    fields = {"key": Confidential(base64.encodebytes(lab.key.reveal()))}
    rotator = rotator_of(lab)
    pair = begun(rotator, fields)
    go(rotator, pair)
    assert isinstance(lab.unlocked(Confidential(base64.b64decode(pair.new["key"].reveal()))), dict)


def test_an_author_s_name_may_be_of_any_encoding(lab: Lab) -> None:
    """Git only wants bytes."""
    run("git", "config", "user.name", os.fsdecode(b"J\xfcrgen"), at=lab.path, home=lab.home)
    rotator = rotator_of(lab)
    go(rotator, begun(rotator, lab.fields))
    assert lab.git("log", "-1", "--format=%an", "--encoding=UTF-8").strip() == os.fsdecode(b"J\xfcrgen")


def test_a_commit_that_was_built_late_is_proved_before_the_branch_moves(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody commits between the proof and the cut-over: what is moved to was read by git-crypt too."""
    rotator = rotator_of(lab)
    pair = begun(rotator, lab.fields)
    go(rotator, pair, "install", "prove")
    lab.commit({"late.secret": b"in between\n"})
    late = lab.tip()
    where: list[str] = []

    def proved(site: Site, keys: Succession, commits: Mapping[str, str]) -> str:
        where.append(lab.tip())
        return prove_read(site, keys, commits)

    monkeypatch.setattr(rekey, "prove_read", proved)
    go(rotator, pair, "cut_over")
    assert where == [late]
    assert lab.tip("HEAD~1") == late
