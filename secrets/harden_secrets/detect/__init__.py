"""All detectors of key material: one module a kind, ``DETECTORS`` is all of them.

Cheap to import: what a detector needs to prove a key (elliptic curves, say) is loaded when it has something to prove.
"""

from harden_secrets.detect import (
    age,
    derfile,
    dnssec,
    gitcrypt,
    gnupgagent,
    javakeystore,
    jwk,
    openssh,
    openvpn,
    pem,
    pgp,
    pkcs12,
    putty,
    signing,
    ssh1,
    sshcom,
    tsig,
)
from harden_secrets.detect.context import CONTEXT_DETECTORS
from harden_secrets.detect.tokens import TOKEN_DETECTORS
from harden_secrets.material import Detector

KEY_DETECTORS: tuple[Detector, ...] = (
    gitcrypt.DETECTOR,
    pem.DETECTOR,
    openssh.DETECTOR,
    derfile.DETECTOR,
    age.DETECTOR,
    signing.MINISIGN,
    signing.SIGNIFY,
    openvpn.DETECTOR,
    putty.DETECTOR,
    sshcom.DETECTOR,
    ssh1.DETECTOR,
    pkcs12.DETECTOR,
    javakeystore.DETECTOR,
    pgp.DETECTOR,
    gnupgagent.DETECTOR,
    dnssec.DETECTOR,
    tsig.DETECTOR,
    jwk.DETECTOR,
)
DETECTORS: tuple[Detector, ...] = (*KEY_DETECTORS, *TOKEN_DETECTORS, *CONTEXT_DETECTORS)
