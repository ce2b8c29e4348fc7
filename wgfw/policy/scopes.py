"""What each target stands for once the clients are known."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from harden.document.problems import Problems
from harden.document.wording import did_you_mean, listing, quote
from wgfw.addresses import EVERYWHERE, INTERNET, AddressSet
from wgfw.policy.document import Entry, Network, Rules, Target, TargetKind
from wgfw.policy.model import Client, Rule, Scope
from wgfw.policy.terms import parse_prefix

_FIXED = {
    TargetKind.GATEWAY: Scope(AddressSet(), True),
    TargetKind.INTERNET: Scope(INTERNET, False),
    TargetKind.ANY: Scope(EVERYWHERE, True),
}


class Scopes:
    """Looks targets up; what a name stands for is computed once.

    ``called`` has the names that the peers' source gives the clients, for messages about names that are none here.
    """

    def __init__(
        self, networks: Mapping[str, Network], clients: Sequence[Client], called: Sequence[str], problems: Problems
    ) -> None:
        self._networks = networks
        self._problems = problems
        self._called = called
        self._clients = clients
        self._of_profile: dict[str, list[Client]] = defaultdict(list)
        self._known: dict[Target, Scope | None] = {}
        for client in clients:
            for profile in client.profiles:
                self._of_profile[profile].append(client)
        self._names = {client.name: client for client in clients}
        for client in clients:
            self._names.setdefault(f"{client.interface}/{client.name}", client)

    def client(self, name: str) -> Client | None:
        """The client of that name, with or without its interface."""
        return self._names.get(name)

    def rules(self, rules: Rules, origin: str | None) -> tuple[Rule, ...]:
        """The entries of a profile (``origin``) or of a client as rules."""
        made = (self._rule(entry, origin) for entry in (*rules.allow, *rules.deny, *rules.inbound))
        return tuple(rule for rule in made if rule is not None)

    def undefined(self, entry: Entry) -> bool:
        """Whether the entry, one of a shipped profile, names a network that this policy does not define."""
        return entry.target.kind is TargetKind.NETWORK and entry.target.name not in self._networks

    def _rule(self, entry: Entry, origin: str | None) -> Rule | None:
        if self.undefined(entry):
            return None
        scope = self._known.get(entry.target)
        if scope is None:
            scope = self._find(entry)
            if scope is None:
                return None
            self._known[entry.target] = scope
        return Rule(
            effect=entry.effect,
            target=entry.target,
            scope=scope,
            services=entry.services,
            service_names=entry.service_names,
            until=entry.until,
            place=entry.place,
            origin=origin,
        )

    def _find(self, entry: Entry) -> Scope | None:
        kind, name = entry.target.kind, entry.target.name
        if kind in _FIXED:
            return _FIXED[kind]
        if kind is TargetKind.NETWORK:
            return Scope(self._networks[name].addresses)
        if kind is TargetKind.ADDRESS:
            return Scope(AddressSet.of((parse_prefix(name),)))
        if kind is TargetKind.PROFILE:
            return Scope(AddressSet.union(client.addresses for client in self._of_profile[name]))
        client = self.client(name)
        if client is None:
            self._problems.add(entry.place.line, self.unknown(name))
            return None
        return Scope(client.addresses)

    def unknown(self, name: str) -> str:
        """What to say about a client's name that :meth:`client` does not find."""
        if self._problems.crowded:
            return f"unknown client {quote(name)}"
        here = [client.name for client, called in zip(self._clients, self._called, strict=True) if called == name]
        if len(here) > 1:
            return f"{quote(name)} is the name of {len(here)} peers, here called {listing([*map(quote, here[:8])])}"
        if here:
            return f"the peer {quote(name)} is called {quote(here[0])} here, by its entry"
        return f"unknown client {quote(name)}{did_you_mean(name, self._names)}"
