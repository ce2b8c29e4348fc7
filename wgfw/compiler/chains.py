"""What one client may do, as chains: clients with the same profiles share a chain, what is a client's own is on top.

In `mangle` nothing is accepted or dropped: a chain marks the packet as allowed or as denied and returns, so that
rules of others there still see every packet.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from wgfw.addresses import INTERNET, AddressSet
from wgfw.compiler import names
from wgfw.compiler.marks import Marks
from wgfw.compiler.matches import asked_matches, service_matches, until_match
from wgfw.compiler.sets import AddressSets, Services, asked, destination, source
from wgfw.policy.document import Effect, TargetKind
from wgfw.policy.model import Client, Policy
from wgfw.policy.model import Rule as PolicyRule
from wgfw.ruleset import Chain, Match, Rule, Target

ALLOW: Target = ("-g", names.ALLOWED)
DENY: Target = ("-g", names.DENIED)
INTERNET_OF = {ALLOW: ("-g", names.INTERNET_ALLOWED), DENY: ("-g", names.INTERNET_DENIED)}
NOTHING: Target = ("-j", "RETURN")
ON_LINK = AddressSet.parse("127.0.0.0/8", "169.254.0.0/16", "::1", "fe80::/10")
# What the gateway takes for itself: its addresses, and those at which its networks address all or any of their routers.
# In IPv6 the kernel calls the first address of any network ANYCAST, of one behind another router too: such an address
# is the gateway's only where that allows nothing.
TO_GATEWAY: Mapping[int, Match] = {
    4: ("-m", "addrtype", "--dst-type", "LOCAL,BROADCAST"),
    6: ("-m", "addrtype", "--dst-type", "LOCAL"),
}
PERHAPS_TO_GATEWAY: Mapping[int, Match] = {
    4: TO_GATEWAY[4],
    6: ("-m", "addrtype", "--dst-type", "LOCAL,ANYCAST"),
}

PolicyRules = tuple[PolicyRule, ...]


@dataclass(frozen=True)
class Side:
    """One side of a client: as sender (``P`` chains, ``N`` after a DNAT) or as receiver (``R``)."""

    kind: str
    effects: tuple[Effect, ...]


SENDER = Side("P", (Effect.ALLOW, Effect.DENY))
RECEIVER = Side("R", (Effect.INBOUND,))


@dataclass
class ClientChains:
    """Builds the chains of clients for one family, each distinct set of rules once."""

    policy: Policy
    family: int
    marks: Marks
    sets: AddressSets
    chains: list[Chain] = field(default_factory=list)
    _shared: dict[tuple[object, ...], Target] = field(default_factory=dict)
    _relevant: dict[tuple[str, str], PolicyRules] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # What a client can ask for by an address of the gateway; addrtype knows the rest, while no DNAT has changed it.
        self.published = self.policy.gateway - ON_LINK

    def sender(self, client: Client) -> Target:
        """Where a packet goes that this client sends."""
        return self._client(SENDER, client)

    def receiver(self, client: Client) -> Target:
        """Where a packet goes that is on its way to this client and not decided yet."""
        return self._client(RECEIVER, client)

    def _client(self, side: Side, client: Client) -> Target:
        shared = self._profiles(side, client.profiles)
        own = self._of_side(side, client.own) if client.own else ()
        if not own:
            return shared
        rules = tuple(r for name in client.profiles for r in self._profile_rules(side, name))
        return self._build(side, ("own", client.interface, client.public_key), own, shared, rules)

    def _profiles(self, side: Side, profiles: tuple[str, ...]) -> Target:
        key = (side.kind, profiles)
        if key not in self._shared:
            rules = tuple(r for name in profiles for r in self._profile_rules(side, name))
            self._shared[key] = self._build(side, ("profiles", *profiles), rules, NOTHING, ()) if rules else NOTHING
        return self._shared[key]

    def _profile_rules(self, side: Side, profile: str) -> PolicyRules:
        key = (side.kind, profile)
        if key not in self._relevant:
            self._relevant[key] = self._of_side(side, self.policy.profile_rules[profile])
        return self._relevant[key]

    def _of_side(self, side: Side, rules: PolicyRules) -> PolicyRules:
        return tuple(r for r in rules if r.effect in side.effects and service_matches(r.services, self.family))

    def _build(
        self, side: Side, key: tuple[object, ...], rules: PolicyRules, shared: Target, shared_rules: PolicyRules
    ) -> Target:
        """Chains for these rules that go on to the shared ones; a deny there comes before an allow here."""
        name = names.derived(side.kind, *key)
        denied_there = any(r.effect is Effect.DENY for r in shared_rules)
        if side is RECEIVER:
            self._add(name, [], [], self._each((self._from,), rules, ALLOW), shared, denied_there)
            return ("-g", name)
        denies = tuple(r for r in rules if r.effect is Effect.DENY)
        allows = tuple(r for r in rules if r.effect is Effect.ALLOW)
        redirected = names.derived("N", *key)
        plainly = self._each((self._plain,), denies, DENY), self._each((self._plain,), allows, ALLOW)
        self._add(name, [Rule(self.marks.is_redirected, ("-g", redirected))], *plainly, shared, denied_there)
        twice = self._each((self._asked, self._plain), denies, DENY), self._each((self._asked,), allows, ALLOW)
        self._add(redirected, [Rule((), self.marks.clear)], *twice, _redirected(shared), denied_there)
        return ("-g", name)

    def _add(
        self, name: str, first: list[Rule], denies: list[Rule], allows: list[Rule], shared: Target, denied_there: bool
    ) -> None:
        if shared is NOTHING:
            rules = [*first, *denies, *allows]
        elif denied_there:
            decided = Rule(self.marks.is_decided, ("-j", "RETURN"))
            rules = [*first, *denies, Rule((), ("-j", shared[1])), decided, *allows]
        else:
            rules = [*first, *denies, *allows, Rule((), shared)]
        self.chains.append(Chain("mangle", name, tuple(rules)))

    def _each(
        self, ways: Iterable[Callable[[PolicyRule, Target], list[Rule]]], rules: PolicyRules, target: Target
    ) -> list[Rule]:
        found = [rule for way in ways for entry in rules for rule in way(entry, target)]
        # Of equal rules the last stays: a "return if decided" must stand behind every jump that may decide.
        return list(dict.fromkeys(reversed(found)))[::-1]

    def _plain(self, rule: PolicyRule, target: Target) -> list[Rule]:
        """By where the packet goes now."""
        services = self._services(rule)
        scope = rule.scope
        if scope.own is None:
            return self._in_set(rule, destination, services, target)
        if not scope.own:
            return self.sets.rules(INTERNET, destination, services, INTERNET_OF[target], self.marks.flag(target))
        where: Match = () if scope.addresses else (TO_GATEWAY if target == ALLOW else PERHAPS_TO_GATEWAY)[self.family]
        return [Rule(first + where, target) for first, _ in services]

    def _asked(self, rule: PolicyRule, target: Target) -> list[Rule]:
        """By what the client asked for, where a DNAT has changed it since."""
        limit = until_match(rule.until)
        services = [(first + limit, second) for first, second in asked_matches(rule.services, self.family)]
        scope = rule.scope
        if scope.own is True and scope.addresses:
            conntrack = ("-m", "conntrack")
            return [Rule(first + (conntrack + second if second else ()), target) for first, second in services]
        if scope.own is None:
            return self._in_set(rule, asked, services, target)
        addresses = self.published if scope.own else INTERNET - self.published
        return self.sets.rules(addresses, asked, services, target, self.marks.flag(target))

    def _from(self, rule: PolicyRule, target: Target) -> list[Rule]:
        """By who sends it. What the gateway itself sends does not come this way, and who sends under a client's address
        but by another way than an interface of clients is not that client."""
        services = self._services(rule)
        if rule.target.kind in (TargetKind.CLIENT, TargetKind.PROFILE):
            services = [(("-i", name, *match), more) for name in self.policy.interfaces for match, more in services]
        scope = rule.scope
        if scope.own is None:
            return self._in_set(rule, source, services, target)
        if scope.own:
            return [Rule(first, target) for first, _ in services] if scope.addresses else []
        addresses = INTERNET - self.published
        return self.sets.rules(addresses, source, services, target, self.marks.flag(target))

    def _in_set(self, rule: PolicyRule, how: Callable[[str], Match], services: Services, target: Target) -> list[Rule]:
        return self.sets.rules(rule.scope.addresses, how, services, target, self.marks.flag(target))

    def _services(self, rule: PolicyRule) -> Services:
        limit = until_match(rule.until)
        return [(match + limit, ()) for match in service_matches(rule.services, self.family)]


def _redirected(shared: Target) -> Target:
    """The chain for redirected packets that goes with a sender's shared chain: same key, other kind."""
    return shared if shared is NOTHING else (shared[0], shared[1].replace("-P-", "-N-", 1))
