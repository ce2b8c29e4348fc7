"""A plan that somebody wrote or edited: whatever could not be carried out is told by its place, before a run begins."""

import json
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harden.errors import HardenError
from harden_secrets.cluster.port import ObjectName
from harden_secrets.commands.migrating import migrate
from harden_secrets.delivery.values import DeliveredKey, Delivery
from harden_secrets.inventory.model import SecretKind
from harden_secrets.material import Material
from harden_secrets.migrate.folder import run_ids
from harden_secrets.plan.file import as_document, as_text, read, read_again
from harden_secrets.plan.soundness import faults
from harden_secrets.plan.values import (
    FORMAT,
    ConsumerChange,
    Copy,
    FileChange,
    Grant,
    Plan,
    PlannedSecret,
    Sees,
    VaultField,
)  # fmt: skip
from harden_secrets.pointer import tokens
from tests.harden_secrets.here import Printed, here, written
from tests.harden_secrets.mixed import main_scene
from tests.harden_secrets.stage import Stage

HOLDER = ObjectName("v1", "ConfigMap", "ci", "key")
PATCH = (
    {"op": "test", "path": "/spec/volumes/0", "value": {"name": "v"}},
    {"op": "replace", "path": "/spec/volumes/0", "value": {"name": "w"}},
    {"op": "add", "path": "/spec/volumes/-", "value": {}},
    {"op": "remove", "path": "/data/a~1b"},
)
EDITS = (
    {"edit": "patch", "document": 0, "patch": [*PATCH, {"op": "words", "path": "/args/0", "words": [["old", "new"]]}]},
    {"edit": "document", "document": 1},
    {"edit": "cut", "start": 3, "end": 9},
)
TEXT = {"edit": "text", "start": 0, "end": 3, "old": "old", "new": "new"}
CREATE = {"edit": "create", "text": "new"}


def whole() -> Plan:
    """One with something of everything."""
    secret = PlannedSecret(
        name="key",
        material=Material.GIT_CRYPT_KEY,
        fingerprint="hk1:0",
        kind=SecretKind.GIT_CRYPT,
        vault_path="ci/key",
        fields=(VaultField("key", "configmap ci/key", HOLDER, "/data/key", "key", "d"),),
        copies=(
            Copy("configmap ci/key", 0, (), "remove-key", HOLDER, "/data/key", "key"),
            Copy("/srv/key.yaml", 3, ("base64",), "rewrite-file"),
            Copy("deployment ci/run", 0, (), "repoint", ObjectName("apps/v1", "Deployment", "ci", "run"), "/spec/x"),
            Copy("relative", 0, (), "leave", reason="so it is"),
        ),
        deliveries=(
            Delivery("direct", "ci", "key", "Opaque", (DeliveredKey("key", "key", "raw", "d"),)),
            Delivery("file", "", "", "", (DeliveredKey("key", "key", "raw", "d"),), path="/etc/key"),
            Delivery(
                "external-secrets", "ci", "key2", "Opaque", (DeliveredKey("key", "key", "base64", "d"),),
                ({"apiVersion": "x/v1", "kind": "ExternalSecret", "metadata": {"name": "key2", "namespace": "ci"}},),
            ),
        ),
        consumers=(
            ConsumerChange(
                ObjectName("apps/v1", "Deployment", "ci", "run"), "volume", PATCH, (Sees("c", "/k", "raw", "d"),),
                rollout=True, applies=True,
            ),
        ),
        files=(
            FileChange("/srv/key.yaml", ("a",), EDITS), FileChange("/srv/ci.sh", ("b",), (TEXT, TEXT)),
            FileChange("/srv/new.yaml", ("c",), (CREATE,)),
        ),
        grants=(Grant("ci", "key", "runner", "ci"),),
    )  # fmt: skip
    return Plan(FORMAT, "p", "now", "cluster", "kind", "https://v", "secret", "k", (secret,))


def edited(pointer: str, value: Any) -> Any:
    """The plan's document with another value at a place; ``...`` takes away what is there."""
    document = deepcopy(as_document(whole()))
    *way, last = tokens(pointer)
    holder = document
    for token in way:
        holder = holder[int(token) if isinstance(holder, list) else token]
    place: Any = int(last) if isinstance(holder, list) else last
    if value is ...:
        del holder[place]
    else:
        holder[place] = value
    return document


def saved(document: Any, folder: Path) -> str:
    (folder / "plan.json").write_text(json.dumps(document))
    return str(folder / "plan.json")


def test_a_plan_as_it_was_made_has_no_fault(tmp_path: Path) -> None:
    """It is read as it was written."""
    assert list(faults(whole())) == []
    assert read(saved(as_document(whole()), tmp_path)) == whole()


S = "/secrets/0"
FAULTS: list[tuple[str, Any, str, str]] = [  # where, what stands there, which place is told of, with which words
    (f"{S}/name", "a b", f"{S}/name", "bad name"),
    (f"{S}/name", "-rf", f"{S}/name", "bad name"),
    (f"{S}/vault_path", "../sys/auth", f"{S}/vault_path", "is names with"),
    (f"{S}/vault_path", "", f"{S}/vault_path", "cannot be empty"),
    (f"{S}/vault_path", "a//b", f"{S}/vault_path", "is names with"),
    (f"{S}/fields", [], f"{S}/fields", "nothing to store"),
    (f"{S}/fields/0/name", "harden_encoding", f"{S}/fields/0/name", "can be no field"),
    (f"{S}/fields/0/name", "", f"{S}/fields/0/name", "can be no field"),
    (f"{S}/fields/0/name", "a\x1b[2J", f"{S}/fields/0/name", "can be no field"),
    (f"{S}/fields/0/name", "other", f"{S}/deliveries/0/keys/0/field", 'no field "key" is stored'),
    (f"{S}/fields/0/pointer", "data/key", f"{S}/fields/0/pointer", "is no JSON pointer"),
    (f"{S}/fields/0/pointer", "/data/~2", f"{S}/fields/0/pointer", "is no JSON pointer"),
    (f"{S}/fields/0/object", None, f"{S}/fields/0/source", "is no absolute path"),
    (f"{S}/copies/0/pointer", "key", f"{S}/copies/0/pointer", "is no JSON pointer"),
    (f"{S}/copies/0/pointer", "/metadata/name", f"{S}/copies/0/pointer", 'is not the entry "key"'),
    (f"{S}/copies/0/key", "other", f"{S}/copies/0/pointer", 'is not the entry "other"'),
    (f"{S}/copies/0/object", None, f"{S}/copies/0/object", "is for an object of a cluster"),
    (f"{S}/copies/0/object/name", "a/b", f"{S}/copies/0/object", "names no object"),
    (f"{S}/copies/0/object/name", "..", f"{S}/copies/0/object", "names no object"),
    (f"{S}/copies/0/object/kind", "", f"{S}/copies/0/object", "names no object"),
    (f"{S}/copies/0/object/namespace", "A/..", f"{S}/copies/0/object/namespace", "can be no namespace"),
    (f"{S}/copies/1/source", "key.yaml", f"{S}/copies/1/source", "is no absolute path"),
    (f"{S}/copies/1/source", "/a\0b", f"{S}/copies/1/source", "is no absolute path"),
    (f"{S}/copies/2/object", None, f"{S}/copies/2/object", "is for an object of a cluster"),
    (f"{S}/deliveries/0/namespace", "", f"{S}/deliveries/0/namespace", "can be no namespace"),
    (f"{S}/deliveries/0/secret", "Key", f"{S}/deliveries/0/secret", "can be no object's name"),
    (f"{S}/deliveries/0/type", "a b", f"{S}/deliveries/0/type", "can be no type"),
    (f"{S}/deliveries/0/keys", [], f"{S}/deliveries/0/keys", "nothing to deliver"),
    (f"{S}/deliveries/0/keys/0/key", "../x", f"{S}/deliveries/0/keys/0/key", "can be no key"),
    (f"{S}/deliveries/0/keys/0/field", "x", f"{S}/deliveries/0/keys/0/field", 'no field "x" is stored'),
    (f"{S}/deliveries/1/path", "etc/key", f"{S}/deliveries/1/path", "is no absolute path"),
    (f"{S}/deliveries/2/objects/0/metadata", "x", f"{S}/deliveries/2/objects/0", "names no object"),
    (f"{S}/consumers/0/object/name", "", f"{S}/consumers/0/object", "names no object"),
    (f"{S}/consumers/0/patch/0/op", "move", f"{S}/consumers/0/patch/0/op", "is no operation"),
    (f"{S}/consumers/0/patch/0/op", "words", f"{S}/consumers/0/patch/0/op", "is no operation"),
    (f"{S}/consumers/0/patch/0/path", "", f"{S}/consumers/0/patch/0/path", "is no JSON pointer into"),
    (f"{S}/consumers/0/patch/0/path", 7, f"{S}/consumers/0/patch/0/path", "is no JSON pointer into"),
    (f"{S}/consumers/0/patch/1/value", ..., f"{S}/consumers/0/patch/1", '"replace" needs a value'),
    (f"{S}/files/0/path", "a.yaml", f"{S}/files/0/path", "is no absolute path"),
    (f"{S}/files/0/edits", [], f"{S}/files/0/edits", "nothing to change"),
    (f"{S}/files/0/edits/0/edit", "exec", f"{S}/files/0/edits/0/edit", "is no edit"),
    (f"{S}/files/0/edits/0/document", -1, f"{S}/files/0/edits/0/document", "a number, 0 or more"),
    (f"{S}/files/0/edits/0/document", True, f"{S}/files/0/edits/0/document", "a number, 0 or more"),
    (f"{S}/files/0/edits/0/patch", ..., f"{S}/files/0/edits/0/patch", "is wanted here"),
    (f"{S}/files/0/edits/0/patch/0", "x", f"{S}/files/0/edits/0/patch/0/op", "is no operation"),
    (f"{S}/files/0/edits/0/patch/4/words", [["a"]], f"{S}/files/0/edits/0/patch/4/words", "pairs of texts"),
    (f"{S}/files/0/edits/0/patch/4/words", "ab", f"{S}/files/0/edits/0/patch/4/words", "is wanted here"),
    (f"{S}/files/0/edits/1/document", "1", f"{S}/files/0/edits/1/document", "a number, 0 or more"),
    (f"{S}/files/0/edits/2/end", 1, f"{S}/files/0/edits/2/end", "lies before the start"),
    (f"{S}/files/0/edits/2", CREATE, f"{S}/files/0/edits", '"create" goes with no other kind'),
    (f"{S}/files/0/edits/2", TEXT, f"{S}/files/0/edits", '"text" goes with no other kind'),
    (f"{S}/files/1/edits/0/old", None, f"{S}/files/1/edits/0/old", "is wanted here"),
    (f"{S}/files/2/edits/0/text", 1, f"{S}/files/2/edits/0/text", "is wanted here"),
    (f"{S}/grants/0/namespace", "*", f"{S}/grants/0/namespace", "can be no namespace"),
    (f"{S}/grants/0/secret", "*", f"{S}/grants/0/secret", "can be no object's name"),
    (f"{S}/grants/0/service_account", "a:b", f"{S}/grants/0/service_account", "can be no object's name"),
    (f"{S}/grants/0/service_account_namespace", "", f"{S}/grants/0/service_account_namespace", "can be no namespace"),
    (f"{S}/vault_pth", "x", f"{S}/vault_pth", "is nothing that a plan has"),
    (f"{S}/copies/0/owner/role", "x", f"{S}/copies/0/owner/role", "is nothing that a plan has"),
    ("/force", True, "/force", "is nothing that a plan has"),
]  # fmt: skip


@pytest.mark.parametrize(("pointer", "value", "place", "words"), FAULTS, ids=lambda one: str(one)[:40])
def test_a_fault_is_told_by_its_place(pointer: str, value: Any, place: str, words: str, tmp_path: Path) -> None:
    """By itself, each in a plan that is right otherwise."""
    path = saved(edited(pointer, value), tmp_path)
    with pytest.raises(HardenError) as caught:
        read(path)
    assert [line for line in caught.value.messages if line.startswith(f"{path}: {place}: ") and words in line]
    assert caught.value.hints


def test_a_cluster_is_nothing_to_a_plan_for_files(tmp_path: Path) -> None:
    """Its steps would ask a server that there is none of."""
    with pytest.raises(HardenError, match=f'{S}/copies/0/object: "remove-key" is for an object of a cluster'):
        read(saved(edited("/mode", "files"), tmp_path))


def test_two_keys_of_one_name_are_told(tmp_path: Path) -> None:
    """One would be entered in the inventory in place of the other."""
    document = as_document(whole())
    document["secrets"] *= 2
    with pytest.raises(HardenError, match='/secrets/1/name: another key of the plan is called "key" too'):
        read(saved(document, tmp_path))


def test_many_faults_are_told_at_once(tmp_path: Path) -> None:
    """Ten of them: a file of another kind might have thousands."""
    document = as_document(whole())
    document["secrets"][0]["grants"] = [{**document["secrets"][0]["grants"][0], "secret": "*"}] * 50
    with pytest.raises(HardenError) as caught:
        read(saved(document, tmp_path))
    assert len(caught.value.messages) == 10


EDITED: dict[str, Callable[[Any], None]] = {
    "the path in Vault": lambda secret: secret.update(vault_path="../sys/policies/acl/root"),
    "a delivery": lambda secret: secret["deliveries"][0]["keys"][0].update(field="nothing"),
    "a patch": lambda secret: secret["consumers"][0]["patch"][0].update(op="move"),
    "a copy": lambda secret: secret["copies"][0].update(pointer="/metadata/labels"),
}


@pytest.mark.parametrize("what", EDITED)
@pytest.mark.parametrize("dry_run", [True, False])
def test_no_run_begins_with_a_plan_that_was_edited(what: str, dry_run: bool, tmp_path: Path) -> None:
    """Nothing is asked of Vault or the cluster, nothing is entered in the log."""
    stage = Stage(main_scene())
    place, (path, _) = here(stage, tmp_path), written(stage, tmp_path)
    document = json.loads(path.read_text())
    EDITED[what](document["secrets"][0])
    path.write_text(json.dumps(document))
    before = stage.bare()
    with pytest.raises(HardenError, match="/secrets/0/"):
        migrate(path, place, "default", Printed().output, dry_run=dry_run)
    assert stage.bare() == before
    assert not stage.vault.calls
    assert run_ids(place.folder) == []
    assert not (place.folder / "audit.log").exists()


def places(value: Any, place: str = "") -> list[str]:
    """Every place in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place] * bool(place) + [one for key, child in inner for one in places(child, f"{place}/{_name(key)}")]


def _name(key: object) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")


@cache
def all_places() -> list[str]:
    return places(as_document(whole()))


ODD: st.SearchStrategy[Any] = st.sampled_from([
    None, True, -1, 0, 1 << 70, 1.5, "", "/", "~", "/a/~", "..", "a/../b", "\0", "\ud800", "x" * 5000, "direct", "file",
    "repoint", "remove-key", "delete-file", "leave", "files", [], [[]], {}, {"op": "add"}, {"edit": "cut"}, ...,
])  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pointer=st.sampled_from(all_places()), value=ODD)
def test_whatever_stands_there_a_person_is_told(pointer: str, value: Any, tmp_path: Path) -> None:
    """A plan is taken as it stands or refused with words; and what is taken once is taken again."""
    path = saved(edited(pointer, value), tmp_path)
    try:
        plan = read(path)
    except HardenError as error:
        said = error.messages
    else:
        said = ()
        Path(path).write_text(as_text(plan))
        assert read_again(path) == plan
    assert [line for line in said if not line.startswith(f"{path}: ")] == []
