"""Bytes that are looked at, with all that is known about them."""

from dataclasses import dataclass, field

from harden_secrets.examine.where import Lines, Where
from harden_secrets.finding import ObjectField
from harden_secrets.material import Detection, Surroundings


@dataclass(slots=True, eq=False)
class Layer:
    """The file, a field of a document, or what came out of a wrapping.

    ``origin`` is where it came from in its ``parent``. ``relevant`` are the numbers of the detectors that are worth
    asking, ``named`` says that the layer is a field with a name, ``fragment`` that it is a part of a text, no document.
    """

    content: bytes
    where: Where
    surroundings: Surroundings
    object: ObjectField | None = None
    encodings: tuple[str, ...] = ()
    relevant: frozenset[int] = frozenset()
    parent: "Layer | None" = None
    origin: tuple[int, int] = (0, 0)
    depth: int = 0
    fragment: bool = False
    lines: Lines = field(init=False)

    def __post_init__(self) -> None:
        self.lines = Lines(self.content)

    @property
    def named(self) -> bool:
        """Whether it has a name of its own."""
        return bool(self.surroundings.name)


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Something recognised in a layer; ``container`` if that is an archive, and members of it were looked at."""

    layer: Layer
    detection: Detection
    where: Where
    container: bool = False
