"""Private keys of PuTTY, versions 2 and 3 (the PPK appendix of its manual): headers, and two blobs of SSH in base64."""

import base64
import binascii
import re
from collections.abc import Iterator
from itertools import pairwise

from harden_secrets.detect import pair
from harden_secrets.detect.armour import plain_lines
from harden_secrets.detect.pair import Pair
from harden_secrets.detect.recognised import Recognised
from harden_secrets.detect.sshwire import SSH_CURVES, CutOffError, Reader, public_half, text
from harden_secrets.material import Detection, Detector, Material, Signature, Surroundings

_BEGIN = re.compile(rb"PuTTY-User-Key-File-[23]: ?(?=[a-z])")
_MAC = re.compile(rb"Private-MAC:\s*[0-9a-fA-F]{40,64}")
_LONGEST = 1 << 16
_ENCRYPTION = re.compile(rb"Encryption:\s*(none|aes256-cbc)")
_BLOB = re.compile(rb"-Lines:\s*\d{1,4}\s([A-Za-z0-9+/=\s]*)")


def detect(content: bytes, _surroundings: Surroundings) -> Iterator[Detection]:
    """Every key. The public half is in the clear, so a key has its name with a passphrase too."""
    starts = [match.start() for match in _BEGIN.finditer(content)]
    for start, following in pairwise((*starts, len(content))):
        piece = content[start : min(following, start + _LONGEST)]
        mac = _MAC.search(piece)
        found = _key(plain_lines(piece[: mac.end() if mac else len(piece)]))
        if found is not None:
            yield found.detection(Material.PUTTY_KEY, start, start + (mac.end() if mac else len(piece)))


def _key(lines: bytes) -> Recognised | None:
    encryption = _ENCRYPTION.search(lines)
    public, private = _blob(lines, b"Public"), _blob(lines, b"Private")
    half = public_half(public)
    if encryption is None or half is None or len(private) < 16:
        return None
    if encryption[1] != b"none":
        return Recognised.locked(half[1], half[0]) if len(private) % 16 == 0 else None
    try:
        found = _pair(Reader(public), Reader(private))
    except CutOffError:
        return None
    return Recognised.of_pair(found) if found is not None else None


def _blob(lines: bytes, which: bytes) -> bytes:
    at = lines.find(which + b"-Lines:")
    match = _BLOB.match(lines, at + len(which)) if at >= 0 else None
    if match is None:
        return b""
    digits = b"".join(match[1].split())
    if lines[match.end() : match.end() + 1] == b"-":  # the name of the next header begins with digits of base64
        digits = digits.removesuffix(b"Private").removesuffix(b"Key")
    try:
        return base64.b64decode(digits, validate=True)
    except binascii.Error:
        return b""


def _pair(public: Reader, private: Reader) -> Pair | None:
    """The numbers of the public blob and those that only the private one has."""
    kind = text(public.string())
    if kind == "ssh-rsa":
        e, n = public.mpint(), public.mpint()
        return pair.rsa(n, e, private.mpint(), (private.mpint(), private.mpint()))
    if kind == "ssh-dss":
        p, q, g, y = (public.mpint() for _ in range(4))
        return pair.dsa(p, q, g, private.mpint(), y)
    if kind.startswith("ecdsa-sha2-"):
        curve, point = text(public.string()), public.string()
        return pair.ec(SSH_CURVES[curve], private.string(), point)
    if kind in {"ssh-ed25519", "ssh-ed448"}:
        return pair.edwards(kind.removeprefix("ssh-"), private.string(), public.string())
    return None


DETECTOR = Detector("putty", (Signature(b"PuTTY-User-Key-File-"),), detect)
