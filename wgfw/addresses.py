"""IP prefixes and sets of addresses of both families."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from socket import AF_INET, inet_pton

from wgfw.intervals import Interval, IntervalSet

BITS = {4: 32, 6: 128}
FAMILIES = (4, 6)


@dataclass(frozen=True, slots=True, order=True)
class Prefix:
    """A network: ``family`` 4 or 6, ``network`` the first address as an integer, ``length`` in bits."""

    family: int
    network: int
    length: int

    @classmethod
    def parse(cls, text: str) -> "Prefix":
        """An address or CIDR; host bits are masked away, as the kernel does.

        Raises ValueError with the reason for anything that is not one.
        """
        address, slash, length = text.partition("/")
        try:  # ten times as fast as ipaddress for what most prefixes are
            value = int.from_bytes(inet_pton(AF_INET, address), "big")
            if not slash:
                return cls(4, value, 32)
            if length.isascii() and length.isdigit() and int(length) <= 32:
                return cls(4, value >> (shift := 32 - int(length)) << shift, int(length))
        except (OSError, ValueError):
            pass  # IPv6, a netmask, or an error that ipaddress has the words for
        if "%" in text:
            raise ValueError(f"{text!r} has a zone index")
        net = ipaddress.ip_network(text, strict=False)
        return cls(net.version, int(net.network_address), net.prefixlen)

    def around(self, length: int) -> "Prefix":
        """The prefix of that length, not longer than this one's, that holds this one."""
        shift = BITS[self.family] - length
        return Prefix(self.family, self.network >> shift << shift, length)

    @property
    def last(self) -> int:
        """The last address as an integer."""
        return self.network | ((1 << (BITS[self.family] - self.length)) - 1)

    def __str__(self) -> str:
        return f"{format_ip(self.family, self.network)}/{self.length}"

    def __contains__(self, other: "Prefix") -> bool:
        return (
            self.family == other.family and self.length <= other.length and self.network <= other.network <= self.last
        )

    @property
    def bare(self) -> str:
        """As a person writes it: without the length when it is a single address."""
        return format_ip(self.family, self.network) if self.length == BITS[self.family] else str(self)


def format_ip(family: int, value: int) -> str:
    """The usual text of an address (RFC 5952 for IPv6)."""
    if family == 4:
        return f"{value >> 24}.{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}"
    return str(ipaddress.IPv6Address(value))


def parse_ip(text: str) -> tuple[int, int]:
    """``(family, integer)`` of one address. Raises ValueError."""
    if "%" in text:
        raise ValueError(f"{text!r} has a zone index")
    address = ipaddress.ip_address(text)
    return address.version, int(address)


def prefixes_of(family: int, spans: Iterable[Interval]) -> list[Prefix]:
    """The fewest prefixes that cover exactly these inclusive intervals, ascending."""
    bits = BITS[family]
    out: list[Prefix] = []
    for low, high in spans:
        while low <= high:
            size = min((low & -low).bit_length() - 1 if low else bits, (high - low + 1).bit_length() - 1)
            out.append(Prefix(family, low, bits - size))
            low += 1 << size
    return out


@dataclass(frozen=True, slots=True)
class AddressSet:
    """A set of addresses of both families."""

    v4: IntervalSet = IntervalSet()
    v6: IntervalSet = IntervalSet()

    @classmethod
    def of(cls, prefixes: Iterable[Prefix]) -> "AddressSet":
        """The union of these prefixes."""
        spans: dict[int, list[Interval]] = {4: [], 6: []}
        for prefix in prefixes:
            spans[prefix.family].append((prefix.network, prefix.last))
        return cls(IntervalSet.of(spans[4]), IntervalSet.of(spans[6]))

    @classmethod
    def parse(cls, *texts: str) -> "AddressSet":
        """The union of addresses and CIDRs given as text. Raises ValueError."""
        return cls.of(Prefix.parse(text) for text in texts)

    @classmethod
    def union(cls, sets: Iterable["AddressSet"]) -> "AddressSet":
        """All of them together, at once: one by one it would be quadratic in their number."""
        found = list(sets)
        return cls(*(IntervalSet.of(span for s in found for span in s.family(family)) for family in FAMILIES))

    def family(self, family: int) -> IntervalSet:
        """The part of one family."""
        return self.v4 if family == 4 else self.v6

    def prefixes(self, family: int) -> list[Prefix]:
        """The fewest prefixes of that family that make up this set."""
        return prefixes_of(family, self.family(family))

    def holds(self, family: int, value: int) -> bool:
        """Whether the address is in the set."""
        return value in self.family(family)

    def __bool__(self) -> bool:
        return bool(self.v4 or self.v6)

    def __or__(self, other: "AddressSet") -> "AddressSet":
        return AddressSet(self.v4 | other.v4, self.v6 | other.v6)

    def __and__(self, other: "AddressSet") -> "AddressSet":
        return AddressSet(self.v4 & other.v4, self.v6 & other.v6)

    def __sub__(self, other: "AddressSet") -> "AddressSet":
        return AddressSet(self.v4 - other.v4, self.v6 - other.v6)

    def __le__(self, other: "AddressSet") -> bool:
        return self.v4 <= other.v4 and self.v6 <= other.v6

    def __str__(self) -> str:
        return ", ".join(p.bare for family in FAMILIES for p in self.prefixes(family)) or "nothing"


EVERYWHERE = AddressSet.parse("0.0.0.0/0", "::/0")

# IANA special-purpose address registries (RFC 6890 and its successors), multicast, and the IPv6 transition
# ranges, which carry IPv4 addresses of any kind inside (6to4, Teredo, NAT64).
SPECIAL_PURPOSE = AddressSet.parse(
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    "::/3", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "4000::/2", "8000::/1",
)  # fmt: skip
INTERNET = EVERYWHERE - SPECIAL_PURPOSE
