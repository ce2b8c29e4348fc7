"""However the gateways are reached, and whatever is told of a failure on the way."""

from dataclasses import replace

import pytest
import yaml
from ansible_lab.controller import Controller, Inventory
from ansible_lab.gateways import Fleet
from ansible_lab.outcome import Recap
from ansible_lab.policies import WG_POLICY, play, policy


@pytest.mark.parametrize(("pipelining", "persist"), [(True, False), (False, True)])
def test_by_raw_ipv6_and_through_a_jump_host(
    controller: Controller, fleet: Fleet, pipelining: bool, persist: bool
) -> None:
    """The new connection that confirms takes the same way."""
    gateways = fleet.gateways["six"], fleet.gateways["behind"]
    for gateway in gateways:
        gateway.reset()
    plays = [play({"policy": policy(), "confirm": 60})]
    run = controller.playbook(plays, Inventory(gateways), pipelining=pipelining, persist=persist).succeed()
    assert run.recap == {gateway.name: Recap(ok=1, changed=1) for gateway in gateways}
    six, behind = gateways
    assert "Accepted publickey for root from fd77::1 " in six.sshd_log
    assert f"Accepted publickey for root from 10.78.{behind.number}.1 " in behind.sshd_log
    for gateway in gateways:
        assert yaml.safe_load(gateway.policy() or "") == policy()
        assert gateway.status()["confirm"] is None


def test_as_somebody_who_has_sudo(newest: Controller, inventory: Inventory) -> None:
    """Root cannot log in there at all; without become the task says so, with it the trial is confirmed by sudo."""
    cluj = replace(inventory, gateways=inventory.gateways[2:])
    (gateway,) = cluj.gateways
    plays = [play({"policy": policy(), "confirm": 60})]
    assert newest.playbook(plays, replace(cluj, become=False)).recap["cluj"].unreachable == 1
    weak = replace(cluj, variables={"ansible_become": False})
    refused = newest.playbook(plays, weak).fail().result(WG_POLICY, "cluj")
    assert refused["msg"] == "/etc/harden: Permission denied"
    assert gateway.policy() is None
    for options in ({"pipelining": True}, {"pipelining": False, "persist": False}):
        gateway.reset()
        newest.playbook(plays, cluj, **options).succeed()
        assert yaml.safe_load(gateway.policy() or "") == policy()
        assert "COMMAND=" in gateway.sshd_log


def test_a_gateway_without_harden_is_told_what_it_lacks(newest: Controller, fleet: Fleet) -> None:
    """In one sentence, with what to do; nothing has been written."""
    bare = fleet.gateways["bare"]
    bare.reset()
    result = newest.playbook([play({"policy": policy()})], Inventory((bare,))).fail().result(WG_POLICY, "bare")
    assert "harden" in result["msg"]
    assert result["hints"]
    assert bare.policy() is None
