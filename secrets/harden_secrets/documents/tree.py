"""A document as a tree whose scalars know where they stand. YAML, JSON, HCL and live objects all become this."""

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Scalar:
    """A scalar's meaning, and where it is written.

    ``value`` is what the syntax means by it, ``start`` and ``end`` are offsets in the document's bytes without the
    quotes or the block's header. ``exact``: those bytes are the value itself. ``lined``: its lines are the
    document's lines. ``encodings`` are wrappings that the syntax itself declares (the tag ``!!binary``), ``quiet``
    says that it is declared to be encrypted. ``borrowed`` names the function that takes the value from a file, of
    which ``value`` is the path.
    """

    value: bytes
    start: int = 0
    end: int = 0
    exact: bool = False
    lined: bool = False
    encodings: tuple[str, ...] = ()
    quiet: bool = False
    borrowed: str = ""

    @property
    def text(self) -> str:
        """The value as text, whatever it holds."""
        return self.value.decode("utf-8", "replace")


@dataclass(slots=True, eq=False)
class Sequence:
    """A list."""

    items: list["Node"] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Mapping:
    """A mapping in file order; a key may be there twice, and then both are looked at."""

    pairs: list[tuple[str, "Node"]] = field(default_factory=list)

    def get(self, key: str) -> "Node | None":
        """The first value of that key."""
        return next((resolved(value) for name, value in self.pairs if name == key), None)

    def text(self, key: str) -> str:
        """The text of a scalar, or nothing."""
        value = self.get(key)
        return value.text if isinstance(value, Scalar) else ""

    def texts(self) -> Iterator[tuple[str, Scalar]]:
        """The keys whose values are scalars."""
        for key, value in self.pairs:
            value = resolved(value)
            if isinstance(value, Scalar):
                yield key, value


@dataclass(slots=True, eq=False)
class Alias:
    """A value that is written elsewhere and only referred to here."""

    target: "Node"
    start: int
    end: int


Node = Scalar | Sequence | Mapping | Alias


def resolved(node: Node) -> "Scalar | Sequence | Mapping":
    """The node itself, or what the alias stands for (an alias never stands for an alias)."""
    while isinstance(node, Alias):
        node = node.target
    return node
