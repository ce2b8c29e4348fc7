"""The end of connections that were opened when the policy still allowed them."""

from collections.abc import Callable
from dataclasses import dataclass

from harden.errors import HardenError
from wgfw.commands.gateway import now
from wgfw.evaluate import Evaluator, Packet
from wgfw.kernel.conntrack import Connection, end_denied
from wgfw.kernel.routes import leads_to
from wgfw.policy.model import Client, Policy


def end_denied_connections(policy: Policy, netns: str | None) -> int:
    """Ends the open connections that the policy does not allow; how many there were.

    Conntrack does not know by which interface a packet came. An address counts as a client's where the route to it
    leads by the client's interface: a site's network may well be the LAN on the other side, too.
    """
    made: list[ConnectionJudge] = []  # only if there is any connection to judge

    def denied(connection: Connection) -> bool:
        if not made:
            made.append(ConnectionJudge(Evaluator(policy, now()), leads_to(netns)))
        return made[0].denied(connection)

    try:
        return end_denied(denied, netns)
    except HardenError as error:
        raise HardenError(
            ["the rules are in force, but open connections that they do not allow may go on:", *error.messages],
            [*error.hints, "then run the same command again: it ends them"],
        ) from error


@dataclass(frozen=True, slots=True)
class ConnectionJudge:
    """Judges what is open by who may open it. ``leads_to`` says by which interface an address is reached."""

    evaluator: Evaluator
    leads_to: Callable[[int, int], str | None]

    def denied(self, connection: Connection) -> bool:
        """Whether the policy forbids it; what the gateway opened itself, or no client takes part in, it does not."""
        family, policy = connection.family, self.evaluator.policy
        if policy.gateway.holds(family, connection.source):
            return False
        destination = connection.behind[0] if connection.behind else connection.destination
        sender = self._client(family, connection.source)
        if sender is None and self._client(family, destination) is None:
            return False
        packet = Packet(
            family,
            connection.source,
            connection.destination,
            connection.flow,
            sender.interface if sender else None,
            connection.behind,
        )
        verdict = self.evaluator.judge(packet)
        return verdict.governed and not verdict.allowed

    def _client(self, family: int, address: int) -> Client | None:
        owner = self.evaluator.owner(family, address)
        return owner if owner is not None and self.leads_to(family, address) == owner.interface else None
