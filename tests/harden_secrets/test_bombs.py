"""What would come to far more than it is costs a finding, not the machine: the system limits memory and time here."""

import base64
import bz2
import gzip
import io
import json
import lzma
import resource
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from tests.harden_secrets.keys import pem

_MIB = 1 << 20
_ZEROS = bytes(_MIB)
_REASON = "key: -----BEGIN PRIVATE KEY-----"  # for a closer look: without one nothing is taken apart
_PROGRAM = """
import sys
from harden_secrets.detect import DETECTORS
from harden_secrets.examine import Sighting, Unexamined, examine
from harden_secrets.firstpass import FirstPass
from harden_secrets.unwrap import UNWRAP_SIGNATURES

first_pass = FirstPass(DETECTORS, UNWRAP_SIGNATURES)
content = open(sys.argv[1], "rb").read()
for one in examine(content, sys.argv[1], DETECTORS, first_pass=first_pass):
    print("key" if isinstance(one, Sighting) else "bomb" if isinstance(one, Unexamined) and one.bomb else "other")
"""


def told(content: bytes, folder: Path, name: str = "x") -> set[str]:
    """What an examination says, in a process that may have 900 MiB of address space and a minute of one processor."""
    file = folder / name
    file.write_bytes(content)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (900 * _MIB, 900 * _MIB))
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))

    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, file],
        capture_output=True,
        preexec_fn=limit,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return set(done.stdout.decode().split())


def gzip_of_zeros() -> bytes:
    return gzip.compress(_ZEROS * 256)


def zlib_in_base64() -> bytes:
    return b"it: " + base64.b64encode(zlib.compress(_ZEROS * 128)) + b"\n"


def bzip2_of_zeros() -> bytes:
    return bz2.compress(_ZEROS * 128)


def xz_of_zeros() -> bytes:
    return lzma.compress(_ZEROS * 128)


def zstd_of_zeros() -> bytes:
    return zstandard.compress(_ZEROS * 256)


def zips_within_zips() -> bytes:
    """As 42.zip: every archive holds many copies of the one before."""
    content = _ZEROS * 64
    for _ in range(6):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(16):
                archive.writestr(f"{number}.zip", content)
        content = out.getvalue()
    return content


def gzips_within_gzips() -> bytes:
    content = b"-----BEGIN nothing\n" * 10
    for _ in range(200):
        content = gzip.compress(content)
    return content


def base64_within_base64() -> bytes:
    content = b"-----BEGIN nothing\n" * 10
    for _ in range(26):
        content = base64.b64encode(content)
    return content


def laughs() -> bytes:
    lines = [_REASON, "a0: &a0 [password, password, password, password, password, password, password]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    return "\n".join(lines).encode()


def deep_json() -> bytes:
    return b'{"kind": "Secret", "a":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}"


def zip_of_documents() -> bytes:
    """Each of them short enough, and taking one apart costs a hundred times what unpacking it does."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(30):
            archive.writestr(f"{number}.yaml", b"kind: Secret\n" * 400_000)
    return out.getvalue()


def many_fields() -> bytes:
    return _REASON.encode() + b"\n" + b"".join(b"a%d: b\n" % number for number in range(400_000))


BOMBS: dict[str, Callable[[], bytes]] = {
    bomb.__name__: bomb
    for bomb in (
        gzip_of_zeros, zlib_in_base64, bzip2_of_zeros, xz_of_zeros, zstd_of_zeros, zips_within_zips,
        gzips_within_gzips, base64_within_base64, laughs, many_fields, zip_of_documents,
    )
}  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_told_of_and_costs_little(bomb: str, tmp_path: Path) -> None:
    """It is no clean result."""
    assert "bomb" in told(BOMBS[bomb](), tmp_path, "x.yaml" if bomb in ("laughs", "many_fields") else "x")


def test_a_key_before_a_bomb_is_seen(tmp_path: Path) -> None:
    """What comes out before it is cut off is looked at."""
    assert told(gzip.compress(pem.pkcs8() + _ZEROS * 256), tmp_path) == {"key", "bomb"}


def test_a_key_beside_a_bomb_is_seen(tmp_path: Path) -> None:
    """In a tarball, one member before and one behind."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in (("a", pem.pkcs8()), ("bomb.gz", gzip_of_zeros()), ("z", pem.traditional())):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    assert told(out.getvalue(), tmp_path) == {"key", "bomb"}


def test_deep_json_needs_no_stack(tmp_path: Path) -> None:
    """A million brackets are read like any other text."""
    assert told(deep_json(), tmp_path, "x.json") <= {"bomb", "other"}


def test_a_hundred_megabytes_in_one_file(tmp_path: Path) -> None:
    """As the data of a ConfigMap, with a key at the end: found within the limits, and what was not done is said."""
    head = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata:\n  big: |\n"
    line = b"    " + b"some text that is here to be long; " * 3 + b"\n"
    key = b"".join(b"    " + line + b"\n" for line in pem.pkcs8().splitlines())
    content = head + line * (100 * _MIB // len(line)) + key
    assert told(content, tmp_path, "x.yaml") == {"key", "bomb"}


def test_a_hundred_megabytes_of_base64(tmp_path: Path) -> None:
    """In one run, of nothing: what is not worth decoding is not decoded."""
    chunk = base64.b64encode(bytes(range(256)) * 3)
    content = json.dumps({"kind": "Secret", "data": {"x": ""}}).encode() + chunk * (100 * _MIB // len(chunk))
    assert "key" not in told(content, tmp_path, "x.txt")
