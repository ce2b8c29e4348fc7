"""A file as it was: its bytes, owner and mode, or that there was none."""

import base64
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.durable import remove_file, write_file

NEW_MODE = 0o644  # of a file that was not there before; it holds no value


@dataclass(frozen=True, slots=True)
class FileImage:
    """``content`` is None where there is no file."""

    content: Confidential | None
    mode: int = NEW_MODE
    owner: tuple[int, int] | None = None

    @classmethod
    def of(cls, path: Path) -> Self:
        """The file as it is. Raises HardenError where it is none, or cannot be read."""
        try:
            # Without waiting for whoever would write to a pipe.
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                known = os.fstat(descriptor)
                if not stat.S_ISREG(known.st_mode):
                    raise HardenError(f"{path}: is no file")
                with os.fdopen(descriptor, "rb", closefd=False) as opened:
                    content = Confidential(opened.read())
            finally:
                os.close(descriptor)
            return cls(content, stat.S_IMODE(known.st_mode), (known.st_uid, known.st_gid))
        except FileNotFoundError:
            return cls(None)
        except OSError as error:
            raise HardenError(f"{path}: cannot be read: {error.strerror}") from None

    def put(self, path: Path) -> None:
        """Make the file this one, in one step. A symbolic link stays, what it leads to is exchanged."""
        try:
            place = path.resolve()
            if self.content is None:
                remove_file(place)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                write_file(place, self.content.reveal(), self.mode, self.owner)
        except OSError as error:
            raise HardenError(
                f"{path}: cannot be written: {error.strerror}",
                "it is as it was; see to that, then run: harden secrets resume",
            ) from None

    def packed(self) -> Confidential:
        """As a journal keeps it."""
        content = None if self.content is None else base64.b64encode(self.content.reveal()).decode()
        return Confidential(json.dumps({"content": content, "mode": self.mode, "owner": self.owner}).encode())

    @classmethod
    def unpacked(cls, before: Confidential) -> Self:
        """What :meth:`packed` gave."""
        known = json.loads(before.reveal())
        content = known["content"]
        owner = known["owner"]
        return cls(
            None if content is None else Confidential(base64.b64decode(content)),
            known["mode"],
            None if owner is None else (owner[0], owner[1]),
        )


def exchange(path: Path, old: FileImage, new: FileImage, otherwise: str) -> None:
    """From one state to the other, whichever of the two it is in. Raises HardenError where it is in neither."""
    now = FileImage.of(path)
    if now.content == new.content:
        return
    if now.content != old.content:
        raise HardenError(f"{path}: {otherwise}", "nothing was written; bring it in order by hand, then go on")
    new.put(path)
