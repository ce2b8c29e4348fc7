"""Policies that lock the controller out are tried for real, and heal by themselves."""

import re
import time
from collections.abc import Callable
from dataclasses import replace

import yaml
from ansible_lab.controller import Controller, Inventory
from ansible_lab.gateways import POLICY_FILE, Gateway
from ansible_lab.policies import play, policy

GOOD = policy(guest=("smb", "ssh"))
LOCKOUT = policy(guest=("smb",), operator=())
NEXT = policy(guest=("smb",))


def in_force(controller: Controller, inventory: Inventory) -> dict[str, str]:
    """All gateways have a policy that lets everybody in; their rules."""
    controller.playbook([play({"policy": GOOD})], inventory).succeed()
    return {gateway.name: gateway.rules() for gateway in inventory.gateways}


def awaited(true: Callable[[], bool], seconds: float) -> bool:
    """Whether that becomes so within the time."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def leftovers(gateway: Gateway) -> list[str]:
    """What is in the folder of the policy beside it."""
    return sorted(path.name for path in gateway.path(POLICY_FILE).parent.iterdir() if path.name != "policy.yaml")


def test_the_old_rules_come_back_without_the_controller(newest: Controller, inventory: Inventory) -> None:
    """It is killed while the new ones are on trial. Another run clears up what it has left there."""
    amsterdam = replace(inventory, gateways=inventory.gateways[:1], through_vpn=True)
    (gateway,) = amsterdam.gateways
    old = in_force(newest, amsterdam)["amsterdam"]
    running = newest.start([play({"policy": LOCKOUT, "confirm": 6})], amsterdam)
    running.wait_until(lambda: gateway.rules() != old)
    assert running.kill().tasks == ()
    assert gateway.rules() != old
    assert awaited(lambda: gateway.rules() == old, 12)
    assert yaml.safe_load(gateway.policy() or "") == GOOD
    newest.playbook([play({"policy": NEXT, "confirm": 60})], amsterdam).succeed()
    assert yaml.safe_load(gateway.policy() or "") == NEXT
    assert leftovers(gateway) == []


def test_it_is_confirmed_by_a_new_connection(controller: Controller, inventory: Inventory) -> None:
    """Also where one is kept open for what comes next, which is how a task gets along that has nothing to prove."""
    amsterdam = replace(inventory, gateways=inventory.gateways[:1])
    (gateway,) = amsterdam.gateways
    pipelining = controller.edition == "newest"
    controller.playbook([play({}, module="ansible.builtin.ping")], amsterdam, pipelining=pipelining).succeed()
    for options, logins in (({"policy": GOOD}, 0), ({"policy": NEXT, "confirm": 60}, 1)):
        gateway.forget_logins()
        run = controller.playbook([play(options)], amsterdam, pipelining=pipelining).succeed()
        assert run.recap["amsterdam"].changed == 1
        assert len(re.findall(r"Accepted publickey for ops from ", gateway.sshd_log)) == logins
