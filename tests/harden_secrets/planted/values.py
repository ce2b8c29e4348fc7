"""What is planted: one value of some kinds, made once a run."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from harden_secrets.material import Material
from tests.harden_secrets.keys import pem, signers, ssh, symmetric
from tests.harden_secrets.keys.catalogue import KINDS
from tests.harden_secrets.tokens.standing import STANDING


@dataclass(frozen=True)
class Value:
    """A key or token as the bytes of a file that holds nothing else."""

    name: str
    material: Material
    content: bytes

    @property
    def text(self) -> str | None:
        """The same as text, if it is text."""
        return self.content.decode() if self.content.isascii() and b"\0" not in self.content else None


_SEVERAL: dict[str, tuple[Material, Callable[[], bytes]]] = {
    "openssh": (Material.SSH_PRIVATE_KEY, ssh.openssh),
    "pem": (Material.TLS_PRIVATE_KEY, pem.pkcs8),
    "git-crypt": (Material.GIT_CRYPT_KEY, symmetric.git_crypt),
    "age": (Material.AGE_IDENTITY, lambda: signers.age().splitlines()[-1]),
    "github": (Material.VCS_TOKEN, lambda: STANDING["github-personal"][1]().encode()),
}
SEVERAL = tuple(_SEVERAL)
KEYS = tuple(kind.name for kind in KINDS)
TOKENS = tuple(STANDING)


@cache
def value(name: str) -> Value:
    """The value of this name: one of ``SEVERAL``, ``KEYS`` or ``TOKENS``."""
    if name in _SEVERAL:
        material, make = _SEVERAL[name]
        return Value(name, material, make())
    if name in STANDING:
        material, token = STANDING[name]
        return Value(name, material, token().encode())
    kind = next(kind for kind in KINDS if kind.name == name)
    return Value(name, kind.material, kind.make())
