"""The examples in the documentation of the modules for gateways run, and show every option."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_lab.controller import Controller, Inventory
from ansible_lab.documentation import documented, examples, options, shown
from ansible_lab.gateways import CONF, HARDEN, POLICY_FILE, Fleet
from ansible_lab.outcome import Run
from ansible_lab.policies import WG_POLICY, play, policy

MODULES = ("wg_policy", "wg_confirm", "wg_facts", "wg_script", "units", "unit_files")


@pytest.fixture(name="amsterdam")
def _amsterdam(inventory: Inventory) -> Inventory:
    return replace(inventory, gateways=inventory.gateways[:1], become=False)


def run_tasks(controller: Controller, inventory: Inventory, site: Path, tasks: Sequence[Any], **more: Any) -> Run:
    """Tasks of a playbook beside which there is all that examples speak of."""
    for gateway in inventory.gateways:
        (site / "policies").mkdir(exist_ok=True)
        (site / "files").mkdir(exist_ok=True)
        (site / f"policies/{gateway.name}.yaml").write_text(yaml.safe_dump(policy()))
        (site / f"files/{gateway.name}.conf").write_text(gateway.path(CONF).read_text())
    (site / "templates").mkdir(exist_ok=True)
    (site / "templates/policy.yaml.j2").write_text("# {{ inventory_hostname }}\n" + yaml.safe_dump(policy(("ssh",))))
    playbook = site / "site.yml"
    playbook.write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    return controller.playbook(playbook, inventory, pipelining=True, **more).succeed()


def rendered(site: Path, *form: str) -> str:
    """What `harden wg render` prints on the controller for the policy in the site."""
    argv = [HARDEN, "wg", "render", *form]
    return subprocess.run(argv, cwd=site, check=True, capture_output=True, text=True, timeout=60).stdout


@pytest.mark.parametrize("module", MODULES)
def test_every_option_is_shown(module: str) -> None:
    """What nobody shows, nobody finds; and what is returned is described."""
    assert options(module) - shown(module) == set()
    assert all(value["description"] for value in documented(module, "RETURN").values())


def test_policies(newest: Controller, amsterdam: Inventory, fleet: Fleet, tmp_path: Path) -> None:
    """From a file, from the inventory, from a template, from the gateway, made on the controller; taken out again."""
    (gateway,) = amsterdam.gateways
    gateway.run("ip", "netns", "add", "vpn")
    gateway.path("/srv/policy.yaml").write_text(yaml.safe_dump(policy(("smb", "ssh"))))
    tasks = examples("wg_policy")
    here = [task for task in tasks if task[WG_POLICY].get("render_on") != "controller"]
    run = run_tasks(newest, amsterdam, tmp_path, here)
    assert [(task.outcome, task.changed) for task in run.of(WG_POLICY)] == [("ok", True)] * len(here)
    assert (gateway.policy(), "HARDEN" in gateway.rules()) == (None, False)
    gateway.run("ip", "netns", "delete", "vpn")
    bare = fleet.gateways["bare"]
    bare.reset()
    made = [task for task in tasks if task not in here]
    run = run_tasks(newest, Inventory((bare,)), tmp_path, made)
    assert [task.changed for task in run.of(WG_POLICY)] == [True] * len(made)
    assert "HARDEN" in bare.rules()


def test_facts(newest: Controller, amsterdam: Inventory, tmp_path: Path) -> None:
    """Of a gateway with a policy: nothing is changed, and it is in sync."""
    (gateway,) = amsterdam.gateways
    newest.playbook([play({"policy": policy()})], amsterdam).succeed()
    gateway.run("ip", "netns", "add", "vpn")
    run = run_tasks(newest, amsterdam, tmp_path, examples("wg_facts"))
    first, only, other = run.of("harden.toolkit.wg_facts")
    assert first.result["ansible_facts"]["harden"]["status"]["in_sync"] is True
    assert only.result["ansible_facts"]["harden"]["version"]
    assert other.result["ansible_facts"]["harden"]["status"]["in_sync"] is False
    (said,) = (task for task in run.tasks if task.action == "ansible.builtin.debug")
    assert said.outcome == "skipped"
    assert run.recap["amsterdam"].changed == 0
    gateway.run("ip", "netns", "delete", "vpn")


def test_scripts_and_their_confirmation(newest: Controller, fleet: Fleet, tmp_path: Path) -> None:
    """On a gateway without harden; by hand, in the steps that wg_policy takes by itself."""
    bare = fleet.gateways["bare"]
    bare.reset()
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(policy()))
    (tmp_path / "wg0.conf").write_text(bare.path(CONF).read_text())
    (tmp_path / "files").mkdir()
    place = ("--policy", "policy.yaml", "--peers", "wg0.conf")
    for name, form in {"firewall.sh": "script", "policy.json": "policy", "keeper": "keeper"}.items():
        text = rendered(tmp_path, "--format", form, *(place if form != "keeper" else ()))
        (tmp_path / "files" / name).write_text(text)
    *keeping, removal = examples("wg_script")
    run = run_tasks(newest, Inventory((bare,)), tmp_path, keeping)
    assert [task.changed for task in run.tasks if task.action.startswith("harden.")] == [True, True]
    assert "HARDEN" in bare.rules()
    assert run_tasks(newest, Inventory((bare,)), tmp_path, [removal]).recap["bare"].changed == 1
    assert "HARDEN" not in bare.rules()


def test_confirmations(newest: Controller, amsterdam: Inventory, tmp_path: Path) -> None:
    """Of what was put on trial by hand, on the gateway."""
    (gateway,) = amsterdam.gateways
    gateway.run("mkdir", "-p", "/etc/harden")
    gateway.path(POLICY_FILE).write_text(yaml.safe_dump(policy()))
    gateway.harden("wg", "apply", "--confirm", "60")
    by_hand, *_ = examples("wg_confirm")
    run = run_tasks(newest, amsterdam, tmp_path, [by_hand], persist=False)
    assert run.recap["amsterdam"].changed == 1
    assert gateway.status()["confirm"] is None


def test_units(newest: Controller, amsterdam: Inventory, tmp_path: Path) -> None:
    """Installed for whatever the host has, and taken away without a trace."""
    (gateway,) = amsterdam.gateways
    newest.playbook([play({"policy": policy()})], amsterdam).succeed()
    gateway.run("mkdir", "-p", "/var/lib/prometheus/node-exporter")
    gateway.path("/etc/harden/secrets.yaml").write_text("version: 1\nsecrets: {}\n")
    made, *_ = tasks = examples("units")
    there = [task for task in tasks if task["harden.toolkit.units"].get("render_on") != "controller"]
    run = run_tasks(newest, amsterdam, tmp_path, [made])
    assert run.recap["amsterdam"].changed == 1
    assert gateway.path("/etc/systemd/system/harden-wg.service").exists()
    run = run_tasks(newest, amsterdam, tmp_path, there[1:])
    assert [task.changed for task in run.tasks] == [True] * len(there[1:])
    assert not list(gateway.path("/etc/systemd/system").glob("**/harden-*"))


def test_units_made_for_an_image(newest: Controller, amsterdam: Inventory, tmp_path: Path) -> None:
    """As they are, and away again."""
    (tmp_path / "files").mkdir()
    (tmp_path / "image").mkdir()
    argv = [HARDEN, "install-units", "keeper", "--interface", "wg0", "--root", str(tmp_path / "image")]
    subprocess.run(argv, check=True, capture_output=True, timeout=60)
    shutil.copy(tmp_path / "image/etc/systemd/system/harden-wg-keeper.service", tmp_path / "files")
    run = run_tasks(newest, amsterdam, tmp_path, examples("unit_files"))
    assert [task.changed for task in run.tasks] == [True, True]
