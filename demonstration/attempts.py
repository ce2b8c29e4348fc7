"""Attempts to get round the policy, each with what came of it."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from demonstration.commands import capture, in_machine
from demonstration.matrix import (
    QUESTIONS,
    Question,
    Verdicts,
    differences,
    in_words,
    measure,
)
from demonstration.probes import Answer, Outcome, Probe, Worker, ask_all
from demonstration.topology import CLIENTS, SOURCES, TUNNEL, Target

NOBODY4, NOBODY6 = "10.8.0.66", "fd00:8::66"
PUBLISHED_PORT = 8445
THIEF, VICTIM = "iot", "laptop"


@dataclass(frozen=True, slots=True)
class Attempt:
    """``failures`` are the lines that say how the policy was got round; empty where it held."""

    title: str
    result: str
    failures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """What an attempt may use: the workers, the clients' public keys, the gateway's iptables for both families."""

    workers: Mapping[str, Worker]
    public_keys: Mapping[str, str]
    iptables: Sequence[str]
    verdicts_of: Callable[[Sequence[Question]], Verdicts]


@contextmanager
def _more_addresses(machine: str, tunnel: str, *addresses: str) -> Iterator[None]:
    """Give a machine addresses that are not its own."""
    try:
        for address in addresses:
            extra = ["nodad"] if ":" in address else []
            capture(in_machine(machine, ["ip", "address", "add", address, "dev", tunnel, *extra]))
        yield
    finally:
        for address in addresses:
            capture(in_machine(machine, ["ip", "address", "del", address, "dev", tunnel]))


@contextmanager
def _rules(iptables: Sequence[str], *rules: Sequence[str]) -> Iterator[None]:
    """Somebody's rules, put first on the gateway: each is a table, a chain and the rest."""
    put: list[list[str]] = []
    try:
        for tool in iptables:
            for table, chain, *rest in rules:
                capture(in_machine("gateway", [tool, "-w", "-t", table, "-I", chain, *rest]))
                put.append([tool, "-w", "-t", table, "-D", chain, *rest])
        yield
    finally:
        for command in put:
            capture(in_machine("gateway", command))


def another_clients_address(field: Field) -> Attempt:
    """iot sends to the NAS as if it were the laptop, which may."""
    thief, victim = (next(c for c in CLIENTS if c.name == name) for name in (THIEF, VICTIM))
    nas = next(s for s in SOURCES if s.machine == "nas")
    tokens = {}
    with _more_addresses(THIEF, thief.tunnel, f"{victim.v4}/32", f"{victim.v6}/128"):
        for family, source in ((4, victim.v4), (6, victim.v6)):
            for sender in (THIEF, VICTIM):
                token = tokens[sender, family] = f"from {sender} over IPv{family}"
                field.workers[sender].ask("throw", to=nas.address(family), port=445, source=source, token=token)
        time.sleep(0.5)
    caught = {key: field.workers["nas"].ask("caught", token=token) for key, token in tokens.items()}
    failures = [f"the NAS got the datagram {tokens[key]} that bears {VICTIM}'s address"
                for key, got in caught.items() if key[0] == THIEF and got]  # fmt: skip
    failures += [f"the NAS did not get the datagram {tokens[key]}" for key, got in caught.items()
                 if key[0] == VICTIM and not got]  # fmt: skip
    return Attempt(
        f"{THIEF} sends through its tunnel with {VICTIM}'s source address",
        f"the NAS has the datagrams of {VICTIM}, none of {THIEF}'s",
        tuple(failures),
    )


def ask_as_nobody(field: Field) -> list[Answer]:
    """iot, with addresses that WireGuard lets it use and the policy knows nothing of, asks the DNS and the NAS."""
    thief = next(c for c in CLIENTS if c.name == THIEF)
    widened = f"{thief.v4}/32,{thief.v6}/128,{NOBODY4}/32,{NOBODY6}/128"
    peer = ["wg", "set", TUNNEL, "peer", field.public_keys[THIEF], "allowed-ips"]
    probes = [
        Probe("10.0.20.200", "tcp/53", NOBODY4), Probe("fd00:20::200", "tcp/53", NOBODY6),
        Probe("192.168.1.10", "tcp/445", NOBODY4), Probe("fd00:1::10", "tcp/445", NOBODY6),
    ]  # fmt: skip
    capture(in_machine("gateway", [*peer, widened]))
    try:
        with _more_addresses(THIEF, thief.tunnel, f"{NOBODY4}/32", f"{NOBODY6}/128"):
            return ask_all(field.workers, {THIEF: probes})[THIEF]
    finally:
        capture(in_machine("gateway", [*peer, f"{thief.v4}/32,{thief.v6}/128"]))


def nobodys_address(field: Field) -> Attempt:
    """An address that the running interface lets iot use and that is no client's."""
    answers = ask_as_nobody(field)
    failures = [f"a source that is no client's was {in_words(a)}" for a in answers if a.outcome is not Outcome.SILENT]
    return Attempt(
        f"somebody widens {THIEF}'s AllowedIPs on the running interface; it sends from {NOBODY4} and {NOBODY6}",
        "no answer, not even from the DNS: the addresses are no client's",
        tuple(failures),
    )


def gateways_other_addresses(field: Field) -> Attempt:
    """ssh on the gateway by each address that it has towards the LAN and the VPN."""
    addresses = (("192.168.1.1", "fd00:1::1"), ("10.0.20.1", "fd00:20::1"), ("10.8.0.1", "fd00:8::1"))
    asked = [Question(s, Target("gateway", "ssh", "tcp/22", four, six), family)
             for s in SOURCES if s.machine != "nas" for four, six in addresses for family in (4, 6)]  # fmt: skip
    return _as_the_policy_says(field, "everyone tries ssh on all six addresses of the gateway", asked)


def only_ipv6(field: Field) -> Attempt:
    """Everything once more, over IPv6 alone."""
    asked = [q for q in QUESTIONS if q.family == 6]
    return _as_the_policy_says(field, "everyone tries everything over IPv6 alone", asked)


def accept_first(field: Field) -> Attempt:
    """Somebody, or Docker, puts an ACCEPT before everything in FORWARD and INPUT."""
    with _rules(field.iptables, ("filter", "FORWARD", "-j", "ACCEPT"), ("filter", "INPUT", "-j", "ACCEPT")):
        title = f"somebody runs {field.iptables[0]} -I FORWARD -j ACCEPT and -I INPUT -j ACCEPT, for both families"
        return _as_the_policy_says(field, title, QUESTIONS)


def published_port(field: Field) -> Attempt:
    """Somebody publishes the NAS on a port of the gateway."""
    port = str(PUBLISHED_PORT)
    common = ("nat", "PREROUTING", "-i", TUNNEL, "-p", "tcp", "--dport", port, "-j", "DNAT", "--to-destination")
    target = Target("nas", "by the gateway's port", f"tcp/{port}", "192.168.1.1", "fd00:1::1")
    asked = [Question(s, target, family) for s in SOURCES if s.machine != "nas" for family in (4, 6)]
    with (
        _rules(field.iptables[:1], (*common, "192.168.1.10:445")),
        _rules(field.iptables[1:], (*common, "[fd00:1::10]:445")),
    ):
        title = f"somebody publishes the NAS's tcp/445 as the gateway's tcp/{port} by DNAT"
        return _as_the_policy_says(field, title, asked)


def _as_the_policy_says(field: Field, title: str, asked: Sequence[Question]) -> Attempt:
    answers = measure(field.workers, asked)
    failures = differences(answers, field.verdicts_of(asked))
    count = {outcome: sum(a.outcome is outcome for a in answers.values()) for outcome in Outcome}
    result = (
        f"{len(answers)} probes: {count[Outcome.REACHED]} reached, {count[Outcome.REFUSED]} refused, "
        f"{count[Outcome.SILENT]} in silence, {'NOT ' if failures else ''}as the policy says"
    )
    return Attempt(title, result, tuple(failures))


ATTEMPTS = (
    another_clients_address,
    nobodys_address,
    gateways_other_addresses,
    only_ipv6,
    accept_first,
    published_port,
)
