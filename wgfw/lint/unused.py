"""Definitions that nothing refers to, and peers that no entry refers to."""

from collections.abc import Iterator

from harden.document.place import Place
from harden.document.wording import quote
from wgfw.lint.finding import Finding, Kind, Survey
from wgfw.policy.document import Entry, TargetKind

MOST_NAMES = 5


def unused(survey: Survey) -> Iterator[Finding]:
    """Profiles, networks, services and peers."""
    document = survey.document
    entries = [*survey.entries(), *_of_shipped(survey)]
    profiles = {e.target.name for e in entries if e.target.kind is TargetKind.PROFILE}
    profiles |= {document.defaults.profile, *(i.profile for i in document.interfaces.values() if i.profile)}
    profiles |= {name for client in document.clients for name in client.profiles}
    for profile in document.profiles.values():
        if not profile.shipped and profile.name not in profiles:
            yield Finding(Kind.UNUSED, profile.place, f"no client has the profile {quote(profile.name)}")
    networks = {e.target.name for e in entries if e.target.kind is TargetKind.NETWORK}
    for network in document.networks.values():
        if network.name not in networks:
            yield Finding(Kind.UNUSED, network.place, f"the network {quote(network.name)} is not used")
    yield from _services(survey, entries)
    yield from _peers(survey)


def _of_shipped(survey: Survey) -> Iterator[Entry]:
    """Entries of shipped profiles that clients have."""
    for name in survey.policy.profile_rules:
        profile = survey.document.profiles.get(name)
        if profile is not None and profile.shipped:
            yield from (*profile.rules.allow, *profile.rules.deny, *profile.rules.inbound)


def _services(survey: Survey, entries: list[Entry]) -> Iterator[Finding]:
    document = survey.document
    names = {name for entry in entries for name in entry.service_names}
    names |= {test.service for test in document.tests}
    used = [points for name, points in document.services.items() if name in names]
    for name, points in document.services.items():
        # One that lies within another may be what that one is made of.
        if name not in names and not any(points <= other for other in used):
            yield Finding(Kind.UNUSED, Place(document.path, 0), f"the service {quote(name)} is not used")


def _peers(survey: Survey) -> Iterator[Finding]:
    """Peers that have a default profile, by interface."""
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for client in survey.policy.clients:
        if client.entry is None:
            groups.setdefault((client.interface, client.profiles), []).append(quote(client.name))
    for (interface, profiles), names in groups.items():
        shown = ", ".join(names[:MOST_NAMES])
        more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        what = "peer has" if len(names) == 1 else "peers have"
        message = f"{len(names)} {what} no entry under clients and the default profile {profiles[0]}: {shown}{more}"
        yield Finding(Kind.NO_ENTRY, survey.document.interfaces[interface].place, message)
