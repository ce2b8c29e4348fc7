"""Key files and encrypted files of git-crypt, against the real binary."""

import hashlib
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harden_secrets.confidential import Confidential
from harden_secrets.rotate.kinds.gitcrypt import blobs, keyfile
from harden_secrets.rotate.kinds.gitcrypt.blobs import BlobKey
from harden_secrets.rotate.kinds.gitcrypt.keyfile import Entry, KeyFile, KeyFileError
from tests.harden_secrets.gitcrypt_lab import environment, make_lab, run


def _key(seed: int) -> BlobKey:
    """A key as good as random: two of them have nothing in common."""
    octets = [hashlib.sha512(b"%d %d" % (seed, part)).digest() for part in range(2)]
    return BlobKey(Confidential(octets[0][:32]), Confidential(octets[1]))


_KEYS = st.integers(0, 1000).map(_key)
_EXTRA = st.dictionaries(st.integers(3, 1 << 20).map(lambda number: number * 2), st.binary(max_size=50), max_size=2)
_NAMES = st.one_of(st.just(""), st.from_regex(r"[A-Za-z0-9_-]{1,128}", fullmatch=True)).filter(lambda x: x != "default")
_ENTRIES = st.builds(Entry, st.integers(0, (1 << 32) - 1), _KEYS, _EXTRA)
_FILES = st.builds(
    KeyFile,
    st.lists(_ENTRIES, min_size=1, max_size=3, unique_by=lambda entry: entry.version).map(tuple),
    _NAMES,
    st.just(False),
    _EXTRA,
)
_SIZES = (0, 1, 9, 10, 15, 16, 17, 22, 23, 1023, 1024, 1025, 4096, (1 << 20) + 7)


@given(_FILES)
def test_a_key_file_is_read_as_it_was_written(file: KeyFile) -> None:
    """Named or not, with several versions, with fields that git-crypt skips."""
    assert keyfile.parse(keyfile.serialise(file)) == file


@given(st.binary(max_size=300))
def test_anything_else_is_no_key_file(octets: bytes) -> None:
    """A refusal, whatever it is; 96 bytes are a key of before 0.4."""
    try:
        file = keyfile.parse(Confidential(octets))
    except KeyFileError:
        return
    assert file.legacy == (len(octets) == 96)
    assert file.legacy or keyfile.serialise(file).reveal() == octets


@given(_FILES, st.data())
def test_a_key_file_that_is_cut_off_is_refused(file: KeyFile, data: st.DataObject) -> None:
    """At any byte but between two entries, where what is before is whole."""
    whole = keyfile.serialise(file).reveal()
    cut = data.draw(st.integers(0, len(whole) - 1))
    try:
        found = keyfile.parse(Confidential(whole[:cut]))
    except KeyFileError:
        return
    assert found.legacy or found.entries == file.entries[: len(found.entries)]


@given(_KEYS, _KEYS, st.binary(max_size=5000))
def test_only_the_key_that_encrypted_a_file_opens_it(key: BlobKey, other: BlobKey, plaintext: bytes) -> None:
    """And which one that was shows by trial."""
    blob = blobs.encrypt(key, plaintext)
    assert blobs.decrypt(key, blob) == plaintext
    assert blobs.fitting((other, key), blob) == (other if other == key else key)
    assert (blobs.decrypt(other, blob) is None) == (other != key)


@given(_KEYS, _KEYS, st.lists(st.binary(min_size=1, max_size=100), max_size=5))
def test_pieces_give_what_the_whole_gives(old: BlobKey, new: BlobKey, parts: list[bytes]) -> None:
    """Encrypted anew piece by piece it is the same file as at once."""
    plaintext = b"".join(parts)
    blob = blobs.encrypt(old, plaintext)
    pieces = [blob[at : at + 40] for at in range(0, len(blob), 40)]
    found = blobs.trial((new, old), new, pieces)
    assert found is not None
    if old != new:
        assert found[0] == old
        assert b"".join(blobs.renewed(old, new, found[1], pieces)) == blobs.encrypt(new, plaintext)
    assert b"".join(blobs.sealed(old, parts)) == blob


@pytest.mark.parametrize("name", ["", "ops"])
def test_files_are_the_binary_s_own_byte_for_byte(tmp_path: Path, name: str) -> None:
    """Of all sizes around the edges; the key file that it made, too."""
    lab = make_lab(tmp_path, key_name=name)
    file = keyfile.parse(lab.key)
    assert keyfile.serialise(file) == lab.key
    assert len(lab.key) == (156 + len(name) if name else 148)
    for size in _SIZES:
        plaintext = bytes(at * 7 % 251 for at in range(size))
        command = ["git-crypt", "clean", *([f"--key-name={name}"] if name else [])]
        cleaned = subprocess.run(
            command, input=plaintext, capture_output=True, check=True, cwd=lab.path, env=environment(lab.home)
        ).stdout
        assert blobs.encrypt(file.key, plaintext) == cleaned


def test_a_key_of_before_0_4_is_the_one_that_the_binary_makes_of_it(tmp_path: Path) -> None:
    """``git-crypt migrate-key`` agrees on what those 96 bytes mean."""
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(bytes(range(96)))
    run("git-crypt", "migrate-key", str(old), str(new), at=tmp_path, home=tmp_path)
    found = keyfile.parse(Confidential(old.read_bytes()))
    assert found.legacy
    assert keyfile.serialise(found).reveal() == new.read_bytes()


def test_a_key_file_says_nothing_of_itself(tmp_path: Path) -> None:
    """Neither when it is printed, nor when it is refused."""
    key = make_lab(tmp_path).key
    assert key.reveal()[40:44].hex() not in repr(keyfile.parse(key))
    with pytest.raises(KeyFileError) as error:
        keyfile.parse(Confidential(key.reveal()[:-10]))
    assert str(error.value) == "it is cut off"
