"""Which interfaces are managed: ``interface`` and ``peers``, or ``interfaces``."""

from collections.abc import Collection

from harden.document.shape import Fields, Shape
from harden.document.wording import did_you_mean, quote
from harden.document.yamltree import Mapping, Node, Scalar
from wgfw.policy.document import InterfaceEntry
from wgfw.policy.names import interface_fault


def read_interfaces(shape: Shape, fields: Fields, line: int, profiles: Collection[str]) -> dict[str, InterfaceEntry]:
    """The managed interfaces by name; ``line`` is where the policy begins."""
    single = [key for key in ("interface", "peers") if key in fields]
    if "interfaces" in fields:
        for key in single:
            message = f'{quote(key)} and "interfaces" exclude each other: name all interfaces in "interfaces"'
            shape.problems.add(fields[key][0].line, message)
        return _read_several(shape, fields["interfaces"][1], profiles)
    if not single:
        shape.problems.add(line, 'no interface is named: write "interface: wg0" and "peers: /etc/wireguard/wg0.conf"')
        return {}
    return _read_single(shape, fields, line)


def _read_single(shape: Shape, fields: Fields, line: int) -> dict[str, InterfaceEntry]:
    for key, other in (("interface", "peers"), ("peers", "interface")):
        if key not in fields:
            example = "interface: wg0" if key == "interface" else "peers: /etc/wireguard/wg0.conf"
            shape.problems.add(fields[other][0].line, f'{quote(other)} needs {quote(key)} too, as in "{example}"')
            return {}
    key_node, value = fields["interface"]
    name = shape.string(value, '"interface"')
    peers = _read_peers(shape, fields["peers"][1])
    if name is None or peers is None or not _sound(shape, name, value.line):
        return {}
    return {name: InterfaceEntry(name, peers, None, shape.place(value, key_node))}


def _read_several(shape: Shape, node: Node, profiles: Collection[str]) -> dict[str, InterfaceEntry]:
    entries: dict[str, InterfaceEntry] = {}
    pairs = shape.pairs(node, '"interfaces"')
    if not pairs:
        shape.problems.add(node.line, '"interfaces" names no interface')
    for name, (key, value) in pairs.items():
        _sound(shape, name, key.line)
        fields = shape.fields(value, f"interface {quote(name)}", ("peers", "profile"))
        if isinstance(value, Mapping) and "peers" not in fields:
            shape.problems.add(key.line, f'interface {quote(name)} needs "peers": a wg-quick file, or kernel')
        peers = _read_peers(shape, fields["peers"][1]) if "peers" in fields else None
        profile = read_profile_name(shape, fields["profile"], profiles) if "profile" in fields else None
        entries[name] = InterfaceEntry(name, peers or "", profile, shape.place(value, key))
    return entries


def _sound(shape: Shape, name: str, line: int) -> bool:
    fault = interface_fault(name)
    if fault:
        shape.problems.add(line, fault)
    return fault is None


def _read_peers(shape: Shape, node: Node) -> str | None:
    peers = shape.string(node, '"peers"')
    if peers is not None and not peers.isprintable():
        shape.problems.add(node.line, f'"peers" {quote(peers)} has characters that no path has')
        return None
    return peers


def read_profile_name(shape: Shape, pair: tuple[Scalar, Node], profiles: Collection[str]) -> str | None:
    """The name of a profile that exists."""
    name = shape.string(pair[1], quote(pair[0].value))
    if name is not None:
        check_profile(shape, name, pair[1].line, profiles)
    return name


def check_profile(shape: Shape, name: str, line: int, profiles: Collection[str]) -> None:
    """Note a problem if there is no profile of this name."""
    if name not in profiles:
        hint = "" if shape.problems.crowded else did_you_mean(name, profiles)
        shape.problems.add(line, f"unknown profile {quote(name)}{hint}")
