"""PKCS#12 stores (RFC 7292) that hold a private key, with or without a password. Certificates alone are none.

A store with an empty password is as good as open, so that one is tried; others are not guessed.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from harden_secrets.confidential import Confidential
from harden_secrets.detect import der
from harden_secrets.detect.privatekey import private_key
from harden_secrets.detect.recognised import Recognised
from harden_secrets.material import Detection, Detector, Material, Signature, Surroundings

_DATA = der.oid("1.2.840.113549.1.7.1")[2:]
_ENCRYPTED_DATA = der.oid("1.2.840.113549.1.7.6")[2:]
_BAG = der.oid("1.2.840.113549.1.12.10.1.1")[2:-1]  # the last octet says which
_KEY_BAG, _SHROUDED_KEY_BAG, _SECRET_BAG = b"\x01", b"\x02", b"\x05"
_INDEFINITE = b"\x30\x80\x02\x01\x03\x30\x80\x06\x09" + _DATA
_LARGEST_OPENED = 1 << 20
_MOST_BAGS = 1024


@dataclass(frozen=True, slots=True)
class _Bags:
    """What can be seen without a password: keys in the clear, and whether there may be encrypted ones."""

    keys: tuple[Recognised, ...]
    shrouded: bool
    hidden: bool  # a whole safe is encrypted


def detect(content: bytes, _surroundings: Surroundings) -> Iterator[Detection]:
    """The store that the content begins with."""
    if content[:1] != b"\x30":
        return
    end = len(content)
    if content.startswith(_INDEFINITE):
        found = _unparsed(content)
    else:
        try:
            outer = der.read(content)
            found = _store(content[: outer.end], outer) if outer.complete else None
        except der.MalformedError:
            return
        end = min(outer.end, end)
    if found is not None:
        yield found.detection(Material.PKCS12, 0, end)


def _store(content: bytes, outer: der.Element) -> Recognised | None:
    parts = outer.parts()
    if bytes(part.tag for part in parts[:2]) != b"\x02\x30" or parts[0].number() != 3:
        return None
    bags = _bags(parts[1])
    if bags.keys:
        return bags.keys[0].called(f"{bags.keys[0].description}, no password")
    if not bags.shrouded and not bags.hidden:
        return None
    opened = _opened(content)
    if opened is not None:
        return opened.called(f"{opened.description}, empty password")
    return Recognised(Confidential(content), "encrypted", protected=True) if bags.shrouded else None


def _bags(info: der.Element) -> _Bags:
    """The bags of all safes that are not encrypted."""
    keys: list[Recognised] = []
    shrouded = hidden = False
    for safe in der.read(_octets(info, _DATA)).parts():
        kind = der.read(safe.octets(der.SEQUENCE)).octets(der.OID)
        if kind == _ENCRYPTED_DATA:
            hidden = True
        if kind != _DATA:
            continue
        for bag in der.read(_octets(safe, _DATA)).parts()[:_MOST_BAGS]:
            parts = bag.parts()
            which = parts[0].octets(der.OID).removeprefix(_BAG) if len(parts) > 1 else b""
            shrouded |= which in {_SHROUDED_KEY_BAG, _SECRET_BAG}
            key = private_key(parts[1].content) if which == _KEY_BAG else None
            keys.extend([key] if key is not None else [])
    return _Bags(tuple(keys), shrouded, hidden)


def _octets(info: der.Element, kind: bytes) -> bytes:
    """What a ContentInfo of this kind wraps in an OCTET STRING."""
    parts = info.parts()
    if len(parts) != 2 or parts[0].octets(der.OID) != kind:
        raise der.MalformedError("not the content expected")
    return der.read(parts[1].octets(0xA0)).octets()


def _opened(content: bytes) -> Recognised | None:
    from harden_secrets.detect import opening  # noqa: PLC0415 - loads `cryptography`

    if len(content) > _LARGEST_OPENED or not opening.is_cheap(content):
        return None
    key = opening.without_password(content)
    return private_key(key) if key is not None else None


def _unparsed(content: bytes) -> Recognised | None:
    """BER with lengths left open, as old programs write: the name of an encrypted bag must do."""
    if _BAG + _SHROUDED_KEY_BAG not in content[:_LARGEST_OPENED]:
        return None
    return Recognised(Confidential(content), "encrypted", protected=True)


DETECTOR = Detector(
    "pkcs12",
    (
        Signature(b"\x06\x09" + _DATA + b"\xa0\x82"),
        Signature(rb"\A\x30(?:\x81.|\x82[\x00-\xff]{2}|\x80)?\x02\x01\x03\x30", literal=False, encoded=False),
    ),
    detect,
)
