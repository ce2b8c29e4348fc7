"""The beginning of a rotation: nothing has changed anywhere until the new key and the record of it are persisted."""

from datetime import datetime, timedelta

from harden.errors import HardenError
from harden_secrets.inventory.model import SecretEntry
from harden_secrets.rotate import machine
from harden_secrets.rotate.event import Happened
from harden_secrets.rotate.rotator import Fields
from harden_secrets.rotate.steps import Steps
from harden_secrets.rotate.store import Loaded, Store
from harden_secrets.rotate.surroundings import Account, Lock, Surroundings
from harden_secrets.rotate.values import Outcome, Phase, Proof, Rotation, Unit
from harden_secrets.vault.port import Stored, VaultError


class Beginning:
    """Begins a rotation of one secret. The lock over it is held by the caller."""

    def __init__(self, entry: SecretEntry, steps: Steps, store: Store, lock: Lock, around: Surroundings) -> None:
        self._entry, self._steps, self._store, self._lock, self._around = entry, steps, store, lock, around
        self._account = Account(entry.name, around)

    def begin(self, ended: Loaded | None, follows: int) -> Loaded:
        """Check everything, then make the key, then persist it: until that is written nothing has changed anywhere.

        ``ended`` is the last rotation, ``follows`` the version of its record before it was read. Raises HardenError.
        """
        old = self._steps.newest()
        new, words = self._prepared(old, ended, follows)
        self._lock.confirm()
        now = self._around.now()
        rotation = self._fresh(old, ended, now)
        rotation = rotation.with_proof(Unit(Phase.GENERATE), Proof(words, now))
        # First: where no account of it can be given, nothing is done.
        self._account.note("rotation-begun", rotation, {"old_version": old.version})
        loaded = self._store.begin(self._entry.path, rotation, old.fields, new, follows)
        words += f" and stored as pending; version {old.version} is in use"
        self._account.tell(rotation, Happened.DONE, words, Unit(Phase.GENERATE))
        return loaded

    def _prepared(self, old: Stored, ended: Loaded | None, follows: int) -> tuple[Fields, str]:
        """The new key, and what was made. What is in the way is raised, and kept for status."""
        try:
            for line in self._steps.check(old).lines:
                self._account.foretell(line)
            return self._steps.generate(old.fields)
        except VaultError:
            raise
        except HardenError as error:
            now = self._around.now()
            last = ended or Loaded(self._fresh(old, None, now, Outcome.NOT_BEGUN), None, follows)
            refused = machine.failed(last.rotation, Unit(Phase.GENERATE), error.messages, error.hints, now)
            self._store.save(self._entry.path, last, refused)
            raise

    def _fresh(self, old: Stored, ended: Loaded | None, now: datetime, outcome: Outcome | None = None) -> Rotation:
        overlap = self._entry.rotate.overlap if self._entry.rotate is not None else timedelta()
        made = ended.rotation.old_made if ended is not None and ended.rotation.old_version == old.version else None
        ended_at = now if outcome is not None else None
        version, kind = old.version, self._entry.kind
        return Rotation(self._around.new_id(), kind, now, version, overlap, made, outcome=outcome, ended=ended_at)
