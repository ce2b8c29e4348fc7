"""JSON Web Tokens (RFC 7519, RFC 7515 compact form), the tokens of Kubernetes' service accounts among them."""

import base64
import binascii
import datetime
import json
from collections.abc import Iterator
from typing import Any

from harden_secrets.confidential import Confidential
from harden_secrets.detect.tokens.form import compiled
from harden_secrets.material import Detection, Detector, Material, Severity, Signature, Surroundings

_TOKEN = rb"(?<![A-Za-z0-9_-])e[wy][A-Za-z0-9_-]{10,8000}\.e[wy][A-Za-z0-9_-]{2,60000}\.[A-Za-z0-9_-]{20,2000}"
_LEGACY_ISSUER = "kubernetes/serviceaccount"
_SUBJECT = "system:serviceaccount:"


def detect(content: bytes, surroundings: Surroundings) -> Iterator[Detection]:
    """Signed tokens whose header and payload are JSON objects; not those that say that they are public or a sample."""
    if surroundings.object_kind == "Config":  # a kubeconfig: as below
        return
    if b"ey" not in content and b"ew" not in content:
        return
    for match in compiled(_TOKEN).finditer(content):
        if _of_kubeconfig(content, match.start()):
            continue
        header, payload, _signature = match[0].split(b".")
        claims = _json(payload)
        if claims is None or not _signed(_json(header)) or _is_public(claims):
            continue
        yield _detection(match[0], match.start(), match.end(), claims)


def _of_kubeconfig(content: bytes, start: int) -> bool:
    """Whether it is the token of a user in a kubeconfig: the finding should be called that."""
    name = compiled(rb"\btoken\W{1,12}\Z").search(content, max(0, start - 30), start)
    return name is not None and compiled(rb"\bkind\W{1,12}Config\b").search(content) is not None


def _detection(token: bytes, start: int, end: int, claims: dict[str, Any]) -> Detection:
    account = _is_service_account(claims)
    material = Material.SERVICE_ACCOUNT_TOKEN if account else Material.JWT
    severity = Severity.HIGH if account and "exp" not in claims else Severity.MEDIUM
    return Detection(material, Confidential(token), start, end, _expiry(claims), severity=severity)


def _signed(header: dict[str, Any] | None) -> bool:
    algorithm = header.get("alg") if header else None
    return isinstance(algorithm, str) and algorithm.lower() != "none"


def _is_service_account(claims: dict[str, Any]) -> bool:
    subject = claims.get("sub")
    bound = isinstance(claims.get("kubernetes.io"), dict) and "serviceaccount" in claims["kubernetes.io"]
    return claims.get("iss") == _LEGACY_ISSUER or bound or (isinstance(subject, str) and subject.startswith(_SUBJECT))


def _is_public(claims: dict[str, Any]) -> bool:
    """The token of the RFCs and of jwt.io, and the keys that Supabase means to be in every browser."""
    if claims.get("sub") == "1234567890" and claims.get("name") in {"John Doe", None}:
        return True
    return claims.get("http://example.com/is_root") is True or claims.get("role") == "anon"


def _expiry(claims: dict[str, Any]) -> str:
    expires = claims.get("exp")
    if not isinstance(expires, int | float) or isinstance(expires, bool):
        return "never expires"
    try:
        day = datetime.datetime.fromtimestamp(expires, datetime.UTC).date()
    except (ValueError, OverflowError, OSError):
        return "expires at an impossible time"
    return f"expires {day}"


def _json(part: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


DETECTOR = Detector(
    "jwt",
    (
        Signature(b"eyJhbGciOi"),  # {"alg":
        Signature(b"eyJ0eXAiOi"),  # {"typ":
        Signature(b"eyJraWQiOi"),  # {"kid":
        Signature(rb"e[wy][A-Za-z0-9_-]{16}[A-Za-z0-9_-]*\.e[wy][A-Za-z0-9_-]{16}", literal=False, encoded=False),
    ),
    detect,
)
