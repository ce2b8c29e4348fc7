"""The data types of SSH (RFC 4251, 5) and public keys written with them (RFC 4253, 6.6; RFC 5656; RFC 8709)."""

from harden_secrets.detect import pair

_ECDSA = "ecdsa-sha2-"
# What SSH calls the curves, and their object identifiers.
SSH_CURVES = {
    "nistp256": "1.2.840.10045.3.1.7",
    "nistp384": "1.3.132.0.34",
    "nistp521": "1.3.132.0.35",
}
_LONGEST_STRING = 1 << 17


class CutOffError(ValueError):
    """The bytes end before the value does, or it is absurdly long."""


class Reader:
    """Reads values one after the other; every method raises CutOffError where the value is not all there."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self) -> int:
        """A ``uint32``."""
        return int.from_bytes(self.octets(4), "big")

    def string(self) -> bytes:
        """A ``string``."""
        size = self.number()
        if size > _LONGEST_STRING:
            raise CutOffError
        return self.octets(size)

    def mpint(self) -> int:
        """An ``mpint`` that is not negative, of at most 16,400 bits."""
        value = self.string()
        if len(value) > 2050:
            raise CutOffError
        return int.from_bytes(value, "big")

    def octets(self, size: int) -> bytes:
        """So many bytes as they are."""
        value = self._data[self._at : self._at + size]
        if len(value) < size:
            raise CutOffError
        self._at += size
        return value

    def rest(self) -> bytes:
        """All that has not been read."""
        return self._data[self._at :]


def text(value: bytes) -> str:
    """The name of an algorithm as text; anything else becomes ``?``."""
    return value.decode() if value.isascii() and value.decode().isprintable() and len(value) <= 64 else "?"


def public_half(blob: bytes) -> tuple[str, bytes] | None:
    """A public key blob as (what to call the key, DER SubjectPublicKeyInfo); None for certificates and the unknown.

    Keys on hardware tokens (``sk-…``) have the public half of the plain kind.
    """
    try:
        reader = Reader(blob)
        return _public_half(text(reader.string()), reader)
    except CutOffError:
        return None


def _public_half(kind: str, reader: Reader) -> tuple[str, bytes] | None:
    plain = kind.removeprefix("sk-").removesuffix("@openssh.com")
    found: tuple[str, bytes] | None = None
    if plain == "ssh-rsa":
        e, n = reader.mpint(), reader.mpint()
        found = (f"rsa{n.bit_length()}", pair.rsa_public(n, e)) if n.bit_length() >= 384 and e > 1 else None
    elif plain == "ssh-dss":
        p, q, g, y = (reader.mpint() for _ in range(4))
        found = f"dsa{p.bit_length()}", pair.dsa_public(p, q, g, y)
    elif plain in {"ssh-ed25519", "ssh-ed448"}:
        found = _edwards(plain.removeprefix("ssh-"), reader.string())
    elif plain.startswith(_ECDSA):
        found = _ecdsa(text(reader.string()), reader.string())
    if found is not None and kind.startswith("sk-"):
        return f"{found[0]}, on a hardware token", found[1]
    return found


def _edwards(name: str, public: bytes) -> tuple[str, bytes] | None:
    if len(public) != pair.EDWARDS[pair.EDWARDS_OIDS[name]][1]:
        return None
    return name, pair.edwards_public(name, public)


def _ecdsa(curve: str, point: bytes) -> tuple[str, bytes] | None:
    dotted = SSH_CURVES.get(curve, "")
    name, size = pair.CURVES.get(dotted, ("", 0))
    if not size or point[:1] != b"\x04" or len(point) != 2 * size + 1:
        return None
    return name, pair.ec_public(dotted, point)
