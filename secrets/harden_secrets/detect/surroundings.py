"""What the surroundings of a key say about it, besides its bytes."""

import re

from harden_secrets.material import Material, Surroundings

_SSH = re.compile(r"(?i)(?<![a-z])ssh|(?<![a-z])id_(?:rsa|dsa|ecdsa|ed25519)|deploy[_-]?key")
_SSH_AUTH = "kubernetes.io/ssh-auth"


def pair_material(surroundings: Surroundings) -> Material:
    """What a key pair in PEM or DER is for: SSH where a name or the type of the Secret says so, else TLS."""
    if surroundings.secret_type == _SSH_AUTH or _SSH.search(surroundings.name):
        return Material.SSH_PRIVATE_KEY
    folder_and_file = "/".join(surroundings.file.split("/")[-2:])
    return Material.SSH_PRIVATE_KEY if _SSH.search(folder_and_file) else Material.TLS_PRIVATE_KEY
