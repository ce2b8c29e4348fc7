"""What one look at a blob comes to. Everything here may be shown: nothing holds a value."""

from dataclasses import dataclass, replace

from harden_secrets.finding import Finding
from harden_secrets.material import Material
from harden_secrets.sources.skipped import Skipped


@dataclass(frozen=True, slots=True, order=True)
class Pointer:
    """A file that a blob takes a value from: ``path`` as it is written in ``source``."""

    source: str
    path: str


@dataclass(frozen=True, slots=True, order=True)
class Allowed:
    """Key material that a comment beside it allows, and the reason given there."""

    source: str
    line: int
    material: Material
    reason: str

    def as_json(self) -> dict[str, str | int]:
        """One element of ``allowed`` in ``scan --json``."""
        return {"source": self.source, "line": self.line, "material": str(self.material), "reason": self.reason}


@dataclass(frozen=True, slots=True, order=True)
class Remarked:
    """Something that the author of a file should know."""

    source: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Paired:
    """The key with this fingerprint is one of a pair; ``public`` is the fingerprint of its public half."""

    fingerprint: str
    public: str


@dataclass(frozen=True, slots=True, order=True)
class MaybePublic:
    """A public half may stand in this file."""

    source: str


Seen = Finding | Skipped | Pointer | Allowed | Remarked | Paired | MaybePublic


def placed(seen: Seen, name: str, source: str) -> Seen:
    """What was seen in something that had only a ``name``, once its ``source`` is known."""
    match seen:
        case Finding():
            return replace(seen, place=replace(seen.place, source=source))
        case Skipped():
            return replace(seen, source=source + seen.source.removeprefix(name))  # a line may follow
        case Paired():
            return seen
        case _:
            return replace(seen, source=source)
