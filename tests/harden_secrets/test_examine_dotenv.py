"""Files of environment variables: a literal password is found as a whole, whatever signs it is made of."""

import random
import string

import pytest

from harden_secrets.detect import DETECTORS
from harden_secrets.examine import Sighting, examine
from harden_secrets.firstpass import FirstPass
from harden_secrets.material import Material
from harden_secrets.unwrap import UNWRAP_SIGNATURES

ALPHANUMERIC = string.ascii_letters + string.digits
TRAPS = """\
A_PASSWORD=changeme
B_PASSWORD=
C_PASSWORD=${DB_PASSWORD}
D_PASSWORD=$(pass show x/y)
E_PASSWORD=<your password>
F_PASSWORD=password
G_PASSWORD=xxxxxxxxxxxxxxxxxxxx
H_PASSWORD_FILE=/run/secrets/db
I_PASSWORD=/run/secrets/db
J_PASSWORD=your-password-here
K_PASSWORD=vault:secret/data/x#y
L_PASSWORD=op://vault/item/field
M_PASSWORD={{ db_password }}
N_PASSWORD=!secret db
O_PASSWORD_MIN_LENGTH=12345678
P_PASSWORD=configurationmanagement
Q_PW=changeit
"""


@pytest.fixture(scope="module")
def first_pass() -> FirstPass:
    return FirstPass(DETECTORS, UNWRAP_SIGNATURES)


def found(text: str, first_pass: FirstPass) -> list[tuple[Material, bytes, int]]:
    """What a scan of such a file finds: the material, its bytes, the line."""
    assert first_pass.deserves_look(text.encode())
    seen = examine(text.encode(), "app/.env", DETECTORS, first_pass=first_pass)
    return [
        (one.detection.material, one.detection.identity.reveal(), one.line) for one in seen if isinstance(one, Sighting)
    ]


def made(alphabet: str, length: int) -> str:
    """A value with every kind of sign of the alphabet in it."""
    chance = random.SystemRandom()
    kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits, string.punctuation)
    needed = [chance.choice([sign for sign in kind if sign in alphabet]) for kind in kinds if set(kind) & set(alphabet)]
    rest = [chance.choice(alphabet) for _ in range(length - len(needed))]
    chance.shuffle(rest)
    return "".join([*needed[:1], *rest, *needed[1:]])


@pytest.mark.parametrize(
    ("line", "alphabet", "length"),
    [
        pytest.param("DB_PASSWORD=@@", ALPHANUMERIC, 20, id="letters and digits"),
        pytest.param("POSTGRES_PASSWORD=@@", string.ascii_lowercase + string.digits, 16, id="small letters and digits"),
        pytest.param("DB_PASSWORD=@@", string.hexdigits.lower(), 32, id="hexadecimal"),
        pytest.param("DB_PASSWORD=@@", ALPHANUMERIC + "!@%^_-+.~", 24, id="signs"),
        pytest.param("DB_PASSWORD=@@", ALPHANUMERIC + "(&,;)", 12, id="signs of a shell"),
        pytest.param("SECRET_KEY=@@", ALPHANUMERIC + "!@%^&*(-_=+)", 50, id="as Django makes them"),
        pytest.param("REDIS_PASS='@@'", ALPHANUMERIC + "#", 20, id="quoted"),
        pytest.param('export MAIL_PASSWORD="@@"  # May', ALPHANUMERIC, 16, id="exported, with a comment"),
        pytest.param("ADMIN_PW=@@", ALPHANUMERIC, 14, id="abbreviated"),
        pytest.param("DATABASE_URL=postgres://app:@@@db:5432/app?sslmode=disable", ALPHANUMERIC, 16, id="in a DSN"),
        pytest.param("REDIS_URL=redis://:@@@redis:6379/0", ALPHANUMERIC, 24, id="in a DSN without a user"),
    ],
)
@pytest.mark.parametrize("attempt", range(5))
def test_a_literal_password_is_found_whole(
    line: str, alphabet: str, length: int, attempt: int, first_pass: FirstPass
) -> None:
    """With its line, alone in the file or among others that are no secrets."""
    value = made(alphabet, length)
    text = line.replace("@@", value, 1)
    assert found(f"{text}\n", first_pass) == [(Material.PASSWORD, value.encode(), 1)]
    assert found(f"{TRAPS}{text}\nPORT=80\n", first_pass) == [
        (Material.PASSWORD, value.encode(), TRAPS.count("\n") + 1)
    ]


def test_letters_that_are_no_word_are_a_password(first_pass: FirstPass) -> None:
    """Some generators use nothing else."""
    value = "bciaclgfijqsjrnngajc"
    assert found(f"DB_PASSWORD={value}\n", first_pass) == [(Material.PASSWORD, value.encode(), 1)]
