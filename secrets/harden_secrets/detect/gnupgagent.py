"""Private keys as gpg-agent keeps them in ``private-keys-v1.d``: an S-expression, in text or in the canonical form.

Source: GnuPG, agent/keyformat.txt.
"""

import re
from collections.abc import Iterator

from harden_secrets.confidential import Confidential
from harden_secrets.detect import pair
from harden_secrets.detect.recognised import Recognised
from harden_secrets.material import PAIR, Detection, Detector, Material, Signature, Surroundings

_TEXT = re.compile(
    rb"\((?P<kind>protected-private-key|private-key|shadowed-private-key)\s{1,20}\((?P<name>rsa|ecc|dsa|elg)\s"
)
_CANONICAL = re.compile(rb"\((?:21:(?P<locked>protected-private-key)|11:private-key)\(3:(?P<name>rsa|ecc|dsa|elg)")
_LONGEST = 20_000  # bytes of one key
_HEX = re.compile(rb"\((?P<name>[nepqy])\s{1,40}#(?P<digits>[0-9A-Fa-f\s]{2,9000})#\s{0,40}\)")
_COUNTED = re.compile(rb"\(1:(?P<name>[nepqy])(?P<size>[0-9]{1,4}):")


def detect(content: bytes, _surroundings: Surroundings) -> Iterator[Detection]:
    """Every such key; not the stub of one on a card."""
    for match in _TEXT.finditer(content):
        if match["kind"] != b"shadowed-private-key":
            numbers = _in_text(content[match.start() : match.start() + _LONGEST])
            yield from _detection(match, numbers, protected=match["kind"].startswith(b"protected"))
    for match in _CANONICAL.finditer(content):
        numbers = _in_canonical(content[match.start() : match.start() + _LONGEST])
        yield from _detection(match, numbers, protected=match["locked"] is not None)


def _detection(match: re.Match[bytes], numbers: dict[bytes, bytes], *, protected: bool) -> Iterator[Detection]:
    name = match["name"].decode()
    n, e = (int.from_bytes(numbers.get(key, b""), "big") for key in (b"n", b"e"))
    point = numbers.get(b"q") or numbers.get(b"y") or b""
    if name == "rsa" and n.bit_length() >= 512 and n & 1 and e >= 3:
        public = pair.rsa_public(n, e)
        found = Recognised(Confidential(public), f"rsa{n.bit_length()}", protected, public, PAIR)
    elif name != "rsa" and len(point) >= 32:
        found = Recognised(Confidential(point), name, protected)
    else:
        return
    yield found.detection(Material.PGP_PRIVATE_KEY, match.start(), match.end())


def _in_text(text: bytes) -> dict[bytes, bytes]:
    numbers: dict[bytes, bytes] = {}
    for match in _HEX.finditer(text):
        digits = b"".join(match["digits"].split())
        if len(digits) % 2 == 0:
            numbers.setdefault(match["name"], bytes.fromhex(digits.decode()))
    return numbers


def _in_canonical(text: bytes) -> dict[bytes, bytes]:
    numbers: dict[bytes, bytes] = {}
    for match in _COUNTED.finditer(text):
        numbers.setdefault(match["name"], text[match.end() : match.end() + int(match["size"])])
    return numbers


DETECTOR = Detector(
    "gpg-agent",
    (
        Signature(b"private-key (rsa"),
        Signature(b"private-key (ecc"),
        Signature(b"private-key(3:"),
        Signature(rb"private-key\s{1,20}\((?:rsa|ecc|dsa|elg)", literal=False, encoded=False),
    ),
    detect,
)
