"""One target of an SSH key: who logs in to it for what."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harden_secrets.inventory.model import Target
from harden_secrets.rotate.kinds.ssh.access import Access
from harden_secrets.rotate.kinds.ssh.editing import KeysFile
from harden_secrets.rotate.kinds.ssh.keypair import KeyPair
from harden_secrets.rotate.kinds.ssh.session import Session, opened

Way = tuple[KeyPair, ...]
"""The keys that may open the hosts on the way, the one that is to be tried first being the first."""


@dataclass(frozen=True, slots=True)
class Site:
    """``login_key`` gives the key of whoever edits the file, None where that is the rotated key itself."""

    name: str
    target: Target
    login_key: Callable[[], KeyPair | None]

    def as_user(self, key: KeyPair, way: Way) -> Access:
        """The login that the key is for."""
        return Access(self.target, self.target.user, key, self._passing(way))

    @contextmanager
    def session(self, key: KeyPair, way: Way) -> Iterator[Session]:
        """Held open by whoever edits the file: with the key itself unless the inventory says another."""
        login = self.login_key()
        access = Access(self.target, self.target.login or self.target.user, login or key, self._passing(way))
        with opened(access, sudo=self.target.sudo) as session:
            yield session

    def keys_file(self, session: Session) -> KeysFile:
        """The file that the key is in."""
        return KeysFile(session, self.name, self.target.user, self.target.authorized_keys)

    def _passing(self, way: Way) -> Way:
        login = self.login_key() if self.target.jump else None
        keys = way if login is None else (login, *way)
        return keys if self.target.jump else ()
