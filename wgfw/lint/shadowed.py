"""Entries that change nothing because another one covers all of them."""

from collections.abc import Iterator

from wgfw.addresses import AddressSet
from wgfw.lint.finding import Finding, Holder, Kind, Survey
from wgfw.policy.document import Effect
from wgfw.policy.model import Rule, Scope

# Each entry is compared with every other of its holder.
MOST_ENTRIES = 1500


def shadowed(survey: Survey) -> Iterator[Finding]:
    """One finding for each such entry, naming the one that covers it."""
    coverage = Coverage(survey.policy.gateway)
    for holder in survey.holders:
        if len(holder.own) > MOST_ENTRIES:
            message = f"{holder.name} has {len(holder.own)} entries, too many to look for those that change nothing"
            yield Finding(Kind.SHADOWED, holder.own[0].place, message)
            continue
        yield from _of_holder(holder, coverage, survey)


def _of_holder(holder: Holder, coverage: "Coverage", survey: Survey) -> Iterator[Finding]:
    live = [rule for rule in (*holder.beside, *holder.own) if rule.in_force(survey.now)]
    first_own = len(live) - sum(rule.in_force(survey.now) for rule in holder.own)
    for index in range(first_own, len(live)):
        rule = live[index]
        for other_index, other in enumerate(live):
            if other_index == index or not coverage.covers(other, rule):
                continue
            # Of two that mean the same, only the later one is too many.
            if other_index > index and other.effect is rule.effect and coverage.covers(rule, other):
                continue
            yield Finding(Kind.SHADOWED, rule.place, _message(rule, other, holder))
            break


def _message(rule: Rule, other: Rule, holder: Holder) -> str:
    whose = f" of profile {other.origin}" if other.origin and other.origin != holder.profile else ""
    by = f"{other.place.text}{whose} ({other.place})"
    if other.effect is Effect.DENY and rule.effect is Effect.ALLOW:
        return f"{rule.place.text} of {holder.name} never allows anything: denied by {by}"
    return f"{rule.place.text} of {holder.name} changes nothing: {by} covers it"


class Coverage:
    """Whether one entry holds all of another; remembers what it has compared."""

    def __init__(self, gateway: AddressSet) -> None:
        self._gateway = gateway
        self._scopes: dict[tuple[int, int], bool] = {}
        self._services: dict[tuple[int, int], bool] = {}

    def covers(self, wide: Rule, narrow: Rule) -> bool:
        """Whether ``wide`` leaves ``narrow`` nothing to do: one of the same list, or a deny above an allow."""
        if wide.effect is not narrow.effect and (wide.effect, narrow.effect) != (Effect.DENY, Effect.ALLOW):
            return False
        if wide.until is not None and (narrow.until is None or narrow.until > wide.until):
            return False
        return self._services_within(narrow, wide) and self.scope_within(narrow.scope, wide.scope)

    def _services_within(self, narrow: Rule, wide: Rule) -> bool:
        key = (id(narrow.services), id(wide.services))
        if key not in self._services:
            self._services[key] = narrow.services <= wide.services
        return self._services[key]

    def scope_within(self, narrow: Scope, wide: Scope) -> bool:
        """Whether every address that ``narrow`` covers is covered by ``wide``, on any gateway."""
        key = (id(narrow), id(wide))
        if key not in self._scopes:
            self._scopes[key] = self._own_within(narrow, wide) and narrow.addresses <= wide.addresses
        return self._scopes[key]

    def _own_within(self, narrow: Scope, wide: Scope) -> bool:
        """The same for what the gateway's own addresses are to both."""
        if wide.own is True or narrow.own is False:
            return True
        if narrow.own is True:
            return False
        return wide.own is None or not narrow.addresses & self._gateway
