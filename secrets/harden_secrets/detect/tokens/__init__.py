"""Detectors of tokens and passwords."""

from harden_secrets.material import Detector

TOKEN_DETECTORS: tuple[Detector, ...] = ()
