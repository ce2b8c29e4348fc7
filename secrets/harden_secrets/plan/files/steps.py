"""The changes of one key in their order: what is new, what refers to it, and what uses it. Pure."""

import posixpath
from collections.abc import Mapping

from harden.errors import HardenError
from harden_secrets.delivery.values import Delivery
from harden_secrets.plan.files.changes import kustomization_edits
from harden_secrets.plan.files.delivery import delivery_file
from harden_secrets.plan.files.group import Settled
from harden_secrets.plan.files.tree import Tree
from harden_secrets.plan.values import FileChange
from harden_secrets.rewrite import rewritten
from harden_secrets.rewrite.stream import stream


class FileSteps:
    """Knows the files as the keys before leave them, and brings them up to date."""

    def __init__(self, tree: Tree, now: dict[str, bytes]) -> None:
        self._tree = tree
        self._now = now

    def of(self, settled: Settled, delivered: Mapping[str, Delivery]) -> tuple[FileChange, ...]:
        """All changes; ``delivered`` is what operators need, by the file that it comes beside."""
        created: dict[str, str] = {}
        changes: list[FileChange] = []
        for home, delivery in delivered.items():
            made = delivery_file(delivery, home, self._now)
            if made is not None:
                path, text = made
                created[home] = path
                self._now[path] = text.encode()
                words = f"new: {delivery.to} brings secret {delivery.secret} from Vault"
                changes.append(FileChange(path, (words,), ({"edit": "create", "text": text},)))
        gone = {path for path, content in settled.after.items() if not content}
        changes += self._kustomizations(gone, created)
        changes += settled.changes
        for path, content in settled.after.items():
            if content:
                self._now[path] = content
            else:
                del self._now[path]
        return tuple(changes)

    def _kustomizations(self, gone: set[str], created: Mapping[str, str]) -> list[FileChange]:
        made = []
        for path in self._tree.kustomizations():
            for number, document in enumerate(stream(self._now[path]).documents):
                operations = kustomization_edits(document.value, posixpath.dirname(path), gone, created)
                if not operations:
                    continue
                edits = ({"edit": "patch", "document": number, "patch": list(operations)},)
                try:
                    self._now[path] = rewritten(self._now[path], edits, path)
                except HardenError as error:
                    self._tree.left.append(f"{path}: {error.messages[0]}: bring its resources up to date by hand")
                    continue
                made.append(FileChange(path, ("its resources are brought up to date",), edits))
        return made
