"""Where a part of a ConfigMap goes, whoever uses all of it gets the Secret beside it, and that counts as turned."""

import base64
from typing import Any

from harden_secrets.objectpatch import applied
from harden_secrets.plan.cluster import build
from harden_secrets.plan.values import Plan
from harden_secrets.plan.world import Request
from tests.harden_secrets.keys import ssh, symmetric
from tests.harden_secrets.stage import entries, workload
from tests.harden_secrets.test_plan_cluster import world


def planned(*objects: dict[str, Any], script: str = "") -> Plan:
    return build(world(list(objects), script), Request(), "p", "now")


def base64_text() -> bytes:
    return base64.b64encode(symmetric.git_crypt())


def container(manifest: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = manifest["spec"]["template"]["spec"]["containers"][0]
    return found


def test_a_source_of_variables_gets_the_secret_beside_it() -> None:
    """The other variables still come from the ConfigMap, the key from the Secret, and its copy goes."""
    user = workload("Deployment", "w", {"envFrom": [{"configMapRef": {"name": "c"}}]})
    (secret,) = planned(entries("ConfigMap", "c", {"KEY": base64_text(), "LEVEL": b"info"}), user).secrets
    (change,) = secret.consumers
    assert change.applies
    assert container(applied(user, change.patch))["envFrom"] == [
        {"configMapRef": {"name": "c"}},
        {"secretRef": {"name": secret.deliveries[0].secret}},
    ]
    assert secret.copies[0].removal == "remove-key"


def test_a_projected_source_gets_the_secret_beside_it() -> None:
    """Both in one folder, as before."""
    volume = {"name": "v", "projected": {"sources": [{"configMap": {"name": "c"}}]}}
    mounts = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    user = workload("Deployment", "w", mounts, [volume])
    (secret,) = planned(entries("ConfigMap", "c", {"key": base64_text(), "level": b"info"}), user).secrets
    (change,) = secret.consumers
    assert change.applies
    assert secret.copies[0].removal == "remove-key"
    assert [sees.at for sees in change.sees] == ["/v/key"]


def test_a_source_that_moves_up_in_its_list_is_not_taken_for_turned() -> None:
    """The first of two becomes two; the second, which harden cannot turn, then stands at another number."""
    sources = [{"configMapRef": {"name": "c"}}, {"configMapRef": {"name": "d"}}]
    user = workload("Deployment", "w", {"envFrom": sources})
    key = base64_text()
    held = [entries("ConfigMap", name, {"KEY": key, "LEVEL": b"info"}) for name in ("c", "d")]
    script = "kubectl -n apps get cm d -o jsonpath='{.data.KEY}' | base64 -d\n"
    (secret,) = planned(*held, user, script=script).secrets
    (change,) = secret.consumers
    assert not change.applies
    assert change.words.endswith("envFrom at /spec/template/spec/containers/0/envFrom/1/configMapRef")
    assert {copy.removal for copy in secret.copies} == {"leave"}


def test_two_keys_are_set_beside_one_source_one_after_the_other() -> None:
    """Each of them is turned, on what the one before leaves."""
    user = workload("Deployment", "w", {"envFrom": [{"configMapRef": {"name": "c"}}]})
    held = entries("ConfigMap", "c", {"KEY": base64_text(), "ID": ssh.openssh(), "LEVEL": b"info"})
    plan = planned(held, user)
    now = user
    for secret in plan.secrets:
        assert secret.consumers[0].applies
        now = applied(now, secret.consumers[0].patch)
    names = [secret.deliveries[0].secret for secret in plan.secrets]
    listed = [next(iter(source.values()))["name"] for source in container(now)["envFrom"]]
    assert (len(plan.secrets), listed[0], set(listed[1:])) == (2, "c", set(names))
