"""What lies in the branches: which files the key encrypts, and which are in the way. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from harden.document.wording import quote
from harden.errors import HardenError
from harden.printable import printable

_NAMED = 10  # files that a message names


class State(StrEnum):
    """What a blob was found to be."""

    PLAIN = "not encrypted"
    EMPTY = "empty"
    OLD = "encrypted with the old key"
    NEW = "encrypted with the new key"
    FOREIGN = "encrypted with a key that is neither"


@dataclass(frozen=True, slots=True)
class TreeFile:
    """A regular file of a commit. ``mode`` as git writes it; ``size`` is the blob's."""

    path: str
    mode: str
    id: str
    size: int


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch as it was looked at. ``filters``: the filter of each file that has one."""

    name: str
    tip: str
    files: Sequence[TreeFile] = field(repr=False)
    filters: Mapping[str, str] = field(repr=False)

    def covered(self, drivers: Iterable[str]) -> Iterator[TreeFile]:
        """The files that these filters are for."""
        wanted = set(drivers)
        return (file for file in self.files if self.filters.get(file.path) in wanted)

    def of(self, states: Mapping[str, State], *wanted: State) -> tuple[TreeFile, ...]:
        """The files whose blob is of one of those states."""
        return tuple(file for file in self.files if states.get(file.id) in wanted)


def sizes(branches: Iterable[Branch]) -> dict[str, int]:
    """Every blob of the branches once, in the order of the paths, and its size."""
    return {file.id: file.size for branch in branches for file in branch.files}


def refuse(path: str, branches: Sequence[Branch], states: Mapping[str, State], drivers: Sequence[str]) -> None:
    """Raises HardenError, naming them, for files that the key's filter covers and that no key of ours encrypts."""
    plain = list(_places(branches, states, drivers[:1], State.PLAIN))
    if plain:
        raise HardenError(
            (f"{path}: {_count(plain)} in plaintext although git-crypt's filter covers them:", *listed(plain)),
            "`git-crypt status -f` stages them encrypted; what stood there in plaintext has to be rotated as well",
        )
    foreign = list(_places(branches, states, drivers, State.FOREIGN))
    if foreign:
        raise HardenError(
            (f"{path}: {_count(foreign)} encrypted with another key than the one in Vault:", *listed(foreign)),
            "store the key that the repository really has, or say which one by `key_name`",
        )


def _places(
    branches: Iterable[Branch], states: Mapping[str, State], drivers: Iterable[str], state: State
) -> Iterator[str]:
    wanted = tuple(drivers)
    for branch in branches:
        for file in branch.covered(wanted):
            if states.get(file.id) is state:
                yield f"{printable(branch.name)}: {quote(file.path)}"


def _count(places: Sequence[str]) -> str:
    return "1 file is" if len(places) == 1 else f"{len(places)} files are"


def listed(places: Sequence[str]) -> Iterator[str]:
    """The first ten of them for a message, a line each, and how many more there are."""
    yield from (f"  {place}" for place in places[:_NAMED])
    if len(places) > _NAMED:
        yield f"  and {len(places) - _NAMED} more"
