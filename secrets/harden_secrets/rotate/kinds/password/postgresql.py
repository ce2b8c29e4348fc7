"""Passwords of PostgreSQL's roles.

By pg8000, which is pure Python under a BSD licence: no libpq and no compiler, on every architecture. What is sent is
the SCRAM verifier (RFC 5803, as PostgreSQL stores it), made here by the library that pg8000 logs in with: the password
itself is in no statement, so in no log of the server, no pg_stat_statements and no replica of either.
"""

import base64
import socket
import ssl
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.rotate.kinds.password.channel import close_channel, open_channel
from harden_secrets.rotate.kinds.password.drivers import driver
from harden_secrets.rotate.kinds.password.server import Account, Endpoint
from harden_secrets.rotate.kinds.refusal import RefusedError

PORT = 5432
USUAL_DATABASE = "postgres"
_ITERATIONS = 4096  # what the server itself takes; a random password needs no more
# SQLSTATE (appendix A of its manual). The second one is also what a missing line in pg_hba.conf ends with: then another
# source file than that of the roles has spoken.
_BAD_PASSWORD, _BAD_ROLE, _ROLES = "28P01", "28000", "miscinit.c"
_DENIED = "42501"
_POLL_SECONDS = 0.05


class PostgreSql:
    """One server."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._native: Any = driver("pg8000.native", "PostgreSQL")
        self._scramp: Any = driver("scramp", "PostgreSQL")

    def try_login(self, account: Account) -> None:
        """See :class:`~harden_secrets.rotate.kinds.password.server.Server`."""
        with self._session(account) as session:
            session.run("SELECT 1")

    def missing(self, by: Account, users: Sequence[str]) -> Sequence[str]:
        """As the protocol says."""
        with self._session(by) as session:
            return [user for user in users if not session.run("SELECT 1 FROM pg_roles WHERE rolname = :u", u=user)]

    def set_password(self, by: Account, user: str, password: Confidential, *, opening: bool) -> None:
        """``ALTER ROLE``; a role without rights may do that to itself as long as nothing but the password changes."""
        verifier = self._native.literal(self._verifier(Account(user, password)))
        login, validity = (" LOGIN", " VALID UNTIL 'infinity'") if opening else ("", "")
        self._alter(by, user, f"{login} PASSWORD {verifier}{validity}")

    def expire(self, by: Account, user: str, until: datetime) -> bool:
        """``VALID UNTIL``, which the server compares with its own clock at each login by password."""
        self._alter(by, user, f" VALID UNTIL {self._native.literal(until.astimezone(UTC).isoformat())}")
        return True

    def sessions(self, by: Account, user: str) -> Sequence[str]:
        """By application and address, where ``by`` may see them."""
        query = (
            "SELECT coalesce(application_name, ''), coalesce(host(client_addr), ''), count(*) FROM pg_stat_activity"
            " WHERE usename = :u AND pid <> pg_backend_pid() GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2"
        )
        with self._session(by) as session:
            found = session.run(query, u=user)
        return [f"{count} of {name or 'an application'} from {host or 'a socket'}" for name, host, count in found]

    def end_sessions(self, by: Account, user: str) -> int:
        """``pg_terminate_backend``."""
        query = "SELECT pid FROM pg_stat_activity WHERE usename = :u AND pid <> pg_backend_pid()"
        with self._session(by) as session:
            running = [pid for (pid,) in session.run(query, u=user)]
            for pid in running:
                self._terminate(session, pid, user)
        return len(running)

    def shut(self, by: Account, user: str) -> None:
        """No login and no password: either alone would do."""
        self._alter(by, user, " NOLOGIN PASSWORD NULL")

    def probe(self, by: Account, account: Account) -> None:
        """As the protocol says."""
        with self._connected(account) as probed, self._session(by) as session:
            ((pid,),) = probed.run("SELECT pg_backend_pid()")
            if not session.run("SELECT 1 FROM pg_stat_activity WHERE pid = :p AND usename = :u", p=pid, u=account.user):
                raise self._denied(f"{by.user} does not see the sessions of {account.user}", account.user)
            self._terminate(session, pid, account.user)

    def _alter(self, by: Account, user: str, what: str) -> None:
        # Utility statements take no parameters: the library quotes the name, and what follows is ours or was quoted.
        with self._session(by) as session:
            session.execute_simple(f"ALTER ROLE {self._native.identifier(user)}{what}")

    def _terminate(self, session: Any, pid: int, user: str) -> None:
        """Ends that session and waits until it is over."""
        try:
            session.run("SELECT pg_terminate_backend(:p)", p=pid)
        except self._native.DatabaseError as error:
            if _said(error).get("C") == _DENIED:
                raise self._denied(_said(error).get("M", ""), user) from error
            raise
        deadline = time.monotonic() + self._endpoint.seconds
        while session.run("SELECT 1 FROM pg_stat_activity WHERE pid = :p AND usename = :u", p=pid, u=user):
            if time.monotonic() > deadline:
                raise HardenError(f"{self._endpoint}: a session of {user} does not end (process {pid} of the server)")
            time.sleep(_POLL_SECONDS)

    def _verifier(self, account: Account) -> str:
        mechanism = self._scramp.ScramMechanism("SCRAM-SHA-256")
        salt, stored, server, rounds = mechanism.make_auth_info(account.text, iteration_count=_ITERATIONS)
        words = [base64.b64encode(part).decode() for part in (salt, stored, server)]
        return f"SCRAM-SHA-256${rounds}:{words[0]}${words[1]}:{words[2]}"

    @contextmanager
    def _session(self, account: Account) -> Iterator[Any]:
        """A connection of the account's; what goes wrong in the block is told as HardenError."""
        with self._connected(account) as connection:
            try:
                yield connection
            except (self._native.Error, OSError) as error:
                raise self._trouble(error, account.user) from error

    @contextmanager
    def _connected(self, account: Account) -> Iterator[Any]:
        channel = self._open(account)
        try:
            connection = self._login(account, channel)
            try:
                yield connection
            finally:
                with suppress(self._native.Error, OSError):  # the server may have ended it before us
                    connection.close()
        finally:
            close_channel(channel)

    def _open(self, account: Account) -> socket.socket:
        try:
            return open_channel(self._endpoint)
        except OSError as error:
            raise self._trouble(error, account.user) from error

    def _login(self, account: Account, channel: socket.socket) -> Any:
        try:
            return self._native.Connection(
                account.user,
                sock=channel,
                ssl_context=False,  # what had to be done is done
                database=self._endpoint.name or USUAL_DATABASE,
                password=account.text,
                application_name="harden",
            )
        except (self._native.Error, OSError) as error:
            raise self._trouble(error, account.user) from error
        except (KeyError, ValueError, struct.error) as error:
            raise HardenError(f"{self._endpoint} does not speak the protocol of PostgreSQL") from error

    def _trouble(self, error: BaseException, user: str) -> HardenError:
        """The error of a driver in words. One that closing the connection has covered up comes first."""
        for one in _chain(error):
            said = _said(one)
            if not said:
                continue
            words = f"{self._endpoint}: {user}: {said.get('M', 'refused')}"
            code = said.get("C")
            if code == _BAD_PASSWORD or (code == _BAD_ROLE and said.get("F") == _ROLES):
                return RefusedError(words)
            return HardenError(words, said.get("H", ()))
        causes = [one for one in _chain(error) if isinstance(one, OSError)]
        if verification := [one for one in causes if isinstance(one, ssl.SSLCertVerificationError)]:
            return HardenError(
                f"{self._endpoint}: its certificate is not trusted: {verification[0].verify_message}",
                "name the authority with ca_file, and the server as its certificate does",
            )
        reason = (causes[0].strerror or str(causes[0])) if causes else str(error)
        return HardenError(
            f"{self._endpoint} cannot be reached: {reason}",
            "see whether the server is up and answers there; then run it again",
        )

    def _denied(self, words: str, user: str) -> HardenError:
        role = self._native.identifier(user)
        return HardenError(
            f"{self._endpoint}: {words}", f"GRANT {role} (or pg_signal_backend) TO the role of the admin"
        )


def _said(error: BaseException) -> dict[str, str]:
    """The fields of an error of the server: C its code, M the message, F the source file."""
    first = error.args[0] if error.args else None
    return first if isinstance(first, dict) else {}


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
