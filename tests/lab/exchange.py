"""A gateway from its wg-quick file to an enforced policy, with what real packets make of it at each step.

What it finds is a document that JSON can carry, since it may be found on a machine that the test is not on.
"""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, Protocol

from lab.probe import Echo, Tried, attempt, throw
from lab.tunnel import GATEWAY, GATEWAY_LAN, NAS, Client, Site

FAMILIES = (4, 6)
SMB, SSH, SYNC, CHAT = 445, 22, 5300, 5301
NETWORKS = f'networks:\n  nas: [{NAS[4]}, "{NAS[6]}"]\n\nclients:'
RIGHTS = f"allow: [{{to: nas, services: [tcp/{SMB}, udp/{SYNC}]}}]"
SENT = {"anca": {SYNC: {4: 7, 6: 5}, CHAT: {4: 3, 6: 2}}, "laptop": {SYNC: {4: 4, 6: 6}}}
_PATIENCE = 10.0  # seconds


class Said(Protocol):
    """How a command of harden ended."""

    @property
    def status(self) -> int: ...
    @property
    def stdout(self) -> str: ...


Harden = Callable[..., Said]  # ``harden wg ARGUMENTS``


def observe(site: Site, harden: Harden, policy: Path, peers: Literal["file", "kernel"], backend: str) -> dict[str, Any]:
    """Import, edit, apply, send, ask, remove. ``site`` has its tunnels up and no rules; ``harden`` acts on the gateway
    and takes ``policy`` for its policy."""
    here = ("--netns", site.gateway.name)
    there = (*here, "--backend", backend)
    with Echo(site.nas, (SMB, SSH), (SYNC, CHAT)) as nas, Echo(site.gateway, (SSH,)):
        found: dict[str, Any] = {"before": _tried(site), "import": _import(site, harden, policy, peers).status}
        for step, command in (("plan before", "plan"), ("apply", "apply"), ("plan after", "plan")):
            found[step] = harden(command, *there).status
        found["enforced"] = _tried(site)
        found["explained"] = _verdicts(harden, found["enforced"], policy.with_name("questions"), here)
        statuses = [_status(harden, there)]
        _send(site, nas)
        found["device"] = [_device(site)]
        statuses.append(_status(harden, there))
        found["device"].append(_device(site))
        found["status"], found["counted"] = statuses[-1], _grown(*statuses)
        found["arrived"] = {text.decode(): count for text, count in nas.datagrams.items()}
        found["remove"] = harden("remove", *there).status
        found["after"] = _tried(site)
    return found


def edited(site: Site, text: str, rights: str = RIGHTS) -> str:
    """The imported policy as its user edits it: where the NAS is, what anca may."""
    text = text.replace("\nclients:", f"\n{NETWORKS}").replace("  anca: {profile: quarantine", f"  anca: {{{rights}")
    assert "nas:" in text, text
    assert rights in text, text
    return text


def _import(site: Site, harden: Harden, policy: Path, peers: str) -> Said:
    said = harden("import", str(site.conf), "-o", str(policy))
    text = edited(site, policy.read_text())
    if peers == "kernel":
        # the running interface knows no names
        text = text.replace(f"peers: {site.conf}", "peers: kernel")
        for client in site.clients.values():
            text = text.replace(f"  {client.name}: {{", f'  {client.name}: {{public_key: "{client.keys.public}", ')
    policy.write_text(text)
    return said


def _questions(site: Site) -> Iterator[tuple[Client, str, int]]:
    for client in site.clients.values():
        for family in FAMILIES:
            yield client, NAS[family], SMB
            for address in (NAS[family], GATEWAY[family], GATEWAY_LAN[family]):
                yield client, address, SSH


def _tried(site: Site) -> list[dict[str, Any]]:
    return [_trial(client, to, port) for client, to, port in _questions(site)]


def _trial(client: Client, to: str, port: int) -> dict[str, Any]:
    tried: Tried = attempt(client.netns, to, port)
    asked = {"from": client.name, "to": to, "service": f"tcp/{port}"}
    return asked | {"answer": tried.answer, "seconds": tried.seconds}


def _verdicts(harden: Harden, trials: list[dict[str, Any]], batch: Path, here: tuple[str, ...]) -> list[str]:
    questions = [{key: trial[key] for key in ("from", "to", "service")} for trial in trials]
    batch.write_text("".join(json.dumps(question) + "\n" for question in questions))
    answers = harden("explain", "--batch", str(batch), *here).stdout.splitlines()
    return [json.loads(answer)["verdict"] for answer in answers]


def _status(harden: Harden, there: tuple[str, ...]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(harden("status", "--json", *there).stdout)
    return document


def _send(site: Site, nas: Echo) -> None:
    """Send ``SENT``, and wait until the NAS has what it may have of it."""
    for name, flows in SENT.items():
        for port, counts in flows.items():
            for family, count in counts.items():
                throw(site.clients[name].netns, NAS[family], port, f"{name} {port}".encode(), count)
    expected = sum(SENT["anca"][SYNC].values())
    deadline = time.monotonic() + _PATIENCE
    while sum(nas.datagrams.values()) < expected and time.monotonic() < deadline:
        time.sleep(0.02)


def _grown(earlier: dict[str, Any], later: dict[str, Any]) -> dict[str, dict[str, int]]:
    """By how much each client's counters have grown."""
    before, after = _counts(earlier), _counts(later)
    return {name: {kind: after[name][kind] - before[name][kind] for kind in after[name]} for name in after}


def _counts(status: dict[str, Any]) -> dict[str, dict[str, int]]:
    return {client["name"]: {kind: client[kind] for kind in ("accepted", "denied")} for client in status["clients"]}


def _device(site: Site) -> dict[str, dict[str, Any]]:
    """What wg(8) tells of each client."""
    lines = site.gateway.run("wg", "show", site.interface, "dump").stdout.splitlines()[1:]
    told = {line.split("\t")[0]: line.split("\t") for line in lines}
    return {
        client.name: {
            "addresses": told[client.keys.public][3].split(","),
            "latest_handshake": int(told[client.keys.public][4]),
            "rx_bytes": int(told[client.keys.public][5]),
            "tx_bytes": int(told[client.keys.public][6]),
        }
        for client in site.clients.values()
    }
