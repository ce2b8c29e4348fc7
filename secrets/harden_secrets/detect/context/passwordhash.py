"""Hashed passwords in files such as htpasswd and shadow: what guards the password is how hard it is to guess.

Sources: Apache's "Password Formats", crypt(5), shadow(5).
"""

from collections.abc import Iterator

from harden_secrets.confidential import Confidential
from harden_secrets.detect import quiet
from harden_secrets.detect.settings import OF_SECRET
from harden_secrets.detect.tokens.form import compiled
from harden_secrets.material import Detection, Detector, Material, Signature, Surroundings

_D = rb"\$\$?"  # doubled in compose files
_B64 = rb"[A-Za-z0-9./]"
_HASH = (
    rb"(?:" + _D + rb"apr1" + _D + _B64 + rb"{1,8}" + _D + _B64 + rb"{22}"
    rb"|" + _D + rb"2[aby]" + _D + rb"[0-9]{2}" + _D + _B64 + rb"{53}"
    rb"|" + _D + rb"[156]" + _D + rb"(?:rounds=[0-9]{1,9}" + _D + rb")?" + _B64 + rb"{1,16}" + _D + _B64 + rb"{22,86}"
    rb"|" + _D + rb"y" + _D + _B64 + rb"{1,6}" + _D + _B64 + rb"{1,86}" + _D + _B64 + rb"{43}"
    rb"|\{S?SHA\}[A-Za-z0-9+/]{27,44}={0,2})"
)  # fmt: skip
_LINE = rb"(?:^|[\s\"'`,>(=\\n-])[A-Za-z0-9_.@+-]{1,64}:(?P<hash>" + _HASH + rb")(?![A-Za-z0-9./$])"


def detect(content: bytes, _surroundings: Surroundings) -> Iterator[Detection]:
    """``user:hash``, as web servers and logins read it. The fingerprint is of the hash, as the password is unknown."""
    if b":$" not in content and b":{S" not in content:
        return
    for match in compiled(_LINE).finditer(content):
        text = match["hash"].replace(b"$$", b"$")
        if not quiet.is_dummy_token(text.decode()[-22:]):
            yield Detection(
                Material.PASSWORD, Confidential(text), *match.span("hash"), "hash of a password", protected=True
            )


DETECTOR = Detector(
    "password-hash",
    (
        Signature(rb":\${1,2}(?:apr1|2[aby]|[156y])\${1,2}[A-Za-z0-9./=]{1,20}\$", literal=False, encoded=False),
        Signature(b":$apr1$"),
        Signature(b":$2y$"),
        Signature(rb":\{S?SHA\}[A-Za-z0-9+/]{27}", literal=False, encoded=False),
        OF_SECRET,
    ),
    detect,
)
