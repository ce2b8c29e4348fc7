"""kubeconfig files with a credential in them: a token, a client's private key, a password.

One that runs a program for its credentials, or names files, holds none. Source: the type `Config` of
k8s.io/client-go/tools/clientcmd/api/v1.
"""

import base64
import binascii
import re
from collections.abc import Iterator

from harden_secrets.confidential import Confidential
from harden_secrets.detect import quiet
from harden_secrets.detect.filekind import is_code
from harden_secrets.detect.tokens import jwt
from harden_secrets.detect.tokens.form import compiled
from harden_secrets.material import PAIR, Detection, Detector, Material, Signature, Surroundings

_QUOTE = rb"\\?[\"']?"
_KIND = rb"kind" + _QUOTE + rb"\s{0,4}:\s{0,4}" + _QUOTE + rb"Config\b"
_USERS = rb"(?:^|[\s{,\"'\\])users" + _QUOTE + rb"\s{0,4}:"
_CREDENTIAL = (
    rb"(?<![A-Za-z0-9_-])(?P<name>token|client-key-data|password)" + _QUOTE + rb"\s{0,4}:\s{0,4}" + _QUOTE
    + rb"(?P<value>[^\s\"'\\,{}]{4,60000})"
)  # fmt: skip
_NAMES = frozenset({"token", "client-key-data", "password"})
_SHORTEST = 8
_NEAR = 500  # bytes
_KEY_BLOCK = re.compile(rb"-----BEGIN (?:[A-Z]{2,4} )?PRIVATE KEY-----(.+?)-----END", re.DOTALL)


def detect(content: bytes, surroundings: Surroundings) -> Iterator[Detection]:
    """Every literal credential of the users of such a file."""
    if surroundings.object_kind == "Config" and surroundings.name in _NAMES:
        value = content.strip()
        if len(value) >= _SHORTEST and not quiet.is_quiet(value.decode("latin-1")):
            yield from _detection(surroundings.name, value, content.index(value))
        return
    if b"users" not in content or not compiled(_KIND).search(content) or not compiled(_USERS).search(content):
        return
    code = is_code(surroundings.file)
    for match in compiled(_CREDENTIAL).finditer(content):
        value = match["value"]
        if code and not compiled(_USERS).search(content, max(0, match.start() - _NEAR), match.start()):
            continue  # a program has more than the one text
        if len(value) >= _SHORTEST and not quiet.is_quiet(value.decode("latin-1")):
            yield from _detection(match["name"].decode(), value, match.start("value"))


def _detection(name: str, value: bytes, start: int) -> Iterator[Detection]:
    end = start + len(value)
    if name == "client-key-data":
        public = _public_half(value)
        if public is not None:
            yield Detection(
                Material.KUBECONFIG, Confidential(public), start, end, "client key", public=public, family=PAIR
            )
        return
    # A token that is also known by itself keeps the fingerprint that it has elsewhere.
    itself = next(iter(jwt.detect(value, Surroundings())), None)
    family = str(itself.material) if itself else ""
    if itself or quiet.is_strong(value.decode("latin-1")):  # and not `admin-token`
        yield Detection(Material.KUBECONFIG, Confidential(value), start, end, name, family=family)


def _public_half(value: bytes) -> bytes | None:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - loads a big library
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - the same

    try:
        block = _KEY_BLOCK.search(base64.b64decode(value))
        key = serialization.load_pem_private_key(base64.b64decode(value), None) if block else None
    except (binascii.Error, ValueError, TypeError, UnsupportedAlgorithm):
        return None
    if key is None:
        return None
    encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(encoding, form)


DETECTOR = Detector(
    "kubeconfig",
    (
        Signature(b"client-key-data"),
        Signature(b"current-context"),
        Signature(rb"kind[\"']?: {0,4}[\"']?Config[\s\"',]", literal=False, encoded=False),
    ),
    detect,
)
