"""A repository that is worked on: where it is, its branches, and a private folder for the time of the work."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from harden.document.wording import listing, quote
from harden.errors import HardenError
from harden_secrets.inventory.model import Repository as Entry
from harden_secrets.rotate.kinds.gitcrypt.branches import OURS, Branches, Here, Remote, refs
from harden_secrets.rotate.kinds.gitcrypt.layout import Layout, layout, repository
from harden_secrets.rotate.kinds.gitcrypt.leftovers import at_work
from harden_secrets.rotate.kinds.gitcrypt.workroom import workroom
from harden_secrets.rotate.kinds.gitcrypt.workshop import Workshop
from harden_secrets.rotate.kinds.gitcrypt.worktrees import checkouts
from harden_secrets.sources.gitcommand import Repository

_OF_BRANCHES = ("refs/heads/", "refs/remotes/", "refs/stash", f"{OURS}/upstream/")


@dataclass(frozen=True, slots=True)
class Site:
    """What one step works with."""

    entry: Entry
    layout: Layout
    git: Repository
    branches: Branches
    workshop: Workshop
    room: Path

    def tips(self) -> Mapping[str, str]:
        """The live branches and their commits. Raises HardenError where one is not there."""
        tips = self.branches.tips(self.entry.branches)
        missing = [quote(name) for name in self.entry.branches if name not in tips]
        if missing:
            where = self.entry.remote or self.entry.path
            raise HardenError(f"{where}: has no branch {listing(missing)}", "correct `branches` in the inventory")
        if not tips:
            raise HardenError(f"{self.entry.path}: the branch that is checked out has no commit yet")
        return tips

    def unmerged(self, tips: Mapping[str, str]) -> dict[str, str]:
        """Other branches, remote ones and the stash, that have commits which no live branch has."""
        others = {name: tip for name, tip in self.branches.others().items() if name.startswith(_OF_BRANCHES)}
        apart: dict[str, str] = {}
        for name, tip in others.items():
            if not name.endswith("/HEAD") and tip not in tips.values() and self.new_objects(tip, tips, count=1):
                apart[name] = tip
        return apart

    def new_objects(self, tip: str, tips: Mapping[str, str], count: int = 0) -> list[str]:
        """Commits of a branch that no live one has, or all their objects where there is no ``count``."""
        options = [f"--max-count={count}"] if count else ["--objects", "--no-object-names"]
        excluded = "".join(f"^{one}\n" for one in tips.values())
        return self.git.run("rev-list", *options, "--stdin", stdin=f"{tip}\n{excluded}".encode()).decode().split()

    def local_tip(self, name: str) -> str:
        """Where a branch of this repository is; empty where there is none."""
        return refs(self.git, f"refs/heads/{name}").get(f"refs/heads/{name}", "")

    def first_parent(self, commit: str) -> str:
        """The commit before; empty where there is none."""
        return self.git.attempt("rev-parse", "--quiet", "--verify", f"{commit}^1").stdout.decode().strip()

    def set_refs(self, wanted: Mapping[str, str]) -> None:
        """Refs of ours lead to these commits; an empty one: the ref goes."""
        lines = [f"update {name}\0{commit}\0\0" if commit else f"delete {name}\0\0" for name, commit in wanted.items()]
        if lines:
            self.git.run("update-ref", "-z", "--stdin", stdin="".join(lines).encode("utf-8", "surrogateescape"))

    def remove_refs(self, prefix: str) -> None:
        """No ref of ours is left below the prefix."""
        self.set_refs(dict.fromkeys(refs(self.git, prefix), ""))

    def forget_upstream(self) -> None:
        """No ref of ours leads to a remote's branches, unless a rotation is under way here, which needs them."""
        if not refs(self.git, f"{OURS}/rekey/"):
            self.remove_refs(f"{OURS}/")


@contextmanager
def site(entry: Entry) -> Iterator[Site]:
    """The repository of an entry. Raises HardenError."""
    if entry.remote:
        _make(entry.path)
    found = layout(entry.path)
    git = repository(entry.path)
    branches = Remote(git, entry.remote) if entry.remote else Here(git)
    roots = [checkout.root for checkout in checkouts(entry.path)]
    with at_work(found.common, found.objects, roots), workroom() as room:
        yield Site(entry, found, git, branches, Workshop(entry.path, str(found.objects), found.form, room), room)


@contextmanager
def fetched(entry: Entry) -> Iterator[str]:
    """For the time of the block the remote's branches are in the repository; gives why not, where that failed."""
    with ExitStack() as held:
        why = ""
        if entry.remote:
            try:
                here = held.enter_context(site(entry))
                held.callback(here.forget_upstream)
                here.tips()
            except HardenError as error:
                why = "; ".join(error.messages)
        yield why


def _make(path: str) -> None:
    """An empty repository at the path, where there is none: what is in it comes from the remote."""
    folder = Path(path)
    if folder.exists() and any(folder.iterdir()):
        return
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise HardenError(f"{path}: no folder can be made there: {error.strerror}") from error
    repository(path).run("init", "--quiet", "--bare", "--template=")
