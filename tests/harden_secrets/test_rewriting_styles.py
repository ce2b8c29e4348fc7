"""References to a key are turned in whatever style of YAML a manifest is written."""

import difflib
import re
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from harden_secrets.plan.moves import Move, Moves
from harden_secrets.plan.repointing import patch, repointed
from harden_secrets.rewrite import rewritten
from tests.harden_secrets.written_styles import manifests

WHOLE = Move("ConfigMap", "keys", "keys-vault", {"key": "key"})
PART = Move("ConfigMap", "keys", "keys-vault", {"key": "key"}, kept=("a.conf",))
TEXT = Move("ConfigMap", "keys", "keys-vault", {"key": "key.base64"}, exact=False)
HEADING = "# who uses the key\nkind: Pod\nspec:\n"


def turned(text: str, *moves: Move) -> str:
    """The manifest with its references turned, in the way a plan for files does it."""
    before = yaml.safe_load(text)
    after = repointed(before, Moves({(move.kind, move.name): move for move in moves}))
    operations = [one for one in patch(before, after) if one["op"] != "test"]
    made = rewritten(text.encode(), [{"edit": "patch", "document": 0, "patch": operations}]).decode()
    assert yaml.safe_load(made) == after
    return made


@pytest.mark.parametrize(
    ("move", "before", "after"),
    [
        pytest.param(
            WHOLE,
            "  - name: k\n    configMap: {name: keys}   # the key\n",
            "  - name: k\n    secret: {secretName: keys-vault}   # the key\n",
            id="between brackets, with a comment behind",
        ),
        pytest.param(
            PART,
            "  - name: k\n    configMap: {name: keys}   # the key\n",
            "  - name: k\n    projected: {sources: [{configMap: {name: keys, items: [{key: a.conf, path: a.conf}]}},"
            " {secret: {name: keys-vault, items: [{key: key, path: key}]}}]}   # the key\n",
            id="a part of it goes: both, between the same brackets",
        ),
        pytest.param(
            PART,
            "  - { name: k, configMap: { name: keys, } }\n",
            "  - { name: k, projected: { sources: [{configMap: {name: keys, items: [{key: a.conf, path: a.conf}]}},"
            " {secret: {name: keys-vault, items: [{key: key, path: key}]}}], } }\n",
            id="the whole volume on a line, with room and a comma more",
        ),
        pytest.param(
            WHOLE,
            "  - {name: k, configMap: {name: keys, optional: true}}\n",
            "  - {name: k, secret: {secretName: keys-vault, optional: true}}\n",
            id="the whole volume on a line: two words",
        ),
        pytest.param(
            WHOLE,
            '  - \'name\': k\n    "configMap": {"name": "keys"}\n',
            '  - \'name\': k\n    "secret": {"secretName": "keys-vault"}\n',
            id="quotes stay quotes",
        ),
        pytest.param(
            TEXT,
            "  - name: k\n    configMap:\n      name: keys # which\n"
            "      items: [{key: key, path: git/key, mode: 0400}]\n",
            "  - name: k\n    secret:\n      secretName: keys-vault # which\n"
            "      items: [{key: key.base64, path: git/key, mode: 0400}]\n",
            id="items in brackets below a block",
        ),
        pytest.param(
            WHOLE,
            "  - name: k\n    configMap: {\n      name: keys, # which\n      defaultMode: 0400 # mine\n    }\n",
            "  - name: k\n    secret: {\n      secretName: keys-vault, # which\n"
            "      defaultMode: 0400 # mine\n    }\n",
            id="brackets over several lines",
        ),
    ],
)
def test_a_volume_is_turned_in_its_own_style(move: Move, before: str, after: str) -> None:
    """See the ids."""
    assert turned(f"{HEADING}  volumes:\n{before}", move) == f"{HEADING}  volumes:\n{after}"


@pytest.mark.parametrize(
    ("move", "before", "after"),
    [
        pytest.param(
            WHOLE,
            "    - {name: A, valueFrom: {configMapKeyRef: {name: keys, key: key}}} # a\n",
            "    - {name: A, valueFrom: {secretKeyRef: {name: keys-vault, key: key}}} # a\n",
            id="the whole variable on a line",
        ),
        pytest.param(
            WHOLE,
            "    - name: A\n      valueFrom: {configMapKeyRef: {key: 'key', name: 'keys'}} # a\n",
            "    - name: A\n      valueFrom: {secretKeyRef: {key: 'key', name: 'keys-vault'}} # a\n",
            id="its source on a line",
        ),
        pytest.param(
            WHOLE,
            "    - name: A\n      valueFrom:\n        configMapKeyRef: {name: keys, key: key}\n",
            "    - name: A\n      valueFrom:\n        secretKeyRef: {name: keys-vault, key: key}\n",
            id="the reference on a line",
        ),
    ],
)
def test_a_variable_is_turned_in_its_own_style(move: Move, before: str, after: str) -> None:
    """See the ids."""
    top = f"{HEADING}  containers:\n  - name: c\n    env:\n"
    assert turned(top + before, move) == top + after


@pytest.mark.parametrize(
    ("move", "before", "after"),
    [
        pytest.param(
            WHOLE,
            " [{configMapRef: {name: keys}}] # all",
            " [{secretRef: {name: keys-vault}}] # all",
            id="a list on a line",
        ),
        pytest.param(
            PART,
            " [{configMapRef: {name: keys}}, {secretRef: {name: b}}] # all",
            " [{configMapRef: {name: keys}}, {secretRef: {name: keys-vault}}, {secretRef: {name: b}}] # all",
            id="one more in a list on a line",
        ),
        pytest.param(
            PART,
            "\n    - configMapRef: {name: keys} # all",
            "\n    - configMapRef: {name: keys} # all\n    - secretRef:\n        name: keys-vault",
            id="one more item",
        ),
    ],
)
def test_sources_of_variables_are_turned_in_their_own_style(move: Move, before: str, after: str) -> None:
    """See the ids."""
    top = f"{HEADING}  containers:\n  - name: c\n    envFrom:"
    assert turned(f"{top}{before}\n", move) == f"{top}{after}\n"


NAMES = st.sampled_from(["keys", "ssh", "others"])
KEYS = st.sampled_from(["key", "a.conf", "id"])
OPTIONAL = st.sampled_from([{}, {"optional": True}])
MODE = st.sampled_from([{}, {"defaultMode": 256}])
ITEMS = st.lists(
    st.builds(lambda key, mode: {"key": key, "path": f"x-{key}"} | mode, KEYS, st.sampled_from([{}, {"mode": 256}])),
    min_size=1,
    max_size=3,
    unique_by=lambda item: item["key"],
)
LISTED = st.just({}) | st.builds(lambda items: {"items": items}, ITEMS)
MOVES = st.sampled_from([WHOLE, PART, TEXT])
SSH = Move("Secret", "ssh", "ssh-vault", {"id": "id"})


def merged(*parts: Any) -> Any:
    """A mapping of all the parts, in any order."""
    return st.tuples(*parts).flatmap(
        lambda found: st.permutations([pair for part in found for pair in part.items()]).map(dict)
    )


VOLUMES = st.one_of(
    merged(NAMES.map(lambda name: {"name": name}), MODE, OPTIONAL, LISTED).map(lambda one: {"configMap": one}),
    merged(NAMES.map(lambda name: {"secretName": name}), MODE, OPTIONAL, LISTED).map(lambda one: {"secret": one}),
    st.lists(
        st.builds(
            lambda kind, one: {kind: one},
            st.sampled_from(["configMap", "secret"]),
            merged(NAMES.map(lambda name: {"name": name}), OPTIONAL, LISTED),
        ),
        min_size=1,
        max_size=3,
    ).map(lambda sources: {"projected": {"sources": sources}}),
    st.just({"emptyDir": {}}),
)
ENV = st.builds(
    lambda kind, name, key, optional: {"valueFrom": {kind: {"name": name, "key": key} | optional}},
    st.sampled_from(["configMapKeyRef", "secretKeyRef"]),
    NAMES,
    KEYS,
    OPTIONAL,
) | st.just({"value": "plain"})
ENV_FROM = st.builds(
    lambda kind, name, optional: {kind: {"name": name} | optional},
    st.sampled_from(["configMapRef", "secretRef"]),
    NAMES,
    OPTIONAL,
)


def named(parts: Any, most: int) -> Any:
    """A list of things that each have a name."""
    return st.lists(merged(st.just({"name": "n"}), parts), min_size=1, max_size=most)


PODS = st.builds(
    lambda volumes, env, env_from: {
        "kind": "Pod",
        "spec": {"containers": [{"name": "c", "env": env, "envFrom": env_from, "image": "x"}], "volumes": volumes},
    },
    named(VOLUMES, 3),
    named(ENV, 3),
    st.lists(ENV_FROM, min_size=1, max_size=3),
)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_style_is_turned_and_keeps_its_comments(data: st.DataObject) -> None:
    """Nothing is refused: the pod means what it shall, and no comment goes but with an entry of a volume that goes."""
    pod = data.draw(PODS)
    text = data.draw(manifests(pod))
    assert yaml.safe_load(text) == pod
    made = turned(text, data.draw(MOVES), SSH)
    (outside, inside), (outside_made, inside_made) = remarks(text), remarks(made)
    assert outside_made == outside
    assert [one for one in inside if one in inside_made] == inside_made
    reference = re.compile(r"configMap|secret|name|key|items|optional|path|mode|sources|# remark", re.IGNORECASE)
    changed = [line for line in difflib.ndiff(text.splitlines(), made.splitlines()) if line.startswith("- ")]
    assert [line for line in changed if not reference.search(line)] == []


def remarks(text: str) -> tuple[list[str], list[str]]:
    """The comments before the volumes, and those among them."""
    before, _, volumes = text.partition("volumes")
    return re.findall("# remark [0-9]+", before), re.findall("# remark [0-9]+", volumes)
