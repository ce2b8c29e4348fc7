"""What to change in the policy so that a denied connection is allowed."""

from collections.abc import Sequence
from dataclasses import dataclass

from harden.document.yamlscalar import yaml_scalar
from wgfw.addresses import FAMILIES, format_ip
from wgfw.directory import Directory
from wgfw.evaluate import Verdict
from wgfw.intervals import IntervalSet
from wgfw.policy.model import Client, Rule


@dataclass(frozen=True, slots=True)
class Wish:
    """A connection somebody wants, and the verdicts (one or more, all denials) on the parts of its service."""

    family: int
    source: int
    destination: int
    service: str
    denials: Sequence[Verdict]


def remedy(wish: Wish, directory: Directory) -> tuple[str, ...]:
    """Lines for a person: which denies must go, and which entry to add where. Empty if no policy can allow it."""
    first = wish.denials[0]
    if first.sender is None and first.receiver is None:
        return ()
    denies = dict.fromkeys(v.rule for v in wish.denials if v.rule is not None)
    lines = [_without(rule) for rule in denies]
    if any(v.rule is None for v in wish.denials):
        lines.append(_addition(wish, first, directory))
    return tuple(lines)


def _without(rule: Rule) -> str:
    whose = f" of profile {rule.origin}" if rule.origin else ""
    return f"take out the deny{whose} at {rule.place}: {rule.place.text}"


def _addition(wish: Wish, denial: Verdict, directory: Directory) -> str:
    """The entry to add: to the sender's allow or, for a connection from outside, to the receiver's inbound."""
    if denial.sender is not None:
        client, effect, word, address = denial.sender, "allow", "to", wish.destination
    else:
        assert denial.receiver is not None
        client, effect, word, address = denial.receiver, "inbound", "from", wish.source
    other = denial.receiver if denial.sender is not None else None
    name = name_of(wish.family, address, other, directory)
    entry = f"{{{word}: {yaml_scalar(name)}, services: [{yaml_scalar(wish.service)}]}}"
    key = yaml_scalar(client.name)
    if client.entry is not None:
        return f"add to clients.{key}.{effect} ({client.entry}): - {entry}"
    # An entry takes the default profile away, so it has to say what the client has now.
    profiles = ", ".join(yaml_scalar(profile) for profile in client.profiles)
    return f"add under clients ({directory.policy.path}): {key}: {{profiles: [{profiles}], {effect}: [{entry}]}}"


def name_of(family: int, address: int, owner: Client | None, directory: Directory) -> str:
    """How an entry best names one address: a network or client that is this one host, else the address."""
    for name, network in directory.networks.items():
        if network.addresses.holds(family, address) and all(_one_host(network.addresses.family(f)) for f in FAMILIES):
            return name
    if owner is not None and all(_one_host(owner.addresses.family(f)) for f in FAMILIES):
        return f"client:{owner.name}"
    return format_ip(family, address)


def _one_host(addresses: IntervalSet) -> bool:
    """Whether the set is at most one address."""
    return sum(high - low + 1 for low, high in addresses) <= 1
