"""Tokens: each is found wherever it stands, and what only looks like one is not."""

import pytest

from harden_secrets.detect.tokens import TOKEN_DETECTORS
from harden_secrets.material import Detection, Surroundings, detections
from tests.harden_secrets.tokens.standing import STANDING


def found(content: bytes, surroundings: Surroundings = Surroundings()) -> list[Detection]:  # noqa: B008 - immutable
    return list(detections(TOKEN_DETECTORS, content, surroundings))


@pytest.mark.parametrize("name", STANDING)
@pytest.mark.parametrize(
    "around",
    [
        b"%s",
        b"export TOKEN=%s\n",
        b'{"auth": "%s"}',
        b"a: b\ntoken: '%s'  # note\n",
        b"curl -H 'X-Auth: %s' https://a/",
    ],
    ids=["alone", "shell", "json", "yaml", "command"],
)
def test_a_token_is_found_with_its_exact_bounds(name: str, around: bytes) -> None:
    """One detection, of the right kind, whose identity is the token and whose span is where it stands."""
    material, make = STANDING[name]
    token = make().encode()
    content = around.replace(b"%s", token)
    (detection,) = found(content)
    assert detection.material is material
    assert detection.identity.reveal() == token == content[detection.start : detection.end]
