"""One sighting for a value at one place, though it was seen as text, as a field and through its wrappings."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from harden_secrets.documents.spans import Spans
from harden_secrets.examine.layer import Layer, Seen
from harden_secrets.examine.occupied import Enclosing, Occupied
from harden_secrets.finding import ObjectField
from harden_secrets.material import Material

_Lists = dict[int, list[tuple[int, int]]]
_NOTHING = Spans(())
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
    """Of sightings of one key: one for each place.

    Places are the same if they overlap, unless they are known to be different fields.
    """
    kept: list[Seen] = []
    fields: dict[ObjectField | None, Occupied] = defaultdict(Occupied)
    anywhere = Occupied()
    for one in sorted(group, key=_rank):
        owner, start, end = one.layer.object, one.where.start, max(one.where.end, one.where.start + 1)
        around = (fields[owner], fields[None]) if owner else (anywhere,)
        same = next((by for by in (occupied.by(start, end) for occupied in around) if by is not None), None)
        if same is None:
            fields[owner].take(start, end, len(kept))
            anywhere.take(start, end, len(kept))
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


def _without_pieces(seen: list[Seen]) -> list[Seen]:
    """Without key pairs made out within another key: a piece of its text, decoded alone, may look like one."""
    direct: _Lists = defaultdict(list)
    for one in seen:
        if one.detection.material not in _WEAK:
            direct[id(one.layer)].append((one.detection.start, one.detection.end))
    enclosing = {layer: Enclosing(spans) for layer, spans in direct.items()}
    return [one for one in seen if one.detection.material not in _PAIRS or not _inside_another(one, enclosing)]


def _inside_another(one: Seen, direct: dict[int, Enclosing]) -> bool:
    around = _ancestry(one.layer.parent, one.layer.origin)
    return any(id(layer) in direct and direct[id(layer)].enclose(start, end) for layer, start, end in around)


def _without_weak(seen: list[Seen]) -> list[Seen]:
    """Without what is called a password and is known to be, or to hold, or to be a part of, something else.

    Also without what is one once more in another spelling of the same text.
    """
    within: _Lists = defaultdict(list)
    direct: _Lists = defaultdict(list)
    called: _Lists = defaultdict(list)
    for one in seen:
        span = (one.detection.start, one.detection.end)
        if one.detection.material in _WEAK:
            called[id(one.layer)].append(span)
        else:
            direct[id(one.layer)].append(span)
            for layer, *origin in _ancestry(one.layer, span):
                within[id(layer)].append((origin[0], origin[1]))
    explained = _Explained(*({layer: Spans(spans) for layer, spans in by.items()} for by in (within, direct, called)))
    whole = dict(_whole_fields(seen))
    return [
        one
        for one in seen
        if one.detection.material not in _WEAK
        or not (
            explained.covers(one) or whole.get((id(one.layer), one.detection.start), 0) > one.detection.end  # cut short
        )
    ]


def _whole_fields(seen: Iterable[Seen]) -> Iterable[tuple[tuple[int, int], int]]:
    """Passwords that are all of a field: the text it is in, where it begins there, and where it ends."""
    for one in seen:
        start, end = one.layer.origin
        if one.detection.material in _WEAK and (one.detection.start, one.detection.end) == (0, end - start):
            yield (id(one.layer.parent), start), end


@dataclass(frozen=True, slots=True)
class _Explained:
    """By layer: where other key material is or was unwrapped from, where it is itself, where passwords are."""

    within: dict[int, Spans]
    direct: dict[int, Spans]
    called: dict[int, Spans]

    def covers(self, one: Seen) -> bool:
        """Whether a password is explained by one of these."""
        span = (one.detection.start, one.detection.end)
        if self.within.get(id(one.layer), _NOTHING).meet(*span) or self._is_respelled(one):
            return True
        ancestry = _ancestry(one.layer, span)
        return any(self.direct.get(id(layer), _NOTHING).meet(start, end) for layer, start, end in ancestry)

    def _is_respelled(self, one: Seen) -> bool:
        """Whether the text of which this is a spelling without escapes holds such a value already."""
        layer = one.layer
        if layer.parent is None or not layer.encodings or layer.encodings[-1] not in _RESPELLED:
            return False
        return self.called.get(id(layer.parent), _NOTHING).meet(*layer.origin)


def _ancestry(layer: Layer | None, span: tuple[int, int]) -> Iterable[tuple[Layer, int, int]]:
    """A span of a layer, and where it came from in each layer around that."""
    here = layer
    while here is not None:
        yield here, *span
        span, here = here.origin, here.parent
