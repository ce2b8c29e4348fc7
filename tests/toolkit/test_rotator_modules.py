"""`secret_rotation` and `secret_scan`, by a real ansible-core, over SSH, on a host that rotates by a real OpenBao."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from ansible_lab.editions import EDITIONS, Edition
from ansible_lab.outcome import Run
from ansible_lab.rotators import INVENTORY_FILE, Rotator, RotatorLab
from bao.devserver import DevServer

from harden_secrets.vault.kv import KeyValue

ROTATION = "harden.toolkit.secret_rotation"
SCAN = "harden.toolkit.secret_scan"


@pytest.fixture(name="lab", scope="module")
def _lab(tmp_path_factory: pytest.TempPathFactory, bao: DevServer) -> Iterator[RotatorLab]:
    lab = RotatorLab(tmp_path_factory.mktemp("rotators"), bao)
    yield lab
    lab.close()


@pytest.fixture(name="scene")
def _scene(lab: RotatorLab, vault: KeyValue) -> Iterator[Rotator]:
    with lab.scene(vault) as scene:
        yield scene


def tasks(scene: Rotator, *asked: dict[str, Any], module: str = ROTATION, arguments: tuple[str, ...] = ()) -> Run:
    """A play with one task for each; one that fails does not keep the others from being tried."""
    listed = [{module: one, "ignore_errors": True} for one in asked]
    play = {"hosts": "all", "gather_facts": False, "tasks": listed}
    return scene.controller.playbook([play], scene.inventory, *arguments).succeed()


@pytest.mark.parametrize("edition", EDITIONS)
def test_a_key_is_rotated_by_tasks(lab: RotatorLab, vault: KeyValue, edition: Edition) -> None:
    """By name, then what is due, then by force: a new key in use, nothing to do, the old key refused."""
    with lab.scene(vault, edition) as scene:
        scene.write_inventory()
        asked: list[dict[str, Any]] = [{"names": ["app"]}, {"due": True}, {"names": ["app"], "force": True}]
        run = tasks(scene, *asked, arguments=("-vvv", "--diff"))
        first, again, forced = (one.result for one in run.of(ROTATION))
        assert (first["changed"], first["waiting"], first["rotated"]) == (True, ["app"], [])
        assert "both keys are good until" in first["secrets"][0]["words"]
        assert (again["changed"], again["waiting"], again["untouched"]) == (False, ["app"], ["licence"])
        assert (forced["changed"], forced["waiting"], forced["rotated"]) == (True, [], ["app"])
        assert [(one["name"], one["version"]) for one in forced["status"]] == [("app", 2)]
        assert scene.newest == scene.delivered != scene.first
        assert (scene.lets_in(scene.newest), scene.lets_in(scene.first)) == ([True, True], [False, False])
        scene.check_unseen(run.output)


def test_only_what_is_due_is_rotated(scene: Rotator) -> None:
    """A key that is younger than its schedule says is left alone; one that is older is rotated without being named."""
    scene.write_inventory()
    (young,) = tasks(scene, {"due": True}).of(ROTATION)
    assert (young.changed, young.result["untouched"]) == (False, ["app", "licence"])
    scene.write_inventory(every="1s")
    (old,) = tasks(scene, {"due": True}).of(ROTATION)
    assert (old.changed, old.result["rotated"], old.result["in_order"]) == (True, ["app"], True)
    assert scene.lets_in(scene.newest) == [True, True]


def test_check_mode_says_each_step_and_takes_none(scene: Rotator) -> None:
    """What would be done now, and what later; afterwards the key, the hosts and the state are as they were."""
    scene.write_inventory()
    asked = {"names": ["app"]}
    (would,) = tasks(scene, asked, arguments=("--check", "--diff")).of(ROTATION)
    assert (would.changed, would.result["waiting"]) == (True, ["app"])
    prepared = would.result["diff"]["prepared"].splitlines()
    devvm, nas = (f"app@{one.address}" for one in scene.targets)
    assert f"+ app: install: installing the new key at {devvm}" in prepared
    assert f"+ app: install: installing the new key at {nas}" in prepared
    assert any(line.startswith("  app: later: overlap: waiting for the end of the overlap, ") for line in prepared)
    assert scene.newest == scene.delivered == scene.first
    assert not scene.host.path("/var/lib/harden").exists()
    (done,) = tasks(scene, asked).of(ROTATION)
    taken = [f"+ app: {step['phase']}: " for step in done.result["secrets"][0]["steps"]]
    assert [line.partition(": ")[0] for line in prepared if line[0] == "+"] == [
        line.partition(": ")[0] for line in taken
    ]
    (waits,) = tasks(scene, {"due": True}, arguments=("--check", "--diff")).of(ROTATION)
    assert (waits.changed, waits.result["waiting"]) == (False, ["app"])


def test_an_inventory_can_be_tried_before_it_is_there(scene: Rotator) -> None:
    """Its text is enough for check mode; nothing of it stays on the host."""
    text = yaml.safe_dump(scene.secrets(every="1s"))
    wrong = text.replace("kind: ssh-key", "kind: ssh-kee")
    asked: list[dict[str, Any]] = [{"names": ["app"], "inventory_text": one} for one in (text, wrong)]
    tried, broken = tasks(scene, *asked, arguments=("--check",)).of(ROTATION)
    assert (tried.changed, tried.result["rotated"]) == (True, ["app"])
    assert re.match(r"inventory:\d+: .*ssh-kee", broken.result["msg"])
    assert (scene.newest, scene.lets_in(scene.first)) == (scene.first, [True, True])
    assert scene.host.run("find", "/root/.ansible", "-name", "inventory*").stdout == ""


def test_a_host_that_would_not_take_the_key_is_named(scene: Rotator) -> None:
    """Nothing is begun, the task fails and says at which host, and the old key stays good."""
    scene.write_inventory()
    with scene.frozen(scene.targets[1]):
        (failed,) = tasks(scene, {"names": ["app"]}).of(ROTATION)
    assert (failed.outcome, failed.changed, failed.result["failed_names"]) == ("ignored", False, ["app"])
    assert failed.result["msg"].startswith(f"app: app@{scene.targets[1].address}")
    assert failed.result["hints"]
    assert (scene.newest, scene.lets_in(scene.first)) == (scene.first, [True, True])


def test_a_rotation_can_be_given_up(scene: Rotator) -> None:
    """What a run that was killed has installed is taken out again; given up twice, nothing is changed any more."""
    scene.write_inventory()
    scene.kill_rotation(at=12)
    assert [keys.count("ssh-ed25519") for keys in scene.authorized()] == [2, 2]
    abandon: dict[str, Any] = {"names": ["app"], "abandon": True}
    back, again = tasks(scene, abandon, abandon).of(ROTATION)
    assert (back.changed, back.result["abandoned"], back.result["rotated"]) == (True, ["app"], [])
    assert (again.changed, again.result["untouched"]) == (False, ["app"])
    assert [keys.count("ssh-ed25519") for keys in scene.authorized()] == [1, 1]
    assert scene.lets_in(scene.first) == [True, True]


def test_failures_are_told_as_the_tool_tells_them(scene: Rotator) -> None:
    """A broken inventory, a name that is not in it, nothing asked for, no program: message, hints and exit status."""
    scene.write_inventory()
    broken = scene.host.path("/etc/harden/broken.yaml")
    broken.write_text("version: 1\nsecrets:\n  app: {kind: ssh-key, path: app/ssh, rotat: {every: 1d}}\n")
    asked: list[dict[str, Any]] = [
        {"due": True, "inventory": "/etc/harden/broken.yaml"},
        {"names": ["ap"]},
        {},
        {"due": True, "executable": "/opt/elsewhere/harden"},
        {"names": ["--help"]},
        {"due": True, "vault_address": "https://127.0.0.1:9"},
    ]
    broken, unknown, nothing, missing, dash, unreachable = (one.result for one in tasks(scene, *asked).of(ROTATION))
    assert broken["msg"] == '/etc/harden/broken.yaml:3: unknown key "rotat"; did you mean "rotate"?'
    assert (unknown["msg"], unknown["hints"]) == (f'{INVENTORY_FILE}: has no secret "ap"', ['it has "app", "licence"'])
    assert (nothing["msg"], nothing["rc"]) == ("which secrets?", 2)
    assert missing["msg"] == "/opt/elsewhere/harden: no such program on this host"
    assert dash["msg"] == f'{INVENTORY_FILE}: has no secret "--help"'
    assert "https://127.0.0.1:9" in unreachable["msg"]


def test_a_scan_tells_what_lies_about(scene: Rotator) -> None:
    """It fails where something is found, unless it is only to list it; no value is printed, nothing is changed."""
    folder = scene.host.path("/etc/found")
    folder.mkdir(exist_ok=True)
    (folder / "id").write_bytes(scene.first.reveal())
    (folder / "-quiet").write_text("nothing\n")
    asked: list[dict[str, Any]] = [
        {"paths": ["/etc/found"]},
        {"paths": ["/etc/found"], "fail_on": "none"},
        {"paths": ["/etc/found/-quiet"]},
        {"paths": ["/etc/nowhere"]},
    ]
    run = tasks(scene, *asked, module=SCAN, arguments=("-vvv", "--check"))
    assert not scene.host.path("/var/lib/harden").exists()
    failed, listed, quiet, missing = run.of(SCAN)
    assert (failed.outcome, failed.changed) == ("ignored", False)
    assert failed.result["msg"] == "1 finding\n/etc/found/id:1: ssh-private-key (critical)"
    assert [one["material"] for one in listed.result["findings"]] == ["ssh-private-key"]
    assert (listed.outcome, quiet.outcome, quiet.result["findings"]) == ("ok", "ok", [])
    assert missing.result["msg"] == "/etc/nowhere: No such file or directory"
    scene.check_unseen(run.output)


def test_a_scan_looks_at_a_history_and_leaves_out_what_is_known(scene: Rotator) -> None:
    """A key that was removed again is found; with a baseline only what it does not know."""
    scene.commit_and_remove_key("/etc/repository")
    scene.host.harden("secrets", "scan", "--git", "/etc/repository", "--write-baseline", "/etc/repository.json")
    asked: list[dict[str, Any]] = [
        {"git": "/etc/repository"},
        {"git": "/etc/repository", "baseline": "/etc/repository.json"},
    ]
    found, known = tasks(scene, *asked, module=SCAN).of(SCAN)
    assert [one["material"] for one in found.result["findings"]] == ["ssh-private-key"]
    assert (known.outcome, known.result["findings"], known.result["known"]) == ("ok", [], 1)
