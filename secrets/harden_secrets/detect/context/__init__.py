"""Detectors of values that only what stands around them makes a key."""

from harden_secrets.material import Detector

CONTEXT_DETECTORS: tuple[Detector, ...] = ()
