"""How much work may be put into one blob, however it is made.

Limits are counted in bytes, layers and fields, not seconds: work is linear in them, so they bound the time as well,
and two runs over the same bytes say the same.
"""

from dataclasses import dataclass

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Budget:
    """The limits for one blob.

    ``depth`` counts wrappings and fields inside each other, ``layers`` all that are undone, ``unpacked`` the bytes that
    come out of them altogether, ``layer`` those of one. What comes out of a compression is cut off once it is longer
    than ``ratio_free`` and more than ``ratio`` times what went in. ``document`` is the longest text that is taken apart
    into fields, ``documents`` how long all of these may be together, ``fields`` how many fields one blob may have
    (aliases followed), ``nesting`` how deep they may lie.
    """

    depth: int = 20
    layers: int = 20_000
    unpacked: int = 96 * _MIB
    layer: int = 32 * _MIB
    ratio: int = 250
    ratio_free: int = _MIB
    document: int = 8 * _MIB
    documents: int = 24 * _MIB
    fields: int = 200_000
    nesting: int = 100


class Meter:
    """What is left of a budget while one blob is looked at."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self._layers = budget.layers
        self._unpacked = budget.unpacked
        self._documents = budget.documents
        self._fields = budget.fields

    def room(self, packed: int) -> int:
        """How many bytes may come out of a wrapping that is ``packed`` bytes long; 0 if nothing is left."""
        if self._layers <= 0:
            return 0
        by_ratio = max(self.budget.ratio_free, packed * self.budget.ratio)
        return max(0, min(self.budget.layer, self._unpacked, by_ratio))

    def take_layer(self, size: int) -> None:
        """A layer of ``size`` bytes came out of something."""
        self._layers -= 1
        self._unpacked -= size

    def take_document(self, size: int) -> bool:
        """Whether one more text of ``size`` bytes may be taken apart into fields."""
        self._documents -= size
        return self._documents >= 0

    def take_field(self) -> bool:
        """Whether one more field may be looked at."""
        self._fields -= 1
        return self._fields >= 0
