"""Access as sets: it agrees with the evaluator, packet by packet, and differences are described for people."""

from hypothesis import given, settings

from tests.wgfw.handmade import NOW
from tests.wgfw.made_policies import packets, policies
from wgfw.access.clients import Clients
from wgfw.access.reach import Reckoner, everything
from wgfw.evaluate import Evaluator, Packet
from wgfw.policy.document import Document
from wgfw.policy.model import Policy


def reaches(policy: Policy, packet: Packet) -> bool:
    """Whether the sets hold what the packet asks for."""
    reckoner = Reckoner(NOW)
    clients = Clients(policy, reckoner)
    evaluator = Evaluator(policy, NOW)
    family, point = packet.family, packet.flow.point
    if packet.interface is not None:
        sender = evaluator.owner(family, packet.source)
        if sender is None or sender.interface != packet.interface:
            return False
        (source,) = (s for s in clients.sources(sender) if s.addresses.holds(family, packet.source))
        return everything(reckoner.out(source.sender)).family(family).holds(packet.destination, point)
    receiver = evaluator.receiver(family, packet.destination)
    if receiver is None:
        return False
    into = everything(reckoner.into(clients.receiver(receiver), clients.inside))
    return into.family(family).holds(packet.source, point)


@settings(max_examples=200, deadline=None)
@given(policies(), packets())
def test_the_sets_agree_with_the_evaluator(made: tuple[Policy, Document], packet: Packet) -> None:
    """A packet is allowed exactly if it is in its sender's set (or, from outside, in its receiver's)."""
    policy, _ = made
    packet = Packet(packet.family, packet.source, packet.destination, packet.flow, packet.interface)
    evaluator = Evaluator(policy, NOW)
    ours = evaluator.owner(packet.family, packet.source) or policy.gateway.holds(packet.family, packet.source)
    if packet.interface is not None or not ours:
        assert reaches(policy, packet) == evaluator.judge(packet).allowed
