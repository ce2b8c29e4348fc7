"""Tokens of Vault and OpenBao, and the shares that unseal them."""

import base64
import binascii
import re
from collections.abc import Iterator

from harden_secrets.confidential import Confidential
from harden_secrets.detect import quiet
from harden_secrets.detect.settings import MARKS, OF_SECRET
from harden_secrets.detect.tokens.form import SEPARATOR, compiled
from harden_secrets.material import Detection, Detector, Material, Signature, Surroundings

# Vault since 1.10: a root token has 24 characters after the dot, others 91 and more.
_PREFIXED = rb"(?<![A-Za-z0-9_.-])hv[sbr]\.[A-Za-z0-9_-]{24,300}(?![A-Za-z0-9_-])"
# OpenBao, and Vault before: too plain without a name.
_PLAIN = rb"[sbr]\.[A-Za-z0-9]{24}(?:\.[A-Za-z0-9]{5,6})?|b\.AAAAA[A-Za-z0-9_-]{60,400}"
_NAMES = rb"(?:vault|bao|root|client|initial[ _-]root|x-vault)[ _-]?token"
_NAMED = rb"(?i:token)" + SEPARATOR + rb"\s{0,8}(?P<token>" + _PLAIN + rb")(?![A-Za-z0-9_.-])"
_OWNER = rb"(?i)(?:vault|bao|root|client)[ _-]?\Z"

_FORM = rb"(?P<share>[A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{44}|[0-9a-f]{64}(?:[0-9a-f]{2})?)(?![A-Za-z0-9+/=])"
_SHARE_TEXT = (
    rb"(?i:(?:unseal|recovery)[ _-]key(?:[ _-]?\(?(?:share )?[0-9]{0,3}\)?)?)[\"']?\s{0,4}[:=]\s{0,4}[\"']?" + _FORM
)
_SHARE_LISTS = rb"(?:unseal_keys|recovery_keys|keys)(?:_b64|_base64|_hex)?"
_SHARE_LIST = (
    rb"[\"']?" + _SHARE_LISTS + rb"[\"']?\s*[:=]\s*(?P<list>\[[^\]]{40,4000}\]|(?:\s*-\s+[^\n]{40,80}\n?){1,20})"
)
_SHARE = rb"(?<![A-Za-z0-9+/=])" + _FORM
_SHARE_NAME = re.compile(
    r"(?:unseal|recovery)[ _-]?keys?|^keys_base64$|^(?:unseal|recovery)_keys_(?:b64|hex)$", re.IGNORECASE
)


def detect_tokens(content: bytes, surroundings: Surroundings) -> Iterator[Detection]:
    """``hvs.…`` and its kind anywhere; ``s.…`` where the name says that it is a token of Vault."""
    text = content.strip()
    named = re.search(rb"(?i)" + _NAMES + rb"|vault-token$", surroundings.name.encode() or surroundings.file.encode())
    if named and compiled(_PLAIN).fullmatch(text):
        start = content.index(text)
        yield from _token(text, start, start + len(text))
    if b"hv" in content:
        for match in compiled(_PREFIXED).finditer(content):
            yield from _token(match[0], *match.span())
    if b"oken" in content or b"OKEN" in content:
        for match in compiled(_NAMED).finditer(content):
            if compiled(_OWNER).search(content, max(0, match.start() - 12), match.start()):
                yield from _token(match["token"], *match.span("token"))


def _token(token: bytes, start: int, end: int) -> Iterator[Detection]:
    if quiet.looks_random(token.partition(b".")[2].decode()):
        kinds = {b"s": "service token", b"b": "batch token", b"r": "recovery token"}
        kind = kinds[token.partition(b".")[0][-1:]]
        yield Detection(Material.VAULT_TOKEN, Confidential(token), start, end, kind)


def detect_shares(content: bytes, surroundings: Surroundings) -> Iterator[Detection]:
    """Unseal and recovery keys: what ``vault operator init`` prints, as text and as JSON, and fields of such names."""
    text = content.strip()
    if _SHARE_NAME.search(surroundings.name) and compiled(_SHARE).fullmatch(text):
        yield from _share(text, content.index(text))
    lowered = content.lower()
    if b"unseal" in lowered or b"recovery" in lowered:
        for match in compiled(_SHARE_TEXT).finditer(content):
            yield from _share(match["share"], match.start("share"))
    if b"keys" in content and (b"root_token" in content or b"unseal" in lowered or b"recovery_keys" in content):
        for group in compiled(_SHARE_LIST).finditer(content):
            for match in compiled(_SHARE).finditer(content, *group.span("list")):
                yield from _share(match["share"], match.start("share"))


def _share(text: bytes, start: int) -> Iterator[Detection]:
    share = _bytes_of(text)
    # A share has the 32 bytes of the key and its number; the whole key, where it was not split, has 32.
    if share is not None and len(share) in {32, 33} and quiet.looks_random(text.decode()):
        yield Detection(Material.VAULT_UNSEAL_SHARE, Confidential(share), start, start + len(text))


def _bytes_of(text: bytes) -> bytes | None:
    try:
        if len(text) in {64, 66}:
            return bytes.fromhex(text.decode())
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None


VAULT_DETECTORS = (
    Detector(
        "vault-token",
        (
            OF_SECRET,
            Signature(b"hvs."),
            Signature(b"hvb."),
            Signature(b"hvr."),
            Signature(
                _NAMES + MARKS + rb"[\s:=]{1,8}" + MARKS + rb"[sbr]\.[A-Za-z0-9]{24}",
                literal=False,
                encoded=False,
                ignore_case=True,
            ),
        ),
        detect_tokens,
    ),
    Detector(
        "vault-unseal-share",
        (
            Signature(
                rb"""(?:unseal|recovery)[ _-]key[ _-]?[0-9(]{0,3}\)?"""
                + MARKS
                + rb"\s{0,4}[:=]\s{0,4}"
                + MARKS
                + rb"[a-z0-9+/]{43}",
                literal=False,
                encoded=False,
                ignore_case=True,
            ),
            OF_SECRET,
            Signature(b"unseal_keys_"),
            Signature(b"recovery_keys_"),
            Signature(b"keys_base64"),
        ),
        detect_shares,
    ),
)
