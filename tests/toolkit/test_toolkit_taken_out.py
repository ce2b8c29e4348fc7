"""Gateways without harden, taken out of its care in parts."""

from dataclasses import replace

import pytest
from ansible_lab.controller import Controller, Inventory
from ansible_lab.gateways import CONF, Fleet, Gateway
from ansible_lab.outcome import Run
from ansible_lab.policies import WG_POLICY, play, policy

UNIT = "/etc/systemd/system/harden-wg-keeper.service"
KEEPER = "/usr/local/lib/harden/keeper"
GATEWAY = "harden.toolkit.gateway"


@pytest.fixture(name="gateway")
def _gateway(fleet: Fleet) -> Gateway:
    gateway = fleet.gateways["bare"]
    gateway.reset()
    return gateway


def roll_out(controller: Controller, gateway: Gateway, *arguments: str, state: str = "present") -> Run:
    """The playbook for that one, with rules that are made on the controller."""
    peers = str(gateway.path(CONF))
    variables = {"harden_policy": policy(), "harden_peers": [peers], "harden_state": state}
    inventory = Inventory((gateway,), variables={**variables, "harden_render_on": "controller"})
    return controller.playbook(GATEWAY, inventory, *arguments).succeed()


def there(gateway: Gateway) -> tuple[bool, bool, bool]:
    """Whether there are rules, the unit, and the program that it starts."""
    paths = (gateway.run("test", "-e", name, check=False).returncode == 0 for name in (UNIT, KEEPER))
    return ("HARDEN" in gateway.rules(), *paths)  # type: ignore[return-value]


def test_no_unit_is_left_without_its_program(newest: Controller, gateway: Gateway) -> None:
    """At boot it would fail, and keep down the interface that requires it. A second time there is nothing to do."""
    assert roll_out(newest, gateway).recap["bare"].changed == 2
    assert there(gateway) == (True, True, True)
    for changed in (1, 0):
        run = roll_out(newest, gateway, "--tags", "policy", "--diff", state="absent")
        assert ("every client gains" in run.stdout) == (changed == 1)
        assert (run.recap["bare"].changed, there(gateway)) == (changed, (False, True, True))
    run = roll_out(newest, gateway, "--check", state="absent")
    assert there(gateway) == (False, True, True)
    for changed in (2, 0):
        run = roll_out(newest, gateway, state="absent")
        assert (run.recap["bare"].changed, there(gateway)) == (changed, (False, False, False))


def test_that_everything_opens_is_said_before(newest: Controller, inventory: Inventory) -> None:
    """Who reads that nobody's access changes when all rules go has been told a lie; where none are left, none go."""
    one = replace(inventory, gateways=inventory.gateways[:1])
    newest.playbook([play({"policy": policy()})], one).succeed()
    for arguments in (["--check", "--diff"], ["--diff"]):
        run = newest.playbook([play({"state": "absent"})], one, *arguments).succeed()
        assert "every client gains" in run.stdout
        assert "nobody's access" not in run.stdout
    assert newest.playbook([play({"state": "absent"})], one).succeed().result(WG_POLICY, "amsterdam")["access"] == []
