"""Keys of TSIG (RFC 8945) as name servers have them: BIND's ``key`` statement, Knot's and NSD's, and ``K*.private``.

rndc keys have the form of BIND's. Only HMAC algorithms: others are no shared secrets.
"""

import base64
import binascii
import re
from collections.abc import Iterator

from harden_secrets.confidential import Confidential
from harden_secrets.material import Detection, Detector, Material, Signature, Surroundings

_HMAC = rb"(hmac-(?:md5(?:\.sig-alg\.reg\.int)?|sha(?:1|224|256|384|512)(?:-\d{2,3})?))\.?"
_BASE64 = rb"([A-Za-z0-9+/]{8,200}={0,2})"
_GAP = rb"[\s]{0,200}"
_BIND = re.compile(
    rb"(?i:algorithm)\s{1,50}[\"']?(?i:"
    + _HMAC
    + rb")[\"']?"
    + _GAP
    + rb";"
    + _GAP
    + rb"(?i:secret)\s{1,50}[\"']?"
    + _BASE64
    + rb"[\"']?\s{0,50};"
)
_BIND_TURNED = re.compile(
    rb"(?i:secret)\s{1,50}[\"']?"
    + _BASE64
    + rb"[\"']?"
    + _GAP
    + rb";"
    + _GAP
    + rb"(?i:algorithm)\s{1,50}[\"']?(?i:"
    + _HMAC
    + rb")[\"']?\s{0,50};"
)
_KNOT = re.compile(
    rb"(?i:algorithm):[ \t]*[\"']?(?i:"
    + _HMAC
    + rb")[\"']?[ \t]*\r?\n\s{0,200}secret:[ \t]*[\"']?"
    + _BASE64
    + rb"(?![\w+/])"
)
_PRIVATE_FILE = re.compile(
    rb"Private-key-format: v1\.\d\r?\nAlgorithm: \d{1,3} \((HMAC[A-Z0-9_]{1,20})\)\r?\nKey: " + _BASE64 + rb"(?![\w+/])"
)
_SHORTEST = 8  # bytes
_FEWEST_VALUES = 5


def detect(content: bytes, _surroundings: Surroundings) -> Iterator[Detection]:
    """Every secret that stands next to the name of an HMAC algorithm."""
    for form, secret_group in ((_BIND, 2), (_BIND_TURNED, 1), (_KNOT, 2), (_PRIVATE_FILE, 2)):
        for match in form.finditer(content):
            key = _secret(match[secret_group])
            if key is not None:
                algorithm = match[3 - secret_group].decode().lower().replace("_", "-")
                span = match.span(secret_group)
                yield Detection(Material.TSIG_KEY, Confidential(key), *span, description=algorithm)


def _secret(text: bytes) -> bytes | None:
    """The decoded secret; words that happen to be base64 (``your+secret``) decode to few or odd bytes and are none."""
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
    word = text.isalpha() and (text.islower() or text.isupper())
    return None if word or len(key) < _SHORTEST or len(set(key)) < _FEWEST_VALUES else key


DETECTOR = Detector(
    "tsig",
    (
        Signature(rb"algorithm:?\s{1,50}[\"']?hmac-(?:md5|sha)", literal=False, ignore_case=True),
        Signature(b"(HMAC_SHA"),
        Signature(b"(HMAC_MD5)"),
    ),
    detect,
)
