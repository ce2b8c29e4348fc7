"""Which rules of the rule set count a client's packets."""

from collections.abc import Iterator
from dataclasses import dataclass

from wgfw.addresses import FAMILIES
from wgfw.compiler.gateway import HEAD_RULES, FamilyCompiler
from wgfw.compiler.names import GUARD, derived
from wgfw.policy.model import Policy


@dataclass(frozen=True, slots=True)
class Counter:
    """A rule that counts: where it stands (``position`` 0 is the first after the chain's marker), which client of
    the policy (index) it counts, and what: ``judged`` packets that the client sent, or ``denied`` ones."""

    family: int
    table: str
    chain: str
    position: int
    client: int
    kind: str


# The guard's chain, and from which position on its rules drop.
GUARD_DROPS = ("security", GUARD, 1)


def client_counters(policy: Policy) -> Iterator[Counter]:
    """All counters of a compiled policy. What a client had accepted is what was judged and not denied.

    ``judged`` are the packets in the direction of the one who opened the connection.
    """
    for family in FAMILIES:
        compiler = FamilyCompiler(policy, family)
        for interface in policy.interfaces:
            for kind, dispatch in (("judged", compiler.senders(interface)), ("denied", compiler.refused(interface))):
                root = dispatch.name(compiler.everybody)
                for chain, position, client in dispatch.leaves(compiler.everybody):
                    if policy.clients[client].interface != interface:
                        continue
                    yield Counter(family, dispatch.table, chain, position, client, kind)
                    if kind == "judged" and chain == root:
                        copy = derived("FROM", interface)
                        yield Counter(family, dispatch.table, copy, position + HEAD_RULES, client, kind)
