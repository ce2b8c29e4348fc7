"""Key pairs: numbers proved to be a private key, and its public half as the one name of the pair.

The public half is the DER SubjectPublicKeyInfo (RFC 5280, 4.1; algorithms by RFC 3279, 5480 and 8410), written by us in
one form, so that the key has the same one in whatever format it was found.
"""

import math
from dataclasses import dataclass

from harden_secrets.detect import der

_RSA = der.sequence(der.oid("1.2.840.113549.1.1.1"), der.encode(der.NULL, b""))
_DSA = der.oid("1.2.840.10040.4.1")
_EC = der.oid("1.2.840.10045.2.1")
# Name, bytes of a coordinate. The names are those of SSH, OpenSSL and `cryptography` where these agree.
CURVES = {
    "1.2.840.10045.3.1.7": ("P-256", 32),
    "1.3.132.0.34": ("P-384", 48),
    "1.3.132.0.35": ("P-521", 66),
    "1.3.132.0.10": ("secp256k1", 32),
    "1.3.132.0.33": ("P-224", 28),
    "1.2.840.10045.3.1.1": ("P-192", 24),
    "1.3.36.3.3.2.8.1.1.7": ("brainpoolP256r1", 32),
    "1.3.36.3.3.2.8.1.1.11": ("brainpoolP384r1", 48),
    "1.3.36.3.3.2.8.1.1.13": ("brainpoolP512r1", 64),
}
# RFC 8410: name, length of private and public key.
EDWARDS = {
    "1.3.101.112": ("ed25519", 32),
    "1.3.101.110": ("x25519", 32),
    "1.3.101.113": ("ed448", 57),
    "1.3.101.111": ("x448", 56),
}
EDWARDS_OIDS = {name: dotted for dotted, (name, _size) in EDWARDS.items()}
_SMALL_PRIMES = 3 * 5 * 7 * 11 * 13 * 17 * 19 * 23 * 29 * 31 * 37 * 41 * 43 * 47  # no modulus has one
_LARGEST_MODULUS = 16384  # bits, what OpenSSL still takes


@dataclass(frozen=True, slots=True)
class Pair:
    """A private key that is really one: its public half (DER SubjectPublicKeyInfo) and what to call it.

    ``damaged`` says that parts are missing or wrong, and that the private key can be had from the rest all the same.
    """

    public: bytes
    description: str
    damaged: bool = False


def rsa(n: int, e: int, d: int | None = None, primes: tuple[int, int] | None = None) -> Pair | None:
    """The pair if the private parts belong to the public ones: the primes multiply to the modulus, or one divides it.

    Where there are no primes (``None``), or they are cut off (0), an exponent of the right size must do: to prove it
    takes a quarter of a second, which is too long for a text with ten thousand of them.
    """
    if not _plausible_rsa(n, e):
        return None
    name = f"rsa{n.bit_length()}"
    p, q = primes or (0, 0)
    if p > 1 and q > 1 and p.bit_length() + q.bit_length() <= n.bit_length() + 1 and p * q == n:
        return Pair(rsa_public(n, e), name)
    if any(1 < prime < n and n % prime == 0 for prime in (p, q)):
        return Pair(rsa_public(n, e), name, damaged=True)
    if d is not None and 0 in (p, q) and _plausible_exponent(n, e, d):
        return Pair(rsa_public(n, e), name, damaged=primes is not None)
    return None


def _plausible_rsa(n: int, e: int) -> bool:
    return 384 <= n.bit_length() <= _LARGEST_MODULUS and n & 1 == 1 and e & 1 == 1 and 3 <= e and e.bit_length() <= 256


def _plausible_exponent(n: int, e: int, d: int) -> bool:
    """Odd, and as long as the modulus but for a few bits: they are inverse modulo n over a small number.

    A DSA key cut off begins with four such numbers too, but what stands for ``e`` is long there.
    """
    fits = d & 1 == 1 and d < n and d.bit_length() >= n.bit_length() - 32
    return fits and e.bit_length() <= 64 and math.gcd(n, _SMALL_PRIMES) == 1


def dsa(p: int, q: int, g: int, x: int, y: int | None = None) -> Pair | None:
    """The pair if ``x`` is the private key of ``y`` (counted from ``x`` where it is not given)."""
    if not (512 <= p.bit_length() <= 3072 and 128 <= q.bit_length() <= 256 and 1 < g < p and 0 < x < q):
        return None
    public = pow(g, x, p)
    if y is not None and y != public:
        return None
    return Pair(dsa_public(p, q, g, public), f"dsa{p.bit_length()}")


def ec(curve: str, private: bytes, point: bytes | None = None) -> Pair | None:
    """The pair of a private number on a curve (by its dotted object identifier). ``point`` is what claims to be public.

    Curves that are not in our table are believed if there is a point of the right form.
    """
    if curve not in CURVES:
        if point is None or point[:1] != b"\x04" or len(point) != 2 * len(private) + 1 or not any(private):
            return None
        return Pair(ec_public(curve, point), f"ec {curve}")
    name, size = CURVES[curve]
    counted = _ec_point(name, private) if len(private) <= size + 1 else None
    if counted is None:
        return None
    return Pair(ec_public(curve, counted), name, damaged=point is not None and not _same_point(point, counted))


def _same_point(claimed: bytes, counted: bytes) -> bool:
    if claimed[:1] in (b"\x02", b"\x03"):  # only x, and whether y is odd
        return claimed[1:] == counted[1 : (len(counted) + 1) // 2] and claimed[0] & 1 == counted[-1] & 1
    return claimed == counted


def edwards(name: str, private: bytes, claimed: bytes | None = None) -> Pair | None:
    """The pair of an Ed25519, X25519, Ed448 or X448 private key; ``claimed`` is what stands there as public."""
    if len(private) != EDWARDS[EDWARDS_OIDS[name]][1] or len(set(private)) < 4:
        return None  # the second: zeros, an example in a document
    public = _edwards_public(name, private)
    return Pair(edwards_public(name, public), name, damaged=claimed is not None and claimed != public)


def rsa_public(n: int, e: int) -> bytes:
    """SubjectPublicKeyInfo of an RSA key."""
    return der.sequence(_RSA, der.bit_string(der.sequence(der.integer(n), der.integer(e))))


def dsa_public(p: int, q: int, g: int, y: int) -> bytes:
    """SubjectPublicKeyInfo of a DSA key."""
    parameters = der.sequence(der.integer(p), der.integer(q), der.integer(g))
    return der.sequence(der.sequence(_DSA, parameters), der.bit_string(der.integer(y)))


def ec_public(curve: str, point: bytes) -> bytes:
    """SubjectPublicKeyInfo of a point on a curve (by its dotted object identifier)."""
    return der.sequence(der.sequence(_EC, der.oid(curve)), der.bit_string(point))


def edwards_public(name: str, public: bytes) -> bytes:
    """SubjectPublicKeyInfo of an ``ed25519``, ``x25519``, ``ed448`` or ``x448`` key."""
    return der.sequence(der.sequence(der.oid(EDWARDS_OIDS[name])), der.bit_string(public))


def _ec_point(name: str, private: bytes) -> bytes | None:
    from harden_secrets.detect import counting  # noqa: PLC0415 - loads `cryptography`

    return counting.ec_point(name, int.from_bytes(private, "big"))


def _edwards_public(name: str, private: bytes) -> bytes:
    from harden_secrets.detect import counting  # noqa: PLC0415 - loads `cryptography`

    return counting.edwards_public(name, private)
