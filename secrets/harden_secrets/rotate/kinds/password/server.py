"""A database server as a place of passwords. The adapters are ``postgresql`` and ``mysql``."""

import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from harden.errors import HardenError
from harden_secrets.confidential import Confidential


@dataclass(frozen=True, slots=True)
class Account:
    """Who logs in."""

    user: str
    password: Confidential

    @property
    def text(self) -> str:
        """The password as the drivers want it. Raises HardenError where it is no text."""
        try:
            return self.password.reveal().decode()
        except UnicodeDecodeError:
            raise HardenError(f"the password of {self.user} is not text in UTF-8") from None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the server is. ``host`` may be the absolute path of its socket, or of the folder with it."""

    database: str
    host: str
    port: int
    name: str
    ca_file: str
    seconds: float

    def __str__(self) -> str:
        where = self.host if self.host.startswith("/") else f"{self.host}:{self.port}"
        return f"{self.database} {where}"

    @property
    def is_local(self) -> bool:
        """Whether nobody is on the way there."""
        if self.host.startswith("/") or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False

    def tls(self) -> ssl.SSLContext | None:
        """TLS with the server's certificate and name verified; None where the server is on this host.

        There is no way to do without: who can read the connection of the admin has the database. Raises HardenError.
        """
        if self.is_local and not self.ca_file:
            return None
        try:
            return ssl.create_default_context(cafile=self.ca_file or None)
        except OSError as error:  # ssl.SSLError is one
            raise HardenError(f"{self.ca_file}: cannot be used: {error.strerror or error}") from error


class Server(Protocol):
    """Each method logs in afresh. ``by`` is who changes or asks; all raise HardenError, with no value in the words."""

    def try_login(self, account: Account) -> None:
        """Logs in. Raises RefusedError where the server does not take the password, or the user may not log in."""
        ...

    def missing(self, by: Account, users: Sequence[str]) -> Sequence[str]:
        """Those users that the server does not know."""
        ...

    def set_password(self, by: Account, user: str, password: Confidential, *, opening: bool) -> None:
        """The user's password is that one. ``opening``: the user may log in from now on, without an end."""
        ...

    def expire(self, by: Account, user: str, until: datetime) -> bool:
        """The user's password is good until then. False: the server cannot do that."""
        ...

    def sessions(self, by: Account, user: str) -> Sequence[str]:
        """The user's sessions, in words, those alike together."""
        ...

    def end_sessions(self, by: Account, user: str) -> int:
        """Ends all of them that there are now, and waits until they are over. How many there were."""
        ...

    def shut(self, by: Account, user: str) -> None:
        """The user cannot log in any more, and has no password that anybody knows."""
        ...

    def probe(self, by: Account, account: Account) -> None:
        """Shows with a session of its own that ``by`` sees the account's sessions and may end them."""
        ...
