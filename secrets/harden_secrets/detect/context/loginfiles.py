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
_MYCNF = (
    rb"\[(?:client|mysql|mysqldump|mysqladmin|mysqld)\][^\[]{0,2000}?\n"
    rb"\s*password\s*=\s*[\"']?(?P<password>[^\s\"'#]{3,200})"
)


def detect(content: bytes, surroundings: Surroundings) -> Iterator[Detection]:
    """The passwords in them, of any strength but not placeholders."""
    if is_code(surroundings.file) or is_illustration(surroundings.file) or is_binary(content):
        return
    if b"machine" in content:
        yield from _passwords(_NETRC, content, "in a .netrc line")
    if surroundings.file.endswith("pgpass") or surroundings.name.endswith("pgpass") or b":5432:" in content:
        yield from _passwords(_PGPASS, content, "in a .pgpass line")
    if b"[client" in content or b"[mysql" in content:
        yield from _passwords(_MYCNF, content, "in an option file of MySQL")


def _passwords(pattern: bytes, content: bytes, description: str) -> Iterator[Detection]:
    for match in compiled(pattern).finditer(content):
        password = match["password"].decode("latin-1")
        user = (match.groupdict().get("user") or b"").decode("latin-1")
        if not quiet.is_quiet(password) and not quiet.is_weak(password, user):
            value = Confidential(match["password"])
            yield Detection(Material.PASSWORD, value, *match.span("password"), description)


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
        OF_SECRET,
    ),
    detect,
)
