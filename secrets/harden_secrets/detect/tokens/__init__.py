"""Detectors of tokens: by their published formats, with checksum or structure where they have one."""

from harden_secrets.detect.tokens import bootstrap, googleaccount, jwt
from harden_secrets.detect.tokens.accesskeys import ACCESS_KEY_DETECTOR
from harden_secrets.detect.tokens.api import API_FORMS, API_NAMED
from harden_secrets.detect.tokens.cloud import CLOUD_FORMS, CLOUD_NAMED
from harden_secrets.detect.tokens.form import form_detector, named_detector
from harden_secrets.detect.tokens.vault import VAULT_DETECTORS
from harden_secrets.detect.tokens.vcs import VCS_FORMS, VCS_NAMED
from harden_secrets.material import Detector

TOKEN_DETECTORS: tuple[Detector, ...] = (
    jwt.DETECTOR,
    bootstrap.DETECTOR,
    *VAULT_DETECTORS,
    ACCESS_KEY_DETECTOR,
    googleaccount.DETECTOR,
    *(form_detector(form) for form in (*VCS_FORMS, *CLOUD_FORMS, *API_FORMS)),
    named_detector((*VCS_NAMED, *CLOUD_NAMED, *API_NAMED)),
)
