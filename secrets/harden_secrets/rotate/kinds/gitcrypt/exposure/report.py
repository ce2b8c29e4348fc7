"""An exposure as what a rotation has to say at its end."""

import os

from harden.output import Output
from harden_secrets.detect import DETECTORS
from harden_secrets.fingerprint import Fingerprinter
from harden_secrets.firstpass import FirstPass
from harden_secrets.patterncache import pattern_cache
from harden_secrets.rotate.kinds.gitcrypt.exposure.contents import Contents
from harden_secrets.rotate.kinds.gitcrypt.exposure.finding import find_exposure
from harden_secrets.rotate.kinds.gitcrypt.exposure.known import Known
from harden_secrets.rotate.kinds.gitcrypt.exposure.text import exposure_lines
from harden_secrets.rotate.kinds.gitcrypt.exposure.values import Exposure
from harden_secrets.rotate.kinds.gitcrypt.keyfile import KeyFile
from harden_secrets.rotate.rotator import Report
from harden_secrets.sources.gitcommand import Repository
from harden_secrets.unwrap import UNWRAP_SIGNATURES


def exposure_of(
    path: str, key: KeyFile, known: Known, fingerprinter: Fingerprinter, output: Output, processes: int | None = None
) -> Exposure:
    """What the key has encrypted in the repository at a path. Raises HardenError. See :func:`find_exposure`."""
    return find_exposure(Repository(path), key, contents_with(known, fingerprinter), output, processes)


def contents_with(known: Known, fingerprinter: Fingerprinter) -> Contents:
    """What looks into contents for all that harden recognises."""
    return Contents(FirstPass(DETECTORS, UNWRAP_SIGNATURES, remembered=pattern_cache(os.environ)), fingerprinter, known)


def exposure_report(exposure: Exposure, most: int | None = None) -> Report:
    """The same for people, ``most`` lines of a list, and for programs; the document has it under ``exposure``."""
    return Report(tuple(exposure_lines(exposure, most)), {"exposure": exposure.as_json()})
