"""``harden secrets exposed``: what a git-crypt key has ever encrypted."""

import os
from dataclasses import dataclass
from pathlib import Path

from harden.errors import ANSWER_IS_NO, HardenError, UsageError
from harden.output import Output
from harden_secrets.commands.chosen import chosen
from harden_secrets.commands.workplace import Workplace
from harden_secrets.confidential import Confidential
from harden_secrets.fingerprint import Fingerprinter
from harden_secrets.inventory.model import Repository, SecretEntry, SecretKind
from harden_secrets.rotate.kinds.gitcrypt.exposure.known import NOTHING_KNOWN, Known, known_values
from harden_secrets.rotate.kinds.gitcrypt.exposure.report import exposure_of
from harden_secrets.rotate.kinds.gitcrypt.exposure.text import exposure_lines
from harden_secrets.rotate.kinds.gitcrypt.keyfields import found
from harden_secrets.rotate.kinds.gitcrypt.keyfile import KeyFile
from harden_secrets.rotate.kinds.gitcrypt.site import fetched

_LARGEST_KEY = 1 << 16  # bytes


@dataclass(frozen=True, slots=True)
class Asked:
    """Which repository and key: that in a file, or a version of a secret in Vault (0: the newest)."""

    repository: str | None
    key: Path | None = None
    secret: str | None = None
    version: int = 0

    def __post_init__(self) -> None:
        if (self.key is None) == (self.secret is None):
            raise UsageError("which key?", "name its file with --key FILE, or a secret of the inventory with --secret")
        if self.key is not None and self.version:
            raise UsageError("--version is one of a secret in Vault", "it goes with --secret")
        if self.key is not None and self.repository is None:
            raise UsageError("which repository?", "harden secrets exposed REPO --key FILE")


def exposed(asked: Asked, place: Workplace, output: Output) -> int:
    """Prints what the key has ever encrypted. 3: there is something. Raises HardenError."""
    fingerprinter = place.fingerprints()
    repository, key = _of_secret(asked, place, output) if asked.secret else _of_file(asked)
    with fetched(repository) as why:
        if why:
            output.warning(f"not known: what is in the remote today: {why}")
        known = _known(place, fingerprinter, output)
        exposure = exposure_of(repository.path, key, known, fingerprinter, output)
    if output.as_json:
        output.document(exposure.as_json())
    else:
        for line in exposure_lines(exposure):
            output.line(line)
    return ANSWER_IS_NO if exposure.files else 0


def _of_file(asked: Asked) -> tuple[Repository, KeyFile]:
    assert asked.key is not None
    assert asked.repository is not None
    try:
        with asked.key.open("rb") as file:
            content = Confidential(file.read(_LARGEST_KEY))
    except OSError as error:
        raise HardenError(f"{asked.key}: {error.strerror}") from error
    try:
        return Repository(asked.repository), found(str(asked.key), {"key": content}, "").file
    except HardenError as error:
        hint = "`git-crypt export-key FILE` writes one; a key wrapped with GnuPG has to be decrypted first"
        raise HardenError(f"{asked.key}: this is no key of git-crypt", hint) from error


def _of_secret(asked: Asked, place: Workplace, output: Output) -> tuple[Repository, KeyFile]:
    (entry,) = chosen([asked.secret or ""], place)
    repository = Repository(asked.repository) if asked.repository else entry.repository
    if repository is None:
        raise UsageError(
            f"{entry.name}: the inventory names no repository of it", "name it: harden secrets exposed REPO …"
        )
    return repository, _stored_key(entry, asked.version, place, output)


def _stored_key(entry: SecretEntry, version: int, place: Workplace, output: Output) -> KeyFile:
    if entry.kind is not SecretKind.GIT_CRYPT:
        raise HardenError(f"{entry.name}: is of kind {entry.kind}, and encrypts no repository")
    vault = place.vault(output)
    stored = vault.read(entry.path, version or None)
    if stored is None:
        which = f"version {version}" if version else "a version"
        raise HardenError(f"{vault.mount}/{entry.path}: {which} is not there", "harden secrets status says what is")
    return found(entry.name, stored.fields, entry.repository.key_name if entry.repository else "").file


def _known(place: Workplace, fingerprinter: Fingerprinter, output: Output) -> Known:
    """The inventory's values, where there is an inventory, and a Vault that gives them."""
    if not os.path.lexists(place.inventory_path):
        output.note(f"not compared with an inventory: there is none at {place.inventory_path}")
        return NOTHING_KNOWN
    inventory = place.inventory
    try:
        return known_values(inventory, place.vault(output), fingerprinter)
    except HardenError as error:
        output.warning(f"not compared with the inventory: {'; '.join(error.messages)}")
        return NOTHING_KNOWN
