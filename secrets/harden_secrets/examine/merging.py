"""One sighting for a value at one place, though it was seen as text, as a field and through its wrappings."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from harden_secrets.examine.layer import Layer, Seen
from harden_secrets.material import Material

_Spans = dict[int, list[tuple[int, int]]]
_DOCUMENTS = ("json:", "yaml:", "hcl:", "quoted")
_WEAK = (Material.PASSWORD,)  # known by what it is called only, not by what it is
# What says more of a value than the value says by itself: these hold tokens and keys that others know as well.
_TELLING = (Material.KUBECONFIG, Material.CLOUD_CREDENTIAL, Material.DOCKER_CONFIG)
_PAIRS = (Material.TLS_PRIVATE_KEY, Material.SSH_PRIVATE_KEY)
_RESPELLED = ("percent", "quoted")  # the same text once more, with its escapes undone


def merged(seen: Iterable[Seen]) -> list[Seen]:
    """The most telling of those that are the same, in the order of their places."""
    groups: dict[tuple[str, bytes], list[Seen]] = defaultdict(list)
    for one in seen:
        family = one.detection.family or str(one.detection.material)
        groups[family, one.detection.identity.reveal()].append(one)
    kept: list[Seen] = []
    for group in groups.values():
        kept += _distinct(group)
    kept = _without_weak(_without_pieces(kept))
    return sorted(kept, key=lambda one: (one.where.start, one.where.end, one.layer.encodings, _field(one)))


def _distinct(group: list[Seen]) -> list[Seen]:
    """Of sightings of one key: one for each place."""
    kept: list[Seen] = []
    for one in sorted(group, key=_rank):
        same = next((at for at, other in enumerate(kept) if _same_place(one, other)), None)
        if same is None:
            kept.append(one)
        elif _tells_more(one, kept[same]):
            found, best = one.detection, kept[same]
            named = replace(
                best.detection, material=found.material, description=found.description, severity=found.severity
            )
            kept[same] = replace(best, detection=named)
    return kept


def _tells_more(one: Seen, other: Seen) -> bool:
    return one.detection.material in _TELLING and other.detection.material not in _TELLING


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


def _without_pieces(seen: list[Seen]) -> list[Seen]:
    """Without key pairs that were made out within another key: a piece of its text, decoded alone, may look like one."""
    direct: _Spans = defaultdict(list)
    for one in seen:
        if one.detection.material not in _WEAK:
            direct[id(one.layer)].append((one.detection.start, one.detection.end))
    return [one for one in seen if one.detection.material not in _PAIRS or not _inside_another(one, direct)]


def _inside_another(one: Seen, direct: _Spans) -> bool:
    around = _ancestry(one.layer.parent, one.layer.origin)
    return any(
        first <= start and end <= last and (first, last) != (start, end)
        for layer, start, end in around
        for first, last in direct.get(id(layer), ())
    )


def _without_weak(seen: list[Seen]) -> list[Seen]:
    """Without what is called a password and is known to be, or to hold, or to be a part of, something else.

    Also without what is one once more in another spelling of the same text.
    """
    within: _Spans = defaultdict(list)
    direct: _Spans = defaultdict(list)
    called: _Spans = defaultdict(list)
    for one in seen:
        span = (one.detection.start, one.detection.end)
        if one.detection.material in _WEAK:
            called[id(one.layer)].append(span)
        else:
            direct[id(one.layer)].append(span)
            for layer, *origin in _ancestry(one.layer, span):
                within[id(layer)].append((origin[0], origin[1]))
    return [
        one
        for one in seen
        if one.detection.material not in _WEAK or not (_explained(one, within, direct) or _respelled(one, called))
    ]


def _respelled(one: Seen, called: _Spans) -> bool:
    """Whether the text of which this is a spelling without escapes holds such a value already."""
    layer = one.layer
    return (
        layer.parent is not None
        and bool(layer.encodings)
        and layer.encodings[-1] in _RESPELLED
        and _meets(layer.origin, called.get(id(layer.parent), ()))
    )


def _explained(one: Seen, within: _Spans, direct: _Spans) -> bool:
    """Whether other key material was unwrapped from the same place of the layer, or stands around it."""
    span = (one.detection.start, one.detection.end)
    if _meets(span, within.get(id(one.layer), ())):
        return True
    return any(_meets((start, end), direct.get(id(layer), ())) for layer, start, end in _ancestry(one.layer, span))


def _meets(span: tuple[int, int], others: Iterable[tuple[int, int]]) -> bool:
    return any(start < span[1] and span[0] < end for start, end in others)


def _ancestry(layer: Layer | None, span: tuple[int, int]) -> Iterable[tuple[Layer, int, int]]:
    """A span of a layer, and where it came from in each layer around that."""
    here = layer
    while here is not None:
        yield here, *span
        span, here = here.origin, here.parent
