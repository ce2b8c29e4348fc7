"""The policy with every name looked up: what the evaluator, the compiler and the access diff work on."""

from dataclasses import dataclass
from datetime import datetime

from harden.document.place import Place
from wgfw.addresses import AddressSet, Prefix
from wgfw.intervals import IntervalSet
from wgfw.policy.document import Effect, PolicyTest, Target


@dataclass(frozen=True, slots=True)
class Scope:
    """The addresses that a target stands for.

    ``own`` says what it means for the gateway's own addresses, which only the gateway itself knows for sure:
    True, it covers them all (``gateway``, ``any``); False, none (``internet``); None, those that are in
    ``addresses``.
    """

    addresses: AddressSet
    own: bool | None = None

    def covers(self, family: int, address: int, gateway: AddressSet) -> bool:
        """Whether the address is meant, ``gateway`` being the gateway's own addresses."""
        if self.own is not None and gateway.holds(family, address):
            return self.own
        return self.addresses.holds(family, address)


@dataclass(frozen=True, slots=True)
class Rule:
    """An entry with its target resolved. ``origin`` is the profile it comes from, or None for the client's own."""

    effect: Effect
    target: Target
    scope: Scope
    services: IntervalSet
    service_names: tuple[str, ...]
    until: datetime | None
    place: Place
    origin: str | None

    def in_force(self, now: datetime) -> bool:
        """Whether the entry still means anything at this moment."""
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True)
class Client:
    """A peer under the policy.

    ``prefixes`` are its AllowedIPs; ``addresses`` those of them that no more specific prefix of another
    peer takes away: each address belongs to one peer. ``own`` are the client's own rules; those of ``profiles``
    are looked up in the policy. ``entry`` is the place under ``clients``, None for a peer without one.
    """

    name: str
    interface: str
    public_key: str
    prefixes: tuple[Prefix, ...]
    addresses: AddressSet
    profiles: tuple[str, ...]
    own: tuple[Rule, ...]
    entry: Place | None
    peer: Place


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything that decides about packets.

    An address belongs to the client whose AllowedIPs hold it with the longest prefix, over all interfaces.
    ``profile_rules`` has the resolved rules of every profile in use. ``gateway`` holds the gateway's own
    addresses as far as they are known (the peers files' ``Address`` lines and, on the gateway, what its
    interfaces carry).
    """

    path: str
    interfaces: tuple[str, ...]
    clients: tuple[Client, ...]
    profile_rules: dict[str, tuple[Rule, ...]]
    gateway: AddressSet
    on_allow: str
    mark: int
    tests: tuple[PolicyTest, ...]
    warnings: tuple[str, ...]

    def rules_of(self, client: Client) -> tuple[Rule, ...]:
        """All rules of a client: those of its profiles in order, then its own."""
        return tuple(r for name in client.profiles for r in self.profile_rules[name]) + client.own
