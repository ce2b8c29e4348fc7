"""Private keys among the fields of a secret, and new ones. Ed25519 only is made: short, and every OpenSSH has it."""

import base64
import hashlib
from dataclasses import dataclass
from typing import cast

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization.ssh import SSHPrivateKeyTypes

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.rotate.kinds.ssh.authorizedkeys import kind_of
from harden_secrets.rotate.rotator import Fields

_USUAL = "private_key"
_PUBLIC = "public_key"
_MARK = b"PRIVATE KEY-----"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A private key as its file has it, and the blob of the public one."""

    private: Confidential
    blob: bytes

    @property
    def kind(self) -> str:
        """Its type: ``ssh-ed25519``."""
        return kind_of(self.blob).decode("ascii", "replace")

    @property
    def fingerprint(self) -> str:
        """What sshd logs: ``SHA256:`` and base64 without padding."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).rstrip(b"=").decode()

    def public(self, comment: bytes) -> bytes:
        """The line of a ``.pub`` file, without its end."""
        return b" ".join(part for part in (kind_of(self.blob), base64.b64encode(self.blob), comment) if part)


def private_field(fields: Fields) -> str:
    """The name of the field that holds the private key: ``private_key``, or else the only one that does.

    Raises HardenError where there is none, or several.
    """
    holding = [name for name, value in fields.items() if _MARK in value.reveal()]
    if _USUAL in holding:
        return _USUAL
    if len(holding) == 1:
        return holding[0]
    what = f"several fields with a private key: {', '.join(sorted(holding))}" if holding else "no private key"
    raise HardenError(f"the secret in Vault has {what}", f'the key is looked for in the field "{_USUAL}"')


def pair_of(fields: Fields) -> KeyPair:
    """The key among the fields, in the format of OpenSSH whatever it was in.

    Raises HardenError if there is none, or it is protected by a passphrase.
    """
    name = private_field(fields)
    key = _loaded(fields[name], name)
    # Of another format ssh would not know the public half before it signs, and not say which key it offers.
    return KeyPair(Confidential(_file(key)), _public_blob(key))


def _loaded(private: Confidential, name: str) -> SSHPrivateKeyTypes:
    data = private.reveal().replace(b"\r\n", b"\n").strip() + b"\n"
    openssh = data.startswith(b"-----BEGIN OPENSSH")
    try:
        # Those that ssh has no use for are refused when they are written in its format.
        load = serialization.load_ssh_private_key if openssh else serialization.load_pem_private_key
        return cast(SSHPrivateKeyTypes, load(data, None))
    except TypeError:
        hint = "take the passphrase off (`ssh-keygen -p`), store the key, and start again: Vault is what protects it"
        raise HardenError(f'the private key in the field "{name}" is protected by a passphrase', hint) from None
    except (ValueError, UnsupportedAlgorithm):
        hint = "a key in the format of OpenSSH or PEM is needed, as ssh-keygen writes it"
        raise HardenError(f'what the field "{name}" holds can be read as no private key', hint) from None


def _file(key: SSHPrivateKeyTypes) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )


def _public_blob(key: SSHPrivateKeyTypes) -> bytes:
    written = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return base64.b64decode(written.split(b" ")[1])


def comment_of(fields: Fields, otherwise: str) -> bytes:
    """The comment of the public key among the fields; another where there is none."""
    public = fields.get(_PUBLIC)
    words = public.reveal().strip().split(None, 2) if public is not None else []
    return words[2] if len(words) == 3 and b"\n" not in words[2] else otherwise.encode()


def renewed(old: Fields, comment: bytes) -> Fields:
    """The fields with a new key in place of the old one; all others as they were.

    ``public_key`` is made anew where it is there.
    """
    key = Ed25519PrivateKey.generate()
    new = KeyPair(Confidential(_file(key)), _public_blob(key))
    fields = {**old, private_field(old): new.private}
    if _PUBLIC in old:
        fields[_PUBLIC] = Confidential(new.public(comment) + b"\n")
    return fields
