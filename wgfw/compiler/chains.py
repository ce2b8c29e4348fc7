"""What one client may do, as chains: who shares all profiles and has nothing of its own shares the chain.

In `mangle` nothing is accepted or dropped: a chain marks the packet as allowed or as denied and returns, so that
rules of others there still see every packet.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from wgfw.addresses import INTERNET
from wgfw.compiler import names
from wgfw.compiler.matches import asked_matches, service_matches, until_match
from wgfw.compiler.sets import AddressSets, Match, Target, asked, destination, source
from wgfw.policy.document import Effect
from wgfw.policy.model import Client, Policy, Rule as PolicyRule
from wgfw.ruleset import Chain, Rule
from wgfw.services import of_family

ALLOW: Target = ("-g", names.ALLOWED)
DENY: Target = ("-g", names.DENIED)
INTERNET_ALLOW: Target = ("-g", names.INTERNET_ALLOWED)
INTERNET_DENY: Target = ("-g", names.INTERNET_DENIED)
NOTHING: Target = ("-j", "RETURN")
TO_GATEWAY: Match = ("-m", "addrtype", "--dst-type", "LOCAL")
WAS_REDIRECTED: Match = ("-m", "conntrack", "--ctstate", "DNAT")


@dataclass
class ClientChains:
    """Builds the chains of clients for one family, each distinct set of rules once."""

    policy: Policy
    family: int
    sets: AddressSets
    chains: list[Chain] = field(default_factory=list)
    _built: dict[tuple[object, ...], Target] = field(default_factory=dict)

    def sender(self, client: Client) -> Target:
        """Where a packet goes that this client sends."""
        return self._shared("P", client, (Effect.ALLOW, Effect.DENY), self._sender_chains)

    def receiver(self, client: Client) -> Target:
        """Where a packet goes that is on its way to this client and not decided yet."""
        return self._shared("R", client, (Effect.INBOUND,), self._receiver_chains)

    def _shared(self, kind, client: Client, effects, build) -> Target:  # type: ignore[no-untyped-def]
        own = tuple(r for r in client.own if r.effect in effects)
        key = (kind, client.public_key, client.interface) if own else (kind, *client.profiles)
        if key not in self._built:
            rules = [r for r in self.policy.rules_of(client) if r.effect in effects and self._possible(r)]
            self._built[key] = build(key, rules) if rules else NOTHING
        return self._built[key]

    def _possible(self, rule: PolicyRule) -> bool:
        return bool(of_family(rule.services, self.family))

    def _sender_chains(self, key: tuple[object, ...], rules: list[PolicyRule]) -> Target:
        name, redirected = names.derived("P", *key), names.derived("N", *key)
        denies = [r for r in rules if r.effect is Effect.DENY]
        allows = [r for r in rules if r.effect is Effect.ALLOW]
        plain = [*self._each(self._plain, denies, DENY), *self._each(self._plain, allows, ALLOW)]
        judged_twice = [
            *self._each(self._asked, denies, DENY),
            *self._each(self._plain, denies, DENY),
            *self._each(self._asked, allows, ALLOW),
        ]
        self.chains.append(Chain("mangle", name, (Rule(WAS_REDIRECTED, ("-g", redirected)), *plain)))
        self.chains.append(Chain("mangle", redirected, tuple(judged_twice)))
        return ("-g", name)

    def _receiver_chains(self, key: tuple[object, ...], rules: list[PolicyRule]) -> Target:
        name = names.derived("R", *key)
        self.chains.append(Chain("mangle", name, tuple(self._each(self._from, rules, ALLOW))))
        return ("-g", name)

    def _each(self, how, rules: Iterable[PolicyRule], target: Target) -> list[Rule]:  # type: ignore[no-untyped-def]
        return list(dict.fromkeys(rule for entry in rules for rule in how(entry, target)))

    def _plain(self, rule: PolicyRule, target: Target) -> list[Rule]:
        """By where the packet goes now."""
        services = self._services(rule)
        scope = rule.scope
        if scope.own is None:
            return self.sets.rules(scope.addresses, destination, services, target, self._flag(target))
        if not scope.own:
            target = INTERNET_ALLOW if target is ALLOW else INTERNET_DENY
            return self.sets.rules(INTERNET, destination, services, target, self._flag(target))
        where: Match = () if scope.addresses else TO_GATEWAY
        return [Rule(first + where, target) for first, _ in services]

    def _asked(self, rule: PolicyRule, target: Target) -> list[Rule]:
        """By what the client asked for, where a DNAT has changed it since."""
        limit = until_match(rule.until)
        services = [(first + limit, second) for first, second in asked_matches(rule.services, self.family)]
        scope = rule.scope
        if scope.own is True and scope.addresses:
            return [Rule(first + (("-m", "conntrack", *second) if second else ()), target) for first, second in services]
        gateway = self.policy.gateway
        addresses = scope.addresses if scope.own is None else gateway if scope.own else INTERNET - gateway
        return self.sets.rules(addresses, asked, services, target, self._flag(target))

    def _from(self, rule: PolicyRule, target: Target) -> list[Rule]:
        """By who sends it. What the gateway itself sends does not come this way."""
        services = self._services(rule)
        scope = rule.scope
        if scope.own is True:
            return [Rule(first, target) for first, _ in services] if scope.addresses else []
        addresses = scope.addresses if scope.own is None else INTERNET - self.policy.gateway
        return self.sets.rules(addresses, source, services, target, self._flag(target))

    def _services(self, rule: PolicyRule) -> list[tuple[Match, Match]]:
        limit = until_match(rule.until)
        return [(match + limit, ()) for match in service_matches(rule.services, self.family)]

    def _flag(self, target: Target) -> Match:
        bit = self.denied if target in (DENY, INTERNET_DENY) else self.allowed
        return ("--mark", f"{bit:#x}/{bit:#x}")

    @property
    def allowed(self) -> int:
        """The mark bit of what is allowed: the lower one of the pair."""
        return self.policy.mark & -self.policy.mark

    @property
    def denied(self) -> int:
        """The mark bit of what a deny has decided."""
        return self.policy.mark & (self.policy.mark - 1)
