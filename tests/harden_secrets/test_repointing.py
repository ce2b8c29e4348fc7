"""A consumer that uses the delivered Secret sees what it saw, under the names that it knows."""

from typing import Any

import pytest

from harden_secrets.objectpatch import applied
from harden_secrets.plan.moves import Move, Moves
from harden_secrets.plan.repointing import patch, repointed

WHOLE = Moves({("ConfigMap", "keys"): Move("ConfigMap", "keys", "keys-vault", {"key": "key"})})
PART = Moves({("ConfigMap", "keys"): Move("ConfigMap", "keys", "keys-vault", {"key": "key"}, kept=("a.conf",))})
TEXT = Moves({("ConfigMap", "keys"): Move("ConfigMap", "keys", "keys-vault", {"key": "key.base64"}, exact=False)})
SECRET = Moves({("Secret", "ssh"): Move("Secret", "ssh", "ssh-vault", {"id": "id"})})


def deployment(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": {"template": {"spec": spec}},
    }


def with_volume(volume: dict[str, Any]) -> dict[str, Any]:
    return deployment(volumes=[{"name": "v", **volume}])


@pytest.mark.parametrize(
    ("moves", "before", "after"),
    [
        pytest.param(
            WHOLE,
            {"configMap": {"name": "keys", "defaultMode": 256, "optional": True}},
            {"secret": {"secretName": "keys-vault", "defaultMode": 256, "optional": True}},
            id="the whole object moves: a plain secret volume with its mode and optional",
        ),
        pytest.param(
            WHOLE,
            {"configMap": {"name": "keys", "items": [{"key": "key", "path": "git/key", "mode": 256}]}},
            {"secret": {"secretName": "keys-vault", "items": [{"key": "key", "path": "git/key", "mode": 256}]}},
            id="items keep paths and modes",
        ),
        pytest.param(
            PART,
            {"configMap": {"name": "keys", "defaultMode": 288}},
            {
                "projected": {
                    "defaultMode": 288,
                    "sources": [
                        {"configMap": {"name": "keys", "items": [{"key": "a.conf", "path": "a.conf"}]}},
                        {"secret": {"name": "keys-vault", "items": [{"key": "key", "path": "key"}]}},
                    ],
                }
            },
            id="some entries stay: both are projected into the one folder",
        ),
        pytest.param(
            PART,
            {"configMap": {"name": "keys", "items": [{"key": "a.conf", "path": "x"}]}},
            {"configMap": {"name": "keys", "items": [{"key": "a.conf", "path": "x"}]}},
            id="a volume that shows none of what moves stays",
        ),
        pytest.param(
            TEXT,
            {"configMap": {"name": "keys"}},
            {"secret": {"secretName": "keys-vault", "items": [{"key": "key.base64", "path": "key"}]}},
            id="who saw base64 text gets the text under the old name",
        ),
        pytest.param(
            SECRET,
            {"secret": {"secretName": "ssh", "defaultMode": 256}},
            {"secret": {"secretName": "ssh-vault", "defaultMode": 256}},
            id="a Secret by another name",
        ),
        pytest.param(
            PART,
            {"projected": {"sources": [{"configMap": {"name": "keys"}}, {"downwardAPI": {}}]}},
            {
                "projected": {
                    "sources": [
                        {"configMap": {"name": "keys", "items": [{"key": "a.conf", "path": "a.conf"}]}},
                        {"secret": {"name": "keys-vault", "items": [{"key": "key", "path": "key"}]}},
                        {"downwardAPI": {}},
                    ]
                }
            },
            id="a projected source becomes two in its place",
        ),
    ],
)
def test_a_volume_shows_what_it_showed(moves: Moves, before: dict[str, Any], after: dict[str, Any]) -> None:
    """See the ids."""
    assert repointed(with_volume(before), moves) == with_volume(after)


@pytest.mark.parametrize("part", ["containers", "initContainers", "ephemeralContainers"])
def test_a_variable_keeps_its_name_and_optional(part: str) -> None:
    """The reference is exchanged, never left beside the new one."""
    source = {"configMapKeyRef": {"name": "keys", "key": "key", "optional": True}}
    made = repointed(deployment(**{part: [{"name": "c", "env": [{"name": "KEY", "valueFrom": source}]}]}), WHOLE)
    entry = made["spec"]["template"]["spec"][part][0]["env"][0]
    assert entry == {
        "name": "KEY",
        "valueFrom": {"secretKeyRef": {"name": "keys-vault", "key": "key", "optional": True}},
    }


def test_env_from_keeps_its_prefix_and_place() -> None:
    """The later source wins a name, so the order must not change."""
    sources = [{"prefix": "A_", "configMapRef": {"name": "keys"}}, {"secretRef": {"name": "other"}}]
    container = {"name": "c", "envFrom": sources}
    both = repointed(deployment(containers=[container]), PART)["spec"]["template"]["spec"]["containers"][0]["envFrom"]
    assert both == [sources[0], {"prefix": "A_", "secretRef": {"name": "keys-vault"}}, sources[1]]


def test_a_literal_variable_becomes_a_reference() -> None:
    """The value is gone from the object."""
    moves = Moves(literals={"/spec/template/spec/containers/0/env/1/value": ("db", "password")})
    container = {"name": "c", "env": [{"name": "A", "value": "1"}, {"name": "PASSWORD", "value": "hunter2"}]}
    made = repointed(deployment(containers=[container]), moves)
    assert made["spec"]["template"]["spec"]["containers"][0]["env"][1] == {
        "name": "PASSWORD",
        "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}},
    }


def test_a_suspended_cronjob_keeps_its_sub_path() -> None:
    """The mount refers to the volume by name; nothing of it changes."""
    pod = {
        "containers": [{"name": "c", "volumeMounts": [{"name": "v", "mountPath": "/k", "subPath": "key"}]}],
        "volumes": [{"name": "v", "configMap": {"name": "keys"}}],
    }
    job = {"kind": "CronJob", "spec": {"suspend": True, "jobTemplate": {"spec": {"template": {"spec": pod}}}}}
    made = repointed(job, WHOLE)["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert made["volumes"][0]["secret"] == {"secretName": "keys-vault"}
    assert made["containers"] == pod["containers"]


def test_the_patch_makes_the_one_into_the_other_and_tests_first() -> None:
    """A `test` stands before each change, so that an object that changed meanwhile is left alone."""
    before = with_volume({"configMap": {"name": "keys"}})
    after = repointed(before, WHOLE)
    operations = patch(before, after)
    assert applied(before, operations) == after
    changes = [number for number, one in enumerate(operations) if one["op"] in ("remove", "replace")]
    assert changes
    assert all(operations[number - 1]["op"] == "test" for number in changes)


def test_what_does_not_use_it_stays_as_it_is() -> None:
    """No patch at all."""
    other = with_volume({"configMap": {"name": "other"}})
    assert repointed(other, WHOLE) == other
    assert patch(other, repointed(other, WHOLE)) == ()
