"""Private keys of SSH's protocol 1: RSA, as ``ssh-keygen -t rsa1`` wrote them.

The public half stands before what a passphrase may encrypt. Source: OpenSSH 7.5, sshkey.c, sshkey_private_rsa1_to_blob.
"""

from collections.abc import Iterator

from harden_secrets.confidential import Confidential
from harden_secrets.detect import pair
from harden_secrets.detect.recognised import Recognised
from harden_secrets.material import PAIR, Detection, Detector, Material, Signature, Surroundings

MAGIC = b"SSH PRIVATE KEY FILE FORMAT 1.1\n\0"
_LARGEST = 16384  # bits
_LEAST_REST = 32  # bytes after the public half


def detect(content: bytes, _surroundings: Surroundings) -> Iterator[Detection]:
    """The key that the content is."""
    if not content.startswith(MAGIC):
        return
    at = len(MAGIC) + 1 + 4 + 4  # the cipher, four reserved bytes, the number of bits
    n, at = _number(content, at)
    e, at = _number(content, at)
    if not (512 <= n.bit_length() <= _LARGEST and n & 1 and e & 1 and e >= 3) or len(content) - at < _LEAST_REST:
        return
    public, encrypted = pair.rsa_public(n, e), content[len(MAGIC)] != 0
    recognised = Recognised(
        Confidential(public), f"rsa{n.bit_length()}, protocol 1", protected=encrypted, public=public, family=PAIR
    )
    yield recognised.detection(Material.SSH_PRIVATE_KEY, 0, len(content))


def _number(content: bytes, at: int) -> tuple[int, int]:
    """A number after its length in bits, and where it ends; 0 where there is none of that length."""
    size = (int.from_bytes(content[at : at + 2], "big") + 7) // 8
    end = at + 2 + size
    return (
        (int.from_bytes(content[at + 2 : end], "big"), end) if 0 < size and end <= len(content) else (0, len(content))
    )


DETECTOR = Detector("ssh1", (Signature(MAGIC[:-2]),), detect)
