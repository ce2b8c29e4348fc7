"""The folder of a run: its plan, its journal, its key, and the lock that one process at a time holds.

The key seals what a rollback needs. When the run has come to its end it is moved into Vault, so that what is left on
the disk is of no use by itself, and a finished run can still be undone by who may read Vault.
"""

import contextlib
import os
import secrets
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from harden.document.wording import quote
from harden.errors import HardenError
from harden.lock import locked
from harden_secrets.confidential import Confidential
from harden_secrets.durable import write_file
from harden_secrets.plan import file
from harden_secrets.plan.values import Plan
from harden_secrets.vault.port import Vault

KEY_SIZE = 32  # bytes
_VAULT_FOLDER = "harden/runs"
_FIELD = "key"
_LOCK_SECONDS = 2


class RunFolder:
    """The folder of the run ``id`` under ``state``, the state folder of this part."""

    def __init__(self, state: Path, id: str) -> None:  # noqa: A002 - the term for it everywhere
        self.id = id
        self.path = state / "runs" / id
        self._key = self.path / "key"
        self._plan = self.path / "plan.json"

    @property
    def plan(self) -> Plan:
        """The plan that the run carries out. Raises HardenError."""
        return file.read_again(str(self._plan))

    def create(self, plan: Plan) -> None:
        """Make the folder. It is there as a whole or not at all, as far as :func:`run_ids` can see."""
        with _explained(self.path):
            self.path.mkdir(mode=0o700, parents=True)
            write_file(self._key, secrets.token_bytes(KEY_SIZE))
            write_file(self._plan, file.as_text(plan).encode())

    def key(self, vault: Vault | None) -> Confidential:
        """The key, from the folder or else from Vault. Raises HardenError where it is in neither."""
        with _explained(self._key):
            if self._key.exists():
                return Confidential(self._key.read_bytes())
        stored = vault.read(self._vault_path) if vault is not None else None
        if stored is None or _FIELD not in stored.fields:
            raise HardenError(
                f"run {self.id}: the key to its journal is neither in {self.path} nor in Vault at {self._vault_path}",
                "what it did stays done; it cannot be undone any more",
            )
        return stored.fields[_FIELD]

    def hand_over(self, vault: Vault) -> None:
        """Move the key into Vault. Told twice, or killed in between, it ends up there once."""
        if not self._key.exists():
            return
        key = self.key(None)
        stored = vault.read(self._vault_path)
        if stored is None:
            known = vault.metadata(self._vault_path)
            vault.write(self._vault_path, {_FIELD: key}, cas=known.current if known else 0)
        elif stored.fields.get(_FIELD) != key:
            raise HardenError(
                f"Vault has another key at {self._vault_path}", f"the one of this run stays in {self._key}"
            )
        with _explained(self._key):
            self._key.unlink()

    def take_back(self, vault: Vault) -> None:
        """Have the key in the folder again: as long as it is there, the run has not come to its end."""
        key = self.key(vault)
        with _explained(self._key):
            if not self._key.exists():
                write_file(self._key, key.reveal())

    def forget(self, vault: Vault) -> None:
        """The run is undone: nothing in its journal is needed any more, so its key goes, wherever it is."""
        known = vault.metadata(self._vault_path)
        if left := tuple(one.number for one in (known.versions if known else ()) if not one.destroyed):
            vault.destroy(self._vault_path, left)
        with _explained(self._key):
            self._key.unlink(missing_ok=True)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Only one process works on a run. Raises HardenError when another does."""
        with locked(self.path / "lock", f"another harden works on run {self.id}", _LOCK_SECONDS):
            yield

    @property
    def is_handed_over(self) -> bool:
        """Whether its key is not in the folder any more, which is the last thing that a run does."""
        return not self._key.exists()

    @property
    def _vault_path(self) -> str:
        return f"{_VAULT_FOLDER}/{self.id}"


def new_id(now: datetime) -> str:
    """An id that sorts by time and that no other host picks too."""
    return f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def run_ids(state: Path) -> list[str]:
    """The runs that there are, the oldest first. One that died before it had a plan never began."""
    with _explained(state):
        runs = state / "runs"
        return sorted(
            name for name in (os.listdir(runs) if runs.is_dir() else ()) if (runs / name / "plan.json").is_file()
        )


def run_folder(state: Path, run: str) -> RunFolder:
    """The folder of a run that there is. Raises HardenError where there is none of that name."""
    if run not in run_ids(state):
        raise HardenError(f"there is no run {quote(run)}", "harden secrets runs lists them all")
    return RunFolder(state, run)


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise HardenError(
            f"{error.filename or path}: {error.strerror}",
            "free some space, or name another folder with --state or HARDEN_STATE",
        ) from error
