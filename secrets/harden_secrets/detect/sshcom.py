"""Private keys in the format of ssh.com, with ENCRYPTED in their label whether or not there is a passphrase.

No document describes it; PuTTY's ``import.c`` reads it.
"""

import re
from collections.abc import Iterator

from harden_secrets.confidential import Confidential
from harden_secrets.detect import pair
from harden_secrets.detect.armour import base64_text, plain_lines
from harden_secrets.detect.recognised import Recognised
from harden_secrets.detect.sshwire import CutOffError, Reader
from harden_secrets.material import Detection, Detector, Material, Signature, Surroundings

_BEGIN = b"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----"
_END = b"---- END SSH2 ENCRYPTED PRIVATE KEY ----"
_LONGEST = 1 << 16
_HEADERS = re.compile(rb"\s*(?:[A-Za-z][A-Za-z0-9-]{1,63}: [^\n]*\n)*")
_MAGIC = b"\x3f\x6f\xf9\xeb"


def detect(content: bytes, _surroundings: Surroundings) -> Iterator[Detection]:
    """Every key of the kind."""
    at = content.find(_BEGIN)
    while at >= 0:
        following = content.find(_BEGIN, at + 1)
        limit = min(following if following >= 0 else len(content), at + _LONGEST)
        end = content.find(_END, at, limit)
        found = _between(content[at + len(_BEGIN) : end]) if end >= 0 else None
        if found is not None:
            yield found.detection(Material.SSH_PRIVATE_KEY, at, end + len(_END))
        at = following


def _between(body: bytes) -> Recognised | None:
    text = plain_lines(body)
    headers = _HEADERS.match(text)
    return _key(base64_text(text[headers.end() if headers else 0 :])[0])


def _key(data: bytes) -> Recognised | None:
    if not data.startswith(_MAGIC):
        return None
    reader = Reader(data[len(_MAGIC) :])
    try:
        reader.number()
        kind, cipher, body = reader.string(), reader.string(), reader.string()
        if cipher == b"none":
            return _plain(kind, Reader(Reader(body).string()), body)
    except CutOffError:
        return None
    return Recognised(Confidential(body), "encrypted", protected=True) if len(body) >= 64 else None


def _plain(kind: bytes, numbers: Reader, body: bytes) -> Recognised | None:
    if b"rsa" not in kind:
        return Recognised(Confidential(body), "dsa") if b"dl-modp" in kind and len(body) >= 64 else None
    e, d, n, _inverse, p, q = (_number(numbers) for _ in range(6))
    found = pair.rsa(n, e, d, (p, q))
    return Recognised.of_pair(found) if found is not None else None


def _number(reader: Reader) -> int:
    """A number after its length in bits."""
    size = (reader.number() + 7) // 8
    if size > 2050:
        raise CutOffError
    return int.from_bytes(reader.octets(size), "big")


DETECTOR = Detector("ssh.com", (Signature(b"BEGIN SSH2 ENCRYPTED PRIVATE KEY"),), detect)
