"""Files that hold logins in a form of their own: .netrc, .pgpass, my.cnf, .git-credentials is an address.

Sources: ftp(1) for .netrc, "The Password File" of PostgreSQL's documentation, "Using Option Files" of MySQL's.
"""

from collections.abc import Iterator

from harden_secrets.confidential import Confidential
from harden_secrets.detect import quiet
from harden_secrets.detect.filekind import is_binary, is_code, is_illustration
from harden_secrets.detect.settings import BREAK, OF_SECRET
from harden_secrets.detect.tokens.form import compiled
from harden_secrets.material import Detection, Detector, Material, Signature, Surroundings

_NETRC = (
    rb"\bmachine\s{1,8}[A-Za-z0-9._:-]{1,250}\s{1,80}login\s{1,8}(?P<user>\S{1,250})\s{1,80}password\s{1,8}"
    rb"(?P<password>\S{1,400})"
)
_PGPASS = (
    rb"(?m)^(?P<host>[A-Za-z0-9._*-]{1,250}):(?:[0-9]{1,5}|\*):(?P<base>[^:\n\s]{1,63}):(?P<user>[^:\n\s]{1,63}):"
    rb"(?P<password>(?:\\.|[^:\\\n\r])(?:\\.|[^\\\n\r:]){2,400})[\r]?$"
)
_NPMRC = (
    rb"(?m)^[ \t]*(?://[^\s:]{1,250}(?::\d{1,5})?[^\s:=]{0,250}:)?"
    rb"_(?:auth|password|authToken)[ \t]{0,4}=[ \t]{0,4}[\"']?"
    rb"(?P<password>[A-Za-z0-9+/=_.-]{8,2000})[\"']?[ \t]*\r?$"
)
_WIFI = (
    rb"(?m)^[ \t]*(?:option[ \t]+key[ \t]+|psk[ \t]*=[ \t]*|wpa_passphrase=)"
    rb"[\"']?(?P<password>[^\s\"']{8,64})[\"']?[ \t]*\r?$"
)
_MYCNF = (
    rb"\[(?:client|mysql|mysqldump|mysqladmin|mysqld)\][^\[]{0,2000}?\n"
    rb"\s*password\s*=\s*[\"']?(?P<password>[^\s\"'#]{3,200})"
)

_WIRELESS = rb"\bssid\b|\[wifi|key[-_]mgmt"
_DEFINED = (
    rb"define\s{0,4}\(\s{0,8}[\"'][A-Z_]{0,40}(?:PASSWORD|_PASS|_SALT|SECRET|AUTH_KEY|LOGGED_IN_KEY|NONCE_KEY|API_KEY)[\"']\s{0,8},"
    rb"\s{0,40}(?:\"(?P<other>[^\"\n]{8,200})\"|'(?P<password>[^'\n]{8,200})')"
)


def detect(content: bytes, surroundings: Surroundings) -> Iterator[Detection]:
    """The passwords in them, of any strength but not placeholders."""
    if surroundings.file.endswith(".php") and b"define" in content:
        yield from _passwords(_DEFINED, content, "defined in PHP")
    if is_code(surroundings.file) or is_illustration(surroundings.file) or is_binary(content):
        return
    if b"machine" in content:
        yield from _passwords(_NETRC, content, "in a .netrc line")
    if surroundings.file.endswith("pgpass") or surroundings.name.endswith("pgpass") or b":5432:" in content:
        yield from _passwords(_PGPASS, content, "in a .pgpass line")
    if b"_auth" in content or b"_password" in content:
        yield from _passwords(_NPMRC, content, "in a line of .npmrc")
    if compiled(_WIRELESS).search(content):
        yield from _passwords(_WIFI, content, "of a wireless network")
    if b"[client" in content or b"[mysql" in content:
        yield from _passwords(_MYCNF, content, "in an option file of MySQL")


def _passwords(pattern: bytes, content: bytes, description: str) -> Iterator[Detection]:
    for match in compiled(pattern).finditer(content):
        group = "password" if match["password"] is not None else "other"
        password = match[group].decode("latin-1")
        user = (match.groupdict().get("user") or b"").decode("latin-1")
        if not quiet.is_quiet(password) and not quiet.is_weak(password, user):
            value = Confidential(match[group])
            yield Detection(Material.PASSWORD, value, *match.span(group), description)


DETECTOR = Detector(
    "login-file",
    (
        Signature(rb"machine\s{1,8}[a-zA-Z0-9._:-]{1,100}" + BREAK + rb"login\s", literal=False, encoded=False),
        Signature(rb"\[(?:client|mysql|mysqldump|mysqladmin|mysqld)\]", literal=False, encoded=False),
        Signature(
            rb"[A-Za-z0-9._*-]:(?:[0-9]{4,5}|\*):[A-Za-z_*][A-Za-z0-9_*-]{0,62}:[A-Za-z_*][A-Za-z0-9_-]{0,62}:[^\s:]{3}",
            literal=False,
            encoded=False,
        ),
        Signature(rb"_(?:auth|password|authToken)[ \t]{0,4}=", literal=False, encoded=False),
        Signature(rb"psk[ \t]{0,4}=|option[ \t]{1,4}key[ \t]|wpa_passphrase=", literal=False, encoded=False),
        Signature(
            rb"define\s{0,4}\(\s{0,8}\\{0,3}[\"']{1,2}[A-Z_]{0,40}(?:PASSWORD|_PASS|_SALT|SECRET|_KEY)\\{0,3}[\"']",
            literal=False,
            encoded=False,
        ),
        OF_SECRET,
    ),
    detect,
)
