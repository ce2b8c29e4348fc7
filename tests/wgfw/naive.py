"""A second reading of docs/reference/semantics.md, as slow and as plain as possible, to check the evaluator against."""

from datetime import datetime

from wgfw.addresses import BITS, INTERNET, Prefix
from wgfw.evaluate import Packet
from wgfw.policy.document import Effect, TargetKind
from wgfw.policy.model import Client, Policy, Rule
from wgfw.services import ANY, Flow


def owner(policy: Policy, family: int, address: int) -> Client | None:
    """Looks at every AllowedIP there is."""
    holding = [
        (prefix.length, number)
        for number, client in enumerate(policy.clients)
        for prefix in client.prefixes
        if prefix.family == family and prefix.network <= address <= prefix.last
    ]
    return policy.clients[max(holding)[1]] if holding else None


def meant(policy: Policy, rule: Rule, family: int, address: int) -> bool:
    """Whether an entry's target means the address, by the kind of the target."""
    own = policy.gateway.holds(family, address)
    found = owner(policy, family, address)
    answers = {
        TargetKind.ANY: True,
        TargetKind.GATEWAY: own,
        TargetKind.INTERNET: not own and INTERNET.holds(family, address),
        TargetKind.CLIENT: found is not None and found.name == rule.target.name,
        TargetKind.PROFILE: found is not None and rule.target.name in found.profiles,
        TargetKind.NETWORK: rule.scope.addresses.holds(family, address),
    }
    if rule.target.kind is TargetKind.ADDRESS:
        return Prefix(family, address, BITS[family]) in Prefix.parse(rule.target.name)
    return answers[rule.target.kind]


def covers(policy: Policy, rule: Rule, family: int, address: int, flow: Flow, now: datetime) -> bool:
    """Whether an entry in force covers the address and the flow."""
    if rule.until is not None and rule.until <= now:
        return False
    if rule.services != ANY and flow.protocol == (58 if family == 4 else 1):
        return False
    return flow.point in rule.services and meant(policy, rule, family, address)


def of_the_gateway(rule: Rule) -> bool:
    """An inbound from the gateway, which opens nothing: what arrives was not sent by the gateway."""
    return rule.effect is Effect.INBOUND and rule.target.kind is TargetKind.GATEWAY


def allowed(policy: Policy, packet: Packet, now: datetime) -> bool:
    """The numbered steps, one after the other."""
    family, asked = packet.family, (packet.destination, packet.flow)
    behind = packet.behind or asked

    def any_of(client: Client, effect: Effect, address: int, flow: Flow) -> bool:
        rules = [r for r in policy.rules_of(client) if r.effect is effect and not of_the_gateway(r)]
        return any(covers(policy, r, family, address, flow, now) for r in rules)

    receiver = None if policy.gateway.holds(family, behind[0]) else owner(policy, family, behind[0])
    if packet.interface is None:
        inbounds = policy.rules_of(receiver) if receiver is not None else ()
        return any(
            r.effect is Effect.INBOUND
            and r.target.kind not in (TargetKind.CLIENT, TargetKind.PROFILE, TargetKind.GATEWAY)
            and covers(policy, r, family, packet.source, behind[1], now)
            for r in inbounds
        )
    welcome = receiver is not None and any_of(receiver, Effect.INBOUND, packet.source, behind[1])
    sender = owner(policy, family, packet.source)
    if sender is None or sender.interface != packet.interface:
        return False
    if any_of(sender, Effect.DENY, *asked) or any_of(sender, Effect.DENY, *behind):
        return False
    return any_of(sender, Effect.ALLOW, *asked) or welcome
