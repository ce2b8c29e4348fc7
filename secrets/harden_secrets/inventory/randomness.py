"""How strong a random password of an alphabet and a length is. Arithmetic only."""

import math
import string

from harden.document.wording import quote

ALPHABET = string.ascii_letters + string.digits
"""What passwords are made of where nothing else is said: no character that a shell, a URL or YAML would mistake."""

SHORTEST = 8
LEAST_BITS = 64


def alphabet_fault(alphabet: str) -> str | None:
    """What is wrong with it: only printable ASCII is the same in every encoding and under SASLprep (RFC 4013)."""
    if len(set(alphabet)) != len(alphabet):
        twice = next(char for char in alphabet if alphabet.count(char) > 1)
        return f"the alphabet has {quote(twice)} twice: some passwords would be likelier than others"
    if not alphabet.isascii() or not alphabet.isprintable() or " " in alphabet:
        return "the alphabet is of printable ASCII characters without the space"
    return None


def strength_fault(alphabet: str, length: int) -> str | None:
    """Whether passwords of it could be guessed."""
    bits = length * math.log2(max(len(alphabet or ALPHABET), 1))
    if length >= SHORTEST and bits >= LEAST_BITS:
        return None
    return (
        f"a password of {length} characters out of {len(alphabet or ALPHABET)} gives {bits:.0f} bits: "
        f"at least {SHORTEST} characters and {LEAST_BITS} bits are needed"
    )
