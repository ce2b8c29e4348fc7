"""An object that a text names, before it is known what the text does with it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Named:
    """A read of ``name``; ``start`` and ``end`` are the offsets of what names it, in characters.

    ``own``: it is in the namespace of the pod that asks. ``key`` and ``uses`` are given where they are known otherwise
    than by following the text.
    """

    kind: str
    namespace: str
    name: str
    start: int
    end: int
    own: bool = False
    key: str = ""
    uses: str | None = None
