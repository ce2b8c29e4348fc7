"""All that can be in the way of a new key, found before it is made."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence

from harden.document.wording import quote
from harden.errors import HardenError
from harden.printable import printable
from harden_secrets.missingprogram import not_run
from harden_secrets.rotate.kinds.gitcrypt import attributes, blobs, keyfile, rekeying, survey
from harden_secrets.rotate.kinds.gitcrypt.checkouts import BroughtAlong, Change
from harden_secrets.rotate.kinds.gitcrypt.gpg import keyring
from harden_secrets.rotate.kinds.gitcrypt.gpgusers import Wrapping
from harden_secrets.rotate.kinds.gitcrypt.keyfields import generation_after
from harden_secrets.rotate.kinds.gitcrypt.keyfile import KeyFile
from harden_secrets.rotate.kinds.gitcrypt.rekey import Installed
from harden_secrets.rotate.kinds.gitcrypt.rekeying import Succession
from harden_secrets.rotate.kinds.gitcrypt.site import Site
from harden_secrets.rotate.kinds.gitcrypt.survey import Branch, State
from harden_secrets.rotate.kinds.gitcrypt.unlocked import UnlockedKey
from harden_secrets.rotate.kinds.gitcrypt.worktrees import checkouts
from harden_secrets.rotate.rotator import Report

_SECONDS = 30


def check_repository(site: Site, key: KeyFile) -> Report:
    """Raises HardenError for what is in the way; tells of branches that will conflict, and of people's copies."""
    _refuse_no_git_crypt()
    _refuse_unreadable(site, key)
    tips = site.tips()
    branches = rekeying.looked_at(site.workshop, tips)
    states = rekeying.states(site.workshop, branches, key)
    survey.refuse(site.entry.path, branches, states, (key.driver,))
    _refuse_hidden_attributes(site, branches, states, key)
    encrypted = {branch.name: branch.tip for branch in branches if branch.of(states, State.OLD)}
    Installed(tips, encrypted, frozenset()).refuse_none(site.entry.path)
    if site.entry.keys == "named":
        _refuse_taken(site, branches, key)
    _refuse_dirty(site, branches, states, key)
    site.branches.refuse_unmovable(tips)
    wrapped = list(dict.fromkeys(_wrapped(site, encrypted, key)))
    apart = dict(_apart(site, tips, key))
    lines = [*_of_branches(branches, states, key), *_of_unmerged(apart), *_of_checkouts(site, tips, key), *wrapped]
    return Report(tuple(lines), {"branches": sorted(encrypted), "unmerged": apart})


def _refuse_no_git_crypt() -> None:
    try:
        subprocess.run(["git-crypt", "--version"], capture_output=True, check=True, timeout=_SECONDS)
    except OSError as error:
        raise not_run("git-crypt", "git-crypt", error) from error
    except subprocess.SubprocessError as error:
        raise HardenError("git-crypt --version: it fails, or does not end") from error


def _refuse_unreadable(site: Site, key: KeyFile) -> None:
    """A key whose newest version is not 0 encrypts what git-crypt then cannot read."""
    versions = [entry.version for entry in key.entries]
    if versions != [0]:
        raise HardenError(
            f"{site.entry.path}: the key in Vault has the versions {versions}; git-crypt encrypts with the newest, "
            "and decrypts with version 0 only",
            "keep the version that the files are encrypted with, as version 0: `git-crypt export-key` of a clone",
        )


def _refuse_hidden_attributes(
    site: Site, branches: Sequence[Branch], states: Mapping[str, State], key: KeyFile
) -> None:
    """Attributes that are encrypted themselves count in unlocked clones only: what they say of filters is lost."""
    for branch in branches:
        for file in branch.of(states, State.OLD):
            if attributes.is_of(file.path) and _names_filter(site.workshop.content(file.id), key):
                raise HardenError(
                    f"{site.entry.path}: {printable(branch.name)}: {quote(file.path)} is encrypted itself, so that "
                    f"git does not know in a locked clone which files have the filter {key.driver}",
                    "`.gitattributes !filter !diff` as its last line, then `git add --renormalize` it, and commit",
                )


def _names_filter(encrypted: bytes, key: KeyFile) -> bool:
    plain = next((text for one in key.keys if (text := blobs.decrypt(one, encrypted)) is not None), b"")
    return attributes.turned(plain, {key.driver: ""}) != plain


def _refuse_taken(site: Site, branches: Sequence[Branch], key: KeyFile) -> None:
    """The next generation's name must be free."""
    driver = f"git-crypt-{generation_after(key.name)}"
    for branch in branches:
        if taken := next(branch.covered((driver,)), None):
            raise HardenError(
                f"{site.entry.path}: {printable(branch.name)}: {quote(taken.path)} has the filter {driver} already",
                "the next key would have that name; give the key in Vault another one, or use `keys: replace`",
            )


def _refuse_dirty(site: Site, branches: Sequence[Branch], states: Mapping[str, State], key: KeyFile) -> None:
    found = {branch.name: branch for branch in branches}
    for checkout in checkouts(site.entry.path):
        branch = found.get(checkout.branch)
        if branch is None or (site.entry.remote and site.local_tip(checkout.branch) != branch.tip):
            continue
        files = branch.of(states, State.OLD)
        same = [Change(file.path, file.mode, file.mode, file.id, file.id) for file in files]
        BroughtAlong(checkout, site.workshop, site.layout.form, key, key).refuse_dirty(same)


def _wrapped(site: Site, encrypted: Mapping[str, str], key: KeyFile) -> Iterator[str]:
    """For whom the new key will be wrapped. Tried with the old one, which they have."""
    with keyring() as ring:
        wrapping = Wrapping(ring, keyfile.serialise(key))
        for tip in encrypted.values():
            yield from wrapping.rewrapped_keys(site.git, tip, key.name, site.entry.departed)[1]


def _apart(site: Site, tips: Mapping[str, str], key: KeyFile) -> Iterator[tuple[str, int]]:
    """Branches that are not live and have files of their own under the key, and how many."""
    succession = Succession(key, key)
    for name, tip in site.unmerged(tips).items():
        sizes = site.workshop.sizes(site.new_objects(tip, tips))
        judged = (rekeying.judged(blob, succession)[0] for blob in site.workshop.blobs(sizes))
        if number := sum(state is State.OLD for state in judged):
            yield name, number


def _of_branches(branches: Sequence[Branch], states: Mapping[str, State], key: KeyFile) -> Iterator[str]:
    for branch in branches:
        encrypted = branch.of(states, State.OLD)
        number = len(encrypted)
        files = "no file" if not number else "1 file" if number == 1 else f"{number} files"
        yield f"{printable(branch.name)}: {files} encrypted with this key"
        if bare := [quote(file.path) for file in encrypted if branch.filters.get(file.path) != key.driver]:
            yield f"{printable(branch.name)}: the filter {key.driver} is for none of these, which stay ciphertext:"
            yield from survey.listed(bare)


def _of_checkouts(site: Site, tips: Mapping[str, str], key: KeyFile) -> Iterator[str]:
    """Unlocked work trees in which no live branch is checked out."""
    for checkout in checkouts(site.entry.path):
        if checkout.branch not in tips and UnlockedKey(checkout.git_dir, key, key, site.git).is_there():
            yield (
                f"{checkout.root}: unlocked, and no live branch is checked out there: it keeps this key; "
                "`git-crypt lock` before one is, and unlock with the new key"
            )


def _of_unmerged(apart: Mapping[str, int]) -> Iterator[str]:
    for name, number in sorted(apart.items()):
        files = "1 encrypted file" if number == 1 else f"{number} encrypted files"
        yield (
            f"{printable(name)}: not a live branch, and has {files} of its own: they will conflict when it is merged; "
            "merge it before, or add it to `branches`"
        )
