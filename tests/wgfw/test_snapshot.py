"""A policy stored and read back."""

import dataclasses
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harden.document.place import Place
from harden.errors import HardenError
from tests.wgfw.handmade import NOW, Holder, Peer, build
from tests.wgfw.made_policies import policies
from wgfw.policy.document import Document, PolicyTest
from wgfw.policy.model import Client, Policy, Rule, Scope
from wgfw.policy.snapshot import from_json, to_json


@settings(max_examples=80, deadline=None)
@given(policies(), st.text(), st.lists(st.text()))
def test_what_is_read_is_what_was_written(made: tuple[Policy, Document], text: str, names: list[str]) -> None:
    """Whatever the rules, and whatever strings people use."""
    policy, _ = made
    odd = dataclasses.replace(policy.clients[0], name=text, profiles=tuple(names), peer=Place(text, 3, text))
    policy = dataclasses.replace(
        policy,
        clients=(odd, *policy.clients[1:]),
        warnings=tuple(names),
        tests=(PolicyTest(text, "10.0.0.1", "ssh", "deny", Place(text, 1)),),
    )
    assert from_json(to_json(policy)) == policy


def test_no_field_is_forgotten() -> None:
    """A field added to these values must be added to the snapshot, and counted here."""
    counts = {kind: len(dataclasses.fields(kind)) for kind in (Policy, Client, Rule, Scope, Place, PolicyTest)}
    assert counts == {Policy: 9, Client: 9, Rule: 8, Scope: 2, Place: 3, PolicyTest: 5}


@pytest.fixture
def text() -> str:
    policy, _ = build(
        {"anca": Peer(ips=["10.8.0.2/32"], allow=[("any", "any", NOW)], profiles=["p"])}, profiles={"p": Holder()}
    )
    return to_json(policy)


def test_shared_rules_stay_shared(text: str) -> None:
    """A profile's rules are stored once, however many clients have it."""
    policy = from_json(text)
    assert policy.rules_of(policy.clients[0])[0] is policy.clients[0].own[0]
    assert len(json.loads(text.splitlines()[1])["rules"]) == 1


@pytest.mark.parametrize("damage", ["", "{", "[]", "null", '{"harden-policy": 1}', "\x00\xff", "[" * 100_000])
def test_what_is_no_snapshot_is_refused(damage: str) -> None:
    """With the file's name and what to do."""
    with pytest.raises(HardenError, match=r"state/policy\.json: not a policy") as caught:
        from_json(damage, "state/policy.json")
    assert caught.value.hints


def test_a_damaged_snapshot_is_refused(text: str) -> None:
    """Cut off, changed, or of a shape of its own."""
    for bad in (text[:-10], text.replace("10.8", "10.9").replace("anca", "bnca"), text.splitlines()[0]):
        with pytest.raises(HardenError, match="damaged"):
            from_json(bad)


def _body(**changed: object) -> str:
    policy, _ = build({})
    return json.dumps(json.loads(to_json(policy).splitlines()[1]) | changed)


def test_a_sound_digest_over_nonsense_is_refused_too() -> None:
    """The digest protects against accidents, not against another program's idea of the format."""
    from wgfw.policy.snapshot import _digest  # noqa: PLC0415

    for body in ("[]", "{}", '{"files": 3}', "x", _body(profiles=[])):
        header = json.dumps({"harden-policy": 1, "sha256": _digest(body)})
        with pytest.raises(HardenError, match="damaged"):
            from_json(f"{header}\n{body}\n")


def test_another_version_is_named(text: str) -> None:
    """So that a downgrade is told from damage."""
    with pytest.raises(HardenError, match="format 2, ours is 1"):
        from_json(text.replace('"harden-policy": 1', '"harden-policy": 2'))


def test_ten_thousand_clients_stay_small_and_quick() -> None:
    """One in ten with rules of its own."""
    clients = {
        f"client-number-{n}": Peer(
            ips=[f"10.8.{n >> 8}.{n & 255}/32", f"fd00:8::{n:x}/128"],
            profiles=["media"],
            allow=[("nas", "ssh"), ("10.32.0.0/12", "https")] if n % 10 == 0 else [],
        )
        for n in range(10_000)
    }
    media = Holder(allow=[("nas", "smb"), ("internet", "any")])
    policy, _ = build(clients, profiles={"media": media}, networks={"nas": ["192.168.1.10"]})
    start = time.process_time()
    text = to_json(policy)
    again = from_json(text)
    spent = time.process_time() - start
    assert again == policy
    assert len(text) < 3_000_000
    assert spent < 2
