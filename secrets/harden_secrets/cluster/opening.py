"""Opening a cluster by what a command was told."""

from collections.abc import Callable, Mapping
from pathlib import Path

from harden_secrets.cluster.access import choose, load
from harden_secrets.cluster.client import KubernetesCluster
from harden_secrets.cluster.transport import Transport


def open_cluster(
    kubeconfig: Path | None, context: str | None, environment: Mapping[str, str], warn: Callable[[str], None]
) -> KubernetesCluster:
    """The cluster that kubectl would use: ``kubeconfig``, or KUBECONFIG, or ``~/.kube/config``, or that of this pod.

    Asks the server nothing yet, but may run the kubeconfig's login program. ``warn`` hears of parts of the API that do
    not answer. Raises ClusterError.
    """
    chosen = choose(kubeconfig, context, environment)
    return KubernetesCluster(Transport(lambda: load(chosen)), warn)
