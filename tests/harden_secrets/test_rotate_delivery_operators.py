"""Secrets that operators keep: asked to look, waited for, and what is in the way said before and after."""

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from harden.errors import HardenError
from harden_secrets.cluster.port import ClusterDeniedError, Manifest, ObjectName
from harden_secrets.confidential import Confidential
from harden_secrets.inventory.model import Delivery, KeySource
from tests.harden_secrets.delivery_world import MOUNT, PATH, World, env_of, mounted, volume
from tests.harden_secrets.fake_faults import Call
from tests.harden_secrets.stage import entries, workload

OLD = {"key": Confidential(b"alpha-4711")}
NEW = {"key": Confidential(b"bravo-4712")}
VSO = Delivery("vault-secrets-operator", "apps", "key", keys={"k": KeySource("key")})
ESO = Delivery("external-secrets", "apps", "key", keys={"k": KeySource("key")}, store="vault")
NAME = "secret apps/key"
ENV = workload("Deployment", "env", env_of("key", "k"))
VOLUME = workload("Deployment", "volume", mounted(), volume("key"))
GROUPS = {"VaultStaticSecret": "secrets.hashicorp.com", "ExternalSecret": "external-secrets.io"}


def static(**spec: Any) -> Manifest:
    """What makes the Secret by the Vault Secrets Operator."""
    whole = {"mount": MOUNT, "path": PATH, "type": "kv-v2", "destination": {"name": "key", "create": True}, **spec}
    return {"apiVersion": "secrets.hashicorp.com/v1beta1", "kind": "VaultStaticSecret", "spec": whole,
            "metadata": {"name": "maker", "namespace": "apps"}}  # fmt: skip


def external(**spec: Any) -> Manifest:
    """What makes the Secret by the External Secrets Operator."""
    reference = {"secretKey": "k", "remoteRef": {"key": PATH, "property": "key"}}
    whole = {"refreshInterval": "1h", "target": {"name": "key"}, "data": [reference], **spec}
    return {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "spec": whole,
            "metadata": {"name": "maker", "namespace": "apps", "annotations": {"force-sync": "41"}}}  # fmt: skip


def defined(kind: str) -> Manifest:
    version = {"VaultStaticSecret": "v1beta1", "ExternalSecret": "v1"}[kind]
    names = {"kind": kind, "plural": f"{kind.lower()}s"}
    spec = {"group": GROUPS[kind], "names": names, "scope": "Namespaced",
            "versions": [{"name": version, "served": True, "storage": True}]}  # fmt: skip
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": spec,
            "metadata": {"name": f"{names['plural']}.{GROUPS[kind]}"}}  # fmt: skip


def world_with(maker: Manifest, *objects: Manifest) -> World:
    """With the operator's definitions, its object, and the Secret with the old value."""
    world = World()
    for kind in GROUPS:
        world.cluster.put(defined(kind))
    world.add(maker, entries("Secret", "key", {"k": OLD["key"].reveal()}), *objects)
    world.made.clear()
    return world


def delivers(world: World, then: Callable[[], object] = lambda: None) -> None:
    """The operator writes the new value."""
    owner = {"apiVersion": "secrets.hashicorp.com/v1beta1", "kind": "VaultStaticSecret", "name": "maker", "uid": "u"}
    managed = {"time": "2026-03-01T00:00:00Z", "fieldsV1": {"f:data": {}}}
    more = {"name": "key", "namespace": "apps", "ownerReferences": [owner], "managedFields": [managed]}
    world.cluster.put(entries("Secret", "key", {"k": NEW["key"].reveal()}) | {"metadata": more})
    world.refresh()
    then()


def when_asked(world: World, act: Callable[[], object]) -> None:
    """What an operator does as soon as an annotation of its object changes."""

    def look(call: Call) -> None:
        if _is_nudge(call):
            act()

    world.cluster.after.append(look)


def _is_nudge(call: Call) -> bool:
    return call.method == "patch" and call.name.name == "maker" and not call.dry_run


@pytest.mark.parametrize(("way", "maker"), [(VSO, static()), (ESO, external())])
def test_it_is_asked_and_waited_for(way: Delivery, maker: Manifest) -> None:
    """An annotation of its object changes; what it delivers then is brought to consumers as ever, and proved."""
    world = world_with(maker, ENV, VOLUME)
    deliverer = world.deliverer(way)
    deliverer.check()
    when_asked(world, lambda: world.at(world.seconds + 5, lambda: delivers(world)))
    said = deliverer.deliver(NAME, NEW, OLD)
    assert said == f"{way.to} has delivered it; restarted deployment apps/env"
    assert world.seconds == 5
    assert deliverer.confirm(NAME, NEW) == "the new bytes were read at 2 places in 2 pods"
    assert world.made == {"env": 1}
    assert f"{NAME}: waiting for {way.to}" in world.told
    writes = len(world.cluster.writes)
    assert deliverer.deliver(NAME, NEW, OLD) == said
    assert (len(world.cluster.writes), world.made) == (writes, {"env": 1})


def test_every_question_is_another() -> None:
    """An annotation that says the same would not be noticed."""
    world = world_with(external())
    deliverer = world.deliverer(ESO, operator=1)
    for expected in ("42", "43"):
        with pytest.raises(HardenError):
            deliverer.deliver(NAME, NEW, OLD)
        name = ObjectName("external-secrets.io/v1", "ExternalSecret", "apps", "maker")
        maker = world.cluster.peek(name)
        assert maker is not None
        assert maker["metadata"]["annotations"]["force-sync"] == expected


def test_without_the_right_to_ask_its_own_interval_has_to_do() -> None:
    """That is said, and waited for."""
    world = world_with(static())

    def deny(call: Call) -> None:
        if _is_nudge(call):
            raise ClusterDeniedError("vaultstaticsecret apps/maker is denied")

    world.cluster.before.append(deny)
    world.at(150, lambda: delivers(world))
    world.deliverer(VSO).deliver(NAME, NEW, OLD)
    assert any("may not ask vault-secrets-operator to look now" in text for text in world.told)


@pytest.mark.parametrize(
    ("refresh", "seconds"), [(None, 180), (timedelta(minutes=5), 600), (timedelta(seconds=9), 180)]
)
def test_an_operator_that_does_not_deliver_is_quoted(refresh: timedelta | None, seconds: int) -> None:
    """After twice its interval, with its own words."""
    world = world_with(static(), ENV)
    maker = world.cluster.peek(ObjectName("secrets.hashicorp.com/v1beta1", "VaultStaticSecret", "apps", "maker"))
    assert maker is not None
    times = itertools.count(1)
    for words in ("long ago", "Failed to read Vault secret: permission denied"):
        event = {"apiVersion": "v1", "kind": "Event", "type": "Warning", "message": words,
                 "metadata": {"name": words[:4].lower().strip(), "namespace": "apps"},
                 "lastTimestamp": f"2026-01-01T00:00:0{next(times)}Z",
                 "involvedObject": {"uid": maker["metadata"]["uid"]}}  # fmt: skip
        world.cluster.put(event)
    way = Delivery("vault-secrets-operator", "apps", "key", keys=VSO.keys, refresh=refresh)
    with pytest.raises(HardenError) as error:
        world.deliverer(way).deliver(NAME, NEW, OLD)
    (message,) = error.value.messages
    assert message == (
        f"secret apps/key: vault-secrets-operator has not delivered k in {seconds} seconds: "
        "it says: Failed to read Vault secret: permission denied"
    )
    assert "kubectl -n apps describe vaultstaticsecret maker" in error.value.hints[0]
    assert seconds <= world.seconds < seconds + 2
    assert world.made == {}


def test_a_condition_is_quoted_where_there_is_no_event() -> None:
    """What the External Secrets Operator says of its object."""
    status = {"conditions": [{"type": "Ready", "status": "False", "message": "could not get secret data"}]}
    world = world_with(external() | {"status": status})
    with pytest.raises(HardenError, match="it says: could not get secret data"):
        world.deliverer(ESO, operator=1).deliver(NAME, NEW, OLD)


@pytest.mark.parametrize(
    ("way", "maker", "says"),
    [
        (VSO, static(destination={"name": "other"}), "has no VaultStaticSecret that makes secret apps/key"),
        (VSO, static(version=3), "is pinned to version 3 by spec.version"),
        (VSO, static(path="other"), "delivers secret/other, not secret/apps/key"),
        (ESO, external(target={}), "has no ExternalSecret that makes secret apps/key"),
        (ESO, external(refreshPolicy="CreatedOnce"), "has the refreshPolicy CreatedOnce"),
        (ESO, external(refreshInterval="0s"), "has the refreshInterval 0"),
        (
            ESO,
            external(data=[{"secretKey": "k", "remoteRef": {"key": PATH, "version": "4"}}]),
            "is pinned to version 4 for the key k",
        ),
    ],
)
def test_what_would_never_deliver_is_known_before(way: Delivery, maker: Manifest, says: str) -> None:
    """Before a key is made."""
    with pytest.raises(HardenError) as error:
        world_with(maker).deliverer(way).check()
    assert says in error.value.messages[0]


def test_an_operator_that_is_not_there_is_said() -> None:
    """Its kind is unknown."""
    with pytest.raises(HardenError, match="knows no VaultStaticSecret: vault-secrets-operator is not installed"):
        World().deliverer(VSO).check()


def test_an_interval_of_zero_is_fine_where_changes_count() -> None:
    """The policy OnChange."""
    world_with(external(refreshPolicy="OnChange", refreshInterval="0")).deliverer(ESO).check()


def test_whom_the_operator_restarts_is_not_restarted_again() -> None:
    """It is waited for, and proved."""
    world = world_with(static(rolloutRestartTargets=[{"kind": "Deployment", "name": "env"}]), ENV)

    def restarts() -> None:
        one = world.peek("Deployment", "env")
        annotations = {"vso.secrets.hashicorp.com/restartedAt": "2026-03-01T00:00:01Z"}
        one["spec"]["template"]["metadata"]["annotations"] = annotations
        one["metadata"]["generation"] += 1
        world.add(one)

    when_asked(world, lambda: delivers(world, lambda: world.at(world.seconds + 3, restarts)))
    deliverer = world.deliverer(VSO)
    assert deliverer.deliver(NAME, NEW, OLD).endswith("nobody had to be restarted")
    assert world.made == {"env": 1}
    assert deliverer.confirm(NAME, NEW)


def test_where_the_operator_does_not_restart_it_is_done_here() -> None:
    """It does not try again when that has failed."""
    world = world_with(static(rolloutRestartTargets=[{"kind": "Deployment", "name": "env"}]), ENV)
    when_asked(world, lambda: delivers(world))
    assert world.deliverer(VSO).deliver(NAME, NEW, OLD).endswith("restarted deployment apps/env")
    assert world.made == {"env": 1}


def test_a_failed_rollout_leaves_the_secret_to_its_operator() -> None:
    """The template is put back, so that the pods that run go on."""
    world = world_with(static(), ENV)
    before = world.peek("Deployment", "env")["spec"]
    when_asked(world, lambda: delivers(world))
    world.refuses = lambda seen: seen.get("main:env:KEY") == NEW["key"].reveal()
    with pytest.raises(HardenError) as error:
        world.deliverer(VSO).deliver(NAME, NEW, OLD)
    assert "deployment apps/env: its pods did not come up with the new value" in error.value.messages[0]
    assert "the Secret keeps the new value, as vault-secrets-operator delivers it" in error.value.hints[0]
    assert world.peek("Deployment", "env")["spec"] == before
    assert len(world.pods("env")) == 1
