"""A plan for a cluster: what goes where, and what everybody sees afterwards."""

import base64
from typing import Any

import pytest

from harden_secrets.cluster.consumers import Index
from harden_secrets.cluster.port import ObjectName
from harden_secrets.confidential import Confidential
from harden_secrets.detect import DETECTORS
from harden_secrets.examine import Sighting, examine_object
from harden_secrets.fingerprint import Fingerprinter
from harden_secrets.plan.cluster import build, manifests
from harden_secrets.plan.held import Held, held
from harden_secrets.plan.values import Plan, PlannedSecret
from harden_secrets.plan.world import Request, World
from tests.harden_secrets.keys import ssh, symmetric
from tests.harden_secrets.simple_scene import NAME, SCRIPT, scene

PRINTS = Fingerprinter(Confidential(b"p" * 32))


def world(objects: list[dict[str, Any]], script: str = "") -> World:
    """What a scan of these objects, and of one CI file, comes to."""
    index = Index()
    found: list[Held] = []
    for manifest in objects:
        index.add(manifest)
        for seen in examine_object(manifest, DETECTORS):
            if isinstance(seen, Sighting):
                one = held(f"cluster:{ObjectName.of(manifest)}", manifest, seen, PRINTS.of(seen.detection))
                found += [one] if one else []
    if script:
        index.add_text("ci.sh", script)
    return World("test", manifests(objects), found, index, PRINTS)


@pytest.fixture(scope="module")
def git_crypt_key() -> bytes:
    return symmetric.git_crypt()


@pytest.fixture(scope="module")
def objects(git_crypt_key: bytes) -> list[dict[str, Any]]:
    return scene(git_crypt_key, ssh.openssh())


def planned(objects: list[dict[str, Any]], script: str = SCRIPT, **request: Any) -> Plan:
    return build(world(objects, script), Request(**request), "p", "now")


def of(plan: Plan, name: str) -> PlannedSecret:
    return next(secret for secret in plan.secrets if secret.name == name)


def test_four_copies_are_one_key_with_one_field(objects: list[dict[str, Any]]) -> None:
    """Two are text and two are bytes; in Vault there is one field with the bytes."""
    secret = of(planned(objects), NAME)
    assert len(secret.copies) == 4
    assert [field.name for field in secret.fields] == ["key"]
    assert (secret.kind, secret.vault_path) == ("git-crypt", f"shared/{NAME}")


def test_each_consumer_gets_the_bytes_that_it_saw(objects: list[dict[str, Any]], git_crypt_key: bytes) -> None:
    """The mounts showed the bytes of `binaryData`, and so will the Secret."""
    secret = of(planned(objects), NAME)
    runner = next(change for change in secret.consumers if change.object.kind == "Deployment")
    assert [sees.at for sees in runner.sees] == ["/secrets/git-crypt/key"]
    assert runner.sees[0].digest == PRINTS.of_bytes("delivered", Confidential(git_crypt_key))


def test_who_asks_the_api_sees_the_same_answer(objects: list[dict[str, Any]]) -> None:
    """`.data.key` of the Secret is the text that `.data.key` of the ConfigMap was, if the entry has the bytes."""
    secret = of(planned(objects), NAME)
    delivery = next(one for one in secret.deliveries if one.namespace == "woodpecker")
    assert [(key.key, key.form) for key in delivery.keys] == [("key", "raw")]


def test_a_script_that_still_reads_a_copy_keeps_it(objects: list[dict[str, Any]]) -> None:
    """Its copy stays, with the reason; the others go."""
    secret = of(planned(objects), NAME)
    stay = {copy.object.namespace: copy.reason for copy in secret.copies if copy.object and copy.removal == "leave"}
    assert list(stay) == ["woodpecker"]
    assert "ci.sh:2" in stay["woodpecker"]
    assert "/secrets/git-crypt-key" in secret.source_patches[0].words


def test_a_script_that_is_rewritten_lets_its_copy_go(objects: list[dict[str, Any]]) -> None:
    """When harden may change the file itself."""
    secret = of(planned(objects, rewrite_scripts=True), NAME)
    assert {copy.removal for copy in secret.copies} == {"delete-object"}
    assert secret.files[0].path == "ci.sh"


def test_an_orphan_is_removed_and_delivered_nowhere(objects: list[dict[str, Any]]) -> None:
    """Nobody in `openclaw` uses its copy."""
    secret = of(planned(objects), NAME)
    assert "openclaw" not in {delivery.namespace for delivery in secret.deliveries}


def test_a_secret_moves_as_a_whole_to_another_name(objects: list[dict[str, Any]]) -> None:
    """With the entry that is no key, and the type."""
    secret = of(planned(objects), "ssh-key")
    (delivery,) = secret.deliveries
    assert (delivery.secret, delivery.type) == ("ssh-key-vault", "Opaque")
    assert {key.key for key in delivery.keys} == {"id_ed25519", "config"}
    assert [copy.removal for copy in secret.copies] == ["delete-object"]


def test_text_and_bytes_side_by_side(git_crypt_key: bytes) -> None:
    """One pod mounts the text, a script asks the API for the same entry: each gets its own."""
    objects = scene(git_crypt_key, ssh.openssh())
    runner = next(one for one in objects if one["kind"] == "Deployment" and one["metadata"]["name"] == "runner")
    runner["metadata"]["namespace"] = "woodpecker"
    secret = of(planned(objects, rewrite_scripts=True), NAME)
    delivery = next(one for one in secret.deliveries if one.namespace == "woodpecker")
    assert {(key.key, key.form) for key in delivery.keys} == {("key", "raw"), ("key.base64", "base64")}
    change = next(change for change in secret.consumers if change.object.name == "runner")
    text = base64.b64encode(git_crypt_key)
    assert change.sees[0].digest == PRINTS.of_bytes("delivered", Confidential(text))


def test_an_owner_who_would_undo_it_is_left_alone(objects: list[dict[str, Any]]) -> None:
    """Unless the person says otherwise."""
    owned = [dict(one) for one in objects]
    label = {"app.kubernetes.io/managed-by": "Helm"}
    for one in owned:
        if one["kind"] == "Deployment" and one["metadata"]["name"] == "runner":
            one["metadata"] = one["metadata"] | {"labels": label}
    secret = of(planned(owned), NAME)
    change = next(change for change in secret.consumers if change.object.name == "runner")
    assert not change.applies
    copy = next(copy for copy in secret.copies if copy.object and copy.object.namespace == "agent")
    assert copy.removal == "leave"
    assert of(planned(owned, allow_owned=True), NAME).copies[2].removal == "delete-object"


@pytest.mark.parametrize(
    ("status", "removal"),
    [({"conditions": [{"type": "Complete", "status": "True"}]}, "delete-object"), ({"active": 1}, "leave")],
)
def test_only_a_job_that_is_over_keeps_no_copy(objects: list[dict[str, Any]], status: Any, removal: str) -> None:
    """A Job cannot be turned to the Secret: while it runs its copy stays, and when it has ended it reads nothing."""
    spec = next(one for one in objects if one["kind"] == "CronJob")["spec"]["jobTemplate"]["spec"]
    metadata = {"name": "by-hand", "namespace": "hermes"}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec, "status": status}
    copies = of(planned([*objects, job]), NAME).copies
    assert [copy.removal for copy in copies if copy.object and copy.object.namespace == "hermes"] == [removal]


def test_the_plan_holds_no_value(objects: list[dict[str, Any]], git_crypt_key: bytes) -> None:
    """Neither bytes nor text."""
    text = repr(planned(objects))
    assert base64.b64encode(git_crypt_key).decode() not in text
