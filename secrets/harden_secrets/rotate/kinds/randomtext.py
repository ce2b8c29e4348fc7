"""Passwords and tokens made at random."""

import secrets
import string

from harden_secrets.confidential import Confidential
from harden_secrets.inventory.randomness import ALPHABET

LENGTH = 32
_CLASSES = (string.ascii_lowercase, string.ascii_uppercase, string.digits, string.punctuation)


def random_text(alphabet: str = ALPHABET, length: int = LENGTH) -> Confidential:
    """Text of ``length`` characters of the alphabet, each equally likely, from the system's random source.

    It has one character at least of each class that the alphabet has (small letters, capitals, digits, others): many
    servers insist on that. Whole texts are drawn until one has them, so that those that have are equally likely.
    """
    characters = alphabet or ALPHABET
    wanted = [shared for one in _CLASSES if (shared := set(one) & set(characters))]
    while True:
        text = "".join(secrets.choice(characters) for _ in range(length))
        if len(wanted) > length or all(one & set(text) for one in wanted):
            return Confidential(text.encode())
