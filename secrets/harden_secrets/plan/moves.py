"""Where the entries of a ConfigMap or Secret go. A value that rewriting of consumers works from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["ConfigMap", "Secret"]


@dataclass(frozen=True, slots=True)
class Move:
    """An object's entries that go to the Secret ``secret``.

    ``kept`` are the entries that stay where they are. ``mounted`` says for each entry that goes which key of the new
    Secret has the bytes that a volume or variable of the old object showed; mostly its own name, ``key.base64`` where
    the plain name has other bytes. ``binary`` are those of them that are in ``binaryData``, which makes no variables.
    ``exact`` says that the Secret has no entries besides these, so that whoever shows all of it shows no more than
    before.
    """

    kind: Kind
    name: str
    secret: str
    mounted: Mapping[str, str]
    kept: tuple[str, ...] = ()
    exact: bool = True
    binary: frozenset[str] = frozenset()

    @property
    def whole(self) -> bool:
        """Whether nothing stays."""
        return not self.kept

    @property
    def renames(self) -> bool:
        """Whether an entry has another name in the new Secret."""
        return any(old != new for old, new in self.mounted.items())


@dataclass(frozen=True, slots=True)
class Moves:
    """All that moves in one namespace, by what it was."""

    objects: Mapping[tuple[str, str], Move] = field(default_factory=dict)
    literals: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # pointer → (Secret, key)

    def of(self, kind: Kind, name: str) -> Move | None:
        """Where the entries of an object go, or None if it stays as it is."""
        return self.objects.get((kind, name))
