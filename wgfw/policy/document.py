"""The policy file as values: what was written, names not yet looked up, each with its place.

Everything here comes out of the loader validated for shape; :mod:`wgfw.policy.resolve` gives it meaning.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from harden.document.place import Place
from wgfw.addresses import AddressSet
from wgfw.intervals import IntervalSet


class TargetKind(Enum):
    """What a ``to`` or ``from`` names."""

    NETWORK = "network"
    ADDRESS = "address"
    CLIENT = "client"
    PROFILE = "profile"
    GATEWAY = "gateway"
    INTERNET = "internet"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Target:
    """A ``to`` or ``from`` as written. ``name`` is the network's, client's or profile's name, or the CIDR."""

    kind: TargetKind
    name: str

    def __str__(self) -> str:
        if self.kind in (TargetKind.CLIENT, TargetKind.PROFILE):
            return f"{self.kind.value}:{self.name}"
        return self.name


class Effect(Enum):
    """Which list an entry stands in."""

    ALLOW = "allow"
    DENY = "deny"
    INBOUND = "inbound"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an ``allow``, ``deny`` or ``inbound`` list.

    ``target`` is its ``to`` (allow, deny) or ``from`` (inbound); ``services`` the points it covers and
    ``service_names`` what was written; ``until`` is aware and in UTC: from that moment the entry allows
    nothing. Only allow and inbound may have one.
    """

    effect: Effect
    target: Target
    services: IntervalSet
    service_names: tuple[str, ...]
    until: datetime | None
    place: Place


@dataclass(frozen=True, slots=True)
class Rules:
    """The three lists that a profile or a client may hold."""

    allow: tuple[Entry, ...] = ()
    deny: tuple[Entry, ...] = ()
    inbound: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Profile:
    """A trust profile. ``shipped`` is true for those that come with harden."""

    name: str
    description: str
    rules: Rules
    place: Place
    shipped: bool


@dataclass(frozen=True, slots=True)
class ClientEntry:
    """An entry under ``clients``. ``name`` is the key as written (``anca`` or ``wg1/anca``).

    ``profiles`` is empty for an entry without one: such a client has no profile at all.
    """

    name: str
    public_key: str | None
    profiles: tuple[str, ...]
    rules: Rules
    place: Place


@dataclass(frozen=True, slots=True)
class Network:
    """A named set of addresses."""

    name: str
    addresses: AddressSet
    place: Place


@dataclass(frozen=True, slots=True)
class InterfaceEntry:
    """One managed interface: where its peers are (a path, absolute or relative to the policy file's folder,
    or ``kernel``) and its default profile (None: the policy's)."""

    name: str
    peers: str
    profile: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class PolicyTest:
    """One line of ``tests``. ``source`` and ``to`` are as written: a client's name or an address, and an
    address; ``service`` is one point's notation; ``expect`` is ``allow`` or ``deny``."""

    source: str
    to: str
    service: str
    expect: str
    place: Place


@dataclass(frozen=True, slots=True)
class Defaults:
    """The ``defaults`` section. ``mark`` is the pair of packet-mark bits harden may use (see ADR)."""

    profile: str = "quarantine"
    on_allow: str = "accept"
    mark: int = 0x0C000000


@dataclass(frozen=True, slots=True)
class Document:
    """A whole policy file, shipped profiles included (``profiles`` holds both; the file's win by name)."""

    path: str
    interfaces: Mapping[str, InterfaceEntry]
    networks: Mapping[str, Network]
    services: Mapping[str, IntervalSet]
    profiles: Mapping[str, Profile]
    clients: tuple[ClientEntry, ...]
    defaults: Defaults
    tests: tuple[PolicyTest, ...]
