"""Keys of TSIG (RFC 8945) as name servers have them: BIND's ``key`` statement, Knot's and NSD's, and ``K*.private``.

rndc keys have the form of BIND's. Only HMAC algorithms: others are no shared secrets.
"""

import base64
import binascii
import re
from collections.abc import Iterator

from harden_secrets.confidential import Confidential
from harden_secrets.material import Detection, Detector, Material, Signature, Surroundings

_HMAC = rb"(?i:(hmac-(?:md5(?:\.sig-alg\.reg\.int)?|sha(?:1|224|256|384|512)(?:-\d{2,3})?))\.?)"
_BASE64 = rb"([A-Za-z0-9+/]{8,200}={0,2})"
_BLANK = rb"(?:\s|\\[nrt])"  # or an escaped one
_QUOTE = rb"(?:\\{0,8}[\"'])?"
_LINE = rb"(?:\r?\n|\\r\\n|\\n)[ \t]{0,64}"
_ALGORITHM = rb"(?i:algorithm)" + _BLANK + rb"{1,50}" + _QUOTE + _HMAC + _QUOTE + _BLANK + rb"{0,200};"
_SECRET = rb"(?i:secret)" + _BLANK + rb"{1,50}" + _QUOTE + _BASE64 + _QUOTE + _BLANK + rb"{0,50};"
_BETWEEN = _BLANK + rb"{0,200}"
_BIND = re.compile(_ALGORITHM + _BETWEEN + _SECRET)
_BIND_TURNED = re.compile(_SECRET + _BETWEEN + _ALGORITHM)
_KNOT = re.compile(
    rb"(?i:algorithm):[ \t]*"
    + _QUOTE
    + _HMAC
    + _QUOTE
    + rb"[ \t]*"
    + _LINE
    + rb"secret:[ \t]*"
    + _QUOTE
    + _BASE64
    + rb"(?![\w+/])"
)
_PRIVATE_FILE = re.compile(
    rb"Private-key-format: v1\.\d"
    + _LINE
    + rb"Algorithm: \d{1,3} \((HMAC[A-Z0-9_]{1,20})\)"
    + _LINE
    + rb"Key: "
    + _BASE64
    + rb"(?![\w+/])"
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
        Signature(rb"algorithm:?\s{1,50}[\"']?hmac-(?:md5|sha)", literal=False, encoded=False, ignore_case=True),
        *(Signature(b"algorithm" + between + b"hmac-") for between in (b" ", b": ", b' "', b': "')),
        Signature(b"(HMAC_SHA"),
        Signature(b"(HMAC_MD5)"),
    ),
    detect,
)
