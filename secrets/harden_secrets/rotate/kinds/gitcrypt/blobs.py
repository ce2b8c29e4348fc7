"""Files as git-crypt encrypts them (its ``commands.cpp``, ``clean`` and ``smudge``). Pure.

``00 "GITCRYPT" 00``, a nonce of 12 bytes, the ciphertext. The nonce is the beginning of the plaintext's HMAC-SHA1; the
ciphertext is AES-256 in counter mode, beginning with the block nonce, 0. So the same plaintext gives the same bytes,
and whoever decrypts can tell by the nonce whether the key was the right one, to 96 bits.
"""

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

from harden_secrets.confidential import Confidential

MAGIC = b"\0GITCRYPT\0"
AES_BYTES, HMAC_BYTES = 32, 64
NONCE_BYTES = 12
HEADER_BYTES = len(MAGIC) + NONCE_BYTES


@dataclass(frozen=True, slots=True)
class BlobKey:
    """What encrypts files: a key for AES-256 and one for HMAC-SHA1."""

    aes: Confidential
    hmac: Confidential


def is_encrypted(blob: bytes) -> bool:
    """Whether the bytes begin as git-crypt's do; the first 22 of them are enough."""
    return len(blob) >= HEADER_BYTES and blob.startswith(MAGIC)


def encrypt(key: BlobKey, plaintext: bytes) -> bytes:
    """The same bytes that ``git-crypt clean`` writes."""
    nonce = signature(key, plaintext)
    return MAGIC + nonce + stream(key, nonce).update(plaintext)


def decrypt(key: BlobKey, blob: bytes) -> bytes | None:
    """The plaintext, or None if this is not the key, or the bytes were tampered with, or are not git-crypt's."""
    if not is_encrypted(blob):
        return None
    nonce = blob[len(MAGIC) : HEADER_BYTES]
    plaintext = stream(key, nonce).update(memoryview(blob)[HEADER_BYTES:])
    return plaintext if hmac.compare_digest(signature(key, plaintext), nonce) else None


def fitting(keys: Iterable[BlobKey], blob: bytes) -> BlobKey | None:
    """The first of the keys with which the bytes were encrypted."""
    return next((key for key in keys if decrypt(key, blob) is not None), None)


def signature(key: BlobKey, plaintext: bytes) -> bytes:
    """The nonce for a plaintext."""
    return hmac.digest(key.hmac.reveal(), plaintext, "sha1")[:NONCE_BYTES]


def stream(key: BlobKey, nonce: bytes) -> CipherContext:
    """Encrypts or decrypts, which is the same, whatever it is given piece by piece."""
    return Cipher(algorithms.AES(key.aes.reveal()), modes.CTR(nonce + bytes(4))).encryptor()


def measured(key: BlobKey, pieces: Iterable[bytes]) -> bytes:
    """The nonce for a plaintext that comes in pieces."""
    state = hmac.new(key.hmac.reveal(), digestmod=hashlib.sha1)
    for piece in pieces:
        state.update(piece)
    return state.digest()[:NONCE_BYTES]


def turned(key: BlobKey, nonce: bytes, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Each piece encrypted, or decrypted, with the key."""
    context = stream(key, nonce)
    return (context.update(piece) for piece in pieces)
