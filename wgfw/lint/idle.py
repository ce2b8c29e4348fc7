"""Entries and clients that mean nothing, or soon will."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from harden.document.wording import moment, quote
from wgfw.addresses import AddressSet
from wgfw.lint.finding import Finding, Kind, Survey
from wgfw.policy.document import Effect, Entry, Rules, TargetKind
from wgfw.policy.model import Rule, Scope

SOON = timedelta(days=7)
# The groups of RFC 5771 and RFC 4291, and the limited broadcast of RFC 919.
TO_MANY = AddressSet.parse("224.0.0.0/4", "255.255.255.255", "ff00::/8")


def idle(survey: Survey) -> Iterator[Finding]:
    """Entries past or near their end, entries without effect, clients without any."""
    for entry in survey.entries():
        yield from _timed(entry, survey.now)
        yield from _without_effect(entry)
    known: dict[int, str | None] = {}
    for holder in survey.holders:
        for rule in holder.own:
            if id(rule.scope) not in known:
                known[id(rule.scope)] = _nowhere(rule.scope)
            reason = known[id(rule.scope)]
            if reason is not None and rule.target.kind is not TargetKind.GATEWAY:
                yield Finding(Kind.NO_EFFECT, rule.place, f"{rule.place.text} means nothing: {_of(rule, reason)}")
    for client in survey.document.clients:
        if not client.profiles and client.rules == Rules():
            message = f"{quote(client.name)} has neither a profile nor an entry of its own: it may open nothing"
            yield Finding(Kind.NO_EFFECT, client.place, message)


def _timed(entry: Entry, now: datetime) -> Iterator[Finding]:
    if entry.until is None:
        return
    end = moment(entry.until)
    if entry.until <= now:
        yield Finding(Kind.EXPIRED, entry.place, f"{entry.place.text} ran out at {end} and allows nothing: take it out")
    elif entry.until <= now + SOON:
        yield Finding(Kind.EXPIRING, entry.place, f"{entry.place.text} runs out at {end}")


def _without_effect(entry: Entry) -> Iterator[Finding]:
    if not entry.services:
        yield Finding(Kind.NO_EFFECT, entry.place, f"{entry.place.text} means nothing: it names no service")
    if entry.effect is Effect.INBOUND and entry.target.kind is TargetKind.GATEWAY:
        message = f"{entry.place.text} changes nothing: what the gateway itself sends is not restricted"
        yield Finding(Kind.NO_EFFECT, entry.place, message)


def _nowhere(scope: Scope) -> str | None:
    """Why no packet can be meant, or None."""
    if not scope.addresses:
        return None if scope.own else "nobody"
    return "multicast and broadcast do not cross WireGuard" if scope.addresses <= TO_MANY else None


def _of(rule: Rule, reason: str) -> str:
    if reason != "nobody":
        return reason
    if rule.target.kind is TargetKind.PROFILE:
        return f"no client has the profile {quote(rule.target.name)}"
    return f"{quote(str(rule.target))} has no address"
