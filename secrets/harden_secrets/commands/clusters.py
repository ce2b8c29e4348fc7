"""The cluster that a command's options mean."""

import os
from pathlib import Path

from harden.output import Output
from harden_secrets.cluster.client import KubernetesCluster
from harden_secrets.cluster.opening import open_cluster


def opened(kubeconfig: Path | None, context: str | None, output: Output) -> KubernetesCluster:
    """The cluster of ``--kubeconfig`` and ``--context`` or, without them, the one that kubectl would use."""
    return open_cluster(kubeconfig, context, os.environ, output.warning)
