"""Take a value out of a file, or a file that is nothing but a value out of the tree."""

import base64
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.detect import DETECTORS
from harden_secrets.examine import Sighting, examine
from harden_secrets.fileimage import FileImage, exchange
from harden_secrets.migrate.performers.site import Site
from harden_secrets.migrate.step import Step
from harden_secrets.rewrite import rewritten

_NOTHING = Confidential(b"")


class RewriteFile:
    """Makes the edits of a plan; every other byte, the owner and the mode stay."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def capture(self, step: Step) -> Confidential:
        """The file as it is."""
        return FileImage.of(self._path(step)).packed()

    def perform(self, step: Step, before: Confidential) -> Mapping[str, Any]:
        """Only if nobody else has changed it since the step began."""
        old = FileImage.unpacked(before)
        exchange(self._path(step), old, self._new(step, old), "was changed while harden was about to rewrite it")
        return {"file": str(self._path(step))}

    def undo(self, step: Step, before: Confidential) -> None:
        """Put it back as it was, unless somebody has changed it since."""
        old = FileImage.unpacked(before)
        exchange(self._path(step), self._new(step, old), old, "was changed since harden rewrote it")

    def _new(self, step: Step, old: FileImage) -> FileImage:
        change = self._site.secret(step).files[step.index]
        made = rewritten((old.content or _NOTHING).reveal(), change.edits, change.path)
        # Where nothing is left of a file, the file goes.
        return replace(old, content=Confidential(made) if made else None)

    def _path(self, step: Step) -> Path:
        return Path(self._site.secret(step).files[step.index].path)


class DeleteFile:
    """Deletes a file that is in Vault as a whole."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def capture(self, step: Step) -> Confidential:
        """The file as it is."""
        return FileImage.of(self._path(step)).packed()

    def perform(self, step: Step, before: Confidential) -> Mapping[str, Any]:
        """Only what Vault has."""
        path, old = self._path(step), FileImage.unpacked(before)
        if old.content is not None and not self._is_known(step, old.content):
            raise HardenError(
                f"{path}: is not what the plan saw: it was not removed",
                "undo the run with harden secrets rollback, then make a new plan",
            )
        exchange(path, old, replace(old, content=None), "was changed while harden was about to remove it")
        return {"copy": str(path), "how": "delete-file"}

    def undo(self, step: Step, before: Confidential) -> None:
        """Put it back with its owner and mode."""
        old = FileImage.unpacked(before)
        exchange(self._path(step), replace(old, content=None), old, "is there again, with other content")

    def _is_known(self, step: Step, content: Confidential) -> bool:
        secret = self._site.secret(step)
        for value in self._site.stored(secret).values():
            if content in (value, Confidential(base64.b64encode(value.reveal()))):
                return True
        seen = examine(content.reveal(), str(self._path(step)), DETECTORS)
        found = (self._site.fingerprints.of(one.detection) for one in seen if isinstance(one, Sighting))
        return secret.fingerprint in found

    def _path(self, step: Step) -> Path:
        return Path(self._site.secret(step).copies[step.index].source)
