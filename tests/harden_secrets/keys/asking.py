"""What the detectors of key files say about some bytes."""

from harden_secrets.detect import KEY_DETECTORS
from harden_secrets.material import Detection, Surroundings, detections

NOWHERE = Surroundings()


def found(content: bytes, surroundings: Surroundings = NOWHERE) -> list[Detection]:
    """All detections."""
    return list(detections(KEY_DETECTORS, content, surroundings))


def only(content: bytes, surroundings: Surroundings = NOWHERE) -> Detection:
    """The one detection that there must be."""
    [detection] = found(content, surroundings)
    return detection
