"""Looking at the objects of a live cluster."""

from harden.output import Output
from harden.progress import progress
from harden_secrets.cluster.port import Cluster
from harden_secrets.scan.clusterusers import ClusterUsers
from harden_secrets.scan.look import Look
from harden_secrets.scan.report import Gathered
from harden_secrets.sources.live import LiveObjects


def scan_cluster(cluster: Cluster, namespace: str, look: Look, output: Output, gathered: Gathered) -> None:
    """Looks at every object that may be listed, in one namespace or, without one, in all. Raises ClusterError.

    In this process: what comes from the API server holds values, which are not to be handed on to another.
    """
    live, users = LiveObjects(cluster, namespace), ClusterUsers()
    with progress(output, "reading the objects of the cluster"):
        for source, manifest in live.manifests():
            seen = tuple(look.seen_in_object(source, manifest))
            gathered.take(seen)
            users.add(manifest, seen)
        found, gathered.findings = gathered.findings, set()
        gathered.take(users.told(found, cluster))
    gathered.take(live.skipped)
    gathered.blobs += live.objects
    if live.delivered:
        output.detail(f"{len(live.delivered)} Secrets are delivered from Vault, where their values belong")
