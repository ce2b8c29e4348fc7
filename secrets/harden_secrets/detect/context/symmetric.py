"""Symmetric keys: random bytes of a cipher's key length, where name and surroundings say that they are one."""

import base64
import binascii
import re
from collections.abc import Iterator

from harden_secrets.confidential import Confidential
from harden_secrets.detect import quiet
from harden_secrets.detect.filekind import is_binary, is_illustration, is_settings
from harden_secrets.detect.settings import MARKS, OF_SECRET, settings, with_digit
from harden_secrets.detect.tokens.form import compiled
from harden_secrets.material import Detection, Detector, Material, Signature, Surroundings

_LENGTHS = frozenset({16, 24, 32, 48, 64})
_CEPH_LENGTH = 28  # kind (2 bytes), time (8), length (2), the key
_NAMES = (
    rb"(?:encryption|encrypt|crypto|cipher|aes|fernet|master|data|kek|dek|cookie|session|storage|backup|at[_-]?rest|app)"
    rb"[_-]?(?:enc(?:ryption)?[_-]?)?(?:key|secret)|secret[_-]?key(?:[_-]?base)?"
)
_NAME = re.compile(rb"(?:" + _NAMES + rb")(?:[_.-]?(?:base64|b64|hex|v?[0-9]{1,2}))?$", re.IGNORECASE)
_VALUE = re.compile(rb"(?:base64:)?[A-Za-z0-9+/_-]{22,128}={0,2}")
# Kubernetes' encryption at rest (apiserver.config.k8s.io EncryptionConfiguration): providers with named keys.
_BASE64_KEY = rb"(?P<key>[A-Za-z0-9+/]{22}==|[A-Za-z0-9+/]{32}|[A-Za-z0-9+/]{43}=)(?![A-Za-z0-9+/=])"
_AT_REST = rb"[\s{,\"'-]secret[\"']?\s{0,4}:\s{0,4}[\"']?" + _BASE64_KEY
_CEPH = rb"(?<![A-Za-z0-9+/])(?P<key>A[QR][A-Za-z0-9+/]{36}==)(?![A-Za-z0-9+/=])"


def detect(content: bytes, surroundings: Surroundings) -> Iterator[Detection]:
    """Keys of Kubernetes' encryption at rest, of Ceph, and of settings such as ``ENCRYPTION_KEY``."""
    if b"EncryptionConfig" in content:
        for match in compiled(_AT_REST).finditer(content):
            yield from _key(match["key"], match.start("key"), "encryption at rest of Kubernetes", certain=True)
    if b"==" in content and (b"AQ" in content or b"AR" in content):
        for match in compiled(_CEPH).finditer(content):
            if _is_ceph(match["key"]):
                yield from _key(match["key"], match.start("key"), "Ceph", certain=True)
    file = surroundings.file
    if is_settings(file) and not is_illustration(file) and not is_binary(content):
        yield from _settings(content, surroundings)


def _settings(content: bytes, surroundings: Surroundings) -> Iterator[Detection]:
    text = content.strip()
    if surroundings.name and _NAME.search(surroundings.name.encode()) and _VALUE.fullmatch(text):
        yield from _key(text, content.index(text), "")
        return
    for setting in settings(content):
        value = content[setting.start : setting.end]
        if _VALUE.fullmatch(value) and _NAME.search(setting.name.encode()):
            yield from _key(value, setting.start, "")


def _key(text: bytes, start: int, description: str, *, certain: bool = False) -> Iterator[Detection]:
    key = _bytes_of(text.removeprefix(b"base64:"))
    if key is None or quiet.is_dummy_token(text.decode()) or not (certain or _is_random(text.decode(), key)):
        return
    bits = f"{len(key) * 8} bits"
    description = f"{bits}, {description}" if description else bits
    yield Detection(Material.SYMMETRIC_KEY, Confidential(key), start, start + len(text), description)


def _is_random(text: str, key: bytes) -> bool:
    # Base64 of a sentence is base64 too: a key has bytes of all kinds, and its text digits and both cases.
    printable = sum(32 <= byte < 127 for byte in key)
    hexadecimal = re.fullmatch(r"[0-9a-fA-F]+", text) is not None
    mixed = any(map(str.isdigit, text)) and (hexadecimal or (not text.islower() and not text.isupper()))
    return mixed and len(set(key)) >= len(key) * 0.5 and printable < len(key) * 0.85 and quiet.entropy(text) > 2.8


def _bytes_of(text: bytes) -> bytes | None:
    """The key's bytes, from hexadecimal or base64, if they are as many as a cipher takes."""
    try:
        if re.fullmatch(rb"[0-9a-fA-F]+", text):
            key = bytes.fromhex(text.decode())
        else:
            key = base64.b64decode(
                text + b"=" * (-len(text) % 4), altchars=b"-_" if b"-" in text or b"_" in text else None
            )
    except (ValueError, binascii.Error):
        return None
    return key if len(key) in _LENGTHS or len(key) == _CEPH_LENGTH else None


def _is_ceph(text: bytes) -> bool:
    key = base64.b64decode(text)
    return len(key) == _CEPH_LENGTH and key[:2] in {b"\1\0", b"\2\0"} and key[10:12] == b"\x10\0"


DETECTOR = Detector(
    "symmetric-key",
    (
        Signature(b"apiserver.config.k8s.io/"),
        Signature(
            rb"(?:"
            + _NAMES
            + rb")[a-z0-9_.-]{0,7}"
            + MARKS
            + rb"\s{0,4}[:=]\s{0,4}"
            + MARKS
            + rb"(?:base64:)?"
            + with_digit(rb"[A-Za-z0-9+/_-]", 22, 43),
            literal=False,
            encoded=False,
            ignore_case=True,
        ),
        # Ten bytes, then the length 16: where it begins gives the characters that are always the same.
        Signature(rb"A[QR][A-Za-z0-9+/]{11}[BRhx]AA[A-Za-z0-9+/]{22}==", literal=False, encoded=False),
        OF_SECRET,
    ),
    detect,
)
