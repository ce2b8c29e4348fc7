"""The examples in the documentation of `secret_rotation` and `secret_scan` run, with names of the tests."""

import ast
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml
from ansible_lab.editions import COLLECTION
from ansible_lab.outcome import Run
from ansible_lab.rotators import Rotator, RotatorLab
from bao.devserver import DevServer

from harden_secrets.vault.kv import KeyValue


@pytest.fixture(name="scene")
def _scene(tmp_path: Any, bao: DevServer, vault: KeyValue) -> Iterator[Rotator]:
    lab = RotatorLab(tmp_path, bao)
    with lab.scene(vault) as scene:
        scene.write_inventory()
        yield scene
    lab.close()


def documented(module: str, name: str) -> Any:
    """DOCUMENTATION or EXAMPLES of a module, as its YAML says."""
    tree = ast.parse((COLLECTION / f"plugins/modules/{module}.py").read_text())
    texts = {
        node.targets[0].id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    return texts[name]


def run_examples(scene: Rotator, module: str, instead: Mapping[str, str]) -> Run:
    """All of them in one play; ``instead`` of some words others are put."""
    text = str(documented(module, "EXAMPLES"))
    for words, others in instead.items():
        assert words in text
        text = text.replace(words, others)
    listed = [{**task, "ignore_errors": True} for task in yaml.safe_load(text)]
    play = {"hosts": "all", "gather_facts": False, "tasks": listed}
    return scene.controller.playbook([play], scene.inventory).succeed()


@pytest.mark.parametrize("module", ["secret_rotation", "secret_scan"])
def test_every_option_has_an_example(module: str) -> None:
    """What nobody shows, nobody finds."""
    options = set(yaml.safe_load(documented(module, "DOCUMENTATION"))["options"]) | {"executable", "state_dir"}
    shown = {key for task in yaml.safe_load(documented(module, "EXAMPLES")) for key in task[f"harden.toolkit.{module}"]}
    assert options - shown == set()


def test_examples_of_rotation(scene: Rotator) -> None:
    """Each of them does what its name says."""
    (scene.controller.folder / "secrets.yaml").write_text(yaml.safe_dump(scene.secrets()))
    run = run_examples(
        scene,
        "secret_rotation",
        {
            "openclaw-ssh, infra-git-crypt": "app",
            "openclaw-ssh": "app",
            "https://vault.example:8200": scene.bao.address,
            "/etc/ssl/certs/vault.pem": str(scene.bao.ca),
            "vault_namespace: site-2": "vault_namespace: ''",
        },
    )
    due, two, leaked, given_up, seen, elsewhere = run.of("harden.toolkit.secret_rotation")
    assert [one.outcome for one in (due, two, leaked, given_up, seen, elsewhere)] == ["ok"] * 6, run.output
    assert (due.changed, two.result["waiting"], leaked.result["rotated"]) == (False, ["app"], ["app"])
    assert (given_up.changed, seen.changed, elsewhere.changed) == (False, False, False)
    assert (scene.lets_in(scene.newest), scene.lets_in(scene.first)) == ([True, True], [False, False])


def test_examples_of_scans(scene: Rotator) -> None:
    """Each looks where it says; without a cluster the third fails with the tool's own words."""
    scene.commit_and_remove_key("/etc/repository")
    key = scene.host.path("/etc/harden/fingerprint.key")
    key.write_bytes(b"\1" * 32)
    key.chmod(0o600)
    shared = ("--fingerprint-key", "/etc/harden/fingerprint.key")
    known = "/etc/repository/known-findings.json"
    scene.host.harden("secrets", "scan", "--git", "/etc/repository", *shared, "--write-baseline", known)
    run = run_examples(scene, "secret_scan", {"/srv/infra": "/etc/repository"})
    files, history, cluster = run.of("harden.toolkit.secret_scan")
    assert (files.outcome, history.outcome) == ("ok", "ok"), run.output
    assert (history.result["findings"], history.result["known"]) == ([], 1)
    assert "/root/.kube/config" in cluster.result["msg"]
