"""What is encrypted or sealed as a whole, and so holds nothing that could be seen."""

import re

_WHOLE = re.compile(
    rb"\A(?:\x00GITCRYPT\x00|\s*\$ANSIBLE_VAULT;|age-encryption\.org/v1\n|"
    rb"\s*-----BEGIN (?:AGE ENCRYPTED FILE|PGP MESSAGE)-----[^-]*-----END (?:AGE ENCRYPTED FILE|PGP MESSAGE)-----\s*\Z)"
)
_SOPS_VALUE = re.compile(rb"\A\s*ENC\[(?:AES256_GCM|PKCS7)[,A-Za-z0-9+/=]")


def is_encrypted(content: bytes) -> bool:
    """Whether all of it is a git-crypt blob, a file of ansible-vault or age, an armoured message, a value of SOPS."""
    return bool(_WHOLE.match(content) or _SOPS_VALUE.match(content))
