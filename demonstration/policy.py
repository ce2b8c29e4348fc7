"""The few lines that the user of the demonstration writes into the imported policy."""

import difflib

from demonstration.topology import CLIENTS
from harden.errors import HardenError

NETWORKS = (
    "networks:",
    '  nas: [192.168.1.10, "fd00:1::10"]',
    '  dns: [10.0.20.200, "fd00:20::200"]',
    '  media: [10.32.0.20, "fd00:32::20"]',
    '  cluster: [10.32.0.0/12, "fd00:32::/32"]',
)
MORE = {
    "anca": "allow: [{to: cluster, services: [https]}]",
    "laptop": "inbound: [{from: nas, services: [ssh]}]",
}
TESTS = (
    "tests:",
    '  - {from: iot, to: "fd00:1::10", service: tcp/445, expect: deny}',
)


def edited(imported: str) -> str:
    """The imported policy with the user's lines in it. Raises HardenError if it has no such clients."""
    lines = imported.splitlines()
    for client in CLIENTS:
        places = [i for i, line in enumerate(lines) if line.strip().startswith(f"{client.name}:")]
        if len(places) != 1:
            raise HardenError(f"the imported policy has {len(places)} lines for the client {client.name}, not one")
        more = f", {MORE[client.name]}" if client.name in MORE else ""
        indent = lines[places[0]].partition(client.name)[0]
        lines[places[0]] = f"{indent}{client.name}: {{profile: {client.profile}{more}}}"
    clients = lines.index("clients:")
    return "\n".join([*lines[:clients], *NETWORKS, *lines[clients:], *TESTS]) + "\n"


def difference(before: str, after: str) -> list[str]:
    """The lines that went (``- …``) and came (``+ …``), without the rest."""
    return [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line[:2] in ("- ", "+ ")]
