"""How long the playbook takes for forty gateways, as a multiple of one that only pings them and copies a file to each.

Each gateway is a network namespace with an sshd and files of its own. Of three runs the quickest counts, on both sides.
"""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure

HOSTS = 40
FORKS = 10
RUNS = 2


def run(folder: Path) -> Iterator[Figure]:
    """The figures."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from ansible_lab.controller import Controller, Inventory  # noqa: PLC0415  the lab of the tests; only for this one
    from ansible_lab.gateways import Fleet  # noqa: PLC0415  likewise
    from ansible_lab.policies import policy  # noqa: PLC0415  likewise

    (folder / "fleet").mkdir()
    with Fleet(folder / "fleet") as fleet:
        gateways = [fleet.gateway(f"gateway{number}", tunnel=False) for number in range(HOSTS)]
        (folder / "file").write_text("a file\n" * 100)
        tasks: Sequence[Mapping[str, Any]] = (
            {"name": "Ping", "ansible.builtin.ping": {}},
            {
                "name": "Copy",
                "ansible.builtin.copy": {"src": str(folder / "file"), "dest": "/etc/copied", "mode": "0644"},
            },
        )
        plain = [{"name": "Baseline", "hosts": "harden_gateways", "gather_facts": False, "tasks": list(tasks)}]
        services = iter(("smb", "nfs", "ssh", "https", "dns", "http") * RUNS)
        with Controller(fleet, folder / "controller") as controller:
            inventory = Inventory(gateways)

            def seconds(playbook: Any, variables: Mapping[str, Any]) -> float:
                start = time.perf_counter()
                controller.playbook(playbook, inventory, variables=variables, forks=FORKS).succeed()
                return time.perf_counter() - start

            def forget() -> None:
                for gateway in gateways:
                    gateway.path("/etc/copied").unlink(missing_ok=True)

            def roll_out(chosen: Mapping[str, Any]) -> float:
                settings = {"harden_policy": chosen, "harden_install": False, "harden_units": [], "harden_confirm": 60}
                return seconds("harden.toolkit.gateway", {**settings, "harden_serial": "100%"})

            baseline, changed, unchanged = [], [], []
            for _ in range(RUNS):
                forget()
                baseline.append(seconds(plain, {}))
                chosen = policy(guest=[next(services)])
                changed.append(roll_out(chosen))
                unchanged.append(roll_out(chosen))
    words = f"{HOSTS} gateways, {FORKS} at a time, over ping and copy {min(baseline):.1f} s"
    yield Figure("playbook, new policy", min(changed) / min(baseline), 3, f"{min(changed):.1f} s for {words}")
    yield Figure("playbook, nothing to do", min(unchanged) / min(baseline), 3, f"{min(unchanged):.1f} s for {words}")
