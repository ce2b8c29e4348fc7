"""What harden remembers of one network namespace: the rules in force, those before, and an apply under way.

A folder of its own for each namespace, 0700, with the files ``current``, ``previous``, ``pending`` and ``lock``.
A file of rules is one line of JSON and then the text of both families as the kernel printed it. Each is written
beside and renamed, so that at any moment every file is whole.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harden.errors import HardenError
from harden.lock import locked
from harden.state import make_state_folder
from wgfw.kernel.record import Record, Token

FORMAT = 1


class StateDirectory:
    """The state of one namespace under ``root``."""

    def __init__(self, root: Path, netns: str | None) -> None:
        self._root = root
        self.folder = root / "wg" / ("host" if netns is None else f"netns-{netns}")

    def current(self) -> Record | None:
        """The rules that were written last, and completely."""
        return self._read("current")

    def previous(self) -> Record | None:
        """The rules before those."""
        return self._read("previous")

    def pending(self) -> Record | None:
        """The rules that were being written when somebody pulled the plug."""
        return self._read("pending")

    def token(self) -> Token:
        """Changes whenever anything here changes."""
        return tuple(self._stamp(name) for name in ("current", "pending"))

    @contextlib.contextmanager
    def lock(self, seconds: float = 60) -> Iterator[None]:
        """Only one process at a time gets in. Raises HardenError when that takes too long."""
        with _explained(self.folder):
            self._prepare()
        with locked(self.folder / "lock", "harden is changing these rules already", seconds):
            yield

    def begin(self, record: Record) -> None:
        """Note what is about to be written to the kernel. It needs as much disk as what follows, before it is late.

        Not forced to the disk: rules do not outlive the power, and then `current` is right.
        """
        with _explained(self.folder):
            self._prepare()
            self._write("pending", record, durable=False)

    def abandon(self) -> None:
        """The kernel is as it was before :meth:`begin`."""
        with _explained(self.folder):
            (self.folder / "pending").unlink(missing_ok=True)

    def begin_first(self, before: Record) -> None:
        """Note what a rollback goes back to, where nothing is remembered yet."""
        with _explained(self.folder):
            self._prepare()
            self._write("previous", before)

    def settle(self, record: Record, *, keep: bool) -> None:
        """``record`` is in force now. With ``keep``, what was current becomes what a rollback goes back to."""
        with _explained(self.folder):
            self._prepare()
            if keep:
                self._keep_current()
            self._write("current", record)
            self.abandon()
            self._sync_folder()

    def settle_pending(self, *, keep: bool) -> None:
        """What :meth:`begin` noted is in force now. The same as :meth:`settle`, but it needs no room on the disk."""
        with _explained(self.folder):
            if keep:
                self._keep_current()
            (self.folder / "pending").replace(self.folder / "current")
            self._sync_folder()

    def _keep_current(self) -> None:
        spare = self.folder / "previous.new"
        spare.unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.link(self.folder / "current", spare)
            spare.replace(self.folder / "previous")

    def _read(self, name: str) -> Record | None:
        path = self.folder / name
        try:
            with path.open("rb") as file:
                header: Any = json.loads(file.readline())
                if header["format"] != FORMAT:
                    raise ValueError(f"its format is {header['format']}")
                lengths = {int(family): int(size) for family, size in header["lengths"].items()}
                raws = {family: file.read(size) for family, size in lengths.items()}
                if [len(raw) for raw in raws.values()] != list(lengths.values()):
                    raise ValueError("it is cut off")
                created = {int(family): tuple(tables) for family, tables in header["created"].items()}
            texts = {family: raw.decode("utf-8", "surrogateescape") for family, raw in raws.items()}
            policy, digest, backend = (str(header[key]) for key in ("policy", "digest", "backend"))
            return Record(policy, digest, backend, header["version"], texts, created)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise HardenError(
                f"{path}: {error.strerror}", "run it as root, or name another folder with --state"
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise HardenError(
                f"{path}: not a file of rules as this version of harden writes it ({error})",
                f"move it away: `mv {path} {path}.broken`; the rules in the kernel stay as they are",
            ) from error

    def _write(self, name: str, record: Record, *, durable: bool = True) -> None:
        texts = {family: text.encode("utf-8", "surrogateescape") for family, text in record.texts.items()}
        header = {
            "format": FORMAT,
            "policy": record.policy,
            "digest": record.digest,
            "backend": record.backend,
            "version": record.version,
            "created": {str(family): tables for family, tables in record.created.items()},
            "lengths": {str(family): len(text) for family, text in texts.items()},
        }
        spare = self.folder / f"{name}.new"
        try:
            with spare.open("wb") as file:
                file.write(json.dumps(header).encode() + b"\n")
                file.writelines(texts.values())
                file.flush()
                if durable:
                    os.fsync(file.fileno())
            spare.replace(self.folder / name)
        except OSError:
            with contextlib.suppress(OSError):
                spare.unlink(missing_ok=True)
            raise

    def _prepare(self) -> None:
        make_state_folder(self._root, *self.folder.relative_to(self._root).parts)

    def _sync_folder(self) -> None:
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _stamp(self, name: str) -> tuple[int, int] | None:
        try:
            there = os.stat(self.folder / name)
        except OSError:
            return None
        return there.st_ino, there.st_mtime_ns


@contextlib.contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise HardenError(
            f"{error.filename or folder}: the state cannot be written: {error.strerror}",
            "free some space, or name another folder with --state or HARDEN_STATE",
        ) from error
