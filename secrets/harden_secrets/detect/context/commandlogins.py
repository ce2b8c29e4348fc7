"""Passwords in the arguments of well-known commands, in headers of HTTP, and in what ``chpasswd`` reads.

Arguments stand behind each other in a script, or as strings of a list (``command: [curl, "-u", "admin:…"]``).
Sources: the commands' man pages; RFC 7617 for ``Authorization: Basic``; cloud-init's module "Set Passwords".
"""

import base64
import binascii
import re
from collections.abc import Iterator

from harden_secrets.confidential import Confidential
from harden_secrets.detect import quiet
from harden_secrets.detect.filekind import is_binary, is_code, is_illustration
from harden_secrets.detect.settings import OF_SECRET
from harden_secrets.detect.tokens.form import compiled
from harden_secrets.material import Detection, Detector, Material, Signature, Surroundings

_GAP = rb"(?:[\s,\\]|\\n|[\"'](?=[\s,\"'\\]|-)|(?<=[\s,\\])[\"'])"  # between two arguments
_REST = rb"[^\n;|&]{0,300}?" + _GAP  # arguments before the one that matters
_JOINED = rb"(?P<plain>[^\s\"'\\,;|&<>()\]]{6,200})"
_VALUE = rb"(?:\\?\"(?P<double>[^\"\\\s]{6,200})\\?\"|\\?'(?P<single>[^'\\\s]{6,200})\\?'|" + _JOINED + rb")"
_DATABASES = rb"\b(?:mysql|mysqldump|mysqladmin|mariadb|mariadb-dump|mariadb-admin|mongo|mongosh|mongodump)\b"
_COMMANDS = (
    (rb"sshpass" + _GAP + rb"{1,4}-p" + _GAP + rb"{0,4}" + _VALUE, "in an argument of sshpass"),
    (
        rb"\bcurl\b" + _REST + rb"(?:-[a-zA-Z]{0,6}u|--user)(?:=|" + _GAP + rb"{1,4})[\"']?"
        rb"(?P<user>[^\s:\"'\\]{1,80}):" + _JOINED,
        "in an argument of curl",
    ),
    (
        rb"\b(?:mysql|mysqldump|mysqladmin|mariadb|mariadb-dump|mariadb-admin|mongo|mongosh|mongodump)\b" + _REST
        + rb"[\"']?-p[\"']?" + _JOINED,
        "in an argument of a database's client",
    ),
    (
        rb"\b(?:(?:docker|podman|nerdctl|buildah|skopeo|crane|oras|oc|az|argocd)|helm[ ]registry)" + _GAP
        + rb"{1,4}login\b" + _REST + rb"-p(?:=|" + _GAP + rb"{1,4})" + _VALUE,
        "in an argument of login",
    ),
    (
        rb"\bhtpasswd" + _GAP + rb"{1,4}-[a-zA-Z]{0,6}b[a-zA-Z]{0,6}" + _GAP
        + rb"{1,4}(?:[^\s\"']{1,200}" + _GAP + rb"{1,4})?[A-Za-z0-9_.@-]{1,80}" + _GAP + rb"{1,4}" + _VALUE,
        "in an argument of htpasswd",
    ),
    (
        rb"echo[ \t]+[\"']?(?P<user>[a-z_][a-z0-9_-]{0,31}):" + _JOINED
        + rb"[\"']?[ \t]*\|[ \t]*(?:sudo[ \t]+)?chpasswd\b",
        "read by chpasswd",
    ),
)  # fmt: skip
_BASIC = rb"(?i:basic)[ \t]{1,4}(?P<login>[A-Za-z0-9+/]{12,400}={0,2})(?![A-Za-z0-9+/=])"
_CHPASSWD = (
    rb"(?m)^[ \t]*chpasswd:[ \t]*\n(?:[ \t]+\w[^\n]*\n){0,3}?"
    rb"[ \t]+list:[ \t]*[|>]?[+-]?[ \t]*\n(?P<lines>(?:[ \t]+[^\n]+\n?){1,50})"
)
_LOGIN_LINE = rb"(?m)^[ \t]*(?:-[ \t]+)?[\"']?(?P<user>[a-z_][a-z0-9_-]{0,31}):(?P<plain>[^\s\"':]{6,200})"
_GROUPS = ("double", "single", "plain")


def detect(content: bytes, surroundings: Surroundings) -> Iterator[Detection]:
    """Literal ones that are more than a dummy."""
    if is_illustration(surroundings.file) or is_binary(content):
        return
    for pattern, description in _COMMANDS:
        for match in compiled(pattern).finditer(content):
            yield from _literal(match, description)
    for match in compiled(_BASIC).finditer(content) if not is_code(surroundings.file) else ():
        yield from _basic(match)
    if b"chpasswd:" in content:
        for block in compiled(_CHPASSWD).finditer(content):
            for match in compiled(_LOGIN_LINE).finditer(content, *block.span("lines")):
                yield from _literal(match, "read by chpasswd")


def _literal(match: re.Match[bytes], description: str) -> Iterator[Detection]:
    groups = match.groupdict()
    group = next(name for name in _GROUPS if groups.get(name) is not None)
    text = match[group].decode("latin-1")
    user = (groups.get("user") or b"").decode("latin-1")
    if _is_password(text, user):
        yield Detection(Material.PASSWORD, Confidential(match[group]), *match.span(group), description)


def _is_password(text: str, user: str) -> bool:
    """A person typed it there because it is one, so it may be a weak one; a path or a name is none."""
    digit_and_letter = any(map(str.isdigit, text)) and any(map(str.isalpha, text))
    return digit_and_letter and text.isprintable() and not quiet.is_quiet(text) and not quiet.is_weak(text, user)


def _basic(match: re.Match[bytes]) -> Iterator[Detection]:
    try:
        login = base64.b64decode(match["login"], validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return
    user, colon, password = login.partition(":")
    if colon and login.isprintable() and len(password) >= 6 and _is_password(password, user):
        value = Confidential(password.encode())
        yield Detection(Material.PASSWORD, value, *match.span("login"), "in a header of HTTP")


_NEAR = rb"[^\n;|&]{0,120}"

DETECTOR = Detector(
    "command-login",
    (
        Signature(rb"sshpass[\s\"',\\]{1,20}-p", literal=False, encoded=False),
        Signature(
            rb"\bcurl\b" + _NEAR + rb"(?:-[a-zA-Z]{0,6}u|--user)[\s\"',=\\]{1,20}[^\s:\"'\\]{1,80}:[^\s\"'\\${}<]{6}",
            literal=False,
            encoded=False,
        ),
        Signature(
            rb"\b(?:mysql|mysqldump|mysqladmin|mariadb|mariadb-dump|mariadb-admin|mongo|mongosh|mongodump)\b"
            + _NEAR
            + rb"[\s\"']-p[\"']?[^\s\"'\\${}<]{6}",
            literal=False,
            encoded=False,
        ),
        Signature(
            rb"\blogin\b" + _NEAR + rb"[\s\"']-p[=\s\"',\\]{1,20}[^\s\"'\\${}<]{6}", literal=False, encoded=False
        ),
        Signature(rb"htpasswd[\s\"',\\]{1,20}-[a-zA-Z]{0,6}b", literal=False, encoded=False),
        Signature(b"chpasswd"),
        Signature(rb"basic {1,4}[A-Za-z0-9+/]{16}", literal=False, encoded=False, ignore_case=True),
        OF_SECRET,
    ),
    detect,
)
