"""Planted keys: every kind, in every place and wrapping, is found where it is, as what it is."""

import gzip
from dataclasses import replace

import pytest

from harden_secrets.detect import DETECTORS
from harden_secrets.examine import Sighting, Unexamined, examine
from harden_secrets.firstpass import FirstPass
from harden_secrets.material import Material, Surroundings, detections
from tests.harden_secrets.planted.files import FILES
from tests.harden_secrets.planted.manifests import MANIFESTS
from tests.harden_secrets.planted.planting import Planted, Seed
from tests.harden_secrets.planted.values import KEYS, SEVERAL, TOKENS, Value, value
from tests.harden_secrets.tokens.contexts import CONTEXTS
from tests.harden_secrets.tokens.contexts import Planted as Context

PLACES = {**MANIFESTS, **FILES}


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


@pytest.mark.parametrize("name", TOKENS)
@pytest.mark.parametrize(
    "place", ["config_map_base64", "hexadecimal", "last_applied", "cloud_init_packed", "shell_echo"]
)
def test_a_token_without_a_beginning_of_its_own_is_seen_through_wrappings(
    place: str, name: str, first_pass: FirstPass
) -> None:
    """The first pass has nothing but its shape to go by."""
    one = value(name)
    assert_seen(PLACES[place](Seed(one.content)), one, first_pass)


@pytest.mark.parametrize("name", CONTEXTS)
def test_what_its_context_makes_a_secret_is_seen_in_a_file(name: str, first_pass: FirstPass) -> None:
    """At its line; also when the file is compressed."""
    context = CONTEXTS[name]()
    line = 1 + context.content[: context.content.index(context.value)].count(b"\n")
    assert line in lines(context, Planted(context.file, context.content, line, ()), first_pass)
    assert 1 in lines(context, Planted(context.file, gzip.compress(context.content), 1, ()), first_pass)


@pytest.mark.parametrize("place", ["config_map_block", "secret_data", "annotation"])
@pytest.mark.parametrize("name", CONTEXTS)
def test_what_its_context_makes_a_secret_is_seen_in_a_field(name: str, place: str, first_pass: FirstPass) -> None:
    """The text of the field is context enough, and the line is that of the secret where lines remain."""
    context = CONTEXTS[name]()
    planted = PLACES[place](Seed(context.content))
    planted = replace(planted, file=planted.file if context.file.endswith((".tf", ".tfvars")) else context.file)
    line = planted.line
    if place != "secret_data":
        line += context.content[: context.content.index(context.value)].count(b"\n")
    assert line in lines(context, planted, first_pass)


def lines(context: Context, planted: Planted, first_pass: FirstPass) -> set[int]:
    """Where the secret of a context is seen, all in the field where it was planted."""
    materials = {context.material}
    if context.material == Material.KUBECONFIG:
        materials.add(Material.SERVICE_ACCOUNT_TOKEN)  # the same secret, known by its own form
    seen = [one for one in sightings(planted, first_pass) if one.detection.material in materials]
    if planted.object:
        seen = [one for one in seen if one.object == planted.object]
    return {one.line for one in seen}


def test_there_is_enough_planted() -> None:
    """No less than the aim of 150."""
    assert len(PLACES) * len(SEVERAL) + 4 * (len(KEYS) + len(TOKENS)) > 700
