"""Time is linear in the input for what is made to take longer: twice as much takes about twice as long."""

import base64
import os
import time
from collections.abc import Callable

import pytest

from harden_secrets.examine import examine
from tests.harden_secrets.test_unwrap import DETECTORS, MARK

_REPEATED = {
    "armour that never ends": b"-----BEGIN PRIVATE KEY-----\n",
    "escaped quotes": rb"\"",
    "quotes": b'a="\\n',
    "templates that never end": b"{{ ",
    "instructions that never end": b"{% ",
    "comments that never end": b'{"a": /* ',
    "here-documents that never end": b"cat <<EOF\n",
    "brackets": b"[{(",
    "keys of mappings": b"a: \n  ",
    "pairs of digits": b"aa ",
    "digits and colons": b"aa:",
    "numbers": b"0x41, ",
    "lines of comments": b"# a\n#\n",
    "percent": b"%41%",
    "one key again and again": b"x " + MARK + b"\n",
    "backslashes": b"\\",
    "heredocs of HCL": b'a = <<-X\n  "${"\n',
    "anchors": b"- &a *a\n",
    "dashes": b"- ",
    "assignments": b"a='\n",
}


def lines_of_noise(size: int) -> bytes:
    return base64.encodebytes(os.urandom(size))


def several(name: str) -> Callable[[int], bytes]:
    piece = _REPEATED[name]
    return lambda size: piece * (size // len(piece))


def seconds(content: bytes, file: str) -> float:
    start = time.process_time()
    list(examine(content, file, DETECTORS))
    return time.process_time() - start


@pytest.mark.parametrize("file", ["x", "x.yaml", "x.tf", "x.json"])
@pytest.mark.parametrize("name", _REPEATED)
def test_repetition_takes_linear_time(name: str, file: str) -> None:
    """A quarter of a million bytes are a matter of seconds, and eight times as many bytes not of minutes."""
    content = several(name)
    small = seconds(content(32_000), file)
    assert seconds(content(256_000), file) < 0.5 + 20 * small


def test_wrapped_base64_of_noise_takes_linear_time() -> None:
    """Its lines are not put together anew from every line on."""
    small = seconds(lines_of_noise(64_000), "x")
    assert seconds(lines_of_noise(512_000), "x") < 0.5 + 20 * small
