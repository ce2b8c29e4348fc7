"""What the rotation of a git-crypt key leaves to people: what to rotate besides, and clones to be brought along."""

import os
from collections.abc import Callable

from harden.output import Output
from harden_secrets.confidential import Confidential
from harden_secrets.fingerprint import Fingerprinter
from harden_secrets.inventory.model import Inventory, SecretEntry
from harden_secrets.rotate.kinds.gitcrypt import keyfields
from harden_secrets.rotate.kinds.gitcrypt.exposure.finding import find_exposure
from harden_secrets.rotate.kinds.gitcrypt.exposure.known import known_values
from harden_secrets.rotate.kinds.gitcrypt.exposure.report import contents_with, exposure_report
from harden_secrets.rotate.kinds.gitcrypt.site import fetched
from harden_secrets.rotate.rotator import Pair, Report
from harden_secrets.sources.gitcommand import Repository
from harden_secrets.vault.port import Vault

_QUIET = Output(verbosity=-1)
_MOST = 30  # lines of a list at the end of a rotation


def told(
    entry: SecretEntry, inventory: Inventory, vault: Vault, fingerprinter: Fingerprinter | None = None
) -> Callable[[Pair], Report]:
    """What is said at the end of a rotation of the entry, which has a repository.

    Without a ``fingerprinter`` the fingerprints in the document can be compared with each other only.
    """

    def tell(pair: Pair) -> Report:
        assert entry.repository is not None
        prints = fingerprinter or Fingerprinter(Confidential(os.urandom(32)))
        held = keyfields.found(entry.name, pair.old, entry.repository.key_name)
        new = keyfields.successor(entry.name, held, pair.new)
        repository = Repository(entry.repository.path)
        contents = contents_with(known_values(inventory, vault, prints), prints)
        with fetched(entry.repository) as why:
            # One process: whoever rotates has threads, which do not survive a fork.
            exposure = find_exposure(repository, held.file, contents, _QUIET, processes=1, successor=new)
        report = exposure_report(exposure, _MOST)
        command = f"harden secrets handover {entry.name}"
        lines = list(report.lines)
        if len(exposure.files) > _MOST:
            lines.append(f"`harden secrets exposed --secret {entry.name} --version N`, of the old key, has all of it")
        lines.append(f"clones are brought along by the script that `{command}` prints, and the new key")
        if why:
            lines.append(f"not known: what is in the remote today: {why}")
        if entry.repository.remote:
            lines.append(f"looked at is what lies in {entry.repository.path}: the remote and clones may have more")
        return Report(tuple(lines), {**report.document, "handover": command})

    return tell
