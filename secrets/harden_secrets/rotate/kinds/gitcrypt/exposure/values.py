"""An exposure as a value. It holds no secret value, only kinds, fingerprints and places."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Kept:
    """A field of a secret of the inventory. ``current``: it has that value today, and not in an older version only."""

    secret: str
    field: str
    current: bool

    def as_json(self) -> dict[str, Any]:
        """The form in documents."""
        return {"secret": self.secret, "field": self.field, "current": self.current}


@dataclass(frozen=True, slots=True, order=True)
class Held:
    """Key material that a file holds, and which secrets of the inventory it is."""

    line: int
    material: str
    fingerprint: str
    description: str = ""
    protected: bool = False
    kept: tuple[Kept, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The form in documents."""
        return {
            "material": self.material,
            "fingerprint": self.fingerprint,
            "line": self.line or None,
            "description": self.description,
            "protected": self.protected,
            "inventory": [one.as_json() for one in self.kept],
        }


@dataclass(frozen=True, slots=True)
class Seen:
    """What a file's content showed. ``kept``: values of the inventory that stand in it as they are or as base64."""

    held: tuple[Held, ...] = ()
    kept: tuple[Kept, ...] = ()
    unexamined: tuple[str, ...] = ()

    @property
    def every_kept(self) -> tuple[Kept, ...]:
        """All values of the inventory in it, however they were recognised."""
        return tuple(sorted({*self.kept, *(kept for held in self.held for kept in held.kept)}))


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a file stood: the commit that brought it in, empty where it is only staged, and its path."""

    commit: str
    path: str


@dataclass(frozen=True, slots=True)
class ExposedFile:
    """One content of a file, as the object ``id`` that was encrypted under the key.

    ``standings`` are in the order of history, and none where nothing refers to the object any more. ``refs`` are the
    branches, and ``HEAD``, at whose tip it stands today.
    """

    id: str
    size: int
    standings: tuple[Standing, ...] = ()
    refs: tuple[str, ...] = ()
    seen: Seen = Seen()

    @property
    def paths(self) -> tuple[str, ...]:
        """Each path once."""
        return tuple(dict.fromkeys(one.path for one in self.standings))

    def as_json(self) -> dict[str, Any]:
        """The form in documents."""
        return {
            "object": self.id,
            "size": self.size,
            "places": [{"commit": one.commit or None, "path": one.path} for one in self.standings],
            "stands_on": list(self.refs),
            "holds": [one.as_json() for one in self.seen.held],
            "inventory": [one.as_json() for one in self.seen.every_kept],
            "not_examined": list(self.seen.unexamined),
        }


@dataclass(frozen=True, slots=True)
class Duty:
    """Something that has to be rotated by itself: one key, however many files have it, and their paths and lines."""

    material: str
    description: str
    fingerprint: str
    places: tuple[str, ...]
    stands: bool  # in a file of today
    kept: tuple[Kept, ...]

    def as_json(self) -> dict[str, Any]:
        """The form in documents."""
        return {
            "material": self.material,
            "description": self.description,
            "fingerprint": self.fingerprint or None,
            "places": list(self.places),
            "stands": self.stands,
            "inventory": [one.as_json() for one in self.kept],
        }


@dataclass(frozen=True, slots=True)
class Exposure:
    """Everything that was ever encrypted under a key in what there is of a repository.

    ``others`` is how many contents are encrypted under keys that were not given, ``wrapped_for`` the fingerprints of
    people for whom the key was wrapped at some time, ``incomplete`` what could not be looked at, ``compared`` whether
    the inventory's values were known.
    """

    repository: str
    key: str
    files: tuple[ExposedFile, ...]
    others: int = 0
    wrapped_for: tuple[str, ...] = ()
    incomplete: tuple[str, ...] = ()
    compared: bool = False
    fingerprint_key: str = ""

    @property
    def duties(self) -> tuple[Duty, ...]:
        """What has to be rotated: what stands in a file of today first, then by kind and place."""
        return tuple(sorted(_duties(self.files), key=lambda one: (not one.stands, one.material, one.places)))

    @property
    def unrecognised(self) -> tuple[ExposedFile, ...]:
        """Contents in which nothing was recognised, which says nothing about how secret they are."""
        return tuple(one for one in self.files if not (one.seen.held or one.seen.kept))

    def as_json(self) -> dict[str, Any]:
        """The document."""
        return {
            "repository": self.repository,
            "key": self.key,
            "exposed": [one.as_json() for one in self.files],
            "rotate": [one.as_json() for one in self.duties],
            "compared_with_inventory": self.compared,
            "under_other_keys": self.others,
            "wrapped_for": list(self.wrapped_for),
            "incomplete": list(self.incomplete),
            "fingerprint_key": self.fingerprint_key,
        }


def _duties(files: Iterable[ExposedFile]) -> Iterable[Duty]:
    """By key where one was recognised; what was known by the inventory's value alone, by its field."""
    keys: dict[str, list[tuple[ExposedFile, Held]]] = {}
    fields: dict[Kept, list[ExposedFile]] = {}
    for file in files:
        recognised = {kept for held in file.seen.held for kept in held.kept}
        for held in file.seen.held:
            keys.setdefault(held.fingerprint, []).append((file, held))
        for kept in set(file.seen.kept) - recognised:
            fields.setdefault(kept, []).append(file)
    yield from (_of_key(fingerprint, seen) for fingerprint, seen in keys.items())
    yield from (_of_field(kept, seen) for kept, seen in fields.items())


def _of_key(fingerprint: str, seen: list[tuple[ExposedFile, Held]]) -> Duty:
    first = min(held for _, held in seen)
    places = sorted({place for file, held in seen for place in _places(file, held.line)})
    kept = sorted({one for _, held in seen for one in held.kept})
    stands = any(file.refs for file, _ in seen)
    return Duty(first.material, first.description, fingerprint, tuple(places), stands, tuple(kept))


def _of_field(kept: Kept, seen: list[ExposedFile]) -> Duty:
    places = sorted({place for file in seen for place in _places(file, 0)})
    return Duty("value of the inventory", "", "", tuple(places), any(file.refs for file in seen), (kept,))


def _places(file: ExposedFile, line: int) -> Iterable[str]:
    return (f"{path}:{line}" if line else path for path in file.paths or (file.id,))


def by_path(files: Iterable[ExposedFile]) -> Mapping[str, list[ExposedFile]]:
    """The contents that each path has had, in the order of history; under the object's id where there is no path."""
    paths: dict[str, list[ExposedFile]] = {}
    for file in files:
        for path in file.paths or (file.id,):
            paths.setdefault(path, []).append(file)
    return dict(sorted(paths.items()))
