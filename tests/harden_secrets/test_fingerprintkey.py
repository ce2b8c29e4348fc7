"""The fingerprint key: made once, kept private, never replaced by accident."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from harden.errors import HardenError
from harden_secrets.fingerprintkey import fingerprint_key, shared_fingerprint_key
from harden_secrets.statefolder import secrets_state
from tests.harden_secrets.scanned import environment


def test_the_key_stays_the_same(tmp_path: Path) -> None:
    """It is made when it is first needed, readable by its owner only, in a folder of the same kind."""
    folder = tmp_path / "state" / "secrets"
    key = fingerprint_key(folder)
    assert len(key) == 32
    assert fingerprint_key(folder) == key
    assert stat.S_IMODE((folder / "fingerprint.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert os.listdir(folder) == ["fingerprint.key"]


def test_processes_that_race_get_one_key(tmp_path: Path) -> None:
    """Whoever comes second takes the key of the first."""
    code = (
        "import sys; from pathlib import Path; from harden_secrets.fingerprintkey import fingerprint_key\n"
        "sys.stdin.read(); print(fingerprint_key(Path(sys.argv[1])).reveal().hex())"
    )
    argv = [sys.executable, "-c", code, str(tmp_path / "state")]
    env = environment(tmp_path)
    processes = [
        subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, text=True) for _ in range(6)
    ]
    for process in processes:
        assert process.stdin
        process.stdin.close()
        process.stdin = None
    printed = {process.communicate(timeout=60)[0] for process in processes}
    assert len(printed) == 1
    assert len(printed.pop().strip()) == 64
    assert os.listdir(tmp_path / "state") == ["fingerprint.key"]


@pytest.mark.parametrize(("content", "how_many"), [(b"", "0"), (b"short", "5"), (b"x" * 33, "more")])
def test_a_key_of_another_size_is_refused(tmp_path: Path, content: bytes, how_many: str) -> None:
    """A cut-off file must not quietly become another key."""
    (tmp_path / "fingerprint.key").write_bytes(content)
    with pytest.raises(HardenError, match=f"32 bytes, this file has {how_many}"):
        fingerprint_key(tmp_path)
    assert (tmp_path / "fingerprint.key").read_bytes() == content


def test_a_state_folder_that_cannot_be_is_an_error(tmp_path: Path) -> None:
    """With a way out."""
    (tmp_path / "file").write_text("")
    with pytest.raises(HardenError) as caught:
        fingerprint_key(tmp_path / "file" / "secrets")
    assert "--fingerprint-key" in caught.value.hints[0]


def test_a_shared_key_is_never_made(tmp_path: Path) -> None:
    """A mistyped name must not give every machine a key of its own."""
    with pytest.raises(HardenError, match="No such file"):
        shared_fingerprint_key(tmp_path / "shared.key")
    assert not os.listdir(tmp_path)
    (tmp_path / "shared.key").write_bytes(b"k" * 32)
    assert shared_fingerprint_key(tmp_path / "shared.key").reveal() == b"k" * 32


@pytest.mark.parametrize(
    ("option", "variables", "user", "expected"),
    [
        (None, {}, 0, "/var/lib/harden/secrets"),
        (None, {"HARDEN_STATE": "/s"}, 1000, "/s/secrets"),
        (Path("/o"), {"HARDEN_STATE": "/s"}, 1000, "/o/secrets"),
        (None, {"HOME": "/people/a"}, 1000, "/people/a/.local/state/harden/secrets"),
        (None, {"HOME": "/people/a", "XDG_STATE_HOME": "/x"}, 1000, "/x/harden/secrets"),
        (None, {"HOME": "/people/a", "XDG_STATE_HOME": "relative"}, 1000, "/people/a/.local/state/harden/secrets"),
        (None, {"XDG_STATE_HOME": "/x"}, 0, "/var/lib/harden/secrets"),
    ],
)
def test_where_state_lies(option: Path | None, variables: dict[str, str], user: int, expected: str) -> None:
    """The option, HARDEN_STATE, /var/lib/harden for root, and the folder of the person for anybody else."""
    assert secrets_state(option, variables, user) == Path(expected)
