"""Detectors of values that only what stands around them makes a key."""

from harden_secrets.detect.context import (
    address,
    commandlogins,
    dockerauth,
    kubeconfig,
    loginfiles,
    password,
    passwordhash,
    symmetric,
    wireguard,
)
from harden_secrets.material import Detector

CONTEXT_DETECTORS: tuple[Detector, ...] = (
    wireguard.DETECTOR,
    kubeconfig.DETECTOR,
    dockerauth.DETECTOR,
    symmetric.DETECTOR,
    address.DETECTOR,
    loginfiles.DETECTOR,
    passwordhash.DETECTOR,
    commandlogins.DETECTOR,
    password.DETECTOR,
)
