"""Passwords of users of MySQL and MariaDB, by PyMySQL: pure Python under the MIT licence.

MariaDB gets the hash of ``mysql_native_password``, so that the password is in no statement and no log. MySQL, whose
servers from 8.4 on do without that hash, gets ``IDENTIFIED BY``, which it rewrites in its own logs (its manual,
8.1.2.3) unless it runs with --log-raw.

A user is every account of that name, whatever its host part.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.rotate.kinds.password.drivers import driver
from harden_secrets.rotate.kinds.password.server import Account, Endpoint
from harden_secrets.rotate.kinds.randomtext import random_text
from harden_secrets.rotate.kinds.refusal import RefusedError

PORT = 3306
# ER_ACCESS_DENIED_ERROR, ER_ACCESS_DENIED_NO_PASSWORD_ERROR, ER_ACCOUNT_HAS_BEEN_LOCKED of MySQL and of MariaDB
_REFUSED = (1045, 1698, 3118, 4151)
_AWAY = (2002, 2003, 2006, 2013)  # no connection, or not any more (the client error reference of MySQL)
_NO_SUCH_THREAD = 1094
_HASHED = ("mysql_native_password", "")
_POLL_SECONDS = 0.05


class MySql:
    """One server."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._driver: Any = driver("pymysql", "MySQL")

    def try_login(self, account: Account) -> None:
        """See :class:`~harden_secrets.rotate.kinds.password.server.Server`."""
        with self._session(account) as session:
            _rows(session, "SELECT 1")

    def missing(self, by: Account, users: Sequence[str]) -> Sequence[str]:
        """As the protocol says. Raises HardenError too for one that is there and logs in by other than a password."""
        with self._session(by) as session:
            for user in users:
                self._refuse_plugins(session, user)
            return [user for user in users if not _hosts(session, user)]

    def set_password(self, by: Account, user: str, password: Confidential, *, opening: bool) -> None:
        """``ALTER USER`` for each account of that name; ``SET PASSWORD`` where users change their own."""
        secret = Account(user, password)
        with self._session(by) as session:
            if by.user == user:
                words = "SET PASSWORD = %s" if _is_mariadb(session) else "ALTER USER USER() IDENTIFIED BY %s"
                _rows(session, words, _hash(secret) if _is_mariadb(session) else secret.text)
                return
            self._alter(session, secret, " ACCOUNT UNLOCK" if opening else "")

    def expire(self, by: Account, user: str, until: datetime) -> bool:
        """False: it knows an end in whole days only."""
        return False

    def sessions(self, by: Account, user: str) -> Sequence[str]:
        """By address."""
        query = "SELECT HOST FROM information_schema.PROCESSLIST WHERE USER = %s AND ID <> CONNECTION_ID()"
        with self._session(by) as session:
            counted = Counter(_address(str(host or "")) for (host,) in _rows(session, query, user))
        return [f"{count} from {host or 'a socket'}" for host, count in counted.most_common()]

    def end_sessions(self, by: Account, user: str) -> int:
        """``KILL``."""
        with self._session(by) as session:
            running = _threads(session, user)
            for thread in running:
                self._kill(session, thread, user)
        return len(running)

    def shut(self, by: Account, user: str) -> None:
        """Locked, and with a password that nobody has seen."""
        with self._session(by) as session:
            self._alter(session, Account(user, random_text()), " ACCOUNT LOCK")

    def probe(self, by: Account, account: Account) -> None:
        """As the protocol says."""
        with self._session(by) as session:
            self._refuse_validation(session)
            if by.user != account.user:
                self._refuse_plugins(session, account.user)
            probed = self._connect(account)
            try:
                thread = int(probed.thread_id())
                if thread not in _threads(session, account.user):
                    raise HardenError(
                        f"{self._endpoint}: {by.user} does not see the sessions of {account.user}",
                        "GRANT PROCESS ON *.* TO the user of the admin",
                    )
                self._kill(session, thread, account.user)
            finally:
                probed._force_close()

    def _refuse_plugins(self, session: Any, user: str) -> None:
        if not _is_mariadb(session):
            return
        plugins = {plugin for (plugin,) in _rows(session, "SELECT plugin FROM mysql.user WHERE User = %s", user)}
        if others := sorted(plugins - set(_HASHED)):
            raise HardenError(
                f"{self._endpoint}: {user} logs in by {', '.join(others)}, not by mysql_native_password",
                "use set_command and test_command for it",
            )

    def _refuse_validation(self, session: Any) -> None:
        """A server that judges passwords takes no hash, of which it cannot see whether it is good."""
        if not _is_mariadb(session):
            return
        query = (
            "SELECT PLUGIN_NAME FROM information_schema.PLUGINS WHERE @@strict_password_validation"
            " AND PLUGIN_TYPE = 'PASSWORD VALIDATION' AND PLUGIN_STATUS = 'ACTIVE'"
        )
        if plugins := [str(name) for (name,) in _rows(session, query)]:
            raise HardenError(
                f"{self._endpoint}: takes no hash of a password, because of {', '.join(plugins)}",
                "SET GLOBAL strict_password_validation = OFF there (and in its option file), or use set_command",
            )

    def _alter(self, session: Any, account: Account, lock: str) -> None:
        hosts = _hosts(session, account.user)
        if not hosts:
            raise HardenError(f"{self._endpoint}: there is no user {account.user}")
        mariadb = _is_mariadb(session)
        how, secret = ("BY PASSWORD", _hash(account)) if mariadb else ("BY", account.text)
        for host in hosts:
            _rows(session, f"ALTER USER %s@%s IDENTIFIED {how} %s{lock}", account.user, host, secret)

    def _kill(self, session: Any, thread: int, user: str) -> None:
        """Ends that session and waits until it is over."""
        try:
            _rows(session, "KILL CONNECTION %s", thread)
        except self._driver.MySQLError as error:
            if not error.args or error.args[0] != _NO_SUCH_THREAD:
                raise
        deadline = time.monotonic() + self._endpoint.seconds
        while thread in _threads(session, user):
            if time.monotonic() > deadline:
                raise HardenError(f"{self._endpoint}: a session of {user} does not end (thread {thread} of the server)")
            time.sleep(_POLL_SECONDS)

    @contextmanager
    def _session(self, account: Account) -> Iterator[Any]:
        """A connection of the account's; what goes wrong in the block is told as HardenError."""
        connection = self._connect(account)
        try:
            with connection:
                yield connection
        except (self._driver.MySQLError, OSError) as error:
            raise self._trouble(error, account.user) from error

    def _connect(self, account: Account) -> Any:
        endpoint = self._endpoint
        context = endpoint.tls()
        where = {"unix_socket": endpoint.host} if endpoint.host.startswith("/") else {"host": endpoint.host.strip("[]")}
        try:
            return self._driver.connect(
                **where,
                port=endpoint.port,
                user=account.user,
                password=account.text.encode(),
                database=endpoint.name or None,
                charset="utf8mb4",
                ssl=context,
                ssl_disabled=context is None,
                connect_timeout=max(1, int(endpoint.seconds)),
                read_timeout=endpoint.seconds,
                write_timeout=endpoint.seconds,
            )
        except (self._driver.MySQLError, OSError) as error:
            raise self._trouble(error, account.user) from error

    def _trouble(self, error: Exception, user: str) -> HardenError:
        """The error of the driver in words. Its messages name users and tables, never what was in a statement."""
        code, *words = error.args if isinstance(error, self._driver.MySQLError) and error.args else (0, str(error))
        said = str(words[-1] if words else code)
        if code in _REFUSED:
            return RefusedError(f"{self._endpoint}: {user}: {said}")
        if code == 1064:  # a syntax error shows the statement from there on
            said = "it does not know a statement of ours: MariaDB 10.4 or MySQL 8 is needed"
        hint = "see whether the server is up and answers there; then run it again" if code in _AWAY else ()
        return HardenError(f"{self._endpoint}: {user}: {said}", hint)


def _hash(account: Account) -> str:
    """What ``mysql_native_password`` keeps: SHA-1 of SHA-1, in hexadecimal behind a star. Its servers know no other."""
    once = hashlib.sha1(account.text.encode(), usedforsecurity=False).digest()
    return "*" + hashlib.sha1(once, usedforsecurity=False).hexdigest().upper()


def _is_mariadb(session: Any) -> bool:
    return "mariadb" in str(session.get_server_info()).lower()


def _hosts(session: Any, user: str) -> list[str]:
    """Of its accounts. A role of MariaDB's may have the same name."""
    query = "SELECT Host FROM mysql.user WHERE User = %s"
    accounts = f"{query} AND is_role = 'N'" if _is_mariadb(session) else query
    return [str(host) for (host,) in _rows(session, accounts, user)]


def _threads(session: Any, user: str) -> list[int]:
    query = "SELECT ID FROM information_schema.PROCESSLIST WHERE USER = %s AND ID <> CONNECTION_ID()"
    return [int(thread) for (thread,) in _rows(session, query, user)]


def _address(host: str) -> str:
    """Without the port, which comes last, behind IPv6 addresses too; a session through the socket has none."""
    address, _, port = host.rpartition(":")
    return address if port.isdigit() else host


def _rows(session: Any, statement: str, *values: object) -> Sequence[Sequence[Any]]:
    """The library puts values into statements, quoted as the server's mode wants it."""
    with session.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
