"""Planted keys: every kind, in every place and wrapping, is found where it is, as what it is."""

from dataclasses import replace

import pytest

from harden_secrets.detect import DETECTORS
from harden_secrets.examine import Sighting, Unexamined, examine
from harden_secrets.firstpass import FirstPass
from harden_secrets.material import Surroundings, detections
from harden_secrets.unwrap import UNWRAP_SIGNATURES
from tests.harden_secrets.planted.files import FILES
from tests.harden_secrets.planted.manifests import MANIFESTS
from tests.harden_secrets.planted.planting import Planted, Seed
from tests.harden_secrets.planted.values import KEYS, SEVERAL, TOKENS, Value, value
from tests.harden_secrets.tokens.contexts import CONTEXTS

PLACES = {**MANIFESTS, **FILES}


@pytest.fixture(scope="module")
def first_pass() -> FirstPass:
    return FirstPass(DETECTORS, UNWRAP_SIGNATURES)


def sightings(planted: Planted, first_pass: FirstPass | None = None) -> list[Sighting]:
    observations = list(examine(planted.content, planted.file, DETECTORS, first_pass=first_pass))
    assert not [one for one in observations if isinstance(one, Unexamined)]
    return [one for one in observations if isinstance(one, Sighting)]


def identity_of(one: Value) -> bytes:
    """What the detectors make of the value where nothing wraps it."""
    found = [found for found in detections(DETECTORS, one.content, Surroundings()) if found.material == one.material]
    return found[0].identity.reveal()


def assert_seen(planted: Planted, one: Value, first_pass: FirstPass | None) -> None:
    """Once in each of its places, with the line, the object and the wrappings that it has there; nothing else is."""
    seen = sightings(planted, first_pass)
    expected = [(planted.line, planted.object, planted.encodings)]
    got = [
        (sighting.line, sighting.object, sighting.encodings)
        for sighting in seen
        if sighting.detection.identity.reveal() == identity_of(one) and sighting.object not in planted.also
    ]
    assert got == expected
    assert len(seen) == 1 + len(planted.also)
    assert {sighting.detection.material for sighting in seen} == {one.material}
    assert {sighting.object for sighting in seen} == {planted.object, *planted.also}


@pytest.mark.parametrize("name", SEVERAL)
@pytest.mark.parametrize("place", PLACES)
def test_a_key_is_seen_in_its_place(place: str, name: str, first_pass: FirstPass) -> None:
    """Line, object, field and wrappings are right; with the first pass and without it."""
    one = value(name)
    planted = PLACES[place](Seed(one.content))
    assert_seen(planted, one, first_pass)
    assert_seen(planted, one, None)


@pytest.mark.parametrize("place", ["secret_data", "config_map_block", "helm_release", "tarball"])
@pytest.mark.parametrize("name", [*KEYS, *TOKENS])
def test_every_kind_is_seen(name: str, place: str, first_pass: FirstPass) -> None:
    """In a Secret, as text in a ConfigMap, in a Helm release and in an archive."""
    one = value(name)
    planted = PLACES[place](Seed(one.content))
    if place == "config_map_block" and not planted.encodings:
        planted = replace(planted, line=planted.line + first_line(one))
    assert_seen(planted, one, first_pass)


def first_line(one: Value) -> int:
    """How many lines of comments or the like come before the value itself."""
    [found] = [found for found in detections(DETECTORS, one.content, Surroundings()) if found.material == one.material]
    return one.content.count(b"\n", 0, found.start)


@pytest.mark.parametrize("place", ["plain", "config_map_block", "secret_data", "gzipped"])
@pytest.mark.parametrize("name", CONTEXTS)
def test_what_its_context_makes_a_secret_is_seen_within_a_field(name: str, place: str, first_pass: FirstPass) -> None:
    """The context is the text of the field, wrapped or not, and the line is that of the secret where lines remain."""
    context = CONTEXTS[name]()
    planted = PLACES[place](Seed(context.content))
    line = planted.line
    if place in ("plain", "config_map_block"):
        line += context.content[: context.content.index(context.value)].count(b"\n")
    file = context.file if place == "plain" else planted.file
    seen = [
        sighting
        for sighting in examine(planted.content, file, DETECTORS, first_pass=first_pass)
        if isinstance(sighting, Sighting) and sighting.detection.material == context.material
    ]
    if planted.object:
        assert planted.object in {sighting.object for sighting in seen}
    assert line in {sighting.line for sighting in seen}


def test_there_is_enough_planted() -> None:
    """No less than the aim of 150."""
    assert len(PLACES) * len(SEVERAL) + 4 * (len(KEYS) + len(TOKENS)) > 700
