"""What of a key cannot be taken back, so that it has to be rotated. Pure."""

from collections.abc import Mapping, Sequence

from harden_secrets.cluster.consumers import Consumer
from harden_secrets.cluster.owners import owner
from harden_secrets.cluster.port import ObjectName
from harden_secrets.plan.held import Held
from harden_secrets.plan.world import World

_ALWAYS = (
    "etcd: old revisions until they are compacted; its snapshots, and backups of the cluster, for good",
    "the API server's audit log, if its level is Request or RequestResponse",
    "the files that it was applied from, and their history (harden secrets scan --git REPO)",
)
_BY_OWNER = {
    "helm": "every revision of the Helm release: Secrets sh.helm.release.v1.*",
    "terraform": "Terraform's state, its backups and plan files",
    "argocd": "the repository that Argo CD applies, its history, and Argo CD's manifest cache",
    "flux": "the repository that Flux applies, and its history",
}


def cannot_scrub(group: Sequence[Held], world: World) -> tuple[str, ...]:
    """The places that keep it whatever harden does."""
    said = list(_ALWAYS)
    said += [_BY_OWNER[kind] for one in group if (kind := owner(one.manifest).kind) in _BY_OWNER]
    said += [place for one in group for place in world.elsewhere.get(one.fingerprint, ())]
    return tuple(dict.fromkeys(said))


def notes(users: Mapping[ObjectName, Sequence[Consumer]]) -> tuple[str, ...]:
    """What a removal is in the way of, though nothing runs with it."""
    old = {
        (str(user.object), str(of))
        for of, found in users.items()
        for user in found
        if user.object is not None and user.object.kind in ("ReplicaSet", "ControllerRevision") and not user.running
    }
    return tuple(f"{name} is an older revision: `rollout undo` to it finds {of} gone" for name, of in sorted(old))
