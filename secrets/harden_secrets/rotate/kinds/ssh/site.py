"""One target of an SSH key: who logs in to it for what."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harden_secrets.inventory.model import Target
from harden_secrets.rotate.kinds.ssh.access import Access
from harden_secrets.rotate.kinds.ssh.editing import KeysFile
from harden_secrets.rotate.kinds.ssh.keypair import KeyPair
from harden_secrets.rotate.kinds.ssh.session import Session, opened


@dataclass(frozen=True, slots=True)
class Site:
    """``login_key`` gives the key of whoever edits the file, None where that is the rotated key itself."""

    name: str
    target: Target
    login_key: Callable[[], KeyPair | None]

    @property
    def is_edited_by_another(self) -> bool:
        """Whether the key itself need not let anybody run commands."""
        return bool(self.target.login or self.target.login_key)

    def as_user(self, key: KeyPair, *others: KeyPair) -> Access:
        """The login that the key is for. ``others`` may open the way there, but not the target."""
        return Access(self.target, self.target.user, key, self._passing(*others, key))

    @contextmanager
    def session(self, key: KeyPair, *others: KeyPair) -> Iterator[Session]:
        """Held open by whoever edits the file: with the key itself unless the inventory says another."""
        login = self.login_key()
        access = Access(self.target, self.target.login or self.target.user, login or key, self._passing(*others, key))
        with opened(access, sudo=self.target.sudo) as session:
            yield session

    def keys_file(self, session: Session) -> KeysFile:
        """The file that the key is in."""
        return KeysFile(session, self.name, self.target.user, self.target.authorized_keys)

    def _passing(self, *keys: KeyPair) -> tuple[KeyPair, ...]:
        if not self.target.jump:
            return ()
        login = self.login_key()
        ordered = (*((login,) if login is not None else ()), *keys)
        return tuple({key.blob: key for key in ordered}.values())


def target_name(target: Target) -> str:
    """What people call it: ``openclaw@devvm``, with the port where it is not 22."""
    host = f"[{target.host}]" if ":" in target.host and not target.host.startswith("[") else target.host
    port = f":{target.port}" if target.port != 22 else ""
    return f"{target.user}@{host}{port}"
