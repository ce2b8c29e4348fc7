"""``harden secrets``: find the keys, move them to Vault, repoint what uses them.

Each command is the sentence of its help in code; what it puts together is in :mod:`harden_secrets.commands`.
"""

from typing import Annotated

import typer

from harden.options import Json, Quiet, Verbose, output
from harden_secrets.commands.options import Context, Kubeconfig, Namespace

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="""
Custody for keys: find them, move them to Vault, repoint what uses them.
""")  # fmt: skip


@app.callback()
def _secrets() -> None:
    """Keeps `readers` a command of its own while it is the only one."""


@app.command()
def readers(
    name: Annotated[str, typer.Argument(metavar="NAME", help="configmap/NAME, secret/NAME, or the name alone.")],
    namespace: Namespace = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Say who can read a ConfigMap or Secret, by which way, and on what evidence.

    By roles and bindings: directly, by pods they may make, by acting as one who can, by giving themselves a role.
    """
    from harden_secrets.commands.clusters import opened
    from harden_secrets.commands.reading import print_readers

    out = output(as_json=as_json, quiet=quiet, verbose=verbose)
    cluster = opened(kubeconfig, context, out)
    return print_readers(cluster, namespace or cluster.namespace, name, out)
