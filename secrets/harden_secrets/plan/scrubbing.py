"""What of a key cannot be taken back, so that it has to be rotated. Pure."""

from collections.abc import Mapping, Sequence

from harden_secrets.cluster.consumers import Consumer
from harden_secrets.cluster.owners import owner
from harden_secrets.cluster.port import ObjectName
from harden_secrets.plan.held import Held
from harden_secrets.plan.world import World

_ALWAYS = (
    "etcd keeps old revisions until it is compacted, and its snapshots and cluster backups (Velero) for good",
    "audit logs at level Request or RequestResponse have the value",
)
_BY_OWNER = {
    "helm": "Helm keeps every revision of the release in Secrets sh.helm.release.v1.*",
    "terraform": "Terraform's state, its backups and plan files have the value",
    "argocd": "Argo CD's repository, its history and its manifest cache have the value",
    "flux": "Flux's repository and its history have the value",
}


def cannot_scrub(
    group: Sequence[Held], users: Mapping[ObjectName, Sequence[Consumer]], world: World
) -> tuple[str, ...]:
    """One line for each place that keeps it whatever harden does."""
    said = list(_ALWAYS)
    said += [_BY_OWNER[kind] for one in group if (kind := owner(one.manifest).kind) in _BY_OWNER]
    said += [place for one in group for place in world.elsewhere.get(one.fingerprint, ())]
    old = {
        str(user.object)
        for found in users.values()
        for user in found
        if user.object is not None and user.object.kind in ("ReplicaSet", "ControllerRevision") and not user.running
    }
    said += [f"{name} refers to the old object: a `rollout undo` to it would find nothing" for name in sorted(old)]
    return tuple(dict.fromkeys(said))
