"""The lists ``allow``, ``deny`` and ``inbound`` of profiles and clients."""

import re
from datetime import UTC, datetime

from harden.document.shape import Fields, Shape
from harden.document.wording import quote
from harden.document.yamltree import Mapping, Node
from wgfw.policy.document import Effect, Entry, Rules, Target
from wgfw.policy.terms import Terms

LISTS = ("allow", "deny", "inbound")
# The kernel's time match counts seconds in 32 bits (include/uapi/linux/netfilter/xt_time.h and the iptables option).
# A rule names the second before its end, and there is none before this one.
FIRST_MOMENT = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
LAST_MOMENT = datetime(2038, 1, 19, 3, 14, 7, tzinfo=UTC)

SERVICE_EXAMPLE = "write a service's name or tcp/443"
MOMENT_EXAMPLE = "write it as 2026-12-24T18:00:00Z or 2026-12-24T18:00:00+01:00"

_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?(Z|z|[+-][0-9]{2}(?::?[0-9]{2})?)?\Z"
)


def read_rules(shape: Shape, fields: Fields, terms: Terms) -> Rules:
    """The three lists among a profile's or client's fields; one that is not there is empty."""
    return Rules(
        allow=_read_list(shape, fields, Effect.ALLOW, terms),
        deny=_read_list(shape, fields, Effect.DENY, terms),
        inbound=_read_list(shape, fields, Effect.INBOUND, terms),
    )


def _read_list(shape: Shape, fields: Fields, effect: Effect, terms: Terms) -> tuple[Entry, ...]:
    if effect.value not in fields:
        return ()
    items = shape.items(fields[effect.value][1], quote(effect.value))
    entries = (_read_entry(shape, item, effect, terms) for item in items)
    return tuple(entry for entry in entries if entry is not None)


def _read_entry(shape: Shape, node: Node, effect: Effect, terms: Terms) -> Entry | None:
    what = f"an entry of {quote(effect.value)}"
    fields = _known_fields(shape, node, effect, what)
    if not isinstance(node, Mapping):
        return None
    target = _read_target(shape, node, fields, effect, terms)
    names = _read_services(shape, node, fields, what, terms)
    until = None
    if "until" in fields:
        until = read_moment(shape, fields["until"][1])
    if target is None or names is None:
        return None
    return Entry(effect, target, terms.union(names), names, until, shape.place(node))


def _known_fields(shape: Shape, node: Node, effect: Effect, what: str) -> Fields:
    """The fields of an entry, with a word of its own on those that belong to another list."""
    side, other = _sides(effect)
    fields = shape.fields(node, what, ("to", "from", "services", "until"))
    if other in fields:
        meaning = "says who may come" if effect is Effect.INBOUND else "says where to"
        shape.problems.add(fields[other][0].line, f"{what} has no {quote(other)}: it {meaning}, with {quote(side)}")
    if "until" in fields and effect is Effect.DENY:
        shape.problems.add(fields["until"][0].line, f'{what} has no "until": a deny does not run out')
    return fields


def _sides(effect: Effect) -> tuple[str, str]:
    return ("from", "to") if effect is Effect.INBOUND else ("to", "from")


def _read_target(shape: Shape, node: Node, fields: Fields, effect: Effect, terms: Terms) -> Target | None:
    side, other = _sides(effect)
    if side not in fields:
        if other not in fields:
            shape.problems.add(node.line, f"an entry of {quote(effect.value)} needs {quote(side)}")
        return None
    value = fields[side][1]
    text = shape.string(value, quote(side))
    if text is None:
        return None
    try:
        return terms.target(text)
    except ValueError as error:
        shape.problems.add(value.line, str(error))
        return None


def _read_services(shape: Shape, node: Node, fields: Fields, what: str, terms: Terms) -> tuple[str, ...] | None:
    if "services" not in fields:
        shape.problems.add(node.line, f'{what} needs "services", such as [https, tcp/8443] or [any]')
        return None
    names: list[str] = []
    sound = True
    for name, item in shape.strings(fields["services"][1], '"services"', SERVICE_EXAMPLE):
        try:
            terms.service(name)
        except ValueError as error:
            shape.problems.add(item.line, str(error))
            sound = False
        names.append(name)
    return tuple(names) if sound else None


def read_moment(shape: Shape, node: Node) -> datetime | None:
    """The moment of an ``until``, in UTC."""
    text = shape.string(node, '"until"', MOMENT_EXAMPLE)
    if text is None:
        return None
    try:
        return parse_moment(text)
    except ValueError as error:
        shape.problems.add(node.line, str(error))
        return None


def parse_moment(text: str) -> datetime:
    """An ISO 8601 date and time with a zone, in UTC. Raises ValueError with the reason."""
    match = _MOMENT.match(text)
    if not match:
        raise ValueError(f"bad time {quote(text)}: {MOMENT_EXAMPLE}")
    if match[1] is None:
        raise ValueError(f"{quote(text)} does not say in which time zone: {MOMENT_EXAMPLE}")
    try:
        moment = datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{quote(text)} is no date and time of the calendar: {MOMENT_EXAMPLE}") from None
    if moment > LAST_MOMENT:
        raise ValueError(f"{quote(text)} is too late: the kernel's clock match ends at 2038-01-19T03:14:07Z")
    if moment < FIRST_MOMENT:
        raise ValueError(f"{quote(text)} is too early: the kernel's clock match begins in 1970")
    return moment
