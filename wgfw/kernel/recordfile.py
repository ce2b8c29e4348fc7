"""A generation of rules as a file: one line of JSON, then the text of both families as the kernel printed it.

Written beside and renamed, so that at any moment the file is whole.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harden.errors import HardenError
from wgfw.kernel.record import Record

FORMAT = 1


def read_record(path: Path) -> Record | None:
    """What the file holds, None where there is none. Raises HardenError for what is no such file."""
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
        raise HardenError(f"{path}: {error.strerror}", "run it as root, or name another folder with --state") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise HardenError(
            f"{path}: not a file of rules as this version of harden writes it ({error})",
            f"move it away: `mv {path} {path}.broken`; the rules in the kernel stay as they are",
        ) from error


def write_record(path: Path, record: Record, *, durable: bool = True) -> None:
    """Put the record there, in one step. Raises OSError with nothing changed."""
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
    write_whole(path, [json.dumps(header).encode() + b"\n", *texts.values()], durable=durable)


def write_whole(path: Path, parts: list[bytes], *, durable: bool = True) -> None:
    """Put the parts there as one file, in one step. Raises OSError with nothing changed."""
    spare = path.with_name(f"{path.name}.new")
    try:
        spare.unlink(missing_ok=True)  # cut off in between, it may be another name of a file that is to stay
        with spare.open("xb") as file:
            file.writelines(parts)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        spare.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            spare.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Have what was renamed or deleted in it on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turns what the file system refuses into words."""
    try:
        yield
    except OSError as error:
        raise HardenError(
            f"{error.filename or folder}: the state cannot be written: {error.strerror}",
            "free some space, or name another folder with --state or HARDEN_STATE",
        ) from error
