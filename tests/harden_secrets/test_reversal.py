"""A patch is taken back exactly: what the run changed, and nothing that a person changed since."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harden.errors import HardenError
from harden_secrets.cluster.rollout import is_complete, replacement
from harden_secrets.objectpatch import applied, reverse

OLD = {"name": "key", "configMap": {"name": "k"}}
NEW = {"name": "key", "secret": {"secretName": "k-vault"}}
OTHER = {"name": "other", "emptyDir": {}}
APP = {"name": "app", "image": "a", "env": [{"name": "A", "value": "1"}], "volumeMounts": [{"mountPath": "/k"}]}
SIDECAR = {"name": "sidecar", "image": "s"}


def pod(containers: list[Any], volumes: list[Any]) -> dict[str, Any]:
    return {"spec": {"containers": containers, "volumes": volumes}}


BEFORE, AFTER = pod([APP], [OTHER, OLD]), pod([APP], [OTHER, NEW])


def taken_back(now: dict[str, Any], before: dict[str, Any] = BEFORE, after: dict[str, Any] = AFTER) -> dict[str, Any]:
    return applied(now, reverse(before, after, now))


def test_what_nobody_touched_is_as_it_was() -> None:
    """And taking it back twice changes nothing more."""
    assert taken_back(AFTER) == BEFORE
    assert reverse(BEFORE, AFTER, BEFORE) == []


@pytest.mark.parametrize("first", [True, False])
def test_a_container_that_a_person_added_stays(first: bool) -> None:
    """Wherever in the list, and so does a volume."""
    containers = [SIDECAR, APP] if first else [APP, SIDECAR]
    added = {"name": "new", "emptyDir": {}}
    now = pod(containers, [added, OTHER, NEW] if first else [OTHER, NEW, added])
    assert taken_back(now) == pod(containers, [added, OTHER, OLD] if first else [OTHER, OLD, added])


def test_a_variable_that_a_person_added_stays_beside_one_that_goes_back() -> None:
    """`kubectl set env` between the run and its rollback."""
    literal = {"name": "PASSWORD", "value": "x"}
    reference = {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "s", "key": "p"}}}
    hand = {"name": "HAND", "value": "made"}
    before, after = pod([APP | {"env": [literal]}], []), pod([APP | {"env": [reference]}], [])
    now = pod([APP | {"env": [reference, hand], "image": "newer"}], [])
    assert taken_back(now, before, after) == pod([APP | {"env": [literal, hand], "image": "newer"}], [])


def test_what_a_person_took_away_stays_away() -> None:
    """They did not want it any more."""
    now = pod([APP], [NEW])
    assert taken_back(now) == pod([APP], [OLD])


def test_what_the_run_added_goes_and_what_it_took_comes_back() -> None:
    """In a list of which a person changed another item."""
    before, after = pod([APP], [OLD, OTHER]), pod([APP], [OTHER, {"name": "vault", "secret": {}}])
    now = pod([APP], [OTHER, {"name": "vault", "secret": {}}, {"name": "mine", "emptyDir": {}}])
    assert taken_back(now, before, after) == pod([APP], [OTHER, {"name": "mine", "emptyDir": {}}, OLD])


def test_a_list_without_names_that_somebody_changed_is_refused() -> None:
    """Sources of variables have no names: which of them is theirs cannot be told."""
    before, after = {"envFrom": [{"configMapRef": {"name": "k"}}]}, {"envFrom": [{"secretRef": {"name": "k"}}]}
    with pytest.raises(HardenError, match="/envFrom: somebody has changed this list"):
        reverse(before, after, {"envFrom": [{"secretRef": {"name": "mine"}}, *after["envFrom"]]})


NAMES = st.lists(st.sampled_from("abcdef"), unique=True, max_size=5)


@given(NAMES, NAMES, st.permutations("abcdef"), st.data())
def test_items_of_others_always_stay(was: list[str], left: list[str], order: list[str], data: st.DataObject) -> None:
    """Whatever the run did to its items, those that a person added or moved are there afterwards, in their order."""
    before = {"l": [{"name": name, "v": 1} for name in was]}
    after = {"l": [{"name": name, "v": 2} for name in left]}
    mine = [{"name": name.upper(), "v": 3} for name in data.draw(NAMES)]
    now = {"l": sorted([*deepcopy(after["l"]), *mine], key=lambda item: order.index(str(item["name"]).lower()))}
    made = taken_back(now, before, after)["l"]
    assert [item for item in made if item["v"] == 3] == [item for item in now["l"] if item["v"] == 3]
    assert {item["name"]: item for item in made if item["v"] != 3} == {item["name"]: item for item in before["l"]}


def stateful_set(partition: int, updated: int, ready: int = 3) -> dict[str, Any]:
    status = {"updatedReplicas": updated, "readyReplicas": ready, "currentRevision": "1", "updateRevision": "2"}
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}}
    spec = {"replicas": 3, "updateStrategy": strategy}
    return {"kind": "StatefulSet", "metadata": {}, "spec": spec, "status": status}


def test_a_partitioned_rollout_comes_to_its_end() -> None:
    """The pods below the partition keep the old template until a person lowers it."""
    assert is_complete(stateful_set(2, 1))
    assert is_complete(stateful_set(5, 0))
    assert not is_complete(stateful_set(2, 0))
    assert not is_complete(stateful_set(2, 1, ready=2))
    assert not is_complete(stateful_set(0, 3)), "without a partition the revisions must be the same"


ROLLING: dict[str, Any] = {"replicas": 3}
STAY = "stay as they are until somebody"


@pytest.mark.parametrize(
    ("kind", "spec", "words"),
    [
        ("Deployment", {}, "its pods are replaced"),
        ("Deployment", ROLLING | {"paused": True}, "its pods are replaced when somebody resumes it: it is paused"),
        ("Deployment", {"replicas": 0, "paused": True}, "it has no pods now"),
        ("StatefulSet", ROLLING, "its pods are replaced"),
        ("StatefulSet", {"replicas": 0}, "it has no pods now"),
        ("StatefulSet", ROLLING | {"updateStrategy": {"rollingUpdate": None}}, "its pods are replaced"),
        (
            "StatefulSet",
            ROLLING | {"updateStrategy": {"rollingUpdate": {"partition": 2}}},
            f"the last 1 of its 3 pods are replaced, the others {STAY} lowers its partition",
        ),
        (
            "StatefulSet",
            ROLLING | {"updateStrategy": {"rollingUpdate": {"partition": 7}}},
            f"its pods {STAY} lowers its partition",
        ),
        (
            "StatefulSet",
            ROLLING | {"updateStrategy": {"type": "OnDelete"}},
            "its pods are replaced when somebody deletes them: it is OnDelete",
        ),
        ("DaemonSet", {}, "its pods are replaced"),
        (
            "DaemonSet",
            {"updateStrategy": {"type": "OnDelete"}},
            "its pods are replaced when somebody deletes them: it is OnDelete",
        ),
        ("ReplicaSet", ROLLING, f"its pods {STAY} deletes them"),
        ("ReplicationController", {"replicas": 0}, "it has no pods now"),
        ("CronJob", {"suspend": True}, ""),
    ],
)
def test_what_becomes_of_the_pods_is_said(kind: str, spec: dict[str, Any], words: str) -> None:
    """A plan does not promise what the controller will not do."""
    assert replacement({"kind": kind, "metadata": {"name": "x"}, "spec": spec}) == words
