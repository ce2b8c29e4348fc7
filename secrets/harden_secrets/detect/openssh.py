"""Private keys of OpenSSH (its file PROTOCOL.key): the public half in the clear, the private one perhaps encrypted."""

from collections.abc import Iterator

from harden_secrets.detect import pair
from harden_secrets.detect.pair import Pair
from harden_secrets.detect.recognised import Recognised
from harden_secrets.detect.sshwire import SSH_CURVES, CutOffError, Reader, public_half, text
from harden_secrets.material import Detection, Detector, Material, Signature, Surroundings

MAGIC = b"openssh-key-v1\0"
_MOST_KEYS = 64  # the format allows several; OpenSSH itself reads one


def openssh_key(blob: bytes) -> Recognised | None:
    """The (first) private key of what is inside the armour; None if it is none, or nothing private is left of it."""
    if not blob.startswith(MAGIC):
        return None
    reader = Reader(blob[len(MAGIC) :])
    try:
        cipher, _kdf, _options = text(reader.string()), reader.string(), reader.string()
        count = reader.number()
        if not 1 <= count <= _MOST_KEYS:
            return None
        half = public_half(reader.string())
        for _ in range(count - 1):
            reader.string()
        size = reader.number()
    except CutOffError:
        return None
    private = reader.rest()[:size]
    if cipher == "none":
        return _plain(private, complete=len(private) == size)
    if half is None or len(private) < size or size < 64:
        return None
    return Recognised.locked(half[1], half[0])


def _plain(private: bytes, *, complete: bool) -> Recognised | None:
    """The private section: two equal numbers, the kind, then the numbers of the key."""
    reader = Reader(private)
    try:
        if reader.number() != reader.number():
            return None
        kind = text(reader.string())
        if kind.startswith("sk-"):
            return _on_token(kind, reader)
        found = ssh_pair(kind, reader)
    except CutOffError:
        return None
    return Recognised.of_pair(found, damaged=not complete) if found is not None else None


def ssh_pair(kind: str, reader: Reader) -> Pair | None:
    """The pair whose numbers follow, in the order that ``ssh-agent`` and the key files of OpenSSH have them in."""
    if kind == "ssh-ed25519":
        claimed, private = reader.string(), reader.string()
        return pair.edwards("ed25519", private[:32], claimed) if len(private) == 64 else None
    if kind.startswith("ecdsa-sha2-"):
        curve, point, number = text(reader.string()), reader.string(), reader.string()
        return pair.ec(SSH_CURVES[curve], number, point) if curve in SSH_CURVES else None
    if kind == "ssh-dss":
        p, q, g, y, x = (reader.mpint() for _ in range(5))
        return pair.dsa(p, q, g, x, y)
    if kind == "ssh-rsa":
        n, e, d = (reader.mpint() for _ in range(3))
        return pair.rsa(n, e, d, _primes(reader))
    return None


def _primes(reader: Reader) -> tuple[int, int]:
    try:
        _inverse, p, q = (reader.mpint() for _ in range(3))
    except CutOffError:
        return 0, 0
    return p, q


def _on_token(kind: str, reader: Reader) -> Recognised | None:
    """A handle to a key on a hardware token: of no use without the token, so as good as protected."""
    fields = [reader.string() for _ in range(2 if "ed25519" in kind else 3)]
    blob = b"".join(len(value).to_bytes(4, "big") + value for value in (kind.encode(), *fields))
    half = public_half(blob)
    reader.octets(1)  # flags
    if half is None or not reader.string():
        return None
    return Recognised.locked(half[1], half[0])


def detect(content: bytes, _surroundings: Surroundings) -> Iterator[Detection]:
    """Keys without their armour: the base64 between its lines is often kept alone."""
    at = content.find(MAGIC)
    while at >= 0:
        following = content.find(MAGIC, at + 1)
        found = openssh_key(content[at : following if following >= 0 else at + (1 << 17)])
        if found is not None:
            yield found.detection(Material.SSH_PRIVATE_KEY, at, _end(content, at))
        at = following


def _end(content: bytes, at: int) -> int:
    """Where a key that was read ends: after the private section, or where the content does."""
    reader = Reader(content[at + len(MAGIC) : at + (1 << 17)])
    size = len(MAGIC)
    for _ in range(3):
        size += 4 + len(reader.string())
    count = reader.number()
    size += 4
    for _ in range(count):
        size += 4 + len(reader.string())
    return min(at + size + 4 + reader.number(), len(content))


DETECTOR = Detector("openssh", (Signature(MAGIC),), detect)
