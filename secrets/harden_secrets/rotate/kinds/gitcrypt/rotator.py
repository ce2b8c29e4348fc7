"""Rotation of a git-crypt key: :class:`~harden_secrets.rotate.rotator.Rotator` for a repository.

The new key has no place beside the old one: a file is encrypted with one of them. So INSTALL builds the new commits
and leaves the branches alone, PROVE tries them, and CUT_OVER moves all branches at once, right before the switch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from harden.document.wording import listing
from harden.printable import printable
from harden_secrets.inventory.model import Repository
from harden_secrets.rotate.kinds.gitcrypt import keyfields, rekeying
from harden_secrets.rotate.kinds.gitcrypt.checking import check_repository
from harden_secrets.rotate.kinds.gitcrypt.proof import prove_refused
from harden_secrets.rotate.kinds.gitcrypt.rekey import Rekey
from harden_secrets.rotate.kinds.gitcrypt.rekeying import Signing, Succession
from harden_secrets.rotate.kinds.gitcrypt.site import Site, site
from harden_secrets.rotate.kinds.gitcrypt.survey import State
from harden_secrets.rotate.rotator import Fields, Pair, Report

Told = Callable[[Pair], Report]


def nothing_told(_pair: Pair) -> Report:
    """For who does not want to hear anything."""
    return Report()


@dataclass(frozen=True, slots=True)
class GitCryptRotator:
    """See the module. ``told``: what there is to say at the end."""

    name: str
    repository: Repository
    told: Told

    @property
    def targets(self) -> Sequence[str]:
        """The repository."""
        return (self.repository.remote or self.repository.path,)

    @property
    def keeps_old(self) -> bool:
        """The branches are the new key's."""
        return False

    def check(self, old: Fields) -> Report:
        """Looks through the live branches, the work trees and all that could be in the way. See the Protocol."""
        held = keyfields.found(self.name, old, self.repository.key_name)
        with site(self.repository) as here:
            return check_repository(here, held.file)

    def generate(self, old: Fields) -> Fields:
        """A new key of the same kind; of the name that the inventory's ``keys`` asks for."""
        held = keyfields.found(self.name, old, self.repository.key_name)
        return keyfields.succeeded(old, held, self.repository.keys)

    def install(self, target: str, pair: Pair) -> str:
        """New commits on refs of ours; no branch is moved."""
        with site(self.repository) as here:
            installed = self._rekey(here, pair).install()
            installed.refuse_none(self.repository.path)
            built = [f"{printable(name)} {commit[:12]}" for name, commit in sorted(installed.commits.items())]
            return f"new commits: {', '.join(built)}"

    def prove(self, target: str, pair: Pair) -> str:
        """git-crypt itself reads the new commits with the new key, and none of it with the old one."""
        with site(self.repository) as here:
            return self._rekey(here, pair).prove()

    def cut_over(self, target: str, pair: Pair) -> str:
        """All live branches are moved to their new commits, or none is."""
        with site(self.repository) as here:
            return self._rekey(here, pair).cut_over()

    def limit(self, target: str, pair: Pair, until: datetime) -> str:
        """A key for files knows no time."""
        return ""

    def still_used(self, target: str, pair: Pair, since: datetime) -> str:
        """Whoever reads a clone leaves no trace."""
        return ""

    def retire(self, target: str, pair: Pair) -> str:
        """No live branch has a file of the old key, also of those that came later; the refs of ours are gone."""
        with site(self.repository) as here:
            rekey = self._rekey(here, pair)
            late = rekey.install().moves  # what came since, or a branch that somebody has put back
            if late:
                rekey.prove()
                rekey.cut_over()
            here.remove_refs(rekey.prefix)
            again = f"; encrypted anew once more: {listing([printable(name) for name in sorted(late)])}" if late else ""
            return f"every encrypted file is under the new key{again}"

    def prove_refused(self, target: str, pair: Pair) -> str:
        """The old key opens nothing in a fresh clone of the branches as they are."""
        with site(self.repository) as here:
            succession = self._succession(pair)
            tips = here.tips()
            branches = rekeying.looked_at(here.workshop, tips)
            states = rekeying.states(here.workshop, branches, succession)
            encrypted = {branch.name: branch.tip for branch in branches if branch.of(states, State.NEW, State.OLD)}
            said = prove_refused(here, succession, encrypted)
            self._rekey(here, pair).clear()
            return said

    def withdraw(self, target: str, pair: Pair) -> str:
        """The branches have the old key. Where they had been moved already, a further commit encrypts with it again."""
        with site(self.repository) as here:
            rekey = self._rekey(here, pair)
            rekey.go_back()
            back = self._rekey(here, pair, back=True)
            installed = back.install()
            if installed.moves:
                back.prove()
                back.cut_over()
            rekey.forget()
            back.clear()
            rekey.clear()
            return "encrypted with the old key again" if installed.moves else "the new commits are gone"

    def report(self, pair: Pair) -> Report:
        """What the old key has ever encrypted, and how people bring their clones along."""
        return self.told(pair)

    def _rekey(self, here: Site, pair: Pair, *, back: bool = False) -> Rekey:
        keys = self._succession(pair)
        if back:
            subject, mark, keys = "Encrypt with the git-crypt key of before", f"{pair.rotation}-back", keys.reversed
        else:
            subject, mark = "Encrypt with a new git-crypt key", pair.rotation
        message = f"{subject}\n\nRotation {pair.rotation} of {self.name}. No content has changed.\n"
        return Rekey(here, keys, Signing(here.layout.author, pair.began, message), mark)

    def _succession(self, pair: Pair) -> Succession:
        held = keyfields.found(self.name, pair.old, self.repository.key_name)
        return Succession(held.file, keyfields.successor(self.name, held, pair.new))
