"""One change of keys of one repository, step by step; each step may be made again, here or at another host.

The new commits hang on refs of ours until the branches are moved to them, all at once. A ref is good for as long as
its branch has not moved on; then the commit is built anew. A branch that needs no new commit has its own tip there.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from harden.errors import HardenError
from harden.printable import printable
from harden_secrets.rotate.kinds.gitcrypt import keyfile, rekeying
from harden_secrets.rotate.kinds.gitcrypt.branches import OURS, Here, Move, MovedError, refs
from harden_secrets.rotate.kinds.gitcrypt.checkouts import BroughtAlong, Change, changes
from harden_secrets.rotate.kinds.gitcrypt.gpg import keyring
from harden_secrets.rotate.kinds.gitcrypt.gpgusers import Wrapping
from harden_secrets.rotate.kinds.gitcrypt.layout import repository
from harden_secrets.rotate.kinds.gitcrypt.lineage import lineage
from harden_secrets.rotate.kinds.gitcrypt.proof import prove_read, prove_refused
from harden_secrets.rotate.kinds.gitcrypt.rekeying import Ground, Signing, Succession
from harden_secrets.rotate.kinds.gitcrypt.site import Site
from harden_secrets.rotate.kinds.gitcrypt.survey import State
from harden_secrets.rotate.kinds.gitcrypt.unlocked import UnlockedKey
from harden_secrets.rotate.kinds.gitcrypt.worktrees import checkouts

_ATTEMPTS = 3
_WHICH = "the key in Vault may be another one, or `branches` in the inventory other branches than meant"


@dataclass(frozen=True, slots=True)
class Installed:
    """The live branches as they stand, the commit at which each has the new key, and which were ``built`` just now.

    Branches on which nothing is encrypted have no such commit.
    """

    tips: Mapping[str, str]
    commits: Mapping[str, str]
    built: frozenset[str]

    @property
    def moves(self) -> dict[str, Move]:
        """What the branches have to do."""
        return {name: Move(self.tips[name], new) for name, new in self.commits.items() if new != self.tips[name]}

    def refuse_none(self, path: str) -> None:
        """Raises HardenError where nothing is encrypted at all."""
        if not self.commits:
            raise HardenError(f"{path}: no file on the live branches is encrypted with this key", _WHICH)


@dataclass(frozen=True, slots=True)
class Rekey:
    """From the old key to the new one, on all live branches. ``mark`` names the refs: the rotation's id, or alike."""

    site: Site
    keys: Succession
    signing: Signing
    mark: str

    @property
    def prefix(self) -> str:
        """Where the refs of ours are."""
        return f"{OURS}/rekey/{self.mark}/"

    def install(self) -> Installed:
        """Every branch has its new commit, on a ref of ours. Raises HardenError."""
        tips = self.site.tips()
        known = self._known()
        good = {name: known[name] for name, tip in tips.items() if name in known and self._is_good(known[name], tip)}
        pending = {name: tip for name, tip in tips.items() if name not in good}
        if not pending:
            return Installed(tips, good, frozenset())
        ground = self._ground(tips, pending, good)
        with self._wrapping() as wrap:
            built = rekeying.build(self.site.workshop, self.site.room, ground, self.keys, self.signing, wrap)
        self.site.set_refs({self.prefix + name: built.commits.get(name, "") for name in pending})
        there = {branch.name: branch.tip for branch in ground.branches if branch.of(built.states, State.NEW)}
        commits = {**good, **there, **built.commits}
        return Installed(tips, commits, frozenset(built.commits))

    def prove(self) -> str:
        """git-crypt itself reads the new commits with the new key, as they were, and not with the old one."""
        installed = self.install()
        installed.refuse_none(self.site.entry.path)
        read = prove_read(self.site, self.keys, installed.commits)
        return f"{read}; {prove_refused(self.site, self.keys, installed.commits)}"

    def cut_over(self) -> str:
        """All branches are at their new commits. One that moves meanwhile gets another one, up to three times."""
        for attempt in range(_ATTEMPTS):
            installed = self.install()
            if installed.built:  # so it was not proved yet
                self.prove()
            try:
                self._move(installed.moves)
            except MovedError:
                if attempt == _ATTEMPTS - 1:
                    raise
                continue
            names = ", ".join(printable(name) for name in sorted(installed.commits))
            return f"{names} moved to the new key" if installed.moves else f"{names} at the new key already"
        raise AssertionError("the last attempt returns or raises")

    def go_back(self) -> None:
        """Work trees that were made ready for a move that never came are as they were; the refs of ours are gone."""
        for along, wanted in self._along(self._local_moves()):
            along.go_back(wanted)
        self.site.remove_refs(self.prefix)

    def clear(self) -> None:
        """No ref of ours is left, but for those of another rotation that is under way here."""
        self.site.remove_refs(self.prefix)
        self.site.forget_upstream()

    def forget(self) -> None:
        """No unlocked clone here has the new key."""
        for checkout in checkouts(self.site.entry.path):
            git = repository(str(checkout.root))
            UnlockedKey(checkout.git_dir, self.keys.old, self.keys.new, git).go_back()

    def _move(self, moves: Mapping[str, Move]) -> None:
        local = self._local_moves()
        along = list(self._along(local))
        for worktree, wanted in along:
            worktree.refuse_dirty(wanted)
        try:
            for worktree, wanted in along:
                worktree.go(wanted)
            if moves:
                self.site.branches.move(moves)
        except HardenError:
            for worktree, wanted in along:
                worktree.go_back(wanted)
            raise
        if self.site.entry.remote and local:
            self._follow(local, along)

    def _follow(self, local: Mapping[str, Move], along: Iterable[tuple[BroughtAlong, tuple[Change, ...]]]) -> None:
        """Local branches that were where the remote ones were go with them; one that has moved on is its owner's."""
        try:
            Here(self.site.git).move(local)
        except MovedError:
            for worktree, wanted in along:
                worktree.go_back(wanted)

    def _local_moves(self) -> dict[str, Move]:
        """Branches of this repository that stand right before their new commit."""
        commits = self._known()
        heads = Here(self.site.git).tips(list(commits)) if commits else {}
        parents = {name: self.site.first_parent(commit) for name, commit in commits.items()}
        return {name: Move(tip, commits[name]) for name, tip in heads.items() if tip == parents[name]}

    def _known(self) -> dict[str, str]:
        return {name.removeprefix(self.prefix): commit for name, commit in refs(self.site.git, self.prefix).items()}

    def _along(self, moves: Mapping[str, Move]) -> Iterator[tuple[BroughtAlong, tuple[Change, ...]]]:
        workshop, form = self.site.workshop, self.site.layout.form
        for checkout in checkouts(self.site.entry.path):
            move = moves.get(checkout.branch)
            if move is not None:
                along = BroughtAlong(checkout, workshop, form, self.keys.old, self.keys.new)
                yield along, changes(workshop, move.old, move.new)

    def _ground(self, tips: Mapping[str, str], pending: Mapping[str, str], good: Mapping[str, str]) -> Ground:
        descent = lineage(self.site.git, tips.values())
        ancestors = {commit: commit for commit in descent if commit not in tips.values()}
        return Ground(
            rekeying.looked_at(self.site.workshop, pending),
            rekeying.looked_at(self.site.workshop, ancestors),
            descent,
            {tips[name]: commit for name, commit in good.items() if commit != tips[name]},
        )

    def _is_good(self, commit: str, tip: str) -> bool:
        return tip in {commit, self.site.first_parent(commit)}

    @contextmanager
    def _wrapping(self) -> Iterator[Callable[[str], Mapping[str, bytes | None]]]:
        entry = self.site.entry
        with keyring() as ring:
            wrapping = Wrapping(ring, keyfile.serialise(self.keys.new))

            def wrap(commit: str) -> Mapping[str, bytes | None]:
                return wrapping.rewrapped_keys(self.site.git, commit, self.keys.old.name, entry.departed)[0]

            yield wrap
