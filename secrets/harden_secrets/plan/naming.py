"""Names that a plan makes up: of keys, of fields in Vault, of Secrets. Pure."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from harden_secrets.inventory.model import SecretKind
from harden_secrets.material import Material
from harden_secrets.plan.held import Held

_KINDS = {
    Material.SSH_PRIVATE_KEY: SecretKind.SSH_KEY,
    Material.GIT_CRYPT_KEY: SecretKind.GIT_CRYPT,
    Material.WIREGUARD_PRIVATE_KEY: SecretKind.WIREGUARD,
    Material.WIREGUARD_PRESHARED_KEY: SecretKind.WIREGUARD,
    Material.PASSWORD: SecretKind.PASSWORD,
}
_FIELDS = {
    Material.GIT_CRYPT_KEY: "key",
    Material.SSH_PRIVATE_KEY: "private_key",
    Material.WIREGUARD_PRIVATE_KEY: "private_key",
    Material.WIREGUARD_PRESHARED_KEY: "preshared_key",
    Material.PASSWORD: "password",
}
RESERVED = "harden_encoding"
# What people choose, or may have chosen a part of: how long it is is nobody's business.
_CHOSEN = frozenset({Material.PASSWORD, Material.SYMMETRIC_KEY, Material.KUBECONFIG, Material.DOCKER_CONFIG})
_LONGEST = 253  # of an object's name, RFC 1123 subdomain
_WITH_ROOM = _LONGEST - len("-vault-9999")


def kind(material: Material) -> SecretKind:
    """How a key of this material is rotated; `opaque` where harden has no way of its own."""
    return _KINDS.get(material, SecretKind.OPAQUE)


def field(material: Material, key: str, taken: Collection[str]) -> str:
    """A name for a field in Vault: letters, digits and underscores, so that no template can misread it."""
    return numbered(_FIELDS.get(material) or plain_field(key), {*taken, RESERVED}, "_")


def has_telling_size(material: Material) -> bool:
    """Whether the number of its bytes tells a person which form it has, and nobody what it is."""
    return material not in _CHOSEN


def plain_field(key: str) -> str:
    """The name of a field for an entry of any name."""
    return re.sub(r"[^A-Za-z0-9_]", "_", key).strip("_") or "value"


def secret(names: Sequence[Held], taken: Collection[str]) -> str:
    """What a key is called: as the object that holds most of its copies; a literal as its object and variable."""
    called = Counter(_called(one) for one in names)
    return numbered(called.most_common(1)[0][0], taken, "-")


def _called(one: Held) -> str:
    return object_name(f"{one.object.name}-{one.key}") if one.is_literal else one.object.name


def known(fingerprints: Iterable[str], moved: Mapping[str, tuple[str, str]], taken: Collection[str]) -> tuple[str, str]:
    """Name and path of a key that was moved before, or two empty texts: what is left of it goes to the same place."""
    for fingerprint in fingerprints:
        name, path = moved.get(fingerprint, ("", ""))
        if name and name not in taken:
            return name, path
    return "", ""


def object_name(text: str) -> str:
    """A name that Kubernetes takes for an object (RFC 1123)."""
    made = re.sub(r"[^a-z0-9.-]+", "-", text.lower()).strip("-.")
    return made[:_LONGEST].rstrip("-.") or "secret"


def delivered(name: str, taken: Collection[str]) -> str:
    """The name of a Secret that is delivered for an object: its own where that is free, else with `-vault`."""
    return name if name not in taken else numbered(f"{object_name(name[:_WITH_ROOM])}-vault", taken, "-")


def numbered(name: str, taken: Collection[str], between: str) -> str:
    """The name, or with the first number that makes it free."""
    made, number = name, 2
    while made in taken:
        made, number = f"{name}{between}{number}", number + 1
    return made
