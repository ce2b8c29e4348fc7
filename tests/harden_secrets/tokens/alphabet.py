"""Random texts over the alphabets that issuers of tokens use."""

import random
import string

from harden_secrets.detect import quiet

_RANDOM = random.SystemRandom()
ALNUM = string.ascii_letters + string.digits
LOWER = string.ascii_lowercase + string.digits
UPPER = string.ascii_uppercase + string.digits
HEX = "0123456789abcdef"
URL = ALNUM + "-_"
BASE32 = string.ascii_uppercase + "234567"


def text(length: int, alphabet: str = ALNUM) -> str:
    """A text of this length, each character drawn by itself, that begins and ends with a letter or digit."""
    while True:
        drawn = "".join(_RANDOM.choice(alphabet) for _ in range(length))
        if drawn[0].isalnum() and drawn[-1].isalnum():
            return drawn


def mixed(length: int, alphabet: str = ALNUM) -> str:
    """The same with a digit, a capital and a small letter in it, as far as the alphabet has them."""
    while True:
        drawn = text(length, alphabet)
        if all(any(map(kind, drawn)) == any(map(kind, alphabet)) for kind in (str.isdigit, str.isupper, str.islower)):
            return drawn


def strong(length: int, alphabet: str = ALNUM) -> str:
    """The same, drawn again where chance made a name or a placeholder of it: one in some hundreds has `todo` in it."""
    while not quiet.is_strong(drawn := mixed(length, alphabet)):
        pass
    return drawn


def number(digits: int) -> str:
    """A decimal number that does not begin with a zero."""
    return str(_RANDOM.randrange(10 ** (digits - 1), 10**digits))


def raw(length: int) -> bytes:
    """Random bytes."""
    return _RANDOM.randbytes(length)
