"""One sighting for a value at one place, though it was seen as text, as a field and through its wrappings."""

from collections import defaultdict
from collections.abc import Iterable

from harden_secrets.examine.layer import Layer, Seen
from harden_secrets.material import Material

_Spans = dict[int, list[tuple[int, int]]]
_DOCUMENTS = ("json:", "yaml:", "hcl:", "quoted")
_WEAK = (Material.PASSWORD,)  # known by what it is called only, not by what it is


def merged(seen: Iterable[Seen]) -> list[Seen]:
    """The most telling of those that are the same, in the order of their places."""
    groups: dict[tuple[str, bytes], list[Seen]] = defaultdict(list)
    for one in seen:
        family = one.detection.family or str(one.detection.material)
        groups[family, one.detection.identity.reveal()].append(one)
    kept: list[Seen] = []
    for group in groups.values():
        kept += _distinct(group)
    kept = _without_weak(kept)
    return sorted(kept, key=lambda one: (one.where.start, one.where.end, one.layer.encodings, _field(one)))


def _distinct(group: list[Seen]) -> list[Seen]:
    """Of sightings of one key: one for each place."""
    kept: list[Seen] = []
    for one in sorted(group, key=_rank):
        if not any(_same_place(one, other) for other in kept):
            kept.append(one)
    return kept


def _rank(one: Seen) -> tuple[bool, bool, int, int, bool, int, int, str]:
    """What tells most comes first.

    The object, the member of an archive, the fewest encodings, the way through documents (it gives the value without
    their escapes), a name, then the least text.
    """
    layer, where = one.layer, one.where
    ways = sum(encoding.startswith(_DOCUMENTS) for encoding in layer.encodings)
    encoded = len(layer.encodings) - ways
    extent = where.end - where.start
    return (
        layer.object is None, one.container, encoded, -ways, not layer.named, extent, where.start, _field(one)
    )  # fmt: skip


def _field(one: Seen) -> str:
    return one.layer.object.field if one.layer.object else ""


def _same_place(one: Seen, other: Seen) -> bool:
    if one.layer.object and other.layer.object and one.layer.object != other.layer.object:
        return False
    a, b = one.where, other.where
    return (a.start < b.end and b.start < a.end) or (a.start, a.end) == (b.start, b.end)


def _without_weak(seen: list[Seen]) -> list[Seen]:
    """Without what is called a password and is known to be, or to hold, or to be a part of, something else."""
    within: _Spans = defaultdict(list)
    direct: _Spans = defaultdict(list)
    for one in seen:
        if one.detection.material not in _WEAK:
            span = (one.detection.start, one.detection.end)
            direct[id(one.layer)].append(span)
            for layer, *origin in _ancestry(one.layer, span):
                within[id(layer)].append((origin[0], origin[1]))
    return [one for one in seen if one.detection.material not in _WEAK or not _explained(one, within, direct)]


def _explained(one: Seen, within: _Spans, direct: _Spans) -> bool:
    """Whether other key material was unwrapped from the same place of the layer, or stands around it."""
    span = (one.detection.start, one.detection.end)
    if _meets(span, within.get(id(one.layer), ())):
        return True
    return any(_meets((start, end), direct.get(id(layer), ())) for layer, start, end in _ancestry(one.layer, span))


def _meets(span: tuple[int, int], others: Iterable[tuple[int, int]]) -> bool:
    return any(start < span[1] and span[0] < end for start, end in others)


def _ancestry(layer: Layer, span: tuple[int, int]) -> Iterable[tuple[Layer, int, int]]:
    """A span of a layer, and where it came from in each layer around that."""
    here: Layer | None = layer
    while here is not None:
        yield here, *span
        span, here = here.origin, here.parent
