"""Deliveries after a switch in a real cluster: who is restarted, who is put back, and what pods then see themselves."""

import base64
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from bao.devserver import DevServer
from cluster.operators import VaultSecretsOperator
from cluster.workload import Cluster, container, deployment

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.delivery import vso
from harden_secrets.delivery.ofentry import of_entry
from harden_secrets.inventory.model import Delivery, KeySource, SecretEntry, SecretKind
from harden_secrets.rotate.delivery import EntryDeliverer, Patience
from harden_secrets.vault.kv import KeyValue
from harden_secrets.waiting import Waiting
from tests.harden_secrets.cluster_pair import real_cluster
from tests.harden_secrets.operator_access import let_operator_read, operator_access

FIRST = {"key": Confidential(b"first " + bytes(range(1, 200)))}
SECOND = {"key": Confidential(b"second\n" + bytes(range(1, 200)) + b"\n")}
BAD = {"key": Confidential(b"bad")}
KEYS = {"raw": KeySource("key"), "text": KeySource("key", "base64")}
SLEEP = ["sleep", "100000"]
PICKY = ["sh", "-c", f'[ "$(printf %s "$KEY" | base64 -d)" != bad ] && touch /tmp/up && exec {" ".join(SLEEP)}']
READY = {"exec": {"command": ["test", "-e", "/tmp/up"]}, "periodSeconds": 1}
KEY = {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "key", "key": "text"}}}
VOLUME = {"name": "key", "secret": {"secretName": "key", "defaultMode": 0o400}}


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    with cluster.namespace() as name:
        yield name


def mount(path: str, **more: str) -> dict[str, Any]:
    return {"volumeMounts": [{"name": "key", "mountPath": path, **more}]}


def stateful(one: dict[str, Any]) -> dict[str, Any]:
    return {**one, "kind": "StatefulSet", "spec": {**one["spec"], "serviceName": "none"}}


def soon_failing(one: dict[str, Any]) -> dict[str, Any]:
    """A Deployment whose controller says after some seconds that its pods do not come up."""
    return {**one, "spec": {**one["spec"], "progressDeadlineSeconds": 8}}


def deliverer(cluster: Cluster, way: Delivery, mount: str, told: list[str]) -> EntryDeliverer:
    entry = SecretEntry("key", SecretKind.OPAQUE, "apps/key", (way,))
    limits = Patience(Waiting(time.monotonic, time.sleep, 0.5), rollout=60, steady=1.5, sight=60)
    return EntryDeliverer(entry, mount, lambda: real_cluster(cluster.server), told.append, limits)


def uids(cluster: Cluster, namespace: str) -> dict[str, str]:
    """The ready pod of each workload, by the workload's name."""
    pods = [one for one in cluster.admin.list("v1", "Pod", namespace) if "deletionTimestamp" not in one["metadata"]]
    return {one["metadata"]["labels"]["app"]: one["metadata"]["uid"] for one in pods}


def sees(cluster: Cluster, namespace: str, name: str) -> bytes:
    """What a workload's pod has, asked without harden."""
    pod = cluster.pod_of(namespace, name, "StatefulSet" if name == "set" else "Deployment")
    if name in ("picky", "set", "env"):
        return base64.b64decode(cluster.run(namespace, pod, "sh", "-c", 'printf %s "$KEY"').stdout)
    return cluster.read(namespace, pod, {"part": "/raw", "volume": "/key/raw"}[name])


def test_a_secret_that_harden_writes(cluster: Cluster, namespace: str) -> None:
    """Who cannot see the change is restarted, once; all have the new bytes; what fails is put back, and all go on."""
    told: list[str] = []
    way = Delivery("direct", namespace, "key", keys=KEYS)
    name = f"secret {namespace}/key"
    delivers = deliverer(cluster, way, "secret", told)
    delivers.deliver(name, FIRST, FIRST)
    cluster.admin.apply(
        deployment("env", container(SLEEP, env=[KEY])),
        deployment("part", container(SLEEP, **mount("/raw", subPath="raw")), volumes=[VOLUME]),
        soon_failing(deployment("picky", container(PICKY, env=[KEY], readinessProbe=READY))),
        stateful(deployment("set", container(PICKY, env=[KEY]))),
        deployment("volume", container(SLEEP, **mount("/key")), volumes=[VOLUME]),
        namespace=namespace,
    )
    for one in ("env", "part", "picky", "volume"):
        cluster.wait_for_rollout(namespace, one)
    cluster.wait_for_rollout(namespace, "set", "StatefulSet")
    before = uids(cluster, namespace)

    delivers.check()
    assert uids(cluster, namespace) == before
    said = delivers.deliver(name, SECOND, FIRST)
    assert said.startswith("the Secret is updated; restarted deployment ")
    assert delivers.confirm(name, SECOND) == "the new bytes were read at 6 places in 5 pods"
    after = uids(cluster, namespace)
    assert {one for one in after if after[one] == before[one]} == {"volume"}
    for one in ("env", "part", "picky", "set", "volume"):
        assert sees(cluster, namespace, one) == SECOND["key"].reveal(), one
    delivers.deliver(name, SECOND, FIRST)
    assert uids(cluster, namespace) == after

    with pytest.raises(HardenError) as error:
        delivers.deliver(name, BAD, SECOND)
    (message,) = error.value.messages
    assert f"deployment {namespace}/picky: its pods did not come up with the new value" in message
    assert "has timed out progressing" in message
    assert error.value.hints[0] == "the Secret has the old value again; its pods run as before"
    assert uids(cluster, namespace)["picky"] == after["picky"]
    assert delivers.confirm(name, SECOND) == "the new bytes were read at 6 places in 5 pods"
    assert uids(cluster, namespace)["picky"] == after["picky"]
    for one in ("env", "part", "picky", "set", "volume"):
        assert sees(cluster, namespace, one) == SECOND["key"].reveal(), one
    assert any("0 of 1 pods are new" in text for text in told)


def test_a_secret_that_an_operator_delivers(
    cluster: Cluster, namespace: str, vault_secrets_operator: VaultSecretsOperator, bao: DevServer, vault: KeyValue
) -> None:
    """It is asked to look, long before it would; the bytes of the new version are in the pods in the end."""
    port = urlsplit(bao.address).port
    assert port is not None
    vault_secrets_operator.allow(port)
    let_operator_read(cluster, bao, vault.mount)
    vault.write("apps/key", FIRST, cas=0)
    way = Delivery("vault-secrets-operator", namespace, "key", keys=KEYS, refresh=timedelta(hours=1))
    objects = vso.objects(of_entry(way, FIRST), vault.mount, "apps/key", "openbao")
    for made in objects:
        made["spec"]["refreshAfter"] = "1h"
    cluster.admin.apply(operator_access(bao, vault.mount), *objects, namespace=namespace)
    cluster.admin.apply(
        deployment("env", container(SLEEP, env=[KEY])),
        deployment("volume", container(SLEEP, **mount("/key")), volumes=[VOLUME]),
        namespace=namespace,
    )
    for one in ("env", "volume"):
        cluster.wait_for_rollout(namespace, one)
    before = uids(cluster, namespace)

    told: list[str] = []
    name = f"secret {namespace}/key"
    delivers = deliverer(cluster, way, vault.mount, told)
    delivers.check()
    vault.write("apps/key", SECOND, cas=1)
    assert delivers.deliver(name, SECOND, FIRST).startswith("vault-secrets-operator has delivered it; restarted")
    assert delivers.confirm(name, SECOND) == "the new bytes were read at 3 places in 2 pods"
    after = uids(cluster, namespace)
    assert {one for one in after if after[one] == before[one]} == {"volume"}
    for one in ("env", "volume"):
        assert sees(cluster, namespace, one) == SECOND["key"].reveal()
