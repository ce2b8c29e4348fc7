"""The playbook harden.toolkit.gateway: one gateway first, then the rest, and nothing more after a failure."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import yaml
from ansible_lab.controller import Controller, Inventory
from ansible_lab.gateways import Fleet, Gateway
from ansible_lab.outcome import Run
from ansible_lab.policies import WG_POLICY, policy

PLAYBOOK = "harden.toolkit.gateway"
GOOD = policy(guest=("smb", "ssh"))
LOCKOUT = policy(guest=("smb",), operator=())
NEXT = policy(guest=("smb",))


def roll_out(
    controller: Controller, inventory: Inventory, *arguments: str, serial: int = 1, timeout: int = 5, **variables: Any
) -> Run:
    """Run it, so many gateways at a time after the first; ``variables`` are the role's, without their prefix."""
    given = {f"harden_{name}": value for name, value in {"policy": GOOD, "confirm": 60, **variables}.items()}
    return controller.playbook(
        PLAYBOOK,
        replace(inventory, variables={**given, **inventory.variables}),
        *arguments,
        variables={"harden_serial": serial},
        pipelining=True,
        settings={"ANSIBLE_TIMEOUT": str(timeout)},
    )


def in_force(gateway: Gateway, wanted: Mapping[str, Any]) -> bool:
    """Whether that is its policy, in its file and in its kernel, and stays."""
    status = gateway.status()
    return yaml.safe_load(gateway.policy() or "") == wanted and status["in_sync"] and status["confirm"] is None


@contextmanager
def unplugged(fleet: Fleet, gateway: Gateway) -> Iterator[None]:
    """It cannot be reached meanwhile."""
    fleet.unplug(gateway)
    try:
        yield
    finally:
        fleet.unplug(gateway, again=True)


def test_one_gateway_is_first(controller: Controller, inventory: Inventory, fleet: Fleet) -> None:
    """When it has the policy, and has been asked how it is, the others follow. Another run changes nothing."""
    first = roll_out(controller, inventory, serial=2).succeed()
    assert all(recap.changed and not recap.failed for recap in first.recap.values())
    order = [task.host for task in first.tasks if task.action.startswith("harden.toolkit.")]
    assert order == sorted(order, key=lambda host: host != "amsterdam")
    assert set(order) == {gateway.name for gateway in inventory.gateways}
    for gateway in inventory.gateways:
        assert in_force(gateway, GOOD)
        assert fleet.guest_reaches(gateway, 22)
    (summary,) = first.of("ansible.builtin.debug")
    lines = "\n".join(summary.result["msg"])
    assert [name in lines for name in ("amsterdam", "bucharest", "cluj")] == [True] * 3
    before = [(gateway.rules(), gateway.files()) for gateway in inventory.gateways]
    second = roll_out(controller, inventory, serial=2).succeed()
    assert {recap.changed for recap in second.recap.values()} == {0}
    assert [(gateway.rules(), gateway.files()) for gateway in inventory.gateways] == before


def test_check_mode_of_the_whole_playbook(newest: Controller, inventory: Inventory) -> None:
    """Shows access first, and changes nothing on any gateway, whether it has a policy already or not."""
    amsterdam, bucharest, cluj = inventory.gateways
    roll_out(newest, inventory, "--limit", "amsterdam").succeed()
    before = [(gateway.rules(), gateway.files()) for gateway in inventory.gateways]
    run = roll_out(newest, inventory, "--check", "--diff", policy=NEXT).succeed()
    assert {recap.changed > 0 for recap in run.recap.values()} == {True}
    assert "guest loses nas tcp/22" in run.stdout
    assert [(gateway.rules(), gateway.files()) for gateway in inventory.gateways] == before
    assert (in_force(amsterdam, GOOD), bucharest.policy(), cluj.policy()) == (True, None, None)


def test_a_lockout_stops_it_and_heals(controller: Controller, inventory: Inventory) -> None:
    """The canary keeps what it has confirmed, the second is back on its old rules, the third was never asked."""
    roll_out(controller, inventory, "--tags", "policy", confirm=0, serial=3).succeed()
    amsterdam, bucharest, cluj = inventory.gateways
    old = bucharest.rules()
    own = {"bucharest": {"harden_policy": LOCKOUT, "harden_confirm": 6}}
    risky = replace(inventory, through_vpn=True, of_host=own)
    run = roll_out(controller, risky, policy=NEXT).fail()
    assert run.result(WG_POLICY, "bucharest")["rolled_back"] is True
    assert in_force(amsterdam, NEXT)
    assert bucharest.rules() == old
    assert in_force(bucharest, GOOD)
    assert "cluj" not in {task.host for task in run.tasks}
    assert in_force(cluj, GOOD)


def test_a_gateway_that_is_away_stops_it(newest: Controller, inventory: Inventory, fleet: Fleet) -> None:
    """That one was not reached is a failure like any other: those after it keep what they have."""
    amsterdam, bucharest, cluj = inventory.gateways
    with unplugged(fleet, bucharest):
        run = roll_out(newest, inventory, timeout=2).fail()
    assert run.recap["bucharest"].unreachable == 1
    assert in_force(amsterdam, GOOD)
    assert (bucharest.policy(), cluj.policy()) == (None, None)


def test_it_can_be_limited_to_hosts_and_parts(newest: Controller, inventory: Inventory) -> None:
    """--limit names gateways, --tags parts of the work."""
    amsterdam, bucharest, cluj = inventory.gateways
    run = roll_out(newest, inventory, "--limit", "bucharest", "--tags", "policy").succeed()
    assert set(run.recap) == {"bucharest"}
    assert (amsterdam.policy(), cluj.policy()) == (None, None)
    assert in_force(bucharest, GOOD)
    assert not list(bucharest.path("/etc/systemd/system").glob("harden-*"))
    asked = roll_out(newest, inventory, "--limit", "bucharest,cluj", "--tags", "facts", policy=NEXT).succeed()
    assert {recap.changed for recap in asked.recap.values()} == {0}
    assert in_force(bucharest, GOOD)
    assert cluj.policy() is None
