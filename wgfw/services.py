"""Services: names and notations for what travels inside IP.

A service is a set of points on one integer axis, ``protocol << 16 | detail``: for TCP and UDP the detail is the
destination port, for ICMP and ICMPv6 ``type << 8 | code``; for every other protocol all details mean the
protocol itself. ``any`` is the whole axis. ICMP points are per family: an ``icmp/…`` name holds the ICMP
type and the ICMPv6 type of that meaning, where both exist (RFC 792, RFC 4443).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from wgfw.intervals import IntervalSet

TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
ANY = IntervalSet(((0, (256 << 16) - 1),))

# name: (ICMP type, ICMPv6 type)
ICMP_TYPES: Mapping[str, tuple[int | None, int | None]] = {
    "echo-reply": (0, 129),
    "destination-unreachable": (3, 1),
    "packet-too-big": (None, 2),
    "redirect": (5, 137),
    "echo-request": (8, 128),
    "router-advertisement": (9, 134),
    "router-solicitation": (10, 133),
    "time-exceeded": (11, 3),
    "parameter-problem": (12, 4),
    "timestamp-request": (13, None),
    "timestamp-reply": (14, None),
    "neighbour-solicitation": (None, 135),
    "neighbour-advertisement": (None, 136),
}

BUILT_IN: Mapping[str, tuple[str, ...]] = {
    "any": ("any",),
    "ping": ("icmp/echo-request",),
    "dns": ("udp/53", "tcp/53"),
    "dot": ("tcp/853",),
    "http": ("tcp/80",),
    "https": ("tcp/443", "udp/443"),
    "ssh": ("tcp/22",),
    "smb": ("tcp/445", "tcp/139"),
    "nfs": ("tcp/2049", "udp/2049"),
    "rdp": ("tcp/3389", "udp/3389"),
    "vnc": ("tcp/5900-5903",),
    "ntp": ("udp/123",),
    "smtp": ("tcp/25",),
    "submission": ("tcp/465", "tcp/587"),
    "imap": ("tcp/143", "tcp/993"),
    "ldap": ("tcp/389", "udp/389"),
    "ldaps": ("tcp/636",),
    "ftp": ("tcp/21",),
    "git": ("tcp/9418",),
    "mqtt": ("tcp/1883", "tcp/8883"),
    "postgresql": ("tcp/5432",),
    "mysql": ("tcp/3306",),
    "redis": ("tcp/6379",),
    "kubernetes-api": ("tcp/6443",),
    "vault": ("tcp/8200",),
    "ipp": ("tcp/631",),
    "sip": ("udp/5060", "tcp/5060-5061"),
    "jellyfin": ("tcp/8096", "tcp/8920"),
    "plex": ("tcp/32400",),
    "home-assistant": ("tcp/8123",),
    "prometheus": ("tcp/9090",),
    "grafana": ("tcp/3000",),
    "wireguard": ("udp/51820",),
}

_PORTS = re.compile(r"(tcp|udp)/([0-9]{1,5})(?:-([0-9]{1,5}))?\Z")


@dataclass(frozen=True, slots=True)
class Flow:
    """The part of a packet that a service is about.

    ``protocol`` is the IP protocol number; ``detail`` the destination port (TCP, UDP) or ``type << 8 | code``
    (ICMP, ICMPv6), 0 for other protocols.
    """

    protocol: int
    detail: int = 0

    @property
    def point(self) -> int:
        """Where this flow lies on the axis of services."""
        return self.protocol << 16 | self.detail


def parse_notation(text: str) -> IntervalSet:
    """The points of ``any``, ``tcp/443``, ``udp/5000-5100``, ``icmp/echo-request`` or ``icmp/any``.

    Raises ValueError with the reason; service *names* are the caller's business.
    """
    if text == "any":
        return ANY
    match = _PORTS.match(text)
    if match:
        protocol = TCP if match[1] == "tcp" else UDP
        first = int(match[2])
        last = int(match[3]) if match[3] else first
        if not 1 <= first <= 65535 or not 1 <= last <= 65535:
            raise ValueError(f"port out of range in {text!r}: ports are 1 to 65535")
        if last < first:
            raise ValueError(f"port range {text!r} runs backwards")
        return IntervalSet(((protocol << 16 | first, protocol << 16 | last),))
    if text.startswith("icmp/"):
        name = text[5:]
        if name == "any":
            return IntervalSet.of((p << 16, p << 16 | 0xFFFF) for p in (ICMP, ICMPV6))
        if name not in ICMP_TYPES:
            raise ValueError(f"unknown ICMP type {name!r}; known: any, {', '.join(sorted(ICMP_TYPES))}")
        points = zip((ICMP, ICMPV6), ICMP_TYPES[name], strict=True)
        return IntervalSet.of((p << 16 | t << 8, p << 16 | t << 8 | 255) for p, t in points if t is not None)
    raise ValueError(f"{text!r} is no service: write a name, tcp/443, udp/5000-5100, icmp/echo-request or any")


def of_family(services: IntervalSet, family: int) -> IntervalSet:
    """The points that can occur in that family: no ICMPv6 in IPv4, no ICMP in IPv6."""
    other = ICMPV6 if family == 4 else ICMP
    return services - IntervalSet(((other << 16, other << 16 | 0xFFFF),))


def services_in(services: IntervalSet, family: int) -> IntervalSet:
    """The points an entry covers in that family. ``ping`` is not protocol 58 inside IPv4; ``any`` is everything."""
    return services if services == ANY else of_family(services, family)


def describe(services: IntervalSet) -> list[str]:
    """The set in the notation of the policy file, for people: ``["tcp/22", "udp/5000-5100", "ping"]``.

    Exact for every set that the notation can make, its unions, intersections and differences, and their parts of
    one family; but TCP and UDP without port 0, which nobody means, are ``all of tcp`` and ``all of udp``.
    """
    if services in (ANY, of_family(ANY, 4), of_family(ANY, 6)):
        return ["any"]
    words: list[str] = []
    others: list[str] = []
    for protocol in range(256):
        part = services & _whole(protocol)
        if not part:
            continue
        if protocol in (TCP, UDP):
            words.extend(_ports(protocol, part))
        elif protocol in (ICMP, ICMPV6):
            words.extend(_icmp(protocol, part))
        else:
            others.append(f"protocol {protocol}")
    unique = list(dict.fromkeys(words))
    return [*unique, *(["all other protocols"] if len(others) > 8 else others)]


def _whole(protocol: int) -> IntervalSet:
    return IntervalSet(((protocol << 16, protocol << 16 | 0xFFFF),))


def _ports(protocol: int, part: IntervalSet) -> list[str]:
    name = "tcp" if protocol == TCP else "udp"
    if part | IntervalSet(((protocol << 16, protocol << 16),)) == _whole(protocol):
        return [f"all of {name}"]
    ports = ((low & 0xFFFF, high & 0xFFFF) for low, high in part)
    return [f"{name}/{first}" if first == last else f"{name}/{first}-{last}" for first, last in ports]


def _icmp(protocol: int, part: IntervalSet) -> list[str]:
    if part == _whole(protocol):
        return ["icmp/any"]
    index = 0 if protocol == ICMP else 1
    named: dict[str, IntervalSet] = {}
    for name, types in ICMP_TYPES.items():
        number = types[index]
        if number is not None:
            points = IntervalSet(((protocol << 16 | number << 8, protocol << 16 | number << 8 | 255),))
            named["ping" if name == "echo-request" else f"icmp/{name}"] = points
    present = [name for name, points in named.items() if points <= part]
    if part <= IntervalSet.of(span for name in present for span in named[name]):
        return present
    return [f"icmp/any except {' and '.join(name for name in named if name not in present)}"]
