"""Gateways without harden: the rules are made on the controller, and kept by a shell program."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_lab.controller import Controller, Inventory
from ansible_lab.gateways import CONF, Fleet, Gateway
from ansible_lab.outcome import Run
from ansible_lab.policies import WG_POLICY, play, policy
from lab.tunnel import Keys

GOOD = policy(guest=("smb", "ssh"))
NEXT = policy(guest=("smb",))
LOCKOUT = policy(guest=("smb",), operator=())


@dataclass(frozen=True)
class Bare:
    """A gateway without harden, and how its rules are made on the controller, where its peers are known."""

    gateway: Gateway
    peers: Path
    private_key: str
    inventory: Inventory

    def run(self, controller: Controller, wanted: Any, *arguments: str, **more: Any) -> Run:
        """A task that puts that in force there."""
        options = {"policy": wanted, "peers": [str(self.peers)], "render_on": "controller", "confirm": 60, **more}
        return controller.playbook([play(options)], self.inventory, *arguments)


@pytest.fixture(name="bare")
def _bare(fleet: Fleet, tmp_path: Path) -> Bare:
    gateway = fleet.gateways["bare"]
    gateway.reset()
    private_key = Keys.make().private  # the controller has the file for another reason, with a key that is its own
    peers = tmp_path / "wg0.conf"
    peers.write_text(gateway.path(CONF).read_text().replace(gateway.keys.private, private_key))
    return Bare(gateway, peers, private_key, Inventory((gateway,), through_vpn=True))


def awaited(true: Callable[[], bool], seconds: float) -> bool:
    """Whether that becomes so within the time."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def test_a_gateway_without_harden_enforces_a_policy(controller: Controller, bare: Bare, fleet: Fleet) -> None:
    """Nothing of ours in Python is there, before or after. A second run changes nothing, check mode neither."""
    gateway = bare.gateway
    plain = ("env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")  # not that of the tests
    assert gateway.run(*plain, "sh", "-c", "command -v harden /opt/harden/bin/harden", check=False).stdout == ""
    assert bare.run(controller, GOOD).succeed().recap["bare"].changed == 1
    assert (fleet.guest_reaches(gateway, 445), fleet.guest_reaches(gateway, 22)) == (True, True)
    before = gateway.rules(), gateway.files()
    assert bare.run(controller, GOOD).succeed().recap["bare"].changed == 0
    foreseen = bare.run(controller, NEXT, "--check", "--diff").succeed()
    assert "guest loses nas tcp/22" in foreseen.stdout
    assert foreseen.recap["bare"].changed == 1
    assert gateway.rules() == before[0]
    assert gateway.files() == before[1]
    assert bare.run(controller, NEXT, "--diff").succeed().recap["bare"].changed == 1
    assert (fleet.guest_reaches(gateway, 445), fleet.guest_reaches(gateway, 22)) == (True, False)
    assert [path for path in gateway.files("/opt/harden", "/etc/harden", "/var/lib/harden") if "py" in path] == []


def test_a_lockout_heals_there_as_well(newest: Controller, bare: Bare) -> None:
    """It is said that the gateway has gone back; the next policy finds nothing in its way."""
    bare.run(newest, GOOD).succeed()
    old = bare.gateway.rules()
    result = bare.run(newest, LOCKOUT, confirm=6).fail().result(WG_POLICY, "bare")
    assert result["rolled_back"] is True
    assert bare.gateway.rules() == old
    assert bare.run(newest, NEXT).succeed().recap["bare"].changed == 1


def test_a_lockout_heals_there_without_the_controller(newest: Controller, bare: Bare) -> None:
    """Which is killed while the rules are on trial."""
    bare.run(newest, GOOD).succeed()
    old = bare.gateway.rules()
    options = {"policy": LOCKOUT, "peers": [str(bare.peers)], "render_on": "controller", "confirm": 3}
    running = newest.start([play(options)], bare.inventory)
    running.wait_until(lambda: bare.gateway.rules() != old)
    running.kill()
    assert awaited(lambda: bare.gateway.rules() == old, 15)


def test_no_key_leaves_the_controller(newest: Controller, bare: Bare) -> None:
    """The file with the peers has one; neither what is printed nor what is on the gateway has it."""
    run = bare.run(newest, GOOD, "-vvv", "--diff").succeed()
    assert bare.private_key in bare.peers.read_text()
    assert bare.private_key not in run.output + str(run.tasks)
    found = bare.gateway.run("grep", "-rslF", bare.private_key, "/etc", "/var/lib/harden", "/srv", "/run", check=False)
    assert found.stdout == ""


def test_a_broken_policy_does_not_get_that_far(newest: Controller, bare: Bare) -> None:
    """It is refused on the controller, in the words of harden; so is a controller that has no harden itself."""
    before = bare.gateway.files()
    result = bare.run(newest, {**GOOD, "clients": {"gest": {}}}).fail().result(WG_POLICY, "bare")
    assert "gest" in result["msg"]
    lacking = bare.run(newest, GOOD, controller_executable="/nowhere/harden").fail().result(WG_POLICY, "bare")
    assert "/nowhere/harden" in lacking["msg"]
    assert bare.gateway.files() == before


def test_it_is_taken_out_again(newest: Controller, bare: Bare, fleet: Fleet) -> None:
    """Without a trace; what is not there any more changes nothing."""
    bare.run(newest, NEXT).succeed()
    assert not fleet.guest_reaches(bare.gateway, 22)
    assert bare.run(newest, None, state="absent").succeed().recap["bare"].changed == 1
    assert "HARDEN" not in bare.gateway.rules()
    assert fleet.guest_reaches(bare.gateway, 22)
    assert bare.run(newest, None, state="absent").succeed().recap["bare"].changed == 0
    assert bare.gateway.policy() is None
