"""The gateways that the tests of the collection roll out to, and the controller that does it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_lab.controller import Controller, Inventory
from ansible_lab.editions import EDITIONS, Edition
from ansible_lab.gateways import CONF, POLICY_FILE, Fleet
from ansible_lab.outcome import Recap, parse_recap

WHO = [{"hosts": "all", "gather_facts": False, "tasks": [{"ansible.builtin.command": "id -un"}]}]


@pytest.fixture(name="fleet", scope="module")
def _fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with Fleet(tmp_path_factory.mktemp("fleet")) as fleet:
        fleet.gateway("one")
        fleet.gateway("two", "PermitRootLogin no")
        fleet.gateway("six", ipv6=True)
        fleet.gateway("behind", behind=fleet.gateways["one"], harden=False)
        yield fleet


@pytest.mark.parametrize("edition", EDITIONS)
def test_every_gateway_is_reached(fleet: Fleet, tmp_path: Path, edition: Edition) -> None:
    """By IPv4, by a raw IPv6 address, through a jump host, and through the VPN; as root, or by sudo."""
    one, two, six, behind = fleet.gateways.values()
    with Controller(fleet, tmp_path / "controller", edition) as controller:
        run = controller.playbook(WHO, Inventory((one, six, behind))).succeed()
        assert run.recap == {gateway.name: Recap(ok=1, changed=1) for gateway in (one, six, behind)}
        through_vpn = controller.playbook(WHO, Inventory((one, two), through_vpn=True, become=True)).succeed()
    assert through_vpn.result("ansible.builtin.command", "two")["stdout"] == "root"
    assert "Accepted publickey for ops from 10.8." in two.sshd_log
    assert "Accepted publickey for root" not in two.sshd_log


def test_gateways_do_not_see_each_others_state(fleet: Fleet) -> None:
    """Nor does the machine that they are on see theirs."""
    one, two, *_ = fleet.gateways.values()
    for folder in ("/etc/harden", "/etc/systemd/system", "/var/lib/harden", "/opt/harden", "/usr/local/lib", "/run"):
        one.run("mkdir", "-p", folder)
        one.path(f"{folder}/lab-was-here").write_text("one\n")
        assert not two.path(f"{folder}/lab-was-here").exists()
        assert not Path(f"{folder}/lab-was-here").exists()
    assert one.path(CONF).read_text() != two.path(CONF).read_text()


def test_policies_are_enforced_there(fleet: Fleet) -> None:
    """The guest reaches what the policy allows and nothing else, and is free again afterwards."""
    two = fleet.gateways["two"]
    assert fleet.guest_reaches(two, 445)
    two.run("mkdir", "-p", "/etc/harden")
    two.path(POLICY_FILE).write_text(
        "version: 1\ninterface: wg0\npeers: /etc/wireguard/wg0.conf\nclients:\n"
        "  guest: {allow: [{to: 192.168.0.0/16, services: [ssh]}]}\n  operator: {allow: []}\n"
    )
    two.harden("wg", "apply")
    try:
        assert (fleet.guest_reaches(two, 22), fleet.guest_reaches(two, 445)) == (True, False)
        assert "HARDEN" in two.rules().upper()
    finally:
        two.harden("wg", "remove")
    assert fleet.guest_reaches(two, 445)


def test_a_run_can_be_killed(fleet: Fleet, tmp_path: Path) -> None:
    """It ends where it stands, and has no recap."""
    plays = [{"hosts": "all", "gather_facts": False, "tasks": [{"ansible.builtin.command": "sleep 60"}]}]
    with Controller(fleet, tmp_path / "controller") as controller:
        running = controller.start(plays, Inventory((fleet.gateways["one"],)))
        running.await_text("TASK")
        run = running.kill()
    assert (run.status, run.recap) == (-9, {})


def test_recaps_are_read() -> None:
    """Host by host, and nothing where there is none."""
    text = "x\n\nPLAY RECAP ****\none  : ok=2  changed=1  unreachable=0  failed=0  skipped=3  rescued=0  ignored=0\n"
    assert parse_recap(text) == {"one": Recap(ok=2, changed=1, skipped=3)}
    assert parse_recap("killed") == {}
