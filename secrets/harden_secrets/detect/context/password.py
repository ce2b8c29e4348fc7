"""Literal passwords in settings: dotenv, YAML, HCL, INI, shell, and the fields of objects."""

import re
from collections.abc import Iterator

from harden_secrets.confidential import Confidential
from harden_secrets.detect import quiet
from harden_secrets.detect.context.names import Claim, claim, is_environment
from harden_secrets.detect.filekind import is_binary, is_illustration, is_settings
from harden_secrets.detect.settings import BREAK, MARKS, OF_SECRET, Setting, settings, with_digit
from harden_secrets.detect.siblings import plain_text
from harden_secrets.detect.tokens.form import compiled
from harden_secrets.material import Detection, Detector, Material, Signature, Surroundings

_KNOWN_BETTER = frozenset({"Config", "EncryptionConfiguration"})  # other detectors know their fields
_KEY_NAME = "secretKey"  # of an external secret: what the key in the Secret is called
_EXTERNAL = frozenset({"ExternalSecret", "ClusterExternalSecret", "PushSecret"})
_SHORTEST, _LONGEST = 8, 400
_LONG = 16
_NO_WORD = re.compile(r"(?i)\A[a-z]*[bcdfghjklmnpqrstvwxz]{5}[a-z]*\Z")  # letters that nobody can say
_DESCRIBED = re.compile(
    r"(?i)crd|schema|openapi|swagger|package-lock|yarn\.lock|poetry\.lock|i18n|locale|/lang/|translations?"
)


def detect(content: bytes, surroundings: Surroundings) -> Iterator[Detection]:
    """Values whose name says that they are a password, and that are neither placeholder, template nor reference."""
    file = surroundings.file
    if surroundings.object_kind in _KNOWN_BETTER:
        return
    if not is_settings(file) or is_illustration(file) or _DESCRIBED.search(file) or is_binary(content):
        return
    if surroundings.name == _KEY_NAME and surroundings.object_kind in _EXTERNAL:
        return
    text = content.strip()
    named = claim(surroundings.name) if b"\n" not in text else Claim.NOTHING
    if named is not Claim.NOTHING and _is_no_schema(surroundings):
        if _is_secret_field(text, named, surroundings):
            yield _detection(text, content.index(text))
        return
    of_secret = compiled(OF_SECRET.pattern).search(content) is not None
    external = b"kind: ExternalSecret" in content
    for setting in settings(content):
        if external and setting.name == _KEY_NAME:
            continue
        value = content[setting.start : setting.end]
        password = (of_secret and plain_text(value)) or value
        if _is_secret_setting(password, setting):
            yield Detection(Material.PASSWORD, Confidential(password), setting.start, setting.end, "literal")


def _is_no_schema(surroundings: Surroundings) -> bool:
    """Whether it is the value itself, and not the default of something that a type is given for."""
    return "type" not in surroundings.siblings or "sensitive" in surroundings.siblings


def _is_secret_field(value: bytes, named: Claim, surroundings: Surroundings) -> bool:
    certain = surroundings.object_kind == "Secret" or is_environment(surroundings.name)
    user = next((text for name, text in surroundings.siblings.items() if "user" in name.lower()), "")
    return _is_literal(value, named, user=user, certain=certain)


def _is_secret_setting(value: bytes, setting: Setting) -> bool:
    named = claim(setting.name)
    if named is Claim.NOTHING or (setting.bare and (b"(" in value or value.startswith(b"="))):
        return False
    return _is_literal(value, named, certain=setting.flag or is_environment(setting.name))


def _is_literal(value: bytes, named: Claim, *, user: str = "", certain: bool) -> bool:
    """Whether the value is a password; ``certain`` where one is expected, so that weaker ones count as well."""
    if not _SHORTEST <= len(value) <= _LONGEST:
        return False
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return False
    if not text.isprintable() or quiet.is_quiet(text) or quiet.is_weak(text, user):
        return False
    made_up = named is Claim.PASSWORD and certain and " " not in text and _is_made_up(text)
    return made_up or quiet.is_strong(text)


def _is_made_up(text: str) -> bool:
    """A password that a person thought up: letters with a digit, or several signs; or letters that are no word."""
    signs = sum(not char.isalnum() for char in text)
    if _NO_WORD.search(text) and len(text) >= _LONG:
        return True
    return any(map(str.isalpha, text)) and (any(map(str.isdigit, text)) or signs >= 3)


def _detection(value: bytes, start: int) -> Detection:
    return Detection(Material.PASSWORD, Confidential(value), start, start + len(value), "literal")


_NAMES = rb"(?:passw(?:or)?d|passphrase|pwd|pass|secret|token|api[_-]?key|access[_-]?key|auth[_-]?key|secret[_-]?key)"
_IS = rb"(?:_?[0-9])?" + MARKS + rb"(?:[ \t]{0,4}[:=][ \t]{0,4}|>)" + MARKS
_ONE = rb"[^\s\"'{}()$<>,;|&*\[\]]"  # a character of a value that is no template, call, list or anchor
_INNER = rb"[^\s\"'{}()$<>,;|\[\]]"  # one after the first
_WITH_DIGIT = rb"(?:[0-9]" + _INNER + rb"{7}|" + _ONE + with_digit(_INNER, 7, 23) + rb")"
_QUOTED = rb"\\?[\"'](?:[0-9][^\s\"'${}<>\\]{7}|" + with_digit(rb"[^\s\"'${}<>\\]", 8, 24) + rb")"
_VALUE_IS = MARKS + rb",?" + BREAK + MARKS + rb"value" + MARKS + rb": {0,4}"  # a name, then its value
_BEGINNING = MARKS + _ONE + rb"{8}"

DETECTOR = Detector(
    "password",
    (
        Signature(_NAMES + _IS + _WITH_DIGIT, literal=False, encoded=False, ignore_case=True),
        Signature(
            _NAMES + MARKS + rb"[ \t]{0,4}[:=][ \t]{0,4}" + _QUOTED, literal=False, encoded=False, ignore_case=True
        ),
        # Without a digit: the cases mixed as words in camel case do not mix them, or where a password is expected.
        Signature(
            rb"(?i:passw(?:or)?d|passphrase|pwd)" + _IS + _ONE + rb"{0,14}[a-z][A-Z]{1,3}[a-z]{1,2}[A-Z]",
            literal=False,
            encoded=False,
        ),
        Signature(
            rb"[A-Z_](?:PASSWORD|PASSWD|PASSPHRASE|PASS|PWD)" + _IS + _ONE + rb"{8}", literal=False, encoded=False
        ),
        Signature(  # a line of dotenv: what a shell would take for a call or a list is a part of the value
            rb"(?:[A-Z_]|\b)(?:PASSWORD|PASSWD|PASSPHRASE|PASS|PWD|PW|SECRET|SECRET_KEY)(?:=|: )"
            rb"[^\s\"'$<>{}()\[\]=\\][^\s\"'\\]{7}",
            literal=False,
            encoded=False,
        ),
        OF_SECRET,
        Signature(  # in a Dockerfile
            rb"ENV [A-Z0-9_]{0,40}(?:PASSWORD|PASSWD|PASSPHRASE|PASS|PWD|SECRET|TOKEN|KEY)[ \t]{1,8}" + _ONE + rb"{8}",
            literal=False,
            encoded=False,
        ),
        # Terraform's state, and what `terraform output -json` prints; both words stand in descriptions of APIs, too
        Signature(
            rb"\"outputs\":\s{0,8}\{\s{0,40}\"[^\"]{1,100}\":\s{0,8}\{\s{0,40}\"(?:value|sensitive)\"",
            literal=False,
            encoded=False,
        ),
        Signature(
            rb"\"sensitive\":\s{0,4}true,\s{0,40}\"type\":\s{0,4}(?:\[|\"[a-z]{3,8}\",\s{0,40}\"value\":)",
            literal=False,
            encoded=False,
        ),
        Signature(b'"random_password"', encoded=False),
        Signature(rb"(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY)" + _VALUE_IS + _BEGINNING, literal=False, encoded=False),
        Signature(
            rb"--[a-z-]{0,20}(?:password|token|secret|api-key)[ =]" + MARKS + with_digit(_ONE, 8, 24),
            literal=False,
            encoded=False,
        ),
    ),
    detect,
)
