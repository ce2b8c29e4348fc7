"""Files as git-crypt encrypts them (its ``commands.cpp``, ``clean`` and ``smudge``). Pure.

``00 "GITCRYPT" 00``, a nonce of 12 bytes, the ciphertext. The nonce is the beginning of the plaintext's HMAC-SHA1; the
ciphertext is AES-256 in counter mode, beginning with the block nonce, 0. So the same plaintext gives the same bytes,
and whoever decrypts can tell by the nonce whether the key was the right one, to 96 bits.
"""

import hmac
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

from harden_secrets.confidential import Confidential

MAGIC = b"\0GITCRYPT\0"
AES_BYTES, HMAC_BYTES = 32, 64
NONCE_BYTES = 12
HEADER_BYTES = len(MAGIC) + NONCE_BYTES
Piece = bytes | memoryview
"""Part of a file, in the order in which the parts come."""


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


def opened(key: BlobKey, pieces: Iterable[Piece]) -> Iterator[bytes]:
    """The plaintext of a blob that comes in pieces, whether the key fits or not. The first piece holds the header."""
    context: CipherContext | None = None
    for piece in pieces:
        if context is None:
            context = stream(key, bytes(piece[len(MAGIC) : HEADER_BYTES]))
            piece = piece[HEADER_BYTES:]
        yield context.update(piece)


def trial(keys: Sequence[BlobKey], successor: BlobKey, pieces: Iterable[Piece]) -> tuple[BlobKey, bytes] | None:
    """The one of the keys that fits a blob in pieces, and the nonce that its plaintext has under the successor.

    ``pieces`` is gone through once for each key that does not fit, and so must be able to begin anew.
    """
    for key in keys:
        ours, theirs = (hmac.new(one.hmac.reveal(), digestmod="sha1") for one in (key, successor))
        for plaintext in opened(key, pieces):
            ours.update(plaintext)
            theirs.update(plaintext)
        if hmac.compare_digest(ours.digest()[:NONCE_BYTES], _nonce(pieces)):
            return key, theirs.digest()[:NONCE_BYTES]
    return None


def renewed(key: BlobKey, successor: BlobKey, nonce: bytes, pieces: Iterable[Piece]) -> Iterator[bytes]:
    """The blob as it is under the successor, in pieces; ``key`` and ``nonce`` are what ``trial`` found."""
    yield MAGIC + nonce
    context = stream(successor, nonce)
    for plaintext in opened(key, pieces):
        yield context.update(plaintext)


def sealed(key: BlobKey, pieces: Iterable[Piece]) -> Iterator[bytes]:
    """A plaintext in pieces, encrypted. ``pieces`` is gone through twice, and so must be able to begin anew."""
    state = hmac.new(key.hmac.reveal(), digestmod="sha1")
    for piece in pieces:
        state.update(piece)
    nonce = state.digest()[:NONCE_BYTES]
    yield MAGIC + nonce
    context = stream(key, nonce)
    for piece in pieces:
        yield context.update(piece)


def _nonce(pieces: Iterable[Piece]) -> bytes:
    return bytes(next(iter(pieces))[len(MAGIC) : HEADER_BYTES])
