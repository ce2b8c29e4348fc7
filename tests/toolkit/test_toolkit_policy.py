"""The module wg_policy against real gateways: what it changes, says and leaves alone."""

from dataclasses import replace
from pathlib import Path

import yaml
from ansible_lab.controller import Controller, Inventory
from ansible_lab.gateways import CONF, POLICY_FILE, Fleet
from ansible_lab.outcome import Recap
from ansible_lab.policies import WG_POLICY, play, policy


def test_a_policy_is_put_in_force_once(controller: Controller, inventory: Inventory, fleet: Fleet) -> None:
    """The first run changes each gateway and its file, the second nothing."""
    plays = [play({"policy": policy(), "confirm": 60})]
    first = controller.playbook(plays, inventory).succeed()
    assert first.recap == {gateway.name: Recap(ok=1, changed=1) for gateway in inventory.gateways}
    for gateway in inventory.gateways:
        assert (fleet.guest_reaches(gateway, 445), fleet.guest_reaches(gateway, 22)) == (True, False)
        assert yaml.safe_load(gateway.policy() or "") == policy()
        assert first.result(WG_POLICY, gateway.name)["confirm"]["seconds"] == 60
    before = {gateway.name: (gateway.rules().splitlines(), gateway.files()) for gateway in inventory.gateways}
    second = controller.playbook(plays, inventory).succeed()
    assert second.recap == {gateway.name: Recap(ok=1) for gateway in inventory.gateways}
    assert second.result(WG_POLICY, "cluj")["changes"] == []
    for gateway in inventory.gateways:
        assert (gateway.rules().splitlines(), gateway.files()) == before[gateway.name]


def test_check_mode_says_who_would_lose_what_and_changes_nothing(controller: Controller, inventory: Inventory) -> None:
    """Access comes first in what --diff shows. Neither rules nor files nor a clock for going back are touched."""
    amsterdam = replace(inventory, gateways=inventory.gateways[:1])
    (gateway,) = amsterdam.gateways
    controller.playbook([play({"policy": policy(guest=("smb", "ssh"))})], amsterdam).succeed()
    before = gateway.rules(), gateway.files()
    plays = [play({"policy": policy(guest=("ssh",)), "confirm": 60})]
    foreseen = controller.playbook(plays, amsterdam, "--check", "--diff").succeed()
    assert foreseen.recap["amsterdam"] == Recap(ok=1, changed=1)
    shown = foreseen.stdout
    assert "guest loses nas tcp/139, tcp/445" in shown
    assert shown.index("guest loses") < shown.index("services:")  # how the file changes comes after that
    result = foreseen.result(WG_POLICY, "amsterdam")
    assert result["changes"][0]["client"] == "guest"
    assert (gateway.rules(), gateway.files()) == before
    done = controller.playbook(plays, amsterdam, "--diff").succeed()
    assert done.result(WG_POLICY, "amsterdam")["changes"] == result["changes"]
    assert "guest loses nas tcp/139, tcp/445" in done.stdout


def test_check_mode_foresees_the_first_policy_of_a_gateway(newest: Controller, inventory: Inventory) -> None:
    """Nothing of harden's is there yet, and nothing is there afterwards."""
    before = [gateway.files() for gateway in inventory.gateways]
    run = newest.playbook([play({"policy": policy()})], inventory, "--check", "--diff").succeed()
    assert run.recap["cluj"].changed == 1
    assert "guest keeps nas tcp/139, tcp/445, loses everything else" in run.stdout
    assert [gateway.files() for gateway in inventory.gateways] == before
    assert not inventory.gateways[0].path("/etc/harden").exists()


def test_a_policy_may_be_a_file_here_or_there(newest: Controller, inventory: Inventory, tmp_path: Path) -> None:
    """Beside the playbook, on the gateway, or the one that the gateway has already, edited by hand."""
    amsterdam = replace(inventory, gateways=inventory.gateways[:1])
    (gateway,) = amsterdam.gateways
    (tmp_path / "files").mkdir()
    text = "# Ours\n" + yaml.safe_dump(policy())
    (tmp_path / "files/policy.yaml").write_text(text)
    playbook = tmp_path / "site.yml"
    playbook.write_text(yaml.safe_dump([play({"policy": "policy.yaml", "confirm": 60})]))
    newest.playbook(playbook, amsterdam).succeed()
    assert gateway.policy() == text
    gateway.path("/etc/harden/next.yaml").write_text(text.replace("smb", "ssh"))
    run = newest.playbook([play({"policy": "/etc/harden/next.yaml", "remote_src": True})], amsterdam).succeed()
    assert (run.recap["amsterdam"].changed, gateway.policy()) == (1, text.replace("smb", "ssh"))
    gateway.path(POLICY_FILE).write_text(text)
    run = newest.playbook([play({})], amsterdam).succeed()
    assert run.result(WG_POLICY, "amsterdam")["changes"][0]["client"] == "guest"


def test_a_broken_policy_is_refused_in_the_words_of_harden(controller: Controller, inventory: Inventory) -> None:
    """With the line in the file that is known to people; the gateway stays as it is."""
    amsterdam = replace(inventory, gateways=inventory.gateways[:1])
    (gateway,) = amsterdam.gateways
    text = yaml.safe_dump(policy()) + "defaults:\n  profile: gest\n"
    line = len(text.splitlines())
    before = gateway.files()
    for option in ((), ("--check",)):
        run = controller.playbook([play({"policy": text, "confirm": 60})], amsterdam, *option).fail()
        result = run.result(WG_POLICY, "amsterdam")
        assert f"{POLICY_FILE}:{line}: " in result["msg"]
        assert "guest" in result["msg"] + " ".join(result["hints"])
    assert gateway.files() == before
    assert "HARDEN" not in gateway.rules()


def test_rules_and_file_are_taken_out_again(newest: Controller, inventory: Inventory, fleet: Fleet) -> None:
    """What others have put there stays."""
    amsterdam = replace(inventory, gateways=inventory.gateways[:1])
    (gateway,) = amsterdam.gateways
    gateway.run("iptables-nft", "-A", "INPUT", "-p", "tcp", "--dport", "9", "-j", "ACCEPT")
    newest.playbook([play({"policy": policy()})], amsterdam).succeed()
    foreseen = newest.playbook([play({"state": "absent"})], amsterdam, "--check").succeed()
    assert (foreseen.recap["amsterdam"].changed, "HARDEN" in gateway.rules()) == (1, True)
    run = newest.playbook([play({"state": "absent"})], amsterdam).succeed()
    assert (run.recap["amsterdam"].changed, "HARDEN" in gateway.rules(), gateway.policy()) == (1, False, None)
    assert fleet.guest_reaches(gateway, 22)
    assert "--dport 9 -j ACCEPT" in gateway.rules()
    gateway.run("iptables-nft", "-F", "INPUT")
    assert newest.playbook([play({"state": "absent"})], amsterdam).succeed().recap["amsterdam"].changed == 0


def test_nothing_secret_is_printed_however_much_is(controller: Controller, inventory: Inventory) -> None:
    """The private key of the gateway's WireGuard is in none of what -vvv and --diff show."""
    amsterdam = replace(inventory, gateways=inventory.gateways[:1])
    (gateway,) = amsterdam.gateways
    plays = [play({"policy": policy(), "peers": [CONF], "confirm": 60})]
    run = controller.playbook(plays, amsterdam, "-vvv", "--diff").succeed()
    assert gateway.keys.private in gateway.path(CONF).read_text()
    assert "ESTABLISH SSH CONNECTION" in run.output
    assert gateway.keys.private not in run.output + str(run.tasks)
