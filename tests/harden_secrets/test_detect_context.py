"""Secrets that only what stands around them makes one: found there, and not found without."""

import base64
import json
import re

import pytest
import yaml

from harden_secrets.detect.context import CONTEXT_DETECTORS
from harden_secrets.detect.tokens import TOKEN_DETECTORS
from harden_secrets.material import Detection, Signature, Surroundings, detections
from tests.harden_secrets.tokens.contexts import CONTEXTS


def found(content: bytes, surroundings: Surroundings = Surroundings()) -> list[Detection]:  # noqa: B008 - immutable
    return list(detections((*TOKEN_DETECTORS, *CONTEXT_DETECTORS), content, surroundings))


@pytest.mark.parametrize("attempt", range(5))
@pytest.mark.parametrize("name", CONTEXTS)
def test_a_secret_in_its_context_is_found(name: str, attempt: int) -> None:
    """With the right kind, at the right place."""
    planted = CONTEXTS[name]()
    spans = {
        (one.material, planted.content[one.start : one.end])
        for one in found(planted.content, Surroundings(file=planted.file))
    }
    assert (planted.material, planted.value) in spans


def hits(content: bytes, plain: bytes) -> set[str]:
    """The detectors of which a signature stands in the content, or encoded in it: so it stands in what was encoded."""
    return {
        detector.name
        for detector in (*TOKEN_DETECTORS, *CONTEXT_DETECTORS)
        if any(
            _matches(signature, content) or (signature.encoded and _matches(signature, plain))
            for signature in detector.signatures
        )
    }


def _matches(signature: Signature, content: bytes) -> bool:
    pattern = re.escape(signature.pattern) if signature.literal else signature.pattern
    return re.search(pattern, content, re.IGNORECASE if signature.ignore_case else 0) is not None


WAYS = {
    "as it is": lambda content: content,
    "in JSON": lambda content: json.dumps({"data": content.decode()}).encode(),
    "in JSON in JSON": lambda content: json.dumps(json.dumps({"data": content.decode()})).encode(),
    "in YAML": lambda content: yaml.safe_dump({"data": content.decode()}).encode(),
    "in a Secret": lambda content: b"kind: Secret\ndata:\n  x: " + base64.b64encode(content),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", CONTEXTS)
def test_the_first_pass_sees_what_is_found(name: str, way: str) -> None:
    """The signatures of the detector stand in the bytes, however these are written down."""
    planted = CONTEXTS[name]()
    finders = {
        detector.name
        for detector in (*TOKEN_DETECTORS, *CONTEXT_DETECTORS)
        for one in detector.detect(planted.content, Surroundings(file=planted.file))
        if planted.content[one.start : one.end] == planted.value and one.material is planted.material
    }
    assert finders
    assert finders & hits(WAYS[way](planted.content), planted.content)
