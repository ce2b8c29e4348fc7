"""Private keys in DER: PKCS#1 (RFC 8017), SEC 1 (RFC 5915), OpenSSL's DSA, PKCS#8 plain and encrypted (RFC 5958)."""

from dataclasses import replace

from harden_secrets.confidential import Confidential
from harden_secrets.detect import der, pair
from harden_secrets.detect.pair import Pair
from harden_secrets.detect.recognised import DAMAGED, Recognised

_RSA = {"1.2.840.113549.1.1.1", "1.2.840.113549.1.1.10", "2.5.8.1.1"}  # rsaEncryption, PSS, and what X.509 called it
_DSA = "1.2.840.10040.4.1"
_EC = "1.2.840.10045.2.1"
_DH = {"1.2.840.113549.1.3.1", "1.2.840.10046.2.1"}
_PBES2 = "1.2.840.113549.1.5.13"
_PBES1 = ("1.2.840.113549.1.5.", "1.2.840.113549.1.12.1.")
_EC_SIZES = (32, 48, 66)
_LARGEST = 1 << 17  # bytes; the largest RSA keys have twelve thousand
_SHORTEST_CIPHERTEXT = 40


def private_key(data: bytes) -> Recognised | None:
    """The private key that the DER element at the start of the bytes is, whichever of the formats; None if none."""
    if data[:1] != b"\x30":
        return None
    try:
        outer = der.read(data[:_LARGEST])
        parts = outer.parts()
        return _by_shape(outer, parts)
    except der.MalformedError:
        return None


def _by_shape(outer: der.Element, parts: list[der.Element]) -> Recognised | None:
    """What the tags of the first elements say: no two of the formats have the same ones."""
    tags = bytes(part.tag for part in parts[:4])
    found: Recognised | Pair | None = None
    if tags[:3] == bytes((der.INTEGER, der.SEQUENCE, der.OCTET_STRING)):
        found = _pkcs8(parts)
    elif tags[:2] == bytes((der.INTEGER, der.OCTET_STRING)):
        found = _sec1(parts)
    elif tags[:2] == bytes((der.SEQUENCE, der.OCTET_STRING)) and len(parts) == 2:
        found = _encrypted(outer, parts)
    elif tags == bytes((der.INTEGER,)) * 4:
        found = _numbers(parts)
    if isinstance(found, Pair):
        return Recognised.of_pair(found, damaged=not outer.complete)
    return found


def _numbers(parts: list[der.Element]) -> Pair | None:
    """RSAPrivateKey, or the six numbers of a DSA key; as many of them as are whole."""
    whole = [part for part in parts if part.tag == der.INTEGER and part.complete][:9]
    numbers = [part.number() for part in whole]
    if len(numbers) == 6 and len(parts) == 6 and numbers[0] == 0:
        p, q, g, y, x = numbers[1:]
        found = pair.dsa(p, q, g, x, y)
        if found is not None:
            return found
    if len(numbers) < 4 or numbers[0] not in (0, 1):
        return None
    p, q = (*numbers[4:6], 0, 0)[:2]
    found = pair.rsa(numbers[1], numbers[2], numbers[3], (p, q))
    # Of more than two primes the first two do not multiply to the modulus, which does not make the key damaged.
    return replace(found, damaged=False) if found is not None and numbers[0] == 1 else found


def _sec1(parts: list[der.Element], curve: str = "") -> Recognised | Pair | None:
    """ECPrivateKey; the curve is inside or, in PKCS#8, outside."""
    if parts[0].number() != 1:
        return None
    point = None
    for part in parts[2:]:
        if part.tag == 0xA0 and part.complete:
            curve = _curve(part.content) or curve
        elif part.tag == 0xA1 and part.complete:
            point = der.read(part.content).octets(der.BIT_STRING)[1:]
    private = parts[1].octets()
    if curve:
        return pair.ec(curve, private, point)
    return _without_curve(private) if len(parts) <= 3 and point is None else None


def _without_curve(private: bytes) -> Recognised | None:
    """A number that was cut off before the name of its curve, of which there are several of the same size."""
    if len(private) not in _EC_SIZES or len(set(private)) < 16:
        return None
    return Recognised(Confidential(private), f"ec of {len(private) * 8} bits, {DAMAGED}")


def _curve(parameters: bytes) -> str:
    """The name of the curve; spelled-out parameters (SEC 1, C.2) are known by the order of their group."""
    if parameters[:1] == b"\x30":
        explicit = der.read(parameters).parts()
        return _ORDERS.get(explicit[4].number(), "") if len(explicit) > 4 else ""
    return der.dotted(der.read(parameters).octets(der.OID))


# The orders of the groups of P-256, secp256k1, P-384 and P-521: SEC 2, version 2.
_ORDERS = {
    0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551: "1.2.840.10045.3.1.7",
    0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141: "1.3.132.0.10",
    2**384 - 0x389CB27E0BC8D220A7E5F24DB74F58851313E695333AD68D: "1.3.132.0.34",
    2**521 - 0x5AE79787C40D069948033FEB708F65A2FC44A36477663B851449048E16EC79BF7: "1.3.132.0.35",
}


def _pkcs8(parts: list[der.Element]) -> Recognised | Pair | None:
    """PrivateKeyInfo and OneAsymmetricKey: the algorithm says how to read the octets."""
    if parts[0].number() not in (0, 1):
        return None
    algorithm = parts[1].parts()
    name = der.dotted(algorithm[0].octets(der.OID)) if algorithm else ""
    inner = parts[2].content
    if name in _RSA:
        return _numbers(der.read(inner).parts())
    if name == _EC:
        curve = _curve(_parameters(algorithm)) if len(algorithm) > 1 else ""
        found = der.read(inner).parts()
        return _sec1(found, curve) if len(found) > 1 else None
    if name in pair.EDWARDS:
        return pair.edwards(pair.EDWARDS[name][0], der.read(inner).octets())
    if name == _DSA and len(algorithm) > 1:
        p, q, g = (part.number() for part in algorithm[1].parts()[:3])
        return pair.dsa(p, q, g, der.read(inner).number())
    return _other(name, parts)


def _parameters(algorithm: list[der.Element]) -> bytes:
    return der.encode(algorithm[1].tag, algorithm[1].content)


def _other(name: str, parts: list[der.Element]) -> Recognised | None:
    """Well-formed, of an algorithm that we cannot count with: Diffie-Hellman, GOST, ML-DSA. The octets are its name."""
    octets = parts[2].octets()
    if not name.startswith(("1.", "2.")) or len(octets) < 16 or len(set(octets)) < 8:
        return None
    called = "diffie-hellman" if name in _DH else f"algorithm {name}"
    return Recognised(Confidential(der.oid(name) + octets), called)


def _encrypted(outer: der.Element, parts: list[der.Element]) -> Recognised | None:
    """EncryptedPrivateKeyInfo: known by the OIDs of password-based encryption. What it holds nobody sees."""
    algorithm = parts[0].parts()
    name = der.dotted(algorithm[0].octets(der.OID)) if algorithm else ""
    if name != _PBES2 and not name.startswith(_PBES1):
        return None
    if not outer.complete or len(parts[1].octets()) < _SHORTEST_CIPHERTEXT:
        return None
    return Recognised(Confidential(der.encode(outer.tag, outer.content)), "encrypted", protected=True)
