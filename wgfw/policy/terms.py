"""The words that entries may use: services, networks, addresses, and who is meant by ``to`` and ``from``."""

import re
from collections.abc import Collection, Mapping

from harden.document.wording import did_you_mean, quote
from wgfw import services
from wgfw.addresses import BITS, Prefix, format_ip, parse_ip
from wgfw.intervals import IntervalSet
from wgfw.policy.document import Target, TargetKind

KEYWORDS = {
    "gateway": Target(TargetKind.GATEWAY, "gateway"),
    "internet": Target(TargetKind.INTERNET, "internet"),
    "any": Target(TargetKind.ANY, "any"),
}
LATER = {"dns": "a DNS name", "service": "a Kubernetes Service"}
PREFIXES = ("client", "profile", *LATER)

_MAPPED = Prefix.parse("::ffff:0:0/96")
# What is meant as an address although it may be none: 10.0.0.300, 10.0.0.0/33, fd00::g.
_LIKE_ADDRESS = re.compile(r"[0-9.]+(?:/.*)?\Z|[0-9a-fA-F:.%]*:[^/]*(?:/.*)?\Z")
_IPV4_LIKE = re.compile(r"[0-9.]+\Z")


def parse_prefix(text: str) -> Prefix:
    """An address or CIDR as the policy takes it: unlike the kernel, without bits behind the length.

    Raises ValueError with the reason.
    """
    address, slash, length = text.partition("/")
    try:
        family, value = parse_ip(address)
    except ValueError:
        raise ValueError(f"bad address {quote(text)}: {_reason(address)}") from None
    bits = BITS[family]
    if slash and not (length.isascii() and length.isdigit() and len(length) <= 3 and int(length) <= bits):
        raise ValueError(f"bad address {quote(text)}: the length after / is a number from 0 to {bits}")
    size = int(length) if slash else bits
    prefix = Prefix(family, value >> (bits - size) << (bits - size), size)
    if prefix.network != value:
        one = format_ip(family, value)
        raise ValueError(f"{quote(text)} may mean two things: write {prefix} for the network or {one} for one address")
    if prefix in _MAPPED:
        raise ValueError(f"{quote(text)} is an IPv4 address inside an IPv6 one: write the IPv4 address")
    return prefix


def _reason(address: str) -> str:
    if "%" in address:
        return "a zone index has no meaning here"
    if ":" in address:
        return "no IPv6 address"
    if any(len(part) > 1 and part.startswith("0") for part in address.split(".")):
        return "no leading zeros in an IPv4 address"
    return "no IPv4 address" if _IPV4_LIKE.match(address) else "no IP address"


def looks_like_address(text: str) -> bool:
    """Whether the text can only be meant as an address, right or wrong."""
    return bool(_LIKE_ADDRESS.match(text))


class Terms:
    """The vocabulary of one policy file; what it has parsed once it remembers.

    ``open_networks`` is for shipped profiles, which may name networks that this policy does not define.
    """

    def __init__(
        self,
        own_services: Mapping[str, IntervalSet],
        networks: Collection[str],
        profiles: Collection[str],
        clients: Collection[str] = (),
        open_networks: bool = False,
    ) -> None:
        self.networks = networks
        self.profiles = profiles
        self.clients = clients
        self.open_networks = open_networks
        self._own_services = own_services
        self._services: dict[str, IntervalSet] = dict(own_services)
        self._targets: dict[str, Target] = {}
        self._unions: dict[tuple[str, ...], IntervalSet] = {}

    def service(self, name: str) -> IntervalSet:
        """The points of a service's name or notation. Raises ValueError with the reason."""
        found = self._services.get(name)
        if found is None:
            found = self._services[name] = parse_service(name, self._own_services)
        return found

    def union(self, names: tuple[str, ...]) -> IntervalSet:
        """The points of several services together; none make the empty set."""
        found = self._unions.get(names)
        if found is None:
            spans = (span for name in names for span in self.service(name))
            found = self._unions[names] = IntervalSet.of(spans)
        return found

    def target(self, text: str) -> Target:
        """Whom a ``to`` or ``from`` means. Raises ValueError with the reason."""
        found = self._targets.get(text)
        if found is None:
            found = self._targets[text] = self._parse_target(text)
        return found

    def _parse_target(self, text: str) -> Target:
        if text in KEYWORDS:
            return KEYWORDS[text]
        if text in self.networks:
            return Target(TargetKind.NETWORK, text)
        kind, colon, name = text.partition(":")
        if colon and kind in PREFIXES:
            return self._prefixed(kind, name)
        if looks_like_address(text):
            parse_prefix(text)
            return Target(TargetKind.ADDRESS, text)
        if self.open_networks:
            return Target(TargetKind.NETWORK, text)
        raise ValueError(f"unknown network {quote(text)}{self._who(text)}")

    def _prefixed(self, kind: str, name: str) -> Target:
        if kind in LATER:
            raise ValueError(not_yet(kind))
        if not name:
            raise ValueError(f"{kind}: without a name")
        if kind == "client":
            return Target(TargetKind.CLIENT, name)
        if name not in self.profiles:
            raise ValueError(f"unknown profile {quote(name)}{did_you_mean(name, self.profiles)}")
        return Target(TargetKind.PROFILE, name)

    def _who(self, text: str) -> str:
        if text in self.clients:
            return f"; did you mean {quote('client:' + text)}?"
        if text in self.profiles:
            return f"; did you mean {quote('profile:' + text)}?"
        return did_you_mean(text, [*self.networks, *KEYWORDS])


def parse_service(name: str, own: Collection[str]) -> IntervalSet:
    """The points of a built-in name or a notation; ``own`` are further names, for the suggestion.

    Raises ValueError with the reason.
    """
    if name in services.BUILT_IN:
        spans = (span for text in services.BUILT_IN[name] for span in services.parse_notation(text))
        return IntervalSet.of(spans)
    if "/" in name:
        return services.parse_notation(name)
    raise ValueError(f"unknown service {quote(name)}{did_you_mean(name, [*own, *services.BUILT_IN])}")


def not_yet(kind: str) -> str:
    """What to say about a network whose addresses must be looked up."""
    return f"{LATER[kind]} ({kind}:…) as a network is not supported in this release: give its addresses"
