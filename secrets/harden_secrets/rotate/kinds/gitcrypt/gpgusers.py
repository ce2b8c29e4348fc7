"""The people who open a repository with GnuPG: the key wrapped for each of them, in the repository itself.

``git-crypt add-gpg-user`` puts the whole key file, encrypted to one person, at
``.git-crypt/keys/NAME/VERSION/FINGERPRINT.gpg``, and does nothing, without a word, where that file is there already;
``git-crypt unlock`` reads version 0 only (both ``commands.cpp``). So after a change of the key each of these files has
to be made anew, or a person opens the repository with the old one.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from harden_secrets.confidential import Confidential
from harden_secrets.rotate.kinds.gitcrypt import keyfile
from harden_secrets.rotate.kinds.gitcrypt.gpg import Keyring, Recipient
from harden_secrets.sources.gitcommand import Repository

DEFAULT_FOLDER = ".git-crypt"
FINGERPRINT = re.compile(r"[0-9A-F]{40}(?:[0-9A-F]{24})?")
_SUFFIX = ".gpg"


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A key wrapped for one person. ``fingerprint`` is empty where the file's name is none."""

    path: str
    version: str
    fingerprint: str


class Wrapping:
    """A key wrapped for people, for each of them once, however many branches it goes to.

    Wrapped twice it would be two different files, over which the branches would conflict. ``new_key_file`` says by
    itself under which name git-crypt knows it.
    """

    def __init__(self, keyring: Keyring, new_key_file: Confidential) -> None:
        self._keyring = keyring
        self._content = new_key_file
        self._name = keyfile.parse(new_key_file).folder
        self._made: dict[str, bytes] = {}

    def rewrapped_keys(
        self, repository: Repository, treeish: str, key_name: str, departed: Iterable[str]
    ) -> tuple[Mapping[str, bytes | None], tuple[str, ...]]:
        """What changes in a tree when the new key takes over from the key ``key_name`` (empty: the default one).

        By path, the file to put there, or None where it has to go; and lines for people. Those who stay get the new
        key; where it has a name of its own, they keep the old one as well, for old commits. Raises HardenError, with
        all of them, where the public key of somebody who stays is missing or cannot be encrypted to. Changes nothing.
        """
        old_name = key_name or "default"
        gone = {plain_fingerprint(one) for one in departed}
        folder = state_folder(repository)
        there = wrapped_keys(repository, treeish, old_name)
        stays = sorted({one.fingerprint for one in there if one.fingerprint and one.fingerprint not in gone})
        recipients = self._keyring.recipients(stays)
        changes = {one.path: None for one in there if self._name == old_name or one.fingerprint in gone}
        wrapped = {f"{folder}/keys/{self._name}/0/{one.fingerprint}{_SUFFIX}": self._wrapped(one) for one in recipients}
        return {**changes, **wrapped}, tuple(_told(there, recipients, gone, replaced=self._name == old_name))

    def _wrapped(self, recipient: Recipient) -> bytes:
        known = self._made.get(recipient.fingerprint)
        if known is None:
            known = self._made[recipient.fingerprint] = self._keyring.encrypted(recipient, self._content)
        return known


def wrapped_keys(repository: Repository, treeish: str, key_name: str) -> tuple[WrappedKey, ...]:
    """The wrapped copies of a key in a tree, of all versions, in the order of their paths. Raises HardenError."""
    folder = f"{state_folder(repository)}/keys/{key_name or 'default'}/"
    listed = repository.run("ls-tree", "-r", "-z", "--full-tree", "--name-only", treeish, "--", folder)
    names = (name.decode("utf-8", "surrogateescape") for name in listed.split(b"\0"))
    return tuple(_wrapped_key(name, folder) for name in sorted(names) if name.endswith(_SUFFIX))


def state_folder(repository: Repository) -> str:
    """The folder of the repository where git-crypt keeps wrapped keys, relative to its root."""
    asked = ("config", "--default", DEFAULT_FOLDER, "--get", "git-crypt.repoStateDir")
    return repository.run(*asked).decode("utf-8", "surrogateescape").strip().strip("/") or DEFAULT_FOLDER


def plain_fingerprint(text: str) -> str:
    """A fingerprint as git-crypt writes it, of one with blanks, in small letters, or behind ``0x``."""
    return "".join(text.split()).upper().removeprefix("0X")


def _wrapped_key(path: str, folder: str) -> WrappedKey:
    version, _, name = path.removeprefix(folder).rpartition("/")
    stem = name.removesuffix(_SUFFIX)
    return WrappedKey(path, version, stem if FINGERPRINT.fullmatch(stem) else "")


def _told(
    there: Iterable[WrappedKey], recipients: Iterable[Recipient], gone: set[str], *, replaced: bool
) -> Iterator[str]:
    """What becomes of each copy, in words."""
    held = {one.fingerprint for one in there}
    yield from (f"{one}: the new key is wrapped for this person" for one in recipients)
    yield from (
        f"{one}: departed; the wrapped key is dropped, and the new one is not given" for one in sorted(gone & held)
    )
    for one in there:
        if not one.fingerprint:
            left = "dropped" if replaced else "left as it is"
            yield f"{one.path}: bears no fingerprint, so that git-crypt never reads it; {left}"
