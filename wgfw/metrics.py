"""How each client fares, as a value, for JSON, and as metrics for node_exporter's textfile collector."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harden.printable import printable
from wgfw.policy.model import Client


@dataclass(frozen=True, slots=True)
class ClientStatus:
    """What is known of one client. Handshake (seconds since 1970) and bytes are None while the interface is not up;
    the counters are None while the kernel does not hold the rules of this policy."""

    client: Client
    latest_handshake: int | None
    rx_bytes: int | None
    tx_bytes: int | None
    accepted: int | None
    denied: int | None

    def document(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "name": self.client.name,
            "interface": self.client.interface,
            "profiles": list(self.client.profiles),
            "addresses": [prefix.bare for prefix in self.client.prefixes],
            "latest_handshake": self.latest_handshake,
            "rx_bytes": self.rx_bytes,
            "tx_bytes": self.tx_bytes,
            "accepted": self.accepted,
            "denied": self.denied,
        }


METRICS = (
    ("latest_handshake", "harden_wg_latest_handshake_seconds", "gauge", "Last handshake, seconds since 1970, 0: never"),
    ("rx_bytes", "harden_wg_received_bytes_total", "counter", "Bytes received from the client"),
    ("tx_bytes", "harden_wg_sent_bytes_total", "counter", "Bytes sent to the client"),
    ("accepted", "harden_wg_accepted_packets_total", "counter", "Packets of connections it opened that were accepted"),
    ("denied", "harden_wg_denied_packets_total", "counter", "Packets it sent that were denied"),
)


def prometheus(clients: Sequence[ClientStatus], *, in_sync: bool, backend: str, guarded: int | None = None) -> str:
    """The metrics of all clients. Names of clients are label values: what the format reserves is escaped, and what a
    terminal would act on is spelled out, as in all that harden prints."""
    return "".join(f"{line}\n" for line in _lines(clients, in_sync, backend, guarded))


def _lines(clients: Sequence[ClientStatus], in_sync: bool, backend: str, guarded: int | None) -> Iterator[str]:
    yield "# HELP harden_wg_in_sync Whether the kernel holds the rules of the policy"
    yield "# TYPE harden_wg_in_sync gauge"
    yield f'harden_wg_in_sync{{backend="{backend}"}} {int(in_sync)}'
    if guarded is not None:
        name = "harden_wg_guard_dropped_packets_total"
        yield f"# HELP {name} Packets that others' rules let through and the guard dropped after all"
        yield f"# TYPE {name} counter"
        yield f'{name}{{backend="{backend}"}} {guarded}'
    for field, name, kind, text in METRICS:
        yield f"# HELP {name} {text}"
        yield f"# TYPE {name} {kind}"
        for client in clients:
            value = getattr(client, field)
            if value is not None:
                profiles = ",".join(client.client.profiles)
                labels = (
                    ("client", client.client.name),
                    ("interface", client.client.interface),
                    ("profiles", profiles),
                )
                shown = ",".join(f'{label}="{_escaped(printable(text))}"' for label, text in labels)
                yield f"{name}{{{shown}}} {value}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')  # there is no line break left in it
