"""Two controllers for one gateway, files that cannot be replaced, and files that are taken for others."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest
import yaml
from ansible_lab.controller import Controller, Inventory
from ansible_lab.gateways import CONF, POLICY_FILE, Fleet, Gateway
from ansible_lab.outcome import Run
from ansible_lab.policies import WG_POLICY, play, policy

GOOD = policy(guest=("smb", "ssh"))
NEXT = policy(guest=("smb",))
STAGED = "/etc/harden/.policy.yaml.staged"
CONFIRM = "harden.toolkit.wg_confirm"


@pytest.fixture(name="one")
def _one(inventory: Inventory) -> Inventory:
    return replace(inventory, gateways=inventory.gateways[:1])


def run(
    controller: Controller, one: Inventory, options: dict[str, Any], *arguments: str, module: str = WG_POLICY
) -> Run:
    """One task."""
    return controller.playbook([play(options, module=module)], one, *arguments)


def on_trial(gateway: Gateway) -> str:
    """Somebody else's policy waits there to be confirmed; its text."""
    text = yaml.safe_dump(NEXT)
    gateway.path(STAGED).write_text(text)
    gateway.harden("wg", "apply", "--policy", STAGED, "--confirm", "60")
    return text


def test_who_is_refused_does_not_spoil_the_trial_of_another(newest: Controller, one: Inventory) -> None:
    """A policy that is none, and a controller that comes back too late, leave it to be confirmed."""
    (gateway,) = one.gateways
    run(newest, one, {"policy": GOOD}).succeed()
    text = on_trial(gateway)
    for options in ({"policy": {**GOOD, "clients": {"gest": {}}}, "confirm": 5}, {"policy": GOOD}):
        run(newest, one, options).fail()
        assert gateway.path(STAGED).read_text() == text
    run(newest, one, {"checksum": hashlib.sha256(b"mine").hexdigest(), "last": True}, module=CONFIRM).fail()
    assert gateway.path(STAGED).read_text() == text
    mine = {"checksum": hashlib.sha256(text.encode()).hexdigest()}
    keep = play(mine, module=CONFIRM)
    keep["tasks"].insert(0, {"ansible.builtin.meta": "reset_connection"})
    assert newest.playbook([keep], one).succeed().recap["amsterdam"].changed == 1
    assert yaml.safe_load(gateway.policy() or "") == NEXT
    assert (gateway.status()["in_sync"], gateway.path(STAGED).exists()) == (True, False)


def test_a_file_that_cannot_be_replaced_is_told_before_the_rules_change(newest: Controller, one: Inventory) -> None:
    """One that is mounted, as into a container: kept rules with the old file beside them are not what was asked."""
    (gateway,) = one.gateways
    run(newest, one, {"policy": GOOD}).succeed()
    before = gateway.rules(), gateway.files()
    gateway.run("mount", "--bind", POLICY_FILE, POLICY_FILE)
    try:
        result = run(newest, one, {"policy": NEXT, "confirm": 5}).fail().result(WG_POLICY, "amsterdam")
    finally:
        gateway.run("umount", POLICY_FILE)
    assert result["msg"].startswith(f"{POLICY_FILE}: is a mount point")
    assert (gateway.rules(), gateway.files()) == before


def test_a_gateway_that_was_never_reached_has_nothing_on_trial(
    newest: Controller, one: Inventory, fleet: Fleet
) -> None:
    """With pipelining, too, where one command is all: it is unreachable, at once, and nothing is said to be changed."""
    fleet.unplug(one.gateways[0])
    try:
        run = newest.playbook([play({"policy": GOOD, "confirm": 60})], one, pipelining=True, persist=False).fail()
    finally:
        fleet.unplug(one.gateways[0], again=True)
    recap = run.recap["amsterdam"]
    assert (recap.unreachable, recap.failed, recap.changed) == (1, 0, 0)
    assert run.seconds < 40


def test_keys_that_are_taken_for_a_policy_are_not_shown(newest: Controller, one: Inventory) -> None:
    """Neither with -vvv nor as what would change; nor are they sent to the gateway."""
    (gateway,) = one.gateways
    before = gateway.files()
    for options in ({"policy": str(gateway.path(CONF))}, {"policy": CONF, "remote_src": True}):
        for arguments in (("-vvv", "--diff"), ("-vvv", "--check", "--diff")):
            shown = run(newest, one, options, *arguments).fail()
            assert gateway.keys.private not in shown.output + str(shown.tasks)
    assert gateway.files() == before
