"""What kinds of key material there are, and what a detector says of one that it recognised."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from harden_secrets.confidential import Confidential


class Material(StrEnum):
    """The kinds, by the names that findings bear."""

    GIT_CRYPT_KEY = "git-crypt-key"
    SSH_PRIVATE_KEY = "ssh-private-key"
    WIREGUARD_PRIVATE_KEY = "wireguard-private-key"
    WIREGUARD_PRESHARED_KEY = "wireguard-preshared-key"
    TLS_PRIVATE_KEY = "tls-private-key"
    PGP_PRIVATE_KEY = "pgp-private-key"
    AGE_IDENTITY = "age-identity"
    PKCS12 = "pkcs12"
    JAVA_KEYSTORE = "java-keystore"
    PUTTY_KEY = "putty-key"
    MINISIGN_KEY = "minisign-key"
    SIGNIFY_KEY = "signify-key"
    OPENVPN_STATIC_KEY = "openvpn-static-key"
    TSIG_KEY = "tsig-key"
    JWK = "jwk"
    SYMMETRIC_KEY = "symmetric-key"
    KUBECONFIG = "kubeconfig"
    SERVICE_ACCOUNT_TOKEN = "service-account-token"  # noqa: S105 - the name of a kind
    BOOTSTRAP_TOKEN = "bootstrap-token"  # noqa: S105 - the name of a kind
    DOCKER_CONFIG = "docker-config"
    JWT = "jwt"
    VAULT_TOKEN = "vault-token"  # noqa: S105 - the name of a kind
    VAULT_UNSEAL_SHARE = "vault-unseal-share"
    CLOUD_CREDENTIAL = "cloud-credential"
    VCS_TOKEN = "vcs-token"  # noqa: S105 - the name of a kind
    API_TOKEN = "api-token"  # noqa: S105 - the name of a kind
    PASSWORD = "password"  # noqa: S105 - the name of a kind


class Severity(StrEnum):
    """How bad it is that this lies where it was found."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


# The family of what is known by its public half: the same key is one, whichever kind its formats make of it.
PAIR = "pair"


@dataclass(frozen=True, slots=True)
class Detection:
    """Key material recognised in some bytes.

    ``identity`` is the canonical form of the key, the same for every copy, encoding and file format of it: for a key
    pair the DER SubjectPublicKeyInfo of its public half (so that the same key in PEM and OpenSSH form is one), for a
    git-crypt key its AES and HMAC keys, for a token the token. What is fingerprinted is this, together with
    ``family``. ``start`` and ``end`` delimit it in the bytes looked at. ``description`` is for people and holds no
    value: ``ed25519``, ``named key "ops"``. ``protected`` says that a passphrase guards it. ``public`` is its public
    half as DER SubjectPublicKeyInfo where there is one. ``severity`` is given where this one is better or worse than
    its kind (:mod:`harden_secrets.severity`).
    """

    material: Material
    identity: Confidential
    start: int
    end: int
    description: str = ""
    protected: bool = False
    public: bytes | None = None
    family: str = ""  # PAIR where identity is a public half; by default the material's own name
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known about bytes besides themselves; all of it text that somebody wrote.

    ``file`` is the name of the file as given (``infra/wg0.conf``), ``name`` what the value is called where it stands
    (the key of a mapping, the name of an environment variable or file in an archive), ``siblings`` the names and
    texts beside it in the same mapping (environment variables of one container, say), ``image`` the container's
    image, ``object_kind`` and ``secret_type`` those of the Kubernetes object it is a field of.
    """

    file: str = ""
    name: str = ""
    siblings: Mapping[str, str] = field(default_factory=dict)
    image: str = ""
    object_kind: str = ""
    secret_type: str = ""


class Encoding(IntEnum):
    """How a signature is written where it stands: as it is, or in one of the encodings that text is searched for."""

    PLAIN = 0
    BASE64 = 1
    HEXADECIMAL = 2
    PERCENT = 3


@dataclass(frozen=True, slots=True)
class Signature:
    """What must stand in some bytes before a closer look at them pays.

    ``pattern`` is a regular expression over bytes in the dialect common to Python's ``re`` and Hyperscan (no
    look-around, no back-references, no unbounded repeats of a dot). ``literal`` patterns are plain bytes, of which the
    encoded forms (base64 at its three alignments, twice base64, hexadecimal, UTF-16) are searched for too, if
    ``encoded``. ``encoding`` says that the pattern itself is in one: what it finds has to be decoded first.
    Of one that is not ``plain`` only the encoded forms are searched for: what stands as it is has better signatures.
    A ``bare`` pattern has no bytes that are always the same: it costs most, and is not searched for in program text.
    """

    pattern: bytes
    literal: bool = True
    encoded: bool = True
    ignore_case: bool = False
    encoding: Encoding = Encoding.PLAIN
    plain: bool = True
    bare: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Detector:
    """One kind of key material: when to look, and how to know it for what it is.

    ``detect(content, surroundings)`` parses; it raises nothing for any input and takes time linear in it.
    """

    name: str
    signatures: tuple[Signature, ...]
    detect: Callable[[bytes, Surroundings], Iterable[Detection]]


def detections(detectors: Iterable[Detector], content: bytes, surroundings: Surroundings) -> Iterator[Detection]:
    """Everything that the detectors recognise, in their order."""
    for detector in detectors:
        yield from detector.detect(content, surroundings)
