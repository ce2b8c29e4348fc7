"""Where a rotation lies: in Vault, with the pending key, in one path of its own, so that any host can go on with it.

Each change is one new version that names the version it follows (compare-and-swap): of two hosts that work on one
rotation, the second one's write is refused. The pending key lies apart from the secret's own path because whoever
reads that takes the newest version. The old fields are kept beside the pending ones: a mount may keep one version only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.rotate.paths import record_path
from harden_secrets.rotate.record import NewerRecordError, UnreadableRecordError, as_json, from_json
from harden_secrets.rotate.rotator import Fields, Pair
from harden_secrets.rotate.values import Rotation
from harden_secrets.vault.port import CasMismatchError, Vault

_STATE = "state"
_OLD, _NEW = "old.", "new."


class OvertakenError(HardenError):
    """Somebody else has gone on with the rotation: nothing more may be done by us."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A rotation as it lies in Vault. ``version`` is that of the record's path.

    ``pair`` is None once it has ended; it is empty where all that remains is to destroy the versions that hold it.
    """

    rotation: Rotation
    pair: Pair | None
    version: int

    @property
    def is_closing(self) -> bool:
        """Whether its keys are needed no more."""
        return self.pair is not None and not self.pair.new


class Store:
    """The rotations in a Vault, by the path of their secrets. All methods raise VaultError."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def load(self, path: str) -> Loaded | None:
        """The last rotation of the secret at ``path``, open or ended; None where there never was one."""
        where = record_path(path)
        stored = self._vault.read(where)
        if stored is None:
            return None
        try:
            rotation = from_json(stored.fields[_STATE].reveal())
        except NewerRecordError as error:
            raise HardenError(f"{self._vault.mount}/{where}: {error}", "go on with that one, here too") from None
        except (KeyError, UnreadableRecordError) as error:
            words = str(error) if isinstance(error, UnreadableRecordError) else "holds no record"
            raise HardenError(
                f"{self._vault.mount}/{where}: {words}",
                f"both keys are in its versions: look at them, put the right one in {self._vault.mount}/{path}, then"
                " delete that path",
            ) from None
        pair = Pair(_part(stored.fields, _OLD), _part(stored.fields, _NEW), rotation.id, rotation.began)
        return Loaded(rotation, pair if rotation.is_open else None, stored.version)

    def version(self, path: str) -> int:
        """The version that the next change follows, even where that is deleted; 0 where there never was one."""
        known = self._vault.metadata(record_path(path))
        return 0 if known is None else known.current

    def begin(self, path: str, rotation: Rotation, old: Fields, new: Fields, follows: int) -> Loaded:
        """Persist a new rotation and its pending key, in one write. Raises OvertakenError.

        ``follows`` is what :meth:`version` gave before it was seen that no rotation is open.
        """
        return self._write(path, Loaded(rotation, Pair(old, new, rotation.id, rotation.began), follows))

    def confirm(self, path: str, loaded: Loaded) -> None:
        """Returns while it lies there as it was loaded. Raises OvertakenError."""
        stored = self._vault.read(record_path(path))
        if stored is None or stored.version != loaded.version:
            raise self._overtaken(record_path(path))

    def save(self, path: str, loaded: Loaded, rotation: Rotation) -> Loaded:
        """Persist how far it has come; one that has ended without its keys. Raises OvertakenError."""
        pair = loaded.pair if rotation.is_open else None
        return self._write(path, replace(loaded, rotation=rotation, pair=pair))

    def drop_keys(self, path: str, loaded: Loaded) -> Loaded:
        """Keep its keys no more; :meth:`tidy` destroys them. Raises OvertakenError."""
        rotation = loaded.rotation
        return self._write(path, replace(loaded, pair=Pair({}, {}, rotation.id, rotation.began)))

    def tidy(self, path: str) -> None:
        """Destroy the versions of a rotation's record before the current one: they may hold keys."""
        where = record_path(path)
        known = self._vault.metadata(where)
        if known is None:
            return
        rest = tuple(one.number for one in known.versions if one.number < known.current and not one.destroyed)
        if rest:
            self._vault.destroy(where, rest)

    def _write(self, path: str, loaded: Loaded) -> Loaded:
        where = record_path(path)
        try:
            version = self._vault.write(where, _fields(loaded), cas=loaded.version)
        except CasMismatchError:
            raise self._overtaken(where) from None
        return replace(loaded, version=version)

    def _overtaken(self, where: str) -> OvertakenError:
        return OvertakenError(
            f"{self._vault.mount}/{where}: somebody else goes on with this rotation",
            "see who: harden secrets status; nothing is lost, and nothing more was done here",
        )


def _fields(loaded: Loaded) -> Mapping[str, Confidential]:
    fields = {_STATE: Confidential(as_json(loaded.rotation))}
    if loaded.pair is not None:
        fields |= {_OLD + name: value for name, value in loaded.pair.old.items()}
        fields |= {_NEW + name: value for name, value in loaded.pair.new.items()}
    return fields


def _part(fields: Mapping[str, Confidential], prefix: str) -> Fields:
    return {name.removeprefix(prefix): value for name, value in fields.items() if name.startswith(prefix)}
