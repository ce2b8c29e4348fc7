"""Which names of settings say that their value is a password, and which that it is something about one."""

import re
from enum import Enum

_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_PASSWORD = frozenset({"password", "passwd", "pwd", "passphrase", "psw", "pass", "userpassword", "rootpassword"})
_TOKEN = frozenset({"token", "secret", "apikey", "authtoken", "accesstoken", "secretkey"})
_KEYS = frozenset(
    {("api", "key"), ("access", "key"), ("secret", "key"), ("auth", "key"), ("key", "base"), ("private", "token")}
)
# `existingSecret: name`, `imagePullSecret: name`, `tlsSecret: name`, `usePassword: true`: about a secret, not one.
_ABOUT_WORDS = (
    "existing image pull use enable enabled disable create generate require allow tls ssl cert certificate ca store "
    "ref name has is no without show forgot reset change cancel page next continue previous csrf xsrf max min total "
    "input output prompt eos bos pad unk special id grant external type request lifecycle action idempotency "
    "continuation sync cancellation checksum hash digest fingerprint"
)
_ABOUT = frozenset(_ABOUT_WORDS.split())
_NOT_SECRET = (["client", "token"], ["task", "token"], ["upload", "token"])  # what makes a request unique
_JOINED = re.compile(r"([a-z]{2,12})(?:password|passwd|passphrase)|(?:ssh|db|my|root|admin)pass")
_ENVIRONMENT = re.compile(r"[A-Z][A-Z0-9_]{2,}")


class Claim(Enum):
    """What a name says of its value."""

    NOTHING = 0
    TOKEN = 1  # a secret by its last word, which often names a thing (`secret: my-tls`) instead
    PASSWORD = 2


def claim(name: str) -> Claim:
    """What the name (``dbPassword``, ``DB_PASSWORD_2``, ``--api-key``, ``ldap.bind.secret``) says of its value."""
    words = [part.lower() for part in _PARTS.findall(name)]
    while words and words[-1].isdigit():
        words.pop()
    if not words or len(words) > 12 or _ABOUT.intersection(words[:-1]):
        return Claim.NOTHING
    if words in _NOT_SECRET:
        return Claim.NOTHING
    if words[-1] in _PASSWORD or _is_joined(words[-1]) or words[-2:] == ["pass", "word"] or name.endswith("_PW"):
        return Claim.PASSWORD
    if words[-1] in _TOKEN or tuple(words[-2:]) in _KEYS:
        return Claim.TOKEN
    return Claim.NOTHING


def _is_joined(word: str) -> bool:
    """``pgpassword``, ``dbpassword``: in one word with what the password is of."""
    first = _JOINED.fullmatch(word)
    return first is not None and first[1] not in _ABOUT


def is_environment(name: str) -> bool:
    """Whether it is spelt as names of environment variables are: ``DB_PASSWORD``."""
    return _ENVIRONMENT.fullmatch(name) is not None
