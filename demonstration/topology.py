"""Who is there: the machines of the demonstration, their addresses, and what they serve."""

from dataclasses import dataclass

LAN, WAN = "lan", "wan"
TUNNEL = "wg0"
VPN4, VPN6 = "10.8.0.0/24", "fd00:8::/64"
ENDPOINT = "198.51.100.1"
LISTEN_PORT = 51820


@dataclass(frozen=True, slots=True)
class Link:
    """A cable to one of the two switches, and the addresses (with prefix length) at this end of it."""

    switch: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Machine:
    """One network namespace.

    ``more`` are addresses on its loopback; ``routers`` its default routes, one a family; ``tcp`` and ``udp`` the
    ports that it serves, over both families.
    """

    name: str
    links: tuple[Link, ...]
    more: tuple[str, ...] = ()
    routers: tuple[str, ...] = ()
    tcp: tuple[int, ...] = ()
    udp: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Client:
    """A peer of the gateway: its addresses in the VPN and the profile it gets."""

    name: str
    profile: str
    v4: str
    v6: str
    number: int

    @property
    def tunnel(self) -> str:
        """Its interface; all of them differ, since WireGuard in userspace has one folder of sockets for all."""
        return f"wg-{self.name}"

    @property
    def machine(self) -> Machine:
        """The machine it runs on, out there in the internet."""
        return Machine(self.name, (Link(WAN, (f"198.51.100.1{self.number}/24",)),), tcp=(22,))


CLIENTS = tuple(
    Client(name, profile, f"10.8.0.{number}", f"fd00:8::{number}", number)
    for number, (name, profile) in enumerate(
        (("anca", "media"), ("guest-phone", "guest"), ("laptop", "admin"), ("iot", "dns-only")), start=2
    )
)
GATEWAY = Machine(
    "gateway",
    (
        Link(LAN, ("192.168.1.1/24", "fd00:1::1/64", "10.0.20.1/24", "fd00:20::1/64")),
        Link(WAN, (f"{ENDPOINT}/24", "2001:db8::1/64")),
    ),
    routers=("198.51.100.99", "2001:db8::99"),
    tcp=(22,),
)
NAS = Machine(
    "nas",
    (Link(LAN, ("192.168.1.10/24", "fd00:1::10/64")),),
    routers=("192.168.1.1", "fd00:1::1"),
    tcp=(22, 445),
    udp=(445,),
)
DNS = Machine(
    "dns",
    (Link(LAN, ("10.0.20.200/24", "fd00:20::200/64")),),
    routers=("10.0.20.1", "fd00:20::1"),
    tcp=(53,),
    udp=(53,),
)
CLUSTER = Machine(
    "cluster",
    (Link(LAN, ("192.168.1.20/24", "fd00:1::20/64")),),
    more=("10.32.0.1/32", "fd00:32::1/128", "10.32.0.20/32", "fd00:32::20/128"),
    routers=("192.168.1.1", "fd00:1::1"),
    tcp=(443, 6443, 8096),
)
# A public address, because `internet` in a policy leaves all documentation addresses out. It exists in these
# namespaces only, which have no way to the network outside.
INTERNET = Machine(
    "internet",
    (Link(WAN, ("198.51.100.99/24", "2001:db8::99/64")),),
    more=("1.1.1.1/32", "2606:4700:4700::1111/128"),
    tcp=(443,),
)
MACHINES = (GATEWAY, NAS, DNS, CLUSTER, INTERNET, *(client.machine for client in CLIENTS))
CLUSTER_ROUTES = (("10.32.0.0/12", "192.168.1.20"), ("fd00:32::/32", "fd00:1::20"))


@dataclass(frozen=True, slots=True)
class Target:
    """A row of the tables: something that one may try to reach. ``service`` is in the policy's notation."""

    machine: str
    what: str
    service: str
    v4: str
    v6: str

    def address(self, family: int) -> str:
        """Where it is, in IPv4 or IPv6."""
        return self.v4 if family == 4 else self.v6


@dataclass(frozen=True, slots=True)
class Source:
    """A column of the tables: someone who tries."""

    machine: str
    note: str
    v4: str
    v6: str

    def address(self, family: int) -> str:
        """The address it sends from."""
        return self.v4 if family == 4 else self.v6


TARGETS = (
    Target("nas", "shares", "tcp/445", "192.168.1.10", "fd00:1::10"),
    Target("nas", "ssh", "tcp/22", "192.168.1.10", "fd00:1::10"),
    Target("dns", "names", "udp/53", "10.0.20.200", "fd00:20::200"),
    Target("dns", "names", "tcp/53", "10.0.20.200", "fd00:20::200"),
    Target("cluster", "https", "tcp/443", "10.32.0.1", "fd00:32::1"),
    Target("cluster", "api", "tcp/6443", "10.32.0.1", "fd00:32::1"),
    Target("cluster", "films", "tcp/8096", "10.32.0.20", "fd00:32::20"),
    Target("internet", "https", "tcp/443", "1.1.1.1", "2606:4700:4700::1111"),
    Target("internet", "ping", "ping", "1.1.1.1", "2606:4700:4700::1111"),
    Target("gateway", "ssh", "tcp/22", "192.168.1.1", "fd00:1::1"),
    *(Target(c.name, "ssh", "tcp/22", c.v4, c.v6) for c in CLIENTS if c.name in ("anca", "laptop")),
)
SOURCES = (
    *(Source(client.name, client.profile, client.v4, client.v6) for client in CLIENTS),
    Source("nas", "no client", "192.168.1.10", "fd00:1::10"),
)
