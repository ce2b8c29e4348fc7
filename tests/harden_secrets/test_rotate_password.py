"""Passwords: how they are made, what the inventory says of them, and those that two programs set and try."""

import math
import sys
import textwrap
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.inventory.loader import read_inventory
from harden_secrets.inventory.model import PasswordRules, SecretEntry, SecretKind
from harden_secrets.inventory.randomness import ALPHABET, alphabet_fault, strength_fault
from harden_secrets.inventory.rendering import block, flow
from harden_secrets.inventory.schema import inventory_schema
from harden_secrets.rotate.kinds.password import drivers, password_rotator
from harden_secrets.rotate.kinds.randomtext import random_text
from harden_secrets.rotate.rotator import Pair, Rotator

ADMIN = "  db-admin: {kind: opaque, path: db/admin}\n"
NOW = datetime(2026, 1, 2, tzinfo=UTC)
OLD = {"password": Confidential(b"the-old-one"), "user": Confidential(b"app")}


def inventory(password: str, more: str = "", others: str = ADMIN) -> bytes:
    shop = f"  shop:\n    kind: password\n    path: a\n    password: {password}\n{more}"
    return f"version: 1\nsecrets:\n{shop}{others}".encode()


def problems(password: str, more: str = "", others: str = ADMIN) -> str:
    with pytest.raises(HardenError) as error:
        read_inventory(inventory(password, more, others), "secrets.yaml")
    return "\n".join(error.value.messages)


@given(st.integers(8, 64), st.sets(st.sampled_from([chr(code) for code in range(33, 127)]), min_size=2))
def test_a_password_is_of_its_alphabet_and_length(length: int, characters: set[str]) -> None:
    """With one of each class that the alphabet has."""
    made = random_text("".join(characters), length).reveal().decode()
    assert len(made) == length
    assert set(made) <= characters
    for is_one in (str.islower, str.isupper, str.isdigit):
        assert any(is_one(char) for char in made) == any(is_one(char) for char in characters)


def test_no_character_is_likelier_than_another() -> None:
    """Roughly: 62 characters in 3,200 draws, each within five standard deviations."""
    made = "".join(random_text().reveal().decode() for _ in range(100))
    share = len(made) / len(ALPHABET)
    assert len({random_text().reveal() for _ in range(100)}) == 100
    assert all(abs(made.count(char) - share) < 5.5 * math.sqrt(share) for char in ALPHABET)


def test_weak_rules_are_refused() -> None:
    """Fewer than 64 bits can be guessed; an alphabet that depends on the encoding is none."""
    assert strength_fault("", 32) is None
    assert strength_fault("0123456789", 20) is None
    assert "gives 33 bits" in (strength_fault("0123456789", 10) or "")
    assert "at least 8 characters" in (strength_fault("", 7) or "")
    assert alphabet_fault("abcä") is not None
    assert alphabet_fault("ab c") is not None
    assert "twice" in (alphabet_fault("abca") or "")


DATABASE = (
    '{database: postgresql, host: db.example.org, port: 5433, name: shop, users: [app_a, "app b"], admin: db-admin, '
    "ca_file: /etc/ssl/db.pem, length: 40, alphabet: abcdefgh0123, field: secret}"
)


@pytest.mark.parametrize(
    ("written", "rules"),
    [
        ("{}", PasswordRules()),
        (
            DATABASE,
            PasswordRules(
                alphabet="abcdefgh0123", length=40, field="secret", database="postgresql", host="db.example.org",
                port=5433, name="shop", users=("app_a", "app b"), admin="db-admin", ca_file="/etc/ssl/db.pem",
            ),
        ),
        (
            "{set_command: [/bin/set, '-x'], test_command: /bin/test}",
            PasswordRules(set_command=("/bin/set", "-x"), test_command=("/bin/test",)),
        ),
        (
            "{database: mysql, host: /run/mysqld/mysqld.sock, users: app}",
            PasswordRules(database="mysql", host="/run/mysqld/mysqld.sock", users=("app",)),
        ),
    ],
)  # fmt: skip
def test_the_section_is_read_and_written(written: str, rules: PasswordRules) -> None:
    """As block and as flow; the schema takes what the loader takes."""
    text = inventory(written, "    timeout: 90s\n")
    entry = read_inventory(text, "secrets.yaml").secrets["shop"]
    assert (entry.password, entry.timeout) == (rules, timedelta(seconds=90))
    for again in (
        f"version: 1\nsecrets:\n{block(entry, '  ')}{ADMIN}",
        f"version: 1\nsecrets: {{{flow(entry)}, db-admin: {{kind: opaque, path: db/admin}}}}\n",
    ):
        assert read_inventory(again.encode(), "secrets.yaml").secrets["shop"] == entry
    jsonschema.validate(yaml.safe_load(text), inventory_schema())


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("{length: 4}", "secrets.yaml:6: a password of 4 characters out of 62 gives 24 bits"),
        ("{alphabet: aab}", 'the alphabet has "a" twice'),
        ("{database: postgresql}", 'of a database\'s user needs "host" and "users"'),
        ("{database: oracle, host: a, users: b}", 'unknown "database" "oracle"'),
        ("{database: mysql, host: a, users: [b, c]}", 'two "users" need an "admin"'),
        ("{database: mysql, host: a, users: [b, b], admin: db-admin}", '"users" is one user, or two that take turns'),
        ("{database: mysql, host: a, users: [b, c, d], admin: db-admin}", '"users" is one user, or two'),
        (
            "{database: mysql, host: a, users: [b, c], admin: nobody}",
            '"nobody", the admin of "shop", is no other secret',
        ),
        ("{database: mysql, host: a, users: [b, c], admin: shop}", '"shop", the admin of "shop", is no other secret'),
        ("{database: mysql, host: '-h', users: b}", "is no host's name or address"),
        ("{database: mysql, host: a, users: b, ca_file: ca.pem}", "no absolute path of a file"),
        ("{database: mysql, host: a, users: b, set_command: c}", 'a database\'s user has no "set_command"'),
        (f"{{database: mysql, host: a, users: {'x' * 64}}}", "at most 63 bytes"),
        ("{set_command: c}", '"password" needs "test_command"'),
        ("{set_command: c, test_command: d, users: e}", 'a password without "database" has no "users"'),
        ("postgresql", '"password" must be a mapping'),
    ],
)
def test_what_is_wrong_with_the_section(password: str, says: str) -> None:
    """With file and line."""
    assert says in problems(password)


def test_one_place_has_no_overlap() -> None:
    """Who writes one believes that there is no outage."""
    rotate = "    rotate: {every: 30d, overlap: 1d}\n"
    for one in ("{database: mysql, host: a, users: b}", "{set_command: c, test_command: d}"):
        assert 'one place for its password and no overlap: leave out "overlap", or give' in problems(one, rotate)
    read_inventory(inventory(DATABASE, rotate), "secrets.yaml")


def test_a_rotation_needs_to_know_how() -> None:
    """A new password must be set somewhere."""
    text = b"version: 1\nsecrets: {shop: {kind: password, path: a, rotate: {every: 30d}}}\n"
    with pytest.raises(HardenError, match='needs "password"'):
        read_inventory(text, "secrets.yaml")
    with pytest.raises(HardenError, match="does not say how its password is set"):
        password_rotator(SecretEntry("shop", SecretKind.PASSWORD, "a", password=PasswordRules()), nobody)


def nobody(name: str) -> Mapping[str, Confidential]:
    raise AssertionError(name)


def test_a_missing_library_is_told_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra."""
    for database, module in (("postgresql", "pg8000"), ("mysql", "pymysql")):
        for name in (module, f"{module}.native"):
            monkeypatch.setitem(sys.modules, name, None)
        rules = PasswordRules(database=database, host="127.0.0.1", users=("app",))
        with pytest.raises(HardenError, match=f"need the library {module}") as raised:
            password_rotator(SecretEntry("shop", SecretKind.PASSWORD, "a", password=rules), nobody)
        assert "harden[databases]" in raised.value.hints[0]
    assert drivers.driver("json", "JSON").__name__ == "json"


@pytest.mark.parametrize(
    ("name", "database", "too_old"), [("pymysql", "MySQL", "1.1.3"), ("pg8000.native", "PostgreSQL", "1.31.2")]
)
def test_a_library_with_a_hole_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, database: str, too_old: str
) -> None:
    """One would log in without TLS when asked to, the other takes the name of a role for a keyword."""
    drivers.driver(name, database)
    monkeypatch.setattr("importlib.metadata.version", lambda _: too_old)
    with pytest.raises(HardenError, match=f"or later: this is {too_old}") as raised:
        drivers.driver(name, database)
    assert "--upgrade 'harden[databases]'" in raised.value.hints[0]


class Lock:
    """A lock with one code, in a file, and the programs that set it and try it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "code"
        self.file.write_bytes(b"the-old-one")
        head = f"""
            #!{sys.executable}
            import base64, json, pathlib, sys
            question = json.load(sys.stdin)
            file = pathlib.Path({str(self.file)!r})
            new = base64.b64decode(question["new"]["password"]["base64"])
        """
        self._head = textwrap.dedent(head).lstrip()
        self.set = self._program(folder / "set", """
            old = base64.b64decode(question["old"]["password"]["base64"])
            if question["operation"] != "set" or file.read_bytes() not in (old, new):
                sys.exit("somebody else has changed it")
            file.write_bytes(new)
        """)  # fmt: skip
        self.test = self._program(folder / "test", """
            assert question["operation"] == "test" and not question["old"]
            if not file.exists():
                sys.exit("the lock does not answer")
            sys.exit(0 if file.read_bytes() == new else 77)
        """)  # fmt: skip
        self.folder = folder

    def _program(self, path: Path, body: str) -> Path:
        path.write_text(self._head + textwrap.dedent(body))
        path.chmod(0o755)
        return path

    def replace(self, path: Path, body: str) -> None:
        self._program(path, body)

    def rotator(self) -> Rotator:
        rules = PasswordRules(set_command=(str(self.set),), test_command=(str(self.test),))
        entry = SecretEntry("door", SecretKind.PASSWORD, "a", password=rules, timeout=timedelta(seconds=20))
        return password_rotator(entry, nobody)


@pytest.fixture
def lock(tmp_path: Path) -> Lock:
    return Lock(tmp_path)


def begun(rotator: Rotator) -> Pair:
    rotator.check(OLD)
    return Pair(OLD, rotator.generate(OLD), "0123456789ab", NOW)


def test_programs_set_and_try_it(lock: Lock) -> None:
    """The new one takes the old one's place at the cut-over, not before; each step may be repeated."""
    rotator = lock.rotator()
    assert rotator.targets == ("password",)
    assert "until the delivery" in rotator.check(OLD).lines[0]
    pair = begun(rotator)
    assert pair.new["user"] == OLD["user"]
    for step in (rotator.install, rotator.prove):
        assert "one place" in step("password", pair)
    assert lock.file.read_bytes() == b"the-old-one"
    for step in (rotator.cut_over, rotator.retire, rotator.prove_refused):
        for _ in range(2):
            step("password", pair)
    assert lock.file.read_bytes() == pair.new["password"].reveal()
    for _ in range(2):
        rotator.withdraw("password", pair)
    assert lock.file.read_bytes() == b"the-old-one"


def test_a_new_one_that_does_not_work_is_taken_back(lock: Lock) -> None:
    """At once: who was cut over to it would have none."""
    rotator = lock.rotator()
    pair = begun(rotator)
    lock.replace(lock.set, "file.write_bytes(new[:12])")
    with pytest.raises(HardenError, match="the old one is set again"):
        rotator.cut_over("password", pair)
    assert lock.file.read_bytes() == b"the-old-one"


def test_one_of_which_nothing_is_known_is_taken_back_too(lock: Lock) -> None:
    """Until the switch consumers have the old one: they must not wait for the next run."""
    rotator = lock.rotator()
    pair = begun(rotator)
    lock.replace(lock.test, """
        if file.read_bytes() == new != b"the-old-one":
            sys.exit("the lock does not answer")
        sys.exit(0 if file.read_bytes() == new else 77)
    """)  # fmt: skip
    with pytest.raises(HardenError) as raised:
        rotator.cut_over("password", pair)
    assert raised.value.messages[0].endswith("the old one is set again:")
    assert "the lock does not answer" in "".join(raised.value.messages)
    assert lock.file.read_bytes() == b"the-old-one"
    lock.replace(lock.set, "file.write_bytes(new) if new != b'the-old-one' else sys.exit('it is jammed')")
    with pytest.raises(HardenError) as raised:
        rotator.cut_over("password", pair)
    assert raised.value.messages[0].endswith("the old one could not be set again:")
    assert "it is jammed" in "".join(raised.value.messages)


def test_not_to_know_is_no_refusal(lock: Lock) -> None:
    """A test that fails otherwise than with status 77 proves nothing."""
    rotator = lock.rotator()
    pair = begun(rotator)
    rotator.cut_over("password", pair)
    lock.file.rename(lock.folder / "away")
    for step in (rotator.prove_refused, rotator.retire, rotator.cut_over, rotator.withdraw):
        with pytest.raises(HardenError, match="the lock does not answer"):
            step("password", pair)


def test_a_test_that_cannot_fail_is_refused_at_the_check(lock: Lock) -> None:
    """It is asked for a made-up password; and the stored one has to be the one that is in use."""
    lock.replace(lock.test, "sys.exit(0)")
    with pytest.raises(HardenError, match="says that a made-up password works"):
        lock.rotator().check(OLD)
    lock.replace(lock.test, "sys.exit(77)")
    with pytest.raises(HardenError, match="the password in Vault is not good now"):
        lock.rotator().check(OLD)
    with pytest.raises(HardenError, match='no field "password"'):
        lock.rotator().check({})


def test_an_old_one_that_still_works_is_told(lock: Lock) -> None:
    """Before the cut-over it does."""
    rotator = lock.rotator()
    with pytest.raises(HardenError, match="the old password still works"):
        rotator.prove_refused("password", begun(rotator))
