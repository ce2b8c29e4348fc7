"""The key in an unlocked clone, ``git-crypt/keys/NAME`` in its git folder, which goes with the branch."""

from pathlib import Path

from harden.document.wording import quote
from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.rotate.kinds.gitcrypt import keyfile
from harden_secrets.rotate.kinds.gitcrypt.keyfile import KeyFile, KeyFileError
from harden_secrets.rotate.kinds.gitcrypt.worktreefile import WorktreeFile
from harden_secrets.sources.gitcommand import Repository

_PRIVATE = 0o600


class UnlockedKey:
    """The keys in one git folder. All calls raise HardenError; those that change something can be made again."""

    def __init__(self, git_dir: Path, old: KeyFile, new: KeyFile, git: Repository) -> None:
        self._git_dir, self._old, self._new, self._git = git_dir, old, new, git

    def is_there(self) -> bool:
        """Whether the clone is unlocked with the old key."""
        held = self._held(self._old.folder)
        return held is not None and held.keys == self._old.keys

    def refuse_other(self) -> None:
        """Raises HardenError where the clone was unlocked with a key that is neither of ours."""
        for file in (self._old, self._new):
            held = self._held(file.folder)
            if held is not None and held.keys not in (self._old.keys, self._new.keys):
                raise HardenError(
                    f"{self._git_dir}: unlocked with another {quote(file.folder)} key than the one in Vault",
                    "`git-crypt lock` there, then run this again",
                )

    def go(self) -> None:
        """An unlocked clone has the new key; a locked one is left locked."""
        held = self._held(self._old.folder)
        if held is None or held.keys == self._new.keys:
            return
        self._put(self._new)
        if self._old.driver != self._new.driver:
            for setting, value in _settings(self._new).items():
                self._git.run("config", "--local", setting, value)

    def go_back(self) -> None:
        """An unlocked clone has the old key, and not the new one."""
        held = self._held(self._new.folder)
        if held is None or held.keys != self._new.keys:
            return
        if self._old.driver == self._new.driver:
            self._put(self._old)
            return
        _file(self._git_dir, self._new.folder).remove()
        for section in ("filter", "diff"):
            self._git.attempt("config", "--local", "--remove-section", f"{section}.{self._new.driver}")

    def _put(self, file: KeyFile) -> None:
        content = keyfile.serialise(file).reveal()
        try:
            _file(self._git_dir, file.folder).replace((content,), mode=_PRIVATE)
        except OSError as error:
            raise HardenError(f"{self._git_dir}: git-crypt's key cannot be written: {error.strerror}") from error

    def _held(self, folder: str) -> KeyFile | None:
        file = _file(self._git_dir, folder)
        try:
            return keyfile.parse(Confidential(b"".join(file))) if file.size() is not None else None
        except OSError as error:
            raise HardenError(f"{self._git_dir}: git-crypt's key cannot be read: {error.strerror}") from error
        except KeyFileError as error:
            raise HardenError(f"{self._git_dir}: git-crypt's key {quote(folder)} is none: {error}") from error


def _file(git_dir: Path, folder: str) -> WorktreeFile:
    return WorktreeFile(git_dir, f"git-crypt/keys/{folder}")


def _settings(file: KeyFile) -> dict[str, str]:
    """What ``git-crypt unlock`` sets for a key."""
    of_key = f" --key-name={file.name}" if file.name else ""
    return {
        f"filter.{file.driver}.smudge": f'"git-crypt" smudge{of_key}',
        f"filter.{file.driver}.clean": f'"git-crypt" clean{of_key}',
        f"filter.{file.driver}.required": "true",
        f"diff.{file.driver}.textconv": f'"git-crypt" diff{of_key}',
    }
