"""Passwords of real databases: PostgreSQL and MariaDB."""

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.rotate.kinds.password.mysql import MySql
from harden_secrets.rotate.kinds.password.postgresql import PostgreSql
from harden_secrets.rotate.kinds.password.server import Account, Endpoint
from harden_secrets.rotate.rotator import Fields, Pair
from tests.harden_secrets.rotate_databases import (
    mariadb_server,
    mariadb_session,
    postgresql_server,
    postgresql_session,
)
from tests.harden_secrets.rotate_estate import FIRST, NOW, OLD, USERS, Estate, begin, carry_on, fields, goes_in, text

HBA = """
host all open_door 127.0.0.1/32 trust
host all postgres 127.0.0.1/32 reject
host all all 127.0.0.1/32 scram-sha-256
"""


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Estate]:
    with postgresql_server(HBA) as server:
        yield Estate("postgresql", server, postgresql_session)


@pytest.fixture(scope="module")
def mysql() -> Iterator[Estate]:
    with mariadb_server() as server:
        yield Estate("mysql", server, mariadb_session)


@pytest.fixture(params=["postgresql", "mysql"])
def estate(request: pytest.FixtureRequest) -> Estate:
    """Either server, with the first user in use and the second one without a password that anybody knows."""
    found: Estate = request.getfixturevalue(request.param)
    found.prepare()
    return found


def test_two_users_take_turns(estate: Estate) -> None:
    """Three rotations, each step twice: both are good in between, and at the end exactly one."""
    rotator, current = estate.rotator(), OLD
    for turn in range(3):
        pair = begin(rotator, current)
        assert text(pair.new, "user") == USERS[(turn + 1) % 2]
        assert text(pair.new, "url") == "db.example.org"
        (target,) = rotator.targets
        rotator.install(target, pair)
        assert goes_in(estate, pair.old)
        assert goes_in(estate, pair.new)
        words = carry_on(rotator, pair, times=2)
        assert words[-1].startswith("refused")
        assert not goes_in(estate, pair.old)
        assert goes_in(estate, pair.new)
        current = pair.new


def test_the_old_users_sessions_are_seen_and_ended(estate: Estate) -> None:
    """Who still uses the old password is told; a session that was opened with it does not outlive it."""
    rotator = estate.rotator()
    pair = begin(rotator)
    (target,) = rotator.targets
    rotator.install(target, pair)
    session = estate.login(USERS[0], FIRST)
    said = rotator.still_used(target, pair, NOW)
    assert "1" in said
    assert "127.0.0.1" in said
    assert "sessions ended: 1" in rotator.retire(target, pair)
    with pytest.raises(Exception, match=r"(?i)network|lost|gone|terminat|error|reset"):
        session.run("SELECT 1") if estate.database == "postgresql" else session.query("SELECT 1")
    session.hang_up()
    assert rotator.still_used(target, pair, NOW) == ""


def test_the_password_is_in_no_log(estate: Estate, capfd: pytest.CaptureFixture[str]) -> None:
    """Though the server logs every statement: it gets a verifier or a hash. Neither is it in what harden prints."""
    rotator = estate.rotator()
    pair = begin(rotator)
    carry_on(rotator, pair)
    log = estate.server.log
    assert "ALTER" in log
    binary = b"".join(path.read_bytes() for path in estate.server.folder.glob("binary.*"))
    assert text(pair.new, "password").encode() not in log.encode() + binary
    assert text(pair.new, "password") not in "".join(capfd.readouterr())


def test_a_withdrawn_rotation_leaves_the_old_user_alone(estate: Estate) -> None:
    """The new one cannot log in, the old one can; asked for twice, and before anything was installed too."""
    rotator = estate.rotator()
    pair = begin(rotator)
    (target,) = rotator.targets
    rotator.withdraw(target, pair)
    rotator.install(target, pair)
    for _ in range(2):
        rotator.withdraw(target, pair)
        assert goes_in(estate, pair.old)
        assert not goes_in(estate, pair.new)


def test_a_server_that_is_down_is_no_refusal(estate: Estate) -> None:
    """Every step says that it cannot be reached, and goes on when it is back; nothing counts as proved."""
    rotator = estate.rotator()
    pair = begin(rotator)
    (target,) = rotator.targets
    steps: list[Callable[[], str]] = [
        lambda: rotator.install(target, pair),
        lambda: rotator.prove(target, pair),
        lambda: rotator.retire(target, pair),
        lambda: rotator.prove_refused(target, pair),
        lambda: rotator.withdraw(target, pair),
    ]
    estate.server.stop()
    try:
        for step in steps:
            with pytest.raises(HardenError, match=r"cannot be reached|Can't connect") as raised:
                step()
            assert type(raised.value) is HardenError
    finally:
        estate.server.start()
    carry_on(rotator, pair)
    assert not goes_in(estate, pair.old)


def test_retiring_needs_the_new_one_to_work(estate: Estate) -> None:
    """A new user that somebody has locked in the meantime keeps the old one alive."""
    rotator = estate.rotator()
    pair = begin(rotator)
    (target,) = rotator.targets
    rotator.install(target, pair)
    rotator.withdraw(target, pair)
    with pytest.raises(HardenError):
        rotator.retire(target, pair)
    assert goes_in(estate, pair.old)


def test_what_still_works_is_not_called_refused(estate: Estate) -> None:
    """The proof is a login."""
    rotator = estate.rotator()
    pair = begin(rotator)
    (target,) = rotator.targets
    with pytest.raises(HardenError, match="can still log in"):
        rotator.prove_refused(target, pair)


@pytest.mark.parametrize(
    ("old", "says"),
    [
        ({**OLD, **fields(password="not this one")}, "the password in Vault is not good now"),
        ({**OLD, **fields(user="somebody")}, "holds none of the users in the inventory"),
        ({name: value for name, value in OLD.items() if name != "user"}, 'no field "user" in Vault'),
        ({name: value for name, value in OLD.items() if name != "password"}, 'no field "password"'),
    ],
)
def test_what_is_not_as_vault_says_stops_it_before_it_begins(estate: Estate, old: Fields, says: str) -> None:
    """A password that is not in use, or a user that is neither of the two, must not make another one change."""
    with pytest.raises(HardenError, match=says):
        estate.rotator().check(old)


def test_a_user_who_is_in_use_does_not_get_another_password(estate: Estate) -> None:
    """Somebody uses the other user: what is in Vault is not what consumers have."""
    session = estate.login(USERS[1], "Nobody-knows-this-1")
    try:
        with pytest.raises(HardenError, match="is in use: 1"):
            estate.rotator().check(OLD)
    finally:
        session.close()


def test_a_missing_user_is_told(estate: Estate) -> None:
    """Rather than made: harden does not know what it may do."""
    estate.drop(USERS[1])
    with pytest.raises(HardenError, match="has no user"):
        estate.rotator().check(OLD)


def test_an_admin_without_rights_is_told_before_anything_changes(estate: Estate) -> None:
    """Who cannot end sessions could not retire a password."""
    estate.drop("weak_admin")
    estate.make("weak_admin", "Weak-admins-password-1")
    if estate.database == "mysql":
        estate.run("GRANT SELECT ON mysql.user TO 'weak_admin'@'%'")
    rotator = estate.rotator()
    weak = fields(user="weak_admin", password="Weak-admins-password-1")
    with pytest.raises(HardenError) as raised:
        replace(rotator, read=lambda _name: weak).check(OLD)  # type: ignore[type-var]
    assert any("GRANT" in hint for hint in raised.value.hints)


def test_an_admin_needs_no_more_than_is_documented(estate: Estate) -> None:
    """docs/reference/rotation-password.md: a whole rotation by somebody with these rights."""
    estate.drop("small_admin")
    estate.make("small_admin", "Small-admins-password-1")
    rights = [f"GRANT {estate.quoted(user)} TO small_admin WITH ADMIN OPTION" for user in USERS]
    if estate.database == "postgresql":
        rights += ["ALTER ROLE small_admin CREATEROLE", "GRANT pg_signal_backend TO small_admin"]
    else:
        rights = [
            "GRANT CREATE USER, PROCESS, CONNECTION ADMIN ON *.* TO small_admin@'%'",
            "GRANT SELECT ON mysql.user TO small_admin@'%'",
        ]
    for right in rights:
        estate.run(right)
    small = fields(user="small_admin", password="Small-admins-password-1")
    rotator = replace(estate.rotator(), read=lambda _name: small)  # type: ignore[type-var]
    carry_on(rotator, begin(rotator))


@pytest.mark.parametrize("admin", ["db-admin", ""])
def test_one_user_changes_at_the_cut_over(estate: Estate, admin: str) -> None:
    """By the admin or by himself: nothing before it, then the new password only; sessions from before are ended."""
    rotator = estate.rotator(users=USERS[:1], admin=admin)
    pair = begin(rotator)
    (target,) = rotator.targets
    assert "one place" in " ".join(rotator.check(pair.old).lines)
    rotator.install(target, pair)
    rotator.prove(target, pair)
    assert goes_in(estate, pair.old)
    session = estate.login(USERS[0], FIRST)
    said = carry_on(rotator, pair, times=2)
    assert said[-1].startswith("refused")
    assert goes_in(estate, pair.new)
    assert not goes_in(estate, pair.old)
    session.hang_up()
    rotator.withdraw(target, pair)
    assert goes_in(estate, pair.old)
    assert not goes_in(estate, pair.new)


def test_a_password_ends_by_itself_in_postgresql(postgresql: Estate) -> None:
    """VALID UNTIL: dead at that time even if nobody comes to retire it; the next turn of that user has no end."""
    for user in USERS:
        postgresql.drop(user)
        postgresql.make(user, FIRST)
    rotator = postgresql.rotator()
    pair = begin(rotator)
    (target,) = rotator.targets
    rotator.install(target, pair)
    assert rotator.limit(target, pair, datetime.now(UTC) + timedelta(seconds=1)) != ""
    assert goes_in(postgresql, pair.old)
    time.sleep(1.2)
    assert rotator.prove_refused(target, pair).startswith("refused")
    carry_on(rotator, pair)
    back = begin(rotator, pair.new)
    carry_on(rotator, back)
    assert goes_in(postgresql, back.new)


def test_a_server_that_trusts_everybody_is_no_proof(postgresql: Estate) -> None:
    """Where pg_hba.conf says trust, every password works, and none could ever be proved refused."""
    postgresql.drop("open_door")
    postgresql.make("open_door", FIRST)
    rotator = postgresql.rotator(users=("open_door",), admin="")
    with pytest.raises(HardenError, match="gets in with any password"):
        rotator.check(fields(password=FIRST))


def test_a_line_in_pg_hba_is_no_refusal_of_a_password(postgresql: Estate) -> None:
    """It says nothing of the password, though its SQLSTATE is that of one: no proof that it is dead."""
    postgresql.drop("postgres")
    postgresql.make("postgres", FIRST)
    rotator = postgresql.rotator(users=("postgres",), admin="")
    pair = Pair(fields(password=FIRST), fields(password="x"), "0123456789ab", NOW)
    with pytest.raises(HardenError, match=r"pg_hba\.conf") as raised:
        rotator.prove_refused(rotator.targets[0], pair)
    assert type(raised.value) is HardenError


def test_a_server_of_another_kind_is_told_in_words(postgresql: Estate, mysql: Estate) -> None:
    """Neither a traceback nor a refusal."""
    wrong = [
        replace(postgresql, server=mysql.server).rotator(seconds=2),
        replace(mysql, server=postgresql.server).rotator(seconds=2),
    ]
    for rotator in wrong:
        with pytest.raises(HardenError) as raised:
            rotator.prove(rotator.targets[0], Pair(OLD, rotator.generate(OLD), "0123456789ab", NOW))
        assert type(raised.value) is HardenError


def test_the_certificate_is_checked(estate: Estate, tmp_path: Path) -> None:
    """With an authority named, the connection is TLS and the server's certificate has to be its."""
    authority = estate.server.folder / "certificate.pem"
    rotator = estate.rotator(ca_file=str(authority))
    carry_on(rotator, begin(rotator))
    other = estate.rotator(host="localhost", ca_file=str(authority))
    with pytest.raises(HardenError, match=r"(?i)certificate"):
        other.check(OLD)


def test_a_server_that_judges_passwords_is_told_before(mysql: Estate) -> None:
    """It takes no hash, and says nothing but that the statement has failed."""
    mysql.prepare()
    mysql.run("INSTALL SONAME 'simple_password_check'")
    try:
        with pytest.raises(
            HardenError, match="takes no hash of a password, because of simple_password_check"
        ) as raised:
            mysql.rotator().check(OLD)
        assert "strict_password_validation = OFF" in raised.value.hints[0]
        mysql.run("SET GLOBAL strict_password_validation = OFF")
        carry_on(mysql.rotator(), begin(mysql.rotator()))
    finally:
        mysql.run("SET GLOBAL strict_password_validation = ON")
        mysql.run("UNINSTALL SONAME 'simple_password_check'")


def test_a_user_of_another_plugin_does_not_lose_it(mysql: Estate) -> None:
    """Though it is the one that is not in use: setting a password would make it one of mysql_native_password."""
    mysql.prepare()
    mysql.run("INSTALL SONAME 'auth_ed25519'")
    try:
        mysql.drop(USERS[1])
        mysql.run(f"CREATE USER {mysql.quoted(USERS[1])} IDENTIFIED VIA ed25519 USING PASSWORD('Nobody-knows-this-2')")
        with pytest.raises(HardenError, match="logs in by ed25519, not by mysql_native_password"):
            mysql.rotator().check(OLD)
    finally:
        mysql.drop(USERS[1])
        mysql.run("UNINSTALL SONAME 'auth_ed25519'")


def test_a_role_of_the_users_name_is_left_alone(mysql: Estate) -> None:
    """It is in the same table, and has no password."""
    mysql.prepare()
    mysql.run(f"CREATE ROLE {USERS[0]}")
    try:
        assert carry_on(mysql.rotator(), begin(mysql.rotator()))[-1].startswith("refused")
    finally:
        mysql.run(f"DROP ROLE {USERS[0]}")


def test_no_login_to_mysql_is_tried_where_there_is_no_tls() -> None:
    """A server, or somebody in between, that says it has no TLS hears nothing of us: neither user nor password."""
    able = 0x0008A20B  # of protocol 4.1 with plugins and secure connections, without CLIENT_SSL
    greeting = b"".join(
        (b"\x0a5.7.1\0", struct.pack("<I", 1), b"12345678\0", struct.pack("<H", able & 0xFFFF), b"\x21\2\0")
    )
    greeting += struct.pack("<HB", able >> 16, 21) + bytes(10) + b"123456789012\0mysql_native_password\0"
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(struct.pack("<I", len(greeting)) + greeting)
                heard.append(connection.recv(1024))

        thread = threading.Thread(target=answer)
        thread.start()
        authority = ssl.get_default_verify_paths().cafile or ""
        endpoint = Endpoint("mysql", "127.0.0.1", server.getsockname()[1], "", authority, 5)
        with pytest.raises(HardenError, match="SSL is required"):
            MySql(endpoint).try_login(Account("app", Confidential(b"secret")))
        thread.join()
    assert heard == [b""]


def test_a_socket_of_this_host_will_do(postgresql: Estate) -> None:
    """The host may be the folder with PostgreSQL's socket."""
    rotator = postgresql.rotator(host=str(postgresql.server.folder))
    with pytest.raises(HardenError, match=r"pg_hba\.conf"):  # which has no line for it
        rotator.check(OLD)


def test_no_login_is_tried_where_there_is_no_tls() -> None:
    """A server that answers No to the request for TLS hears nothing else of us."""
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                heard.append(connection.recv(1024))
                connection.sendall(b"N")
                heard.append(connection.recv(1024))

        thread = threading.Thread(target=answer)
        thread.start()
        endpoint = Endpoint(
            "postgresql", "127.0.0.1", server.getsockname()[1], "", ssl.get_default_verify_paths().cafile or "", 5
        )
        with pytest.raises(HardenError, match="has no TLS"):
            PostgreSql(endpoint).try_login(Account("app", Confidential(b"secret")))
        thread.join()
    assert heard == [b"\0\0\0\x08\x04\xd2\x16\x2f", b""]


def test_a_server_elsewhere_is_spoken_to_by_tls_only() -> None:
    """Whatever the inventory says: there is no way to leave it out, nor the name of the server."""
    elsewhere = Endpoint("postgresql", "db.example.org", 5432, "", "", 1).tls()
    assert elsewhere is not None
    assert elsewhere.verify_mode is ssl.CERT_REQUIRED
    assert elsewhere.check_hostname
    for host in ("127.0.0.1", "::1", "[::1]", "localhost", "/run/postgresql"):
        assert Endpoint("postgresql", host, 5432, "", "", 1).tls() is None


@contextmanager
def sampled(pids: set[int]) -> Iterator[set[bytes]]:
    """Every command line and environment of these processes and their children while the block runs."""
    seen: set[bytes] = set()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            for folder in Path("/proc").iterdir():
                if folder.name.isdigit():
                    with suppress(OSError, ValueError, IndexError):
                        parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                        if int(folder.name) in pids or parent in pids:
                            seen.add((folder / "cmdline").read_bytes())
                            seen.add((folder / "environ").read_bytes())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def test_the_password_is_on_no_command_line(postgresql: Estate) -> None:
    """PostgreSQL shows in the process list what a session does."""
    for user in USERS:
        postgresql.drop(user)
        postgresql.make(user, FIRST)
    rotator = postgresql.rotator()
    pair = begin(rotator)
    with sampled({postgresql.server.pid}) as seen:
        carry_on(rotator, pair, times=3)
    assert any(b"harden_admin" in line for line in seen)
    assert not any(text(pair.new, "password").encode() in line for line in seen)
