"""What a process does with the objects of a repository: which were encrypted under the key, and what is in those."""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from harden.errors import HardenError
from harden_secrets.rotate.kinds.gitcrypt.blobs import HEADER_BYTES, MAGIC, NONCE_BYTES, BlobKey, is_encrypted, stream
from harden_secrets.rotate.kinds.gitcrypt.exposure.contents import Contents
from harden_secrets.rotate.kinds.gitcrypt.exposure.values import Seen
from harden_secrets.sources.git import GitObject, ObjectBatch, ObjectReader
from harden_secrets.sources.gitcommand import Repository
from harden_secrets.sources.reading import Windows

OTHER_KEY = -1


@dataclass(frozen=True, slots=True)
class Fit:
    """An encrypted object: the place among the keys of the one that fits, or OTHER_KEY, and its size as a file.

    The same content has the same ``nonce`` under a key, always: it is an HMAC of the content.
    """

    id: str
    key: int
    size: int
    nonce: bytes


@dataclass(slots=True)
class _Reading:
    """Reads objects; each process starts a git of its own when it needs the first one."""

    repository: Repository
    keys: tuple[BlobKey, ...]
    _reader: ObjectReader | None = field(default=None, kw_only=True)

    def close(self) -> None:
        """Ends git where this process started one."""
        if self._reader is not None:
            self._reader.close()

    def _objects(self, batch: ObjectBatch) -> Iterator[GitObject]:
        if self._reader is None:
            # Pieces that do not overlap: a cipher and a checksum take each byte once.
            self._reader = ObjectReader(self.repository, Windows(overlap=0))
        return self._reader.objects(batch)


@dataclass(slots=True)
class Fitting(_Reading):
    """Reads every object once, and tries the keys on those that are encrypted."""

    def __call__(self, batch: ObjectBatch) -> list[Fit]:
        """The encrypted ones of a batch."""
        return [fit for each in self._objects(batch) if (fit := self._fit(each)) is not None]

    def _fit(self, each: GitObject) -> Fit | None:
        pieces = _pieces(each)
        begin = next(pieces)
        if not is_encrypted(bytes(begin[:HEADER_BYTES])):
            return None
        nonce = _nonce(begin)
        trials = [_Trial(key, nonce) for key in self.keys]
        size = 0
        for piece in _after_header(begin, pieces):
            size += len(piece)
            for trial in trials:
                trial.take(piece)
        fitting = (number for number, trial in enumerate(trials) if trial.fits)
        return Fit(each.id, next(fitting, OTHER_KEY), size, nonce)


@dataclass(slots=True)
class Matching(_Reading):
    """Looks at objects under ``later`` keys for what the keys have encrypted before them."""

    later: tuple[BlobKey, ...]

    def __call__(self, batch: ObjectBatch) -> list[tuple[str, int, bytes]]:
        """The objects that a later key fits, with each key's place, and the nonce that it would give the content."""
        return [one for each in self._objects(batch) for one in self._names(each)]

    def _names(self, each: GitObject) -> Iterator[tuple[str, int, bytes]]:
        pieces = _pieces(each)
        begin = next(pieces)
        trials = [(_Trial(key, _nonce(begin)), [_naming(old) for old in self.keys]) for key in self.later]
        for piece in _after_header(begin, pieces):
            for trial, names in trials:
                plaintext = trial.take(piece)
                for name in names:
                    name.update(plaintext)
        for trial, names in trials:
            if trial.fits:
                yield from ((each.id, number, name.digest()[:NONCE_BYTES]) for number, name in enumerate(names))


@dataclass(slots=True)
class Looking(_Reading):
    """Looks into objects of which it is known which key fits, under the paths that they have."""

    contents: Contents
    fits: Mapping[str, int]
    paths: Mapping[str, str]

    def __call__(self, batch: ObjectBatch) -> list[tuple[str, Seen]]:
        """What is in the objects of a batch."""
        windows = Windows()
        return [
            (each.id, self.contents.seen_in(self.paths.get(each.id, ""), windows.of(self._plaintext(each))))
            for each in self._objects(batch)
        ]

    def _plaintext(self, each: GitObject) -> Callable[[memoryview], int]:
        pieces = _pieces(each)
        begin = next(pieces)
        context = stream(self.keys[self.fits[each.id]], _nonce(begin))
        return _Pouring(context.update(piece) for piece in _after_header(begin, pieces))


class _Trial:
    """Decrypts with a key, and tells at the end whether it was the right one."""

    def __init__(self, key: BlobKey, nonce: bytes) -> None:
        self._nonce = nonce
        self._context = stream(key, nonce)
        self._state = _naming(key)

    def take(self, piece: bytes | memoryview) -> bytes:
        plaintext = self._context.update(piece)
        self._state.update(plaintext)
        return plaintext

    @property
    def fits(self) -> bool:
        return hmac.compare_digest(self._state.digest()[:NONCE_BYTES], self._nonce)


def _naming(key: BlobKey) -> "hmac.HMAC":
    return hmac.new(key.hmac.reveal(), digestmod=hashlib.sha1)


class _Pouring:
    """Fills views from pieces of whatever size."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._left = memoryview(b"")

    def __call__(self, view: memoryview) -> int:
        filled = 0
        while filled < len(view):
            if not self._left:
                piece = next(self._pieces, None)
                if piece is None:
                    break
                self._left = memoryview(piece)
            taken = self._left[: len(view) - filled]
            view[filled : filled + len(taken)] = taken
            filled += len(taken)
            self._left = self._left[len(taken) :]
        return filled


def _pieces(each: GitObject) -> Iterator[memoryview]:
    return (window.content for window in each.windows)


def _nonce(begin: memoryview) -> bytes:
    nonce = bytes(begin[len(MAGIC) : HEADER_BYTES])
    if len(nonce) != NONCE_BYTES:
        raise HardenError("an object of the repository changed while it was read", "run it again")
    return nonce


def _after_header(begin: memoryview, pieces: Iterator[memoryview]) -> Iterator[memoryview]:
    yield begin[HEADER_BYTES:]
    yield from pieces
