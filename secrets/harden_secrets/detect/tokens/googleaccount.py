"""Keys of Google Cloud's service accounts: the JSON file with a private key in PEM."""

import base64
import binascii
import re
from collections.abc import Iterator

from harden_secrets.confidential import Confidential
from harden_secrets.detect.siblings import sibling
from harden_secrets.material import PAIR, Detection, Detector, Material, Signature, Surroundings

_PEM = rb"-----BEGIN PRIVATE KEY-----(?P<body>[A-Za-z0-9+/=\s\\nr]{60,20000})-----END PRIVATE KEY-----"
_IN_TEXT = re.compile(rb"\\?\"private_key\\?\"\s*:\s*\\?\"(?P<pem>" + _PEM + rb")")
_ACCOUNT = re.compile(rb"\\?\"type\\?\"\s*:\s*\\?\"service_account\\?\"")


def detect(content: bytes, surroundings: Surroundings) -> Iterator[Detection]:
    """The private key in such a file, known by the public half, as every other copy of the key is."""
    if surroundings.name == "private_key" and sibling(surroundings, "type") == b"service_account":
        found = re.search(rb"(?P<pem>" + _PEM + rb")", content)
        if found:
            yield from _key(found)
    if b"service_account" in content and _ACCOUNT.search(content):
        for match in _IN_TEXT.finditer(content):
            yield from _key(match)


def _key(match: re.Match[bytes]) -> Iterator[Detection]:
    public = _public_half(re.sub(rb"\\+[nr]|\s", b"", match["body"]))
    if public is not None:
        start, end = match.span("pem")
        yield Detection(
            Material.CLOUD_CREDENTIAL,
            Confidential(public),
            start,
            end,
            "Google Cloud service account key",
            public=public,
            family=PAIR,
        )


def _public_half(body: bytes) -> bytes | None:
    """The SubjectPublicKeyInfo of a PKCS#8 key in base64."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - loads a big library
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - the same

    try:
        key = serialization.load_der_private_key(base64.b64decode(body), None)
    except (binascii.Error, ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


DETECTOR = Detector("google-service-account", (Signature(b'"service_account"'),), detect)
