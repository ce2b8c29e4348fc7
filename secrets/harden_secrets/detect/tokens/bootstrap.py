"""Tokens with which nodes join a cluster: Kubernetes' bootstrap tokens, Talos's of the same form, k3s's and RKE2's."""

import re
from collections.abc import Iterator

from harden_secrets.confidential import Confidential
from harden_secrets.detect import quiet
from harden_secrets.detect.settings import MARKS, OF_SECRET
from harden_secrets.detect.siblings import sibling
from harden_secrets.detect.tokens.form import compiled
from harden_secrets.material import Detection, Detector, Material, Signature, Surroundings

_TOKEN = rb"[a-z0-9]{6}\.[a-z0-9]{16}"
_SECRET_TYPE = "bootstrap.kubernetes.io/token"  # noqa: S105 - the name of a kind
# Where a text of that form is a token: kubeadm's command line and configuration, a kubelet's first configuration.
_IN_TEXT = (
    rb"(?i:token)(?P<sign>[=\s]{1,4}|\s{1,4}create\s{1,4}|\\{0,3}[\"']?\s{0,4}[:=]\s{0,4})\\{0,3}[\"']?"
    rb"(?P<token>" + _TOKEN + rb")(?![A-Za-z0-9.])"
)
_CERTAIN = rb"(?i)(?:--(?:[a-z-]{1,20}-)?|kubeadm\s{1,4}|bootstrap-?)\Z"
_K3S = rb"(?<![A-Za-z0-9])K10[0-9a-f]{64}::(?:server:|node:)?(?P<token>[A-Za-z0-9._-]{6,128})"
_IN_SECRET = (
    rb"token-id[\"']?\s*:\s*[\"']?(?P<id>[a-z0-9]{6})\b[\s\S]{0,400}?token-secret[\"']?\s*:\s*[\"']?(?P<secret>[a-z0-9]{16})\b"
    rb"|token-secret[\"']?\s*:\s*[\"']?(?P<secret2>[a-z0-9]{16})\b[\s\S]{0,400}?token-id[\"']?\s*:\s*[\"']?(?P<id2>[a-z0-9]{6})\b"
)


def detect(content: bytes, surroundings: Surroundings) -> Iterator[Detection]:
    """Tokens in the fields of a bootstrap Secret, in kubeadm's commands and files, and of k3s."""
    yield from _field(content, surroundings)
    for match in compiled(_IN_TEXT).finditer(content):
        # `module.somethinglonglike` has the form of a token too, but a generator gives digits: all but one in 1,000.
        certain = compiled(_CERTAIN).search(content, max(0, match.start() - 30), match.start())
        if certain or _mixed(match["token"].decode()):
            yield from _detection(match["token"], *match.span("token"))
    if b"token-secret" in content:
        for match in compiled(_IN_SECRET).finditer(content):
            group = "secret" if match["secret"] else "secret2"
            yield from _detection((match["id"] or match["id2"]) + b"." + match[group], *match.span(group))
    if b"K10" in content:
        for match in compiled(_K3S).finditer(content):
            if not quiet.is_placeholder(match["token"].decode()):
                yield _found(match[0], *match.span(), "k3s or RKE2")


def _field(content: bytes, surroundings: Surroundings) -> Iterator[Detection]:
    text = content.strip()
    start = content.find(text)
    if surroundings.name == "token-secret" and re.fullmatch(rb"[a-z0-9]{16}", text):
        identifier = sibling(surroundings, "token-id")
        if identifier is not None or surroundings.secret_type == _SECRET_TYPE:
            yield from _detection((identifier or b"") + b"." + text, start, start + len(text))
    elif "token" in surroundings.name.lower() and re.fullmatch(_TOKEN, text) and _mixed(text.decode()):
        yield from _detection(text, start, start + len(text))


def _detection(token: bytes, start: int, end: int) -> Iterator[Detection]:
    identifier, _, secret = token.decode().partition(".")
    if not any(map(quiet.is_placeholder, (f"{identifier}.{secret}", secret))) and quiet.entropy(secret) > 2:
        yield _found(token, start, end, "kubeadm")


def _found(token: bytes, start: int, end: int, description: str) -> Detection:
    return Detection(Material.BOOTSTRAP_TOKEN, Confidential(token), start, end, description)


def _mixed(token: str) -> bool:
    return any(map(str.isdigit, token))


DETECTOR = Detector(
    "bootstrap-token",
    (
        Signature(
            rb"token" + MARKS + rb"[\s:=]{1,6}" + MARKS + rb"[a-z0-9]{6}\.[a-z0-9]{16}", literal=False, encoded=False
        ),
        OF_SECRET,
        Signature(b"bootstrap.kubernetes.io/token"),
        Signature(rb"K10[0-9a-f]{64}::", literal=False, encoded=False),
    ),
    detect,
)
