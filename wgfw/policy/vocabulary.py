"""The sections that give names: ``networks`` and ``services``."""

from graphlib import CycleError, TopologicalSorter

from harden.document.shape import Shape
from harden.document.wording import quote
from harden.document.yamltree import Node, Scalar
from wgfw.addresses import AddressSet, Prefix
from wgfw.intervals import Interval, IntervalSet
from wgfw.policy.document import Network
from wgfw.policy.entries import SERVICE_EXAMPLE
from wgfw.policy.names import network_fault, service_fault
from wgfw.policy.terms import KEYWORDS, LATER, looks_like_address, not_yet, parse_prefix, parse_service

ADDRESS_EXAMPLE = "write an address or CIDR"


def read_networks(shape: Shape, node: Node) -> dict[str, Network]:
    """The ``networks`` section."""
    networks: dict[str, Network] = {}
    for name, (key, value) in shape.pairs(node, '"networks"').items():
        if fault := network_fault(name):
            shape.problems.add(key.line, fault)
        prefixes: list[Prefix] = []
        for text, item in shape.one_or_more(value, f"network {quote(name)}", ADDRESS_EXAMPLE):
            try:
                prefixes.append(_network_item(text))
            except ValueError as error:
                shape.problems.add(item.line, str(error))
        networks[name] = Network(name, AddressSet.of(prefixes), shape.place(value, key))
    return networks


def _network_item(text: str) -> Prefix:
    kind, colon, _ = text.partition(":")
    if colon and kind in LATER:
        raise ValueError(not_yet(kind))
    if text in KEYWORDS or not looks_like_address(text):
        raise ValueError(f"{quote(text)} is no address or CIDR: a network consists of these")
    return parse_prefix(text)


def read_services(shape: Shape, node: Node) -> dict[str, IntervalSet]:
    """The ``services`` section: names for notations, built-in services and each other."""
    written: dict[str, list[tuple[str, Node]]] = {}
    keys: dict[str, Scalar] = {}
    for name, (key, value) in shape.pairs(node, '"services"').items():
        if fault := service_fault(name):
            shape.problems.add(key.line, fault)
            continue
        keys[name] = key
        written[name] = list(shape.one_or_more(value, f"service {quote(name)}", SERVICE_EXAMPLE))
    try:
        order = list(TopologicalSorter({n: [text for text, _ in items] for n, items in written.items()}).static_order())
    except CycleError as error:
        circle: list[str] = error.args[1]
        shape.problems.add(keys[circle[0]].line, f"service {quote(circle[0])} is defined by itself")
        order = []
    return _resolve(shape, written, order)


def _resolve(shape: Shape, written: dict[str, list[tuple[str, Node]]], order: list[str]) -> dict[str, IntervalSet]:
    found: dict[str, IntervalSet] = {name: IntervalSet() for name in written}
    for name in order:
        spans: list[Interval] = []
        for text, item in written.get(name, ()):
            try:
                spans.extend(found[text] if text in written else parse_service(text, written))
            except ValueError as error:
                shape.problems.add(item.line, str(error))
        if name in written:
            found[name] = IntervalSet.of(spans)
    return found
