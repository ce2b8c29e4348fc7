"""``harden wg status``."""

from collections import Counter as Tally
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from harden.errors import ANSWER_IS_NO, HardenError
from harden.output import Cell, Column, Output
from wgfw.commands.gateway import READDRESSED, Gateway, Prospect, load_policy, look_ahead
from wgfw.commands.trying import waiting
from wgfw.compiler.counters import GUARD_DROPS, client_counters
from wgfw.kernel.iptables import Iptables
from wgfw.kernel.reading import Counted, Place
from wgfw.metrics import ClientStatus, prometheus
from wgfw.peers.device import DevicePeer, read_device
from wgfw.policy.model import Client, Policy

Counters = Mapping[int, Mapping[Place, Sequence[Counted]]]


def report_status(
    path: str, gateway: Gateway, output: Output, form: Literal["text", "prometheus"], to: Path | None
) -> int:
    """Says how each client fares, and whether the kernel is in sync with the policy."""
    with gateway.opened() as opening:
        loaded = load_policy(path, gateway.netns, on_gateway=True, peers=gateway.peers)
        reconciler = opening.reconciler()
        prospect = look_ahead(loaded, reconciler, output)
        counters = _counters(opening.kernel()) if prospect.in_sync else {}
    trial = reconciler.state.trials.open()
    counts = _counts(loaded.policy, counters) if counters else {}
    guarded = _dropped_by_guard(counters) if counters else None
    devices = dict(_devices(loaded.policy, gateway.netns, output))
    clients = [_status(number, client, counts, devices) for number, client in enumerate(loaded.policy.clients)]
    backend = reconciler.kernel.backend
    if form == "prometheus":
        metrics = prometheus(clients, in_sync=prospect.in_sync, backend=backend, guarded=guarded)
        output.published(metrics, to)
    elif output.as_json:
        output.document(
            {
                "in_sync": prospect.in_sync,
                "backend": backend,
                "dropped_by_guard": guarded,
                "confirm": waiting(trial),
                "clients": [client.document() for client in clients],
            }
        )
    else:
        _say(clients, prospect, backend, output)
        if trial is not None:
            output.line(
                f"on trial: `harden wg confirm` keeps these rules; else the rules before come back at {trial.until}"
            )
        if guarded:
            output.note(f"{guarded} packets that others' rules let through were dropped by the guard after all")
    return 0 if prospect.in_sync else ANSWER_IS_NO


def _devices(policy: Policy, netns: str | None, output: Output) -> Iterator[tuple[str, Mapping[str, DevicePeer]]]:
    for interface in policy.interfaces:
        try:
            state = read_device(interface, netns)
        except HardenError as error:
            output.note(f"no handshakes of {interface}: {error.messages[0]}")
        else:
            yield interface, {peer.public_key: peer for peer in state.peers}


def _counters(kernel: Iptables) -> Counters:
    return {family: kernel.counters(family) for family in kernel.families()}


def _dropped_by_guard(seen: Counters) -> int:
    """Packets of clients, or to them, that were not allowed and that an ACCEPT of others kept from being refused. In
    the clients' own counts they are among the accepted ones."""
    table, chain, first = GUARD_DROPS
    rules = (counters.get((table, chain), ())[first + 1 :] for counters in seen.values())
    return sum(rule.packets for drops in rules for rule in drops)


def _counts(policy: Policy, seen: Counters) -> dict[tuple[int, str], int]:
    """Packets by client (its number in the policy) and kind."""
    tally: Tally[tuple[int, str]] = Tally()
    for counter in client_counters(policy):
        rules = seen.get(counter.family, {}).get((counter.table, counter.chain), ())
        if counter.position + 1 < len(rules):  # the chain's marker comes first
            tally[counter.client, counter.kind] += rules[counter.position + 1].packets
    return tally


def _status(
    number: int,
    client: Client,
    counts: Mapping[tuple[int, str], int],
    devices: Mapping[str, Mapping[str, DevicePeer]],
) -> ClientStatus:
    peer = devices.get(client.interface, {}).get(client.public_key)
    judged, denied = (counts[number, kind] if counts else None for kind in ("judged", "denied"))
    accepted = None if judged is None or denied is None else max(0, judged - denied)
    return ClientStatus(
        client,
        peer.latest_handshake if peer else None,
        peer.rx_bytes if peer else None,
        peer.tx_bytes if peer else None,
        accepted,
        denied,
    )


def _say(clients: list[ClientStatus], prospect: Prospect, backend: str, output: Output) -> None:
    columns: list[Column | str] = [
        "client", "profiles", "addresses", "last handshake", Column("received", "right"), Column("sent", "right"),
        Column("accepted", "right"), Column("denied", "right"),
    ]  # fmt: skip
    output.table(columns, [_row(client) for client in clients], empty="no clients")
    if prospect.in_sync:
        output.line(f"in sync ({backend})")
    else:
        output.line(f"NOT in sync ({backend}): `harden wg plan` says what differs, `harden wg apply` repairs it")
        for line in prospect.plan.describe():
            output.detail(line)
    if prospect.readdressed is not None:
        output.note(READDRESSED)


def _row(status: ClientStatus) -> list[object]:
    denied: object = _number(status.denied)
    return [
        status.client.name,
        ", ".join(status.client.profiles) or "-",
        ", ".join(prefix.bare for prefix in status.client.prefixes) or "-",
        _when(status.latest_handshake),
        _bytes(status.rx_bytes),
        _bytes(status.tx_bytes),
        _number(status.accepted),
        Cell(str(denied), "bad") if status.denied else denied,
    ]


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)


def _when(handshake: int | None) -> str:
    if not handshake:
        return "-" if handshake is None else "never"
    return datetime.fromtimestamp(handshake, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _bytes(value: int | None) -> str:
    if value is None:
        return "-"
    size = float(value)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
