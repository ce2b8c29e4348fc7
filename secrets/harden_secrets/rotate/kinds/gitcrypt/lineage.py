"""How the live branches descend from one another, so that they can be merged after the change as before it.

Git merges two branches by what each has changed since their common ancestor. All encrypted files differ from an
ancestor of before the change, and ciphertext merges with nothing. So the ancestor gets a commit with the new key as
well, and the new commits of both branches have that one as a further parent: it is their common ancestor from then on.
"""

from collections.abc import Iterable
from itertools import combinations

from harden_secrets.sources.gitcommand import Repository

Lineage = dict[str, tuple[str, ...]]
"""Commits, ancestors first, and which of the others each descends from without another one in between."""


def lineage(git: Repository, tips: Iterable[str]) -> Lineage:
    """The tips of branches and the common ancestors of each two of them. Raises HardenError."""
    wanted = sorted(set(tips))
    bases = {base for pair in combinations(wanted, 2) for base in _bases(git, *pair)}
    commits = _in_order(git, {*wanted, *bases})
    found: Lineage = {}
    for at, commit in enumerate(commits):
        before = [other for other in commits[:at] if _descends(git, commit, other)]
        found[commit] = tuple(one for one in before if not any(one in _all_before(found, other) for other in before))
    return found


def _all_before(found: Lineage, commit: str) -> set[str]:
    nearest = found[commit]
    return {*nearest, *(one for other in nearest for one in _all_before(found, other))}


def _bases(git: Repository, one: str, other: str) -> list[str]:
    """Best common ancestors; none where they have nothing in common."""
    return git.attempt("merge-base", "--all", one, other).stdout.decode().split()


def _in_order(git: Repository, commits: set[str]) -> list[str]:
    listed = git.run("rev-list", "--topo-order", "--reverse", "--stdin", stdin="\n".join(commits).encode())
    return [commit for commit in listed.decode().split() if commit in commits]


def _descends(git: Repository, commit: str, ancestor: str) -> bool:
    return git.attempt("merge-base", "--is-ancestor", ancestor, commit).returncode == 0
