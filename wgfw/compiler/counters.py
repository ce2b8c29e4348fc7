"""Which rules of the rule set count a client's packets."""

from collections.abc import Iterator
from dataclasses import dataclass

from wgfw.addresses import FAMILIES, Prefix
from wgfw.compiler.gateway import decision_tree, refusal_tree
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


def client_counters(policy: Policy) -> Iterator[Counter]:
    """All counters of a compiled policy. What a client had accepted is what was judged and not denied.

    ``judged`` are the packets in the direction of the one who opened the connection.
    """
    owner = {prefix: index for index, client in enumerate(policy.clients) for prefix in client.prefixes}
    for family in FAMILIES:
        for interface in policy.interfaces:
            for kind, (tree, copies) in (
                ("judged", decision_tree(policy, family, interface)),
                ("denied", refusal_tree(policy, family, interface)),
            ):
                for (chain, position), (network, length) in tree.leaves.items():
                    client = owner[Prefix(family, network, length)]
                    if policy.clients[client].interface == interface:
                        for name, offset in ((chain, 0), *copies.get(chain, ())):
                            yield Counter(family, tree.table, name, position + offset, client, kind)
