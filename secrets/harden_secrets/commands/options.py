"""The options of ``harden secrets``, spelled once."""

from pathlib import Path
from typing import Annotated

import typer

Namespace = Annotated[
    str | None, typer.Option("--namespace", "-n", metavar="N", help="The namespace; without it that of the context.")
]
Kubeconfig = Annotated[
    Path | None,
    typer.Option("--kubeconfig", metavar="FILE", help="How to reach the cluster. [env var: KUBECONFIG]"),
]
Context = Annotated[str | None, typer.Option("--context", metavar="NAME", help="The context of the kubeconfig.")]
FingerprintKey = Annotated[
    Path | None,
    typer.Option(
        "--fingerprint-key",
        metavar="FILE",
        help="32 bytes that all fingerprints depend on, to share them between machines; else one in the state folder.",
    ),
]
InventoryFile = Annotated[
    Path | None,
    typer.Option("--inventory", metavar="FILE", help="The inventory of secrets. [env var: HARDEN_INVENTORY]"),
]
Names = Annotated[
    list[str] | None, typer.Argument(metavar="NAME…", help="Of secrets in the inventory; without any, all.")
]
LockNamespace = Annotated[
    str,
    typer.Option("--lock-namespace", metavar="N", help="Where the Lease lies that keeps two from migrating at once."),
]
