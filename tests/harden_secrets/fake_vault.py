"""A KV version 2 store in memory that does what the real one does, and fails when it is told to.

The same tests hold it and the real one to the port's contract (test_vault_contract.py).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeVar

from harden_secrets.confidential import Confidential
from harden_secrets.inventory.paths import path_fault
from harden_secrets.vault.encoding import MARKER, decoded, encoded
from harden_secrets.vault.metadata import changed
from harden_secrets.vault.port import (
    CasMismatchError,
    Metadata,
    Stored,
    VaultError,
    VaultUnavailableError,
    VersionState,
)

T = TypeVar("T")
START = datetime(2026, 1, 1, tzinfo=UTC)
MOUNT_LIMIT = 10  # versions a path keeps unless it says otherwise


@dataclass
class Kept:
    """One version: its data as the store has it, None once it was destroyed."""

    data: dict[str, str] | None
    created: datetime
    deleted: bool = False


@dataclass
class Path:
    """All that the store knows of a path."""

    current: int = 0
    max_versions: int = 0
    custom: dict[str, str] = field(default_factory=dict)
    versions: dict[int, Kept] = field(default_factory=dict)


@dataclass
class Fault:
    """Fails a call: the ``number``-th that matches (from now on, 1 is the next), before it acts or after it did."""

    number: int
    when: Literal["before", "after"]
    error: VaultError
    method: str | None
    times: int


class FakeVault:
    """See above. ``calls`` are the method and path of every call, in order; ``paths`` is what is stored."""

    address = "https://vault.test:8200"

    def __init__(self, mount: str = "secret") -> None:
        self.mount = mount
        self.paths: dict[str, Path] = {}
        self.calls: list[tuple[str, str]] = []
        self.now = START
        self._faults: list[Fault] = []

    def fail(
        self,
        number: int = 1,
        when: Literal["before", "after"] = "before",
        error: VaultError | None = None,
        *,
        method: str | None = None,
        times: int = 1,
    ) -> None:
        """Let the ``number``-th call from now fail, and the ``times - 1`` after it; of ``method`` only, if given.

        ``after`` is the nasty one: the call did its work, and its caller does not get to know.
        """
        error = error or VaultUnavailableError("the store was told to fail")
        self._faults.append(Fault(number, when, error, method, times))

    def put_foreign(self, path: str, data: Mapping[str, str]) -> int:
        """Store texts without our marker, as another program or a person would."""
        return self._store(path, dict(data))

    # The port

    def read(self, path: str, version: int | None = None) -> Stored | None:
        def act() -> Stored | None:
            known = self.paths.get(path, Path())
            number = version or known.current
            kept = known.versions.get(number)
            if kept is None or kept.deleted or kept.data is None:
                return None
            return Stored(number, decoded(kept.data, path), MARKER not in kept.data)

        return self._call("read", path, act)

    def write(self, path: str, fields: Mapping[str, Confidential], *, cas: int) -> int:
        def act() -> int:
            data = encoded(fields)
            current = self.paths.get(path, Path()).current
            if cas != current:
                raise CasMismatchError(f"{path}: has version {current}, not {cas}")
            return self._store(path, data)

        return self._call("write", path, act)

    def metadata(self, path: str) -> Metadata | None:
        def act() -> Metadata | None:
            known = self.paths.get(path)
            if known is None:
                return None
            versions = tuple(
                VersionState(number, kept.created, kept.deleted, kept.data is None)
                for number, kept in sorted(known.versions.items())
            )
            return Metadata(known.current, known.max_versions, False, dict(known.custom), versions)

        return self._call("metadata", path, act)

    def annotate(self, path: str, changes: Mapping[str, str | None], *, cas: int | None = None) -> None:
        def act() -> None:
            known = self.paths.get(path, Path())
            if cas is not None and cas != known.current:
                raise CasMismatchError(f"{path}: has version {known.current}, not {cas}")
            known.custom = changed(known.custom, changes, path)
            self.paths[path] = known

        self._call("annotate", path, act)

    def delete(self, path: str, versions: tuple[int, ...]) -> None:
        self._call("delete", path, lambda: self._mark(path, versions, deleted=True))

    def undelete(self, path: str, versions: tuple[int, ...]) -> None:
        self._call("undelete", path, lambda: self._mark(path, versions, deleted=False))

    def destroy(self, path: str, versions: tuple[int, ...]) -> None:
        def act() -> None:
            for kept in self._kept(path, versions):
                kept.data = None

        self._call("destroy", path, act)

    # How it is done

    def _call(self, method: str, path: str, act: Callable[[], T]) -> T:
        self.calls.append((method, path))
        if wrong := path_fault(path):
            raise VaultError(wrong)
        due = [fault for fault in self._faults if self._is_due(fault, method)]
        for fault in due:
            if fault.when == "before":
                raise fault.error
        result = act()
        for fault in due:
            raise fault.error
        return result

    def _is_due(self, fault: Fault, method: str) -> bool:
        if fault.method not in (None, method):
            return False
        fault.number -= 1
        return fault.number <= 0 and -fault.number < fault.times

    def _store(self, path: str, data: dict[str, str]) -> int:
        known = self.paths.setdefault(path, Path())
        known.current += 1
        self.now += timedelta(seconds=1)
        known.versions[known.current] = Kept(data, self.now)
        oldest = known.current - (known.max_versions or MOUNT_LIMIT)
        known.versions = {number: kept for number, kept in known.versions.items() if number > oldest}
        return known.current

    def _kept(self, path: str, versions: tuple[int, ...]) -> list[Kept]:
        known = self.paths.get(path, Path()).versions
        return [known[number] for number in versions if number in known]

    def _mark(self, path: str, versions: tuple[int, ...], *, deleted: bool) -> None:
        for kept in self._kept(path, versions):
            kept.deleted = deleted and kept.data is not None


def raw(vault: FakeVault, path: str) -> dict[str, str]:
    """What lies in the newest version as text, the marker among it; for tests that look at the store itself."""
    data = vault.paths[path].versions[vault.paths[path].current].data
    assert data is not None
    assert MARKER in data
    return data
