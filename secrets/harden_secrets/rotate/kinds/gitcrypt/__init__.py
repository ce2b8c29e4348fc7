"""Keys of git-crypt: a repository encrypted anew, without its plaintext touching a disk."""

from harden_secrets.rotate.kinds.gitcrypt.making import gitcrypt_rotator

__all__ = ["gitcrypt_rotator"]
