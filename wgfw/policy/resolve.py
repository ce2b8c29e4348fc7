"""From what was written and the peers that are there to the policy in force."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from harden.document.problems import MOST, Problems
from harden.document.wording import quote
from harden.errors import HardenError
from wgfw.addresses import AddressSet, parse_ip
from wgfw.peers.values import InterfacePeers
from wgfw.policy.document import ClientEntry, Document, Rules
from wgfw.policy.matching import Matching, Member, client_names, members_of
from wgfw.policy.model import Client, Policy
from wgfw.policy.ownership import Claim, Ownership
from wgfw.policy.scopes import Scopes


def resolve(document: Document, peers: Sequence[InterfacePeers], gateway: AddressSet) -> Policy:
    """The policy for these peers; ``gateway`` is what is known of the gateway's own addresses.

    Raises HardenError with everything that does not fit together, each message with file and line.
    """
    problems = Problems(document.path)
    members = members_of(peers)
    entries = Matching(members, problems).match(document.clients)
    names = client_names(members, entries)
    ownership = Ownership(_claims(members))
    clients = _clients(document, members, entries, names, ownership)
    scopes = Scopes(document.networks, clients, [member.called for member in members], problems)
    own = tuple(_with_rules(client, entries.get(n), scopes) for n, client in enumerate(clients))
    used = dict.fromkeys(profile for client in clients for profile in client.profiles)
    # The policy's own profiles are looked at whether used or not, for the names in them may be wrong.
    every = {
        p.name: scopes.rules(p.rules, p.name) for p in document.profiles.values() if p.name in used or not p.shipped
    }
    _check_tests(document, scopes, problems)
    _raise_if_any(problems, [*_double_claims(ownership, members, names), *_double_names(members, names)])
    gateway |= AddressSet.of(address for source in peers for address in source.addresses)
    return Policy(
        path=document.path,
        interfaces=tuple(document.interfaces),
        clients=own,
        profile_rules={name: every[name] for name in used},
        gateway=gateway,
        on_allow=document.defaults.on_allow,
        mark=document.defaults.mark,
        tests=document.tests,
        warnings=(
            *(warning for source in peers for warning in source.warnings),
            *_renamed(members, entries, names),
            *_undefined_networks(document, used, scopes),
            *_own_addresses(ownership, gateway, members, names),
        ),
    )


def _claims(members: Sequence[Member]) -> Iterator[Claim]:
    for number, member in enumerate(members):
        for allowed in member.peer.allowed_ips:
            yield Claim(allowed.prefix, number, allowed.line)


def _clients(
    document: Document,
    members: Sequence[Member],
    entries: Mapping[int, ClientEntry],
    names: Sequence[str],
    ownership: Ownership,
) -> list[Client]:
    """The clients without rules of their own, which may be about each other."""
    addresses = ownership.addresses(len(members))
    default = {name: (entry.profile or document.defaults.profile,) for name, entry in document.interfaces.items()}
    clients: list[Client] = []
    for number, member in enumerate(members):
        entry = entries.get(number)
        clients.append(
            Client(
                name=names[number],
                interface=member.interface,
                public_key=member.peer.public_key,
                prefixes=tuple(dict.fromkeys(allowed.prefix for allowed in member.peer.allowed_ips)),
                addresses=addresses[number],
                profiles=default[member.interface] if entry is None else entry.profiles,
                own=(),
                entry=None if entry is None else entry.place,
                peer=member.place,
            )
        )
    return clients


def _with_rules(client: Client, entry: ClientEntry | None, scopes: Scopes) -> Client:
    if entry is None or entry.rules == Rules():
        return client
    return replace(client, own=scopes.rules(entry.rules, None))


def _check_tests(document: Document, scopes: Scopes, problems: Problems) -> None:
    for test in document.tests:
        try:
            parse_ip(test.source)
        except ValueError:
            if scopes.client(test.source) is None:
                problems.add(test.place.line, scopes.unknown(test.source))


def _double_claims(ownership: Ownership, members: Sequence[Member], names: Sequence[str]) -> Iterator[str]:
    for first, second in ownership.doubles:
        a, b = (f"{quote(names[c.owner])} ({_claim_place(c, members)})" for c in (first, second))
        yield f"{_claim_place(second, members)}: {second.prefix.bare} is claimed by two peers, {a} and {b}"


def _claim_place(claim: Claim, members: Sequence[Member]) -> str:
    member = members[claim.owner]
    return f"{member.place.file}:{claim.line}" if claim.line else str(member)


def _double_names(members: Sequence[Member], names: Sequence[str]) -> Iterator[str]:
    seen: dict[str, Member] = {}
    for name, member in zip(names, members, strict=True):
        before = seen.setdefault(name, member)
        if before is not member:
            yield f"{member}: {quote(name)} is also the name of another client, {before}: rename one of them"


def _raise_if_any(problems: Problems, about_peers: Sequence[str]) -> None:
    messages = [*(problems.error().messages if problems else ()), *about_peers[:MOST]]
    if len(about_peers) > MOST:
        messages.append(f"{len(about_peers) - MOST} more problems with peers")
    if messages:
        raise HardenError(messages)


def _renamed(members: Sequence[Member], entries: Mapping[int, ClientEntry], names: Sequence[str]) -> Iterator[str]:
    """Peers that share their name with another of their interface, and have no entry that names them."""
    for number, (member, name) in enumerate(zip(members, names, strict=True)):
        if number not in entries and name not in (member.called, f"{member.interface}/{member.called}"):
            yield f"{member}: not the only peer called {quote(member.called)}: here it is {quote(name)}"


def _undefined_networks(document: Document, used: Mapping[str, None], scopes: Scopes) -> Iterator[str]:
    for name in used:
        rules = document.profiles[name].rules
        for entry in (*rules.allow, *rules.deny, *rules.inbound):
            if scopes.undefined(entry):
                yield (
                    f"{document.path}: there is no network {quote(entry.target.name)}: {entry.place.text} of the "
                    f"profile {quote(name)} ({entry.place}) means nothing"
                )


def _own_addresses(
    ownership: Ownership, gateway: AddressSet, members: Sequence[Member], names: Sequence[str]
) -> Iterator[str]:
    """Peers that claim what the gateway has itself; a peer that is the way to everything does not mean it."""
    for claim in dict.fromkeys(ownership.within(gateway)):
        if claim.prefix.length:
            shared = AddressSet.of((claim.prefix,)) & gateway
            what = f"{claim.prefix.bare} of {quote(names[claim.owner])}"
            yield f"{_claim_place(claim, members)}: {what} holds the gateway's own {shared}, which it never gets"
