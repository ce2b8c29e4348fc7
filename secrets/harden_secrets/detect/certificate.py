"""The public half in an X.509 certificate (RFC 5280, 4.1)."""

from harden_secrets.detect import der

_VERSION = 0xA0
_BEFORE_KEY = 5  # serial number, algorithm, issuer, validity, subject


def certified_key(certificate: bytes) -> bytes | None:
    """The DER SubjectPublicKeyInfo that the DER certificate is about; None if it is no certificate."""
    try:
        body = der.read(certificate).parts()[0]
        parts = body.parts()
        if parts and parts[0].tag == _VERSION:
            del parts[0]
        if len(parts) <= _BEFORE_KEY or parts[0].tag != der.INTEGER:
            return None
        return public_key_info(parts[_BEFORE_KEY])
    except (der.MalformedError, IndexError):
        return None


def public_key_info(element: der.Element) -> bytes | None:
    """A SubjectPublicKeyInfo as it stands there; None if the element is none."""
    parts = element.parts()
    if not element.complete or bytes(part.tag for part in parts) != bytes((der.SEQUENCE, der.BIT_STRING)):
        return None
    return der.encode(element.tag, element.content)
