"""The playbook for rotation and its role: a host on which nothing is set up, and then one that rotates by itself."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_lab.editions import EDITIONS, Edition
from ansible_lab.outcome import Run
from ansible_lab.rotators import INVENTORY_FILE, Rotator, RotatorLab
from bao.devserver import DevServer

from harden_secrets.vault.kv import KeyValue

PLAYBOOK = "harden.toolkit.rotate"
ROTATION = "harden.toolkit.secret_rotation"
UNITS = ("/etc/systemd/system/harden-rotate.service", "/etc/systemd/system/harden-rotate.timer")


@pytest.fixture(name="lab", scope="module")
def _lab(tmp_path_factory: pytest.TempPathFactory, bao: DevServer) -> Iterator[RotatorLab]:
    lab = RotatorLab(tmp_path_factory.mktemp("rotators"), bao)
    yield lab
    lab.close()


@pytest.fixture(name="scene")
def _scene(lab: RotatorLab, vault: KeyValue) -> Iterator[Rotator]:
    with lab.scene(vault) as scene:
        yield scene


def rotate(scene: Rotator, *arguments: str, **variables: Any) -> Run:
    """The playbook, with nothing to install."""
    given = {"harden_install": False, **variables}
    return scene.controller.playbook(PLAYBOOK, scene.inventory, *arguments, variables=given, pipelining=True)


@pytest.mark.parametrize("edition", EDITIONS)
def test_from_nothing_to_a_rotated_key(lab: RotatorLab, vault: KeyValue, edition: Edition) -> None:
    """The first run sets it up and rotates; the second changes nothing; when the overlap is cut short, all is done."""
    with lab.scene(vault, edition) as scene:
        first = rotate(scene, harden_secrets_inventory=scene.secrets(), harden_rotate_names=["app"]).succeed()
        assert first.result(ROTATION, "rotator")["waiting"] == ["app"]
        assert yaml.safe_load(scene.host.path(INVENTORY_FILE).read_text()) == scene.secrets()
        assert all(scene.host.path(unit).exists() for unit in UNITS)
        again = rotate(scene, "--diff", harden_secrets_inventory=scene.secrets()).succeed()
        assert again.recap["rotator"].changed == 0
        assert re.search(r"app +2 +rotating +waiting +overlap until", again.stdout)
        done = rotate(
            scene, "-vvv", "--tags", "rotate", harden_rotate_names=["app"], harden_rotate_force=True
        ).succeed()
        assert done.result(ROTATION, "rotator")["rotated"] == ["app"]
        assert (scene.lets_in(scene.newest), scene.lets_in(scene.first)) == ([True, True], [False, False])
        assert scene.newest == scene.delivered
        scene.check_unseen(first.output, again.output, done.output)


def test_check_mode_foresees_and_changes_nothing(scene: Rotator) -> None:
    """On a host on which nothing is set up: the inventory and each step of the rotation are shown, none is there."""
    wanted = {"harden_secrets_inventory": scene.secrets(), "harden_rotate_names": ["app"]}
    before = scene.files()
    run = rotate(scene, "--check", "--diff", **wanted).succeed()
    assert re.search(r"(?m)^\+ +kind: ssh-key$", run.stdout)
    assert f"+ app: install: installing the new key at app@{scene.targets[0].address}" in run.stdout
    assert scene.files() == before
    assert (scene.newest, scene.lets_in(scene.first)) == (scene.first, [True, True])


def test_an_inventory_that_is_wrong_never_comes_into_place(scene: Rotator) -> None:
    """The tool says what is wrong and in which line; what was there before, the timer goes on with."""
    scene.write_inventory()
    wrong = yaml.safe_dump(scene.secrets()).replace("kind: ssh-key", "kind: ssh-kee")
    before = scene.files()
    run = rotate(scene, harden_secrets_inventory=wrong).fail()
    said = run.of("ansible.builtin.fail")[0].result["msg"]
    assert said == f'{INVENTORY_FILE}:8: unknown "kind" "ssh-kee"; did you mean "ssh-key"?'
    assert scene.files() == before


def test_the_inventory_may_be_a_file_and_the_way_to_vault_a_variable(scene: Rotator, tmp_path: Path) -> None:
    """The file comes to the host as it is, remarks and all; the timer is given the same variables."""
    secrets = scene.secrets()
    environment = {"VAULT_ADDR": secrets["vault"].pop("address"), "VAULT_CACERT": secrets["vault"].pop("ca_file")}
    file = tmp_path / "secrets.yaml"
    file.write_text(f"# of the tests\n{yaml.safe_dump(secrets)}")
    run = rotate(scene, harden_secrets_inventory=str(file), harden_rotator_environment=environment).succeed()
    assert run.result(ROTATION, "rotator")["untouched"] == ["app", "licence"]
    assert scene.host.path(INVENTORY_FILE).read_text() == file.read_text()
    service = scene.host.path(UNITS[0]).read_text()
    assert all(f"{name}={value}" in service for name, value in environment.items())


def test_it_is_taken_away_again(scene: Rotator) -> None:
    """Units and inventory are gone, the log of what was done stays. Check mode says where nothing is to be done."""
    rotate(scene, harden_secrets_inventory=scene.secrets(), harden_rotate_names=["app"]).succeed()
    before = scene.files()
    run = rotate(scene, "--check", harden_secrets_inventory=scene.secrets()).succeed()
    assert (run.recap["rotator"].changed, scene.files()) == (0, before)
    run = rotate(scene, harden_rotator_state="absent").succeed()
    assert run.recap["rotator"].changed == 2
    assert not any(scene.host.path(name).exists() for name in (*UNITS, INVENTORY_FILE))
    assert scene.host.path("/var/lib/harden/secrets/audit.log").exists()
    assert rotate(scene, "--check", harden_rotator_state="absent").succeed().recap["rotator"].changed == 0
