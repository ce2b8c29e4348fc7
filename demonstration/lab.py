"""The machines of :mod:`demonstration.topology` as network namespaces with cables between them."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from demonstration.commands import capture, netns
from demonstration.probes import Worker
from demonstration.topology import CLUSTER_ROUTES, LAN, MACHINES, WAN, Machine

SWITCH = "switch"
EVERYWHERE = {
    "ipv6/conf/all/accept_dad": "0",
    "ipv6/conf/default/accept_dad": "0",
    "ipv6/conf/default/accept_ra": "0",
    "ipv4/ping_group_range": "0 0",
}
# A gateway limits how many refusals it sends to one address a second (icmp(7)); the tables ask a lot at once.
ON_GATEWAY = {
    "ipv4/ip_forward": "1",
    "ipv6/conf/all/forwarding": "1",
    "ipv4/icmp_ratelimit": "0",
    "ipv6/icmp/ratelimit": "0",
}


def _batch(machine: str, lines: Iterable[str]) -> None:
    """Run ip(8) commands, one a line, in one machine's namespace."""
    capture(["ip", "-n", netns(machine), "-batch", "-"], stdin="\n".join(lines) + "\n")


def _cables() -> Iterator[str]:
    for switch in (LAN, WAN):
        yield f"link add {switch} type bridge mcast_snooping 0"
        yield f"link set {switch} up"
    for machine in MACHINES:
        for link in machine.links:
            port = f"{machine.name}-{link.switch}"
            yield f"link add {port} type veth peer name {link.switch} netns {netns(machine.name)}"
            yield f"link set {port} master {link.switch} up"


def _setup(machine: Machine) -> Iterator[str]:
    yield "link set lo up"
    for link in machine.links:
        yield f"link set {link.switch} up"
        for address in link.addresses:
            yield f"address add {address} dev {link.switch}{' nodad' if ':' in address else ''}"
    for address in machine.more:
        yield f"address add {address} dev lo"
    for router in machine.routers:
        yield f"route add default via {router}"
    if machine.name == "gateway":
        for network, router in CLUSTER_ROUTES:
            yield f"route add {network} via {router}"


def build(logs: Path) -> dict[str, Worker]:
    """Make the namespaces and everything in them but WireGuard; returns the worker in each machine by name.

    ``logs`` is the folder for what the workers complain about.
    """
    for name in (SWITCH, *(machine.name for machine in MACHINES)):
        capture(["ip", "netns", "add", netns(name)])
    workers = {
        machine.name: Worker(machine.name, netns(machine.name), logs / f"{machine.name}.log") for machine in MACHINES
    }
    for name, worker in workers.items():
        worker.send("sysctl", settings=EVERYWHERE | (ON_GATEWAY if name == "gateway" else {}))
    for worker in workers.values():
        worker.receive()
    _batch(SWITCH, _cables())
    for machine in MACHINES:
        _batch(machine.name, _setup(machine))
        workers[machine.name].ask("serve", tcp=machine.tcp, udp=machine.udp)
    return workers
