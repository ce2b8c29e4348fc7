"""Allows and inbounds of everything."""

from collections.abc import Iterator

from wgfw.addresses import EVERYWHERE, FAMILIES
from wgfw.lint.finding import Finding, Holder, Kind, Survey
from wgfw.policy.document import Effect
from wgfw.policy.model import Rule
from wgfw.services import ANY

# Whoever gives this profile to a client knows what it does.
EVERYTHING_PROFILE = "admin"


def wide(survey: Survey) -> Iterator[Finding]:
    """One finding for each, but for those of the profile that is there for it."""
    for holder in survey.holders:
        if holder.profile != EVERYTHING_PROFILE:
            for rule in holder.own:
                if rule.in_force(survey.now) and _is_everything(rule):
                    yield _all_of_it(rule, holder)


def _is_everything(rule: Rule) -> bool:
    whole = any(rule.scope.addresses.family(f) == EVERYWHERE.family(f) for f in FAMILIES)
    return whole and rule.effect is not Effect.DENY and rule.services == ANY


def _all_of_it(rule: Rule, holder: Holder) -> Finding:
    if rule.effect is Effect.INBOUND:
        message = f"{rule.place.text}: anybody, inside and outside, may open any connection to {holder.name}"
        return Finding(Kind.WIDE, rule.place, message)
    meant = f"; if that is meant, the profile {EVERYTHING_PROFILE} says so" if holder.profile is None else ""
    message = f"{rule.place.text}: {holder.name} may open everything, the gateway and other clients included{meant}"
    return Finding(Kind.WIDE, rule.place, message)
