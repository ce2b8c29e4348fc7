"""The options of ``harden wg``, spelled once."""

from typing import Annotated, Literal

import typer

PolicyFile = Annotated[
    str, typer.Option("--policy", envvar="HARDEN_POLICY", metavar="FILE", help="The policy file.", show_envvar=True)
]
PeersFrom = Annotated[
    list[str] | None,
    typer.Option(
        "--peers",
        metavar="[INTERFACE=]FILE",
        help="Read the peers from this wg-quick file (or `kernel`), not where the policy says; once an interface.",
    ),
]
Netns = Annotated[
    str | None,
    typer.Option("--netns", metavar="NAME", help="The network namespace of the gateway (a name of `ip netns`)."),
]
BackendName = Annotated[
    Literal["auto", "nft", "legacy"],
    typer.Option("--backend", help="Which iptables; auto takes the one that holds the host's rules already."),
]
DEFAULT_POLICY = "/etc/harden/policy.yaml"
