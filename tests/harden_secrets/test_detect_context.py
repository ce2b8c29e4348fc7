"""Secrets that only what stands around them makes one: found there, and not found without."""

import pytest

from harden_secrets.detect.context import CONTEXT_DETECTORS
from harden_secrets.detect.tokens import TOKEN_DETECTORS
from harden_secrets.material import Detection, Surroundings, detections
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
