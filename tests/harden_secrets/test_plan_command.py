"""`harden secrets plan`: what it answers, writes and refuses."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from harden.errors import UsageError
from harden.output import Output
from harden_secrets.cluster.port import Manifest
from harden_secrets.commands.planning import Asked, accounts, make_plan
from harden_secrets.commands.workplace import Workplace
from harden_secrets.plan.file import read
from harden_secrets.plan.world import Request
from tests.harden_secrets.fake_cluster import FakeCluster
from tests.harden_secrets.keys import symmetric
from tests.harden_secrets.simple_scene import config_map


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    made = FakeCluster()
    monkeypatch.setattr(Workplace, "cluster", lambda _self, _output: made)
    monkeypatch.setenv("VAULT_ADDR", "https://vault.example:8200")
    return made


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    inventory = tmp_path / "secrets.yaml"
    entry = "{kind: git-crypt, path: teams/key}"
    inventory.write_text(
        f"version: 1\nvault: {{address: 'https://vault.example:8200', mount: kv}}\nsecrets: {{known: {entry}}}\n"
    )
    return Workplace(tmp_path / "state", inventory)


def held(name: str = "git-crypt-key") -> Manifest:
    made = config_map("a", binary=symmetric.git_crypt())
    made["metadata"]["name"] = name
    return made


def planned(place: Workplace, *, as_json: bool = False, to: Path | None = None, **asked: Any) -> tuple[int, str]:
    output = Output(as_json=as_json, stdout=io.StringIO(), stderr=io.StringIO())
    what = Asked(paths=(), cluster=True, namespace="", to=to)
    status = make_plan(what, Request(**asked), place, output)
    assert isinstance(output.stdout, io.StringIO)
    return status, output.stdout.getvalue()


def test_something_to_do_is_status_3(cluster: FakeCluster, place: Workplace) -> None:
    """And nothing is changed by saying so."""
    cluster.put(held())
    status, text = planned(place)
    assert status == 3
    assert text.startswith("git-crypt-key: one git-crypt-key in one place (hk1:")
    assert cluster.writes == []


def test_nothing_to_do_is_status_0(cluster: FakeCluster, place: Workplace) -> None:
    """A cluster without a key."""
    assert planned(place) == (0, "nothing to move\n")
    assert cluster.writes == []


def test_the_file_and_the_document_are_the_same_plan(cluster: FakeCluster, place: Workplace, tmp_path: Path) -> None:
    """One JSON document on stdout; the file is for its owner only and is read again as it was."""
    cluster.put(held())
    to = tmp_path / "plan.json"
    status, text = planned(place, as_json=True, to=to)
    assert status == 3
    assert json.loads(text) == json.loads(to.read_text())
    assert to.stat().st_mode & 0o777 == 0o600
    plan = read(str(to))
    assert (plan.vault_address, plan.vault_mount, plan.mode) == ("https://vault.example:8200", "kv", "cluster")


def test_the_inventory_says_where_a_key_goes(cluster: FakeCluster, place: Workplace, tmp_path: Path) -> None:
    """By the name of the key."""
    cluster.put(held("known"))
    to = tmp_path / "plan.json"
    planned(place, to=to)
    assert [secret.vault_path for secret in read(str(to)).secrets] == ["teams/key"]


def test_the_same_world_gives_the_same_plan(cluster: FakeCluster, place: Workplace) -> None:
    """But for its id and time."""
    cluster.put(held())
    plans = []
    for _ in range(2):
        plan = json.loads(planned(place, as_json=True)[1])
        plans.append({name: value for name, value in plan.items() if name not in ("id", "made_at")})
    assert plans[0] == plans[1]


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(Asked((), cluster=False, namespace="", to=None), id="nothing named"),
        pytest.param(Asked(("x",), cluster=False, namespace="a", to=None), id="a namespace of no cluster"),
    ],
)
def test_what_makes_no_sense_is_refused(asked: Asked, place: Workplace) -> None:
    """With what to say instead."""
    with pytest.raises(UsageError) as refused:
        make_plan(asked, Request(), place, Output())
    assert refused.value.hints


@pytest.mark.parametrize("reader", ["ci", "/ci", "ci/", ""])
def test_a_reader_has_a_namespace(reader: str) -> None:
    """A ServiceAccount is named by both."""
    with pytest.raises(UsageError):
        accounts([reader])
    assert accounts(["ns/ci"]) == (("ns", "ci"),)
