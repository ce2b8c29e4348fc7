"""What the hand-over script has to know, found in the repository as it is after a rotation."""

from harden.errors import HardenError
from harden_secrets.rotate.kinds.gitcrypt import rekeying
from harden_secrets.rotate.kinds.gitcrypt.handover import HandOver
from harden_secrets.rotate.kinds.gitcrypt.rekeying import Succession
from harden_secrets.rotate.kinds.gitcrypt.site import Site
from harden_secrets.rotate.kinds.gitcrypt.survey import State
from harden_secrets.sources.gitcommand import Repository


def hand_over(here: Site, keys: Succession, rotation: str) -> HandOver:
    """The branches with files of the new key. Raises HardenError where there is none.

    ``rotation`` is the id of the rotation that made the key; empty where it is not known.
    """
    branches = rekeying.looked_at(here.workshop, here.tips())
    states = rekeying.states(here.workshop, branches, keys)
    new = {branch.name: (branch.tip, files) for branch in branches if (files := branch.of(states, State.NEW))}
    if not new:
        raise HardenError(
            f"{here.entry.path}: no branch has a file that is encrypted with the new key",
            "`harden secrets status` says whether the rotation is over",
        )
    tips = [tip for tip, _ in new.values()]
    commits = {name: _brought_in(here.git, tip, rotation) for name, (tip, _) in new.items()}
    roots = here.git.run("rev-list", "--max-parents=0", *tips).decode().split()
    probes = dict.fromkeys(files[0].id for _, files in new.values())
    return HandOver(
        rotation or min(commits.values())[:12],
        tuple(sorted(roots)),
        keys.old.folder,
        keys.new.folder,
        commits,
        tuple(probes),
    )


def _brought_in(git: Repository, tip: str, rotation: str) -> str:
    """The last commit of the rotation on a branch; where none shows, its tip has the new key as well."""
    if not rotation:
        return tip
    said = ("--fixed-strings", f"--grep=Rotation {rotation} of ")
    return git.run("rev-list", "--max-count=1", *said, tip).decode().strip() or tip
