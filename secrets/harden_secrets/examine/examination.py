"""The recursion: a layer is asked for keys, taken apart into fields, and unwrapped, and each part is a layer again."""

import binascii
from collections.abc import Iterator
from dataclasses import replace

from harden_secrets import unwrap
from harden_secrets.budget import Meter
from harden_secrets.detect.filekind import is_binary, is_code
from harden_secrets.detect.quiet import is_scanner_rules
from harden_secrets.documents import Field, Taken, take_apart
from harden_secrets.documents.scripts import heredocs
from harden_secrets.documents.spans import Spans
from harden_secrets.examine.layer import Layer, Seen
from harden_secrets.examine.quiet import is_encrypted
from harden_secrets.examine.relevance import Relevance
from harden_secrets.examine.sighting import Reference, Unexamined
from harden_secrets.examine.where import part_of
from harden_secrets.firstpass import Interest
from harden_secrets.material import PAIR, Surroundings, detections
from harden_secrets.unwrap import Part

_TOGETHER = 64  # fields that are searched in one go: in most of them there is nothing
_TINY = 4  # bytes: nothing shorter is a key, and there are many such fields
Told = Seen | Unexamined | Reference


class Examination:
    """One examination of one blob."""

    def __init__(self, relevance: Relevance, meter: Meter) -> None:
        self._relevance = relevance
        self._meter = meter

    def layer(self, layer: Layer) -> Iterator[Told]:
        """Everything in a layer and what it wraps."""
        if len(layer.content) < _TINY or is_encrypted(layer.content):
            return
        if layer.depth > self._meter.budget.depth:
            yield _unexamined(layer, "it is wrapped too many times", bomb=True)
            return
        program = layer.parent is None and is_code(layer.surroundings.file)
        interest, relevant = self._relevance.judged(layer.content, layer.surroundings.name, program=program)
        layer.relevant |= relevant
        if not (layer.relevant or Interest.SECRET in interest):
            return
        parts = list(self._archived(layer))
        if parts:
            yield from parts
            yield from self._detected(layer, Spans(()), container=True)
            return
        if layer.parent is None and is_scanner_rules(layer.content):
            yield from (one for one in self._detected(layer, Spans(())) if one.detection.family == PAIR)
            return
        taken = self._taken_apart(layer)
        spoken_for = Spans((field.start, field.end) for way in taken for field in way.fields)
        settled = Spans(
            (field.start, field.end) for way in taken for field in way.fields if field.encodings or field.quiet
        )
        yield from self._detected(layer, settled)
        for way in taken:
            yield from self._fields(layer, way)
        for part in self._encoded(layer, interest, spoken_for):
            yield from self._unwrapped(layer, part)

    def fields(self, layer: Layer, way: Taken) -> Iterator[Told]:
        """Everything in the fields of a document."""
        yield from self._fields(layer, way)

    def _taken_apart(self, layer: Layer) -> list[Taken]:
        """The fields of a layer; in a program, what looks like the beginning of a document is one of its constants."""
        content = layer.content
        if is_binary(content):
            return []
        if layer.fragment:
            return [Taken("", list(heredocs(content)))]
        may_be = b"\n" in content or content[:1] in (b"{", b"[")
        if may_be and not self._meter.take_document(len(content)):
            return [Taken("", [], "there is more in it than is taken apart into fields")]
        return take_apart(content, _file_name(layer), self._meter.budget)

    def _detected(self, layer: Layer, settled: Spans, *, container: bool = False) -> Iterator[Seen]:
        """What the detectors say of the bytes as they are, except where the place says that they are something else.

        In a container, that is what is damaged or not compressed.
        """
        asked = self._relevance.detectors(layer.relevant)
        for found in detections(asked, layer.content, layer.surroundings):
            if not settled.cover(found.start):
                yield Seen(layer, found, part_of(layer.where, layer.lines, found.start, found.end), container)

    def _encoded(self, layer: Layer, interest: Interest, spoken_for: Spans) -> Iterator[Part]:
        """What stands encoded somewhere in a layer, in the encodings that something may stand in."""
        content, meter, skip = layer.content, self._meter, spoken_for.end
        if Interest.BASE64 in interest:
            yield from unwrap.from_base64(content, self._relevance.clues, meter, skip)
        if Interest.HEXADECIMAL in interest:
            yield from unwrap.from_hexadecimal(content, self._relevance.clues, meter, skip)
        if Interest.PERCENT in interest:
            yield from unwrap.from_percent(content, meter, skip)
        if (
            layer.relevant or Interest.BASE64 in interest
        ):  # what stands within quotes shows as it is, but for its own quotes
            yield from unwrap.from_escapes(content, meter, skip)

    def _archived(self, layer: Layer) -> Iterator[Told]:
        for part in unwrap.archived(layer.content, self._meter):
            yield from self._unwrapped(layer, part)

    def _unwrapped(self, layer: Layer, part: Part) -> Iterator[Told]:
        where = replace(part_of(layer.where, layer.lines, part.start, part.end), exact=False, lined=False)
        inner = Layer(
            part.content,
            where,
            replace(layer.surroundings, name=part.name or layer.surroundings.name),
            layer.object,
            (*layer.encodings, part.label),
            frozenset(),
            layer,
            (part.start, part.end),
            layer.depth + 1,
        )
        if part.missed:
            yield _unexamined(inner, part.missed, bomb=part.bomb)
        yield from self.layer(inner)

    def _fields(self, layer: Layer, way: Taken) -> Iterator[Told]:
        if way.missed:
            yield _unexamined(layer, way.missed, bomb=True)
        # A Secret's kind and type may make keys of what says nothing by itself; other fields speak for themselves.
        for at in range(0, len(way.fields), _TOGETHER):
            fields = way.fields[at : at + _TOGETHER]
            if not all(self._meter.take_field() for _ in fields):
                yield _unexamined(layer, "it has too many fields", bomb=True)
                return
            telling = [field for field in fields if _is_telling(field)]
            others = [field for field in fields if not _is_telling(field)]
            for field in telling:
                yield from self._field(layer, field, way.syntax, layer.relevant)
            if self._relevance.any_of(others):
                for field in others:
                    yield from self._field(layer, field, way.syntax, frozenset())

    def _field(self, layer: Layer, field: Field, syntax: str, relevant: frozenset[int]) -> Iterator[Told]:
        inner = _as_layer(layer, field, syntax, relevant)
        if field.borrowed:
            path = field.value.decode("utf-8", "replace")
            if not any(mark in path for mark in ("${", "\0", "://")):
                yield Reference(path, field.borrowed, inner.where.line, inner.object)
        elif not field.quiet:
            yield from self._demanded(inner, field) if field.encodings else self.layer(inner)

    def _demanded(self, layer: Layer, field: Field) -> Iterator[Told]:
        """What stands in a place that demands base64; where it is none, it is text all the same."""
        try:
            content = binascii.a2b_base64(b"".join(field.value.split()), strict_mode=True)
        except binascii.Error:
            yield from self.layer(layer)
            return
        if self._meter.room(len(content)) < len(content):
            yield _unexamined(layer, "there is more base64 than is looked at", bomb=True)
            return
        self._meter.take_layer(len(content))
        where = replace(layer.where, exact=False, lined=False)
        encodings = (*layer.encodings, *field.encodings)
        origin = (0, len(field.value))
        surroundings, relevant, depth = layer.surroundings, layer.relevant, layer.depth + 1
        yield from self.layer(
            Layer(content, where, surroundings, layer.object, encodings, relevant, layer, origin, depth)
        )


def _is_telling(field: Field) -> bool:
    """Whether its place says more than its name: it is base64 of anything, a Secret's, or names another file."""
    kind = field.object.kind if field.object else ""
    return bool(field.secret_type or field.encodings or field.borrowed or kind == "Secret")


def _as_layer(layer: Layer, field: Field, syntax: str, relevant: frozenset[int]) -> Layer:
    """A field as a layer. The syntax of the file itself, and of what stands in it as it is, is no wrapping."""
    where = part_of(layer.where, layer.lines, field.start, field.end)
    where = replace(where, exact=where.exact and field.exact, lined=where.lined and (field.lined or field.exact))
    nested = syntax and (layer.object is not None or not layer.where.lined)
    number = str(field.document) if field.document else ""
    around = layer.surroundings
    surroundings = Surroundings(
        around.file,
        field.name or around.name,
        field.siblings or around.siblings,
        field.image or around.image,
        field.object.kind if field.object else around.object_kind,
        field.secret_type or around.secret_type,
    )
    return Layer(
        field.value,
        where,
        surroundings,
        layer.object or field.object,
        (*layer.encodings, f"{syntax}:{number}{field.pointer}") if nested else layer.encodings,
        relevant,
        layer,
        (field.start, field.end),
        layer.depth + 1,
    )


def _file_name(layer: Layer) -> str:
    """What the syntax may be told by: the file's name for the file, for anything else its own."""
    return layer.surroundings.name if layer.parent else layer.surroundings.file


def _unexamined(layer: Layer, reason: str, *, bomb: bool) -> Unexamined:
    return Unexamined(reason, layer.where.line, layer.object, layer.encodings, bomb)
