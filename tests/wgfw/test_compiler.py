"""What the compiler makes, looked at as data and run by an interpreter against the evaluator."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wgfw import interpreter
from tests.wgfw.handmade import NOW, Peer, build
from tests.wgfw.made_policies import packets, policies
from wgfw.compiler import compile_policy
from wgfw.compiler.counters import client_counters
from wgfw.evaluate import Evaluator, Packet
from wgfw.policy.model import Policy
from wgfw.render import restore_text
from wgfw.ruleset import CHAIN_PREFIX, MAX_CHAIN_NAME, RuleSet


def as_seen(policy: Policy, packet: Packet) -> interpreter.Skb:
    """The packet where the rules meet it: routed by its address behind any DNAT."""
    destination, flow = packet.behind or (packet.destination, packet.flow)
    owner = Evaluator(policy, NOW).owner(packet.family, destination)
    outgoing = owner.interface if owner else "lan0"
    states = frozenset({"NEW", "DNAT"} if packet.behind else {"NEW"})
    return interpreter.Skb(
        family=packet.family,
        incoming=packet.interface or "lan0",
        outgoing=None if policy.gateway.holds(packet.family, destination) else outgoing,
        source=packet.source,
        destination=destination,
        flow=flow,
        asked=(packet.destination, packet.flow),
        local=policy.gateway,
        now=NOW,
        states=states,
    )


def same_protocol(packet: Packet) -> bool:
    """A DNAT changes ports and never the protocol, nor the type of an ICMP packet."""
    if packet.behind is None:
        return True
    flow = packet.behind[1]
    if flow.protocol not in (6, 17):
        return flow == packet.flow
    return flow.protocol == packet.flow.protocol


@given(policies(), st.lists(packets().filter(same_protocol), min_size=1, max_size=12), st.integers(0, 2**32 - 1))
@settings(max_examples=400, deadline=None)
def test_rules_and_evaluator_agree(made: tuple[Policy, object], tried: list[Packet], foreign_mark: int) -> None:
    """For any policy and any first packet the rules do what the evaluator says, whatever mark the packet bears."""
    policy = made[0]
    rules = compile_policy(policy)
    evaluator = Evaluator(policy, NOW)
    for packet in tried:
        verdict = evaluator.judge(packet)
        skb = as_seen(policy, packet)
        skb.mark = foreign_mark
        if skb.outgoing is None and packet.interface is None:
            continue  # from elsewhere to the gateway itself: none of our business
        result = interpreter.run(rules.family(packet.family), skb)
        expected = "CONTINUE" if not verdict.governed else "ACCEPT" if verdict.allowed else "refused"
        got = "refused" if result in ("DROP", "REJECT") else result
        assert got == expected, (verdict, skb)
        if verdict.sender is None and packet.interface is not None and not verdict.allowed:
            assert result == "DROP", "nobody's packets get no answer"


@given(policies(), packets().filter(same_protocol))
@settings(max_examples=200, deadline=None)
def test_an_accept_of_others_opens_nothing(made: tuple[Policy, object], packet: Packet) -> None:
    """What is refused stays refused if somebody's ACCEPT keeps it from our rules in mangle or in filter."""
    policy = made[0]
    if Evaluator(policy, NOW).judge(packet).allowed or packet.interface is None:
        return
    rules = compile_policy(policy).family(packet.family)
    for table in ("mangle", "filter"):
        skb = as_seen(policy, packet)
        assert interpreter.run(rules, skb, skipped=frozenset({table})) in ("DROP", "REJECT"), skb


def policy_of(count: int, services: str = "ssh", targets: list[str] | None = None) -> Policy:
    rows = [(target, services) for target in targets or ["lan"]]
    clients = {f"c{n}": Peer(allow=rows, ips=[f"10.9.{n >> 8}.{n & 255}/32"]) for n in range(count)}
    policy, _ = build(clients, networks={"lan": ["192.168.1.0/24"]}, gateway=["10.9.255.254"])
    return policy


def everything(rules: RuleSet) -> str:
    return restore_text(rules.v4) + restore_text(rules.v6)


def test_the_same_policy_gives_the_same_text() -> None:
    """Compiling is deterministic: the text and the digest depend on the policy alone."""
    assert everything(compile_policy(policy_of(40))) == everything(compile_policy(policy_of(40)))
    assert compile_policy(policy_of(40)).digest != compile_policy(policy_of(41)).digest


def test_chain_names_fit_and_are_ours() -> None:
    """No name is longer than the kernel takes, and all bear our prefix."""
    rules = compile_policy(policy_of(300))
    names = [chain.name for family in (rules.v4, rules.v6) for chain in family.chains]
    assert max(map(len, names)) <= MAX_CHAIN_NAME
    assert all(name.startswith(CHAIN_PREFIX) for name in names)
    assert len({(c.table, c.name) for c in rules.v4.chains}) == len(rules.v4.chains)


def test_nothing_a_user_wrote_gets_into_the_rules() -> None:
    """A client, network or profile may bear any name; none occurs in the text."""
    name = "$(reboot)' \"\n;x"
    peer = Peer(allow=[(f"client:{name}", "ssh")], ips=["10.9.0.1/32"])
    policy, _ = build({name: peer}, networks={}, gateway=[])
    assert "reboot" not in everything(compile_policy(policy))


def test_more_ports_than_multiport_takes_are_split() -> None:
    """Twenty single ports and three ranges make rules of at most fifteen slots, and all ports are there."""
    ports = [f"tcp/{port}" for port in range(1000, 1040, 2)] + ["tcp/2000-2010", "tcp/3000-3001", "tcp/4000-4100"]
    text = restore_text(compile_policy(policy_of(1, ",".join(ports))).v4)
    lists = [line.split("--dports ")[1].split()[0] for line in text.splitlines() if "--dports" in line]
    assert all(sum(2 if ":" in part else 1 for part in ports.split(",")) <= 15 for ports in lists)
    assert {part for ports in lists for part in ports.split(",")} == {p[4:].replace("-", ":") for p in ports}


def test_clients_of_one_profile_share_its_chain() -> None:
    """A profile is compiled once, however many clients have it."""
    few, many = (compile_policy(sharing(count)) for count in (2, 30))
    assert len(few.v4.chains) == len(many.v4.chains)


def sharing(count: int) -> Policy:
    from tests.wgfw.handmade import Holder  # noqa: PLC0415

    clients = {f"c{n}": Peer(ips=[f"10.9.0.{n}/32"], profiles=["p"]) for n in range(1, count)}
    profile = Holder(allow=[("lan", "ssh")])
    policy, _ = build(clients, profiles={"p": profile}, networks={"lan": ["192.168.1.0/24"]}, gateway=[])
    return policy


@pytest.mark.parametrize("count", [1, 33, 700])
def test_dispatch_is_not_linear_and_not_too_deep(count: int) -> None:
    """No chain of the tree grows with the number of clients, and nft's limit of 16 nested chains is kept."""
    rules = compile_policy(policy_of(count)).v4
    longest = max(len(chain.rules) for chain in rules.chains if "-T-" in chain.name)
    assert longest <= 40
    assert depth(rules) < 16


def depth(rules: object) -> int:
    """The longest way of jumps and gotos from a built-in chain."""
    chains = {(c.table, c.name): c.rules for c in rules.chains}  # type: ignore[attr-defined]
    known: dict[tuple[str, str], int] = {}

    def below(table: str, name: str) -> int:
        if (table, name) not in known:
            goes = [r.target[1] for r in chains[table, name] if (table, r.target[1]) in chains]
            known[table, name] = 1 + max((below(table, target) for target in goes), default=0)
        return known[table, name]

    return max(below(h.table, h.rule.target[1]) for h in rules.hooks)  # type: ignore[attr-defined]


def test_the_deepest_policies_stay_within_the_limit_of_nft() -> None:
    """Addresses chosen to make the tree deep, with big sets and own rules on top, nest 15 chains at most."""
    ips = [f"{1 << (31 - bit) >> 24}.{(1 << (31 - bit)) >> 16 & 255}.{(1 << (31 - bit)) >> 8 & 255}.{k}/32"
           for bit in range(1, 24) for k in range(1, 40)]  # fmt: skip
    spread = [f"{n}.{n * 7 % 256}.{n * 13 % 256}.{n}" for n in range(11, 200, 2)]
    clients = {
        f"c{n}": Peer(allow=[("many", "ssh")], deny=[("many", "dns")], inbound=[("many", "ssh")], ips=[ip])
        for n, ip in enumerate(ips)
    }
    policy, _ = build(clients, networks={"many": spread}, gateway=[])
    assert depth(compile_policy(policy).v4) <= 15


def test_every_address_of_a_client_is_counted() -> None:
    """Each prefix of each client has rules that count what it sent and what of that was refused."""
    policy = policy_of(100)
    seen = {(c.client, c.kind) for c in client_counters(policy) if c.family == 4}
    assert seen == {(n, kind) for n in range(100) for kind in ("judged", "denied")}


def test_counters_point_at_rules_that_match_the_client() -> None:
    """The rule that is said to count a client matches on its address, or ends the chain of its prefix."""
    policy = policy_of(100)
    chains = {(c.table, c.name): c.rules for c in compile_policy(policy).v4.chains}
    for counter in client_counters(policy):
        if counter.family == 4:
            rule = chains[counter.table, counter.chain][counter.position]
            (prefix,) = policy.clients[counter.client].prefixes
            assert rule.match in (("-s", str(prefix)), ())


def test_return_instead_of_accept() -> None:
    """With on_allow: return nothing in filter accepts; what is allowed goes on to the host's own rules."""
    policy = policy_of(3)
    accepting = everything(compile_policy(policy))
    returning = everything(compile_policy(replace(policy, on_allow="return")))
    assert "ACCEPT" in accepting
    assert "ACCEPT" not in returning
