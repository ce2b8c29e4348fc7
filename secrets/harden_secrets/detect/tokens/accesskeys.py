"""Access keys that are an identifier and a secret: AWS and S3-like stores, Alibaba Cloud, Tencent Cloud.

The secret alone has no form of its own: 40 characters of base64, say. It is known by its name, or by the identifier
that stands near it. An identifier alone opens nothing, but tells of a secret that may be near.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from harden_secrets.confidential import Confidential
from harden_secrets.detect import quiet
from harden_secrets.detect.settings import MARKS, OF_SECRET, Setting, settings
from harden_secrets.detect.siblings import sibling_texts
from harden_secrets.detect.tokens.form import compiled, without_looking
from harden_secrets.material import Detection, Detector, Material, Severity, Signature, Surroundings

_LENGTHS = frozenset({30, 32, 40})  # of secrets
_NEAR = 300  # bytes around an identifier in which its secret may stand


Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Provider:
    name: str
    description: str
    identifier: bytes
    identifiers: tuple[bytes, ...]  # how they begin
    secret: bytes
    secret_names: bytes

    @property
    def whole(self) -> bytes:
        """The secret, and nothing that goes on before or after it."""
        return rb"(?<![A-Za-z0-9/+=_-])(?:" + self.secret + rb")(?![A-Za-z0-9/+=_-])"

    def found(self, content: bytes, named: list[Setting], surroundings: Surroundings) -> Iterator[Detection]:
        """Secrets by name or near an identifier; identifiers by themselves."""
        spans = {*self._of_field(content, surroundings), *self._named(content, named)}
        for identifier in self._identifiers(content):
            near = set(self._near(content, identifier))
            spans |= near
            if not near and not self._secret_beside(surroundings):
                yield self._lone(content, identifier)
        for start, end in sorted(spans):
            yield Detection(Material.CLOUD_CREDENTIAL, Confidential(content[start:end]), start, end, self.description)

    def _lone(self, content: bytes, span: Span) -> Detection:
        owner = self.description.rpartition(" secret")[0].removesuffix(" access key")
        description = f"{owner} access key identifier without its secret"
        token = Confidential(content[span[0] : span[1]])
        return Detection(Material.CLOUD_CREDENTIAL, token, *span, description, severity=Severity.LOW)

    def _identifiers(self, content: bytes) -> Iterator[Span]:
        if any(prefix in content for prefix in self.identifiers):
            for match in compiled(self.identifier).finditer(content):
                if not quiet.is_dummy_token(match[0].decode()):
                    yield match.span()

    def _near(self, content: bytes, identifier: Span) -> Iterator[Span]:
        first, last = max(0, identifier[0] - _NEAR), identifier[1] + _NEAR
        for match in compiled(self.whole).finditer(content, first, last):
            if match.start() not in range(*identifier) and _is_secret(match[0]):
                yield match.span()

    def _of_field(self, content: bytes, surroundings: Surroundings) -> Iterator[Span]:
        text = content.strip()
        if compiled(self.secret).fullmatch(text) and _is_secret(text) and self._is_named(surroundings):
            start = content.index(text)
            yield start, start + len(text)

    def _is_named(self, surroundings: Surroundings) -> bool:
        if self._is_name(surroundings.name):
            return True
        return "secret" in surroundings.name.lower() and any(
            compiled(self.identifier).search(value) for _, value in sibling_texts(surroundings)
        )

    def _named(self, content: bytes, named: list[Setting]) -> Iterator[Span]:
        for setting in named:
            value = content[setting.start : setting.end]
            if compiled(self.secret).fullmatch(value) and _is_secret(value) and self._is_name(setting.name):
                yield setting.start, setting.end

    def _is_name(self, name: str) -> bool:
        return compiled(self.secret_names).search(name.lower().encode()) is not None

    def _secret_beside(self, surroundings: Surroundings) -> bool:
        secret = compiled(self.secret)
        return any(
            "secret" in name.lower() and secret.fullmatch(value.strip()) is not None
            for name, value in sibling_texts(surroundings)
        )


_PROVIDERS = (
    _Provider(
        "aws",
        "AWS secret access key",
        rb"(?<![A-Za-z0-9+/])A[KS]IA[A-Z2-7]{16}(?![A-Za-z0-9+/=])",
        (b"AKIA", b"ASIA"),
        rb"[A-Za-z0-9/+]{40}",
        rb"(?:aws|s3|minio|r2|spaces|wasabi|b2)[a-z_.-]{0,16}secret[a-z_.-]{0,16}|secret_?access_?key",
    ),
    _Provider(
        "alibaba",
        "Alibaba Cloud access key secret",
        rb"(?<![A-Za-z0-9+/])LTAI[A-Za-z0-9]{12,20}(?![A-Za-z0-9+/=])",
        (b"LTAI",),
        rb"[A-Za-z0-9]{30}",
        rb"(?:alibaba|alicloud|aliyun|oss)[a-z_.-]{0,16}secret[a-z_.-]{0,16}",
    ),
    _Provider(
        "tencent",
        "Tencent Cloud secret key",
        rb"(?<![A-Za-z0-9+/])AKID[A-Za-z0-9]{32}(?![A-Za-z0-9+/=])",
        (b"AKID",),
        rb"[A-Za-z0-9]{32}",
        rb"(?:tencent|qcloud|cos)[a-z_.-]{0,16}secret[a-z_.-]{0,16}",
    ),
)


def detect(content: bytes, surroundings: Surroundings) -> Iterator[Detection]:
    """The access keys of all providers."""
    named = [setting for setting in settings(content) if setting.end - setting.start in _LENGTHS]
    for provider in _PROVIDERS:
        yield from provider.found(content, named, surroundings)


def _signatures(provider: _Provider) -> tuple[Signature, ...]:
    bare = without_looking(provider.identifier)
    names = rb"(?:" + provider.secret_names + rb")" + MARKS + rb"\s{0,8}[:=]\s{0,8}" + MARKS + rb"[A-Za-z0-9/+]{30}"
    return (
        Signature(bare, literal=False, encoded=False),
        Signature(names, literal=False, encoded=False, ignore_case=True),
        *(Signature(prefix) for prefix in provider.identifiers if prefix in {b"AKIA", b"LTAI"}),  # the others are words
    )


def _is_secret(token: bytes) -> bool:
    """Whether it may be the secret: random, and neither a commit (hexadecimal) nor a path or an identifier."""
    text = token.decode()
    classes = (any(map(str.isdigit, text)), any(map(str.isupper, text)), any(map(str.islower, text)))
    return all(classes) and quiet.looks_random(text) and re.fullmatch(r"[0-9a-fA-F]+", text) is None


ACCESS_KEY_DETECTOR = Detector(
    "access-key",
    (OF_SECRET, *(signature for provider in _PROVIDERS for signature in _signatures(provider))),
    detect,
)
