"""``harden secrets``: find the keys, move them to Vault, repoint what uses them.

Each command is the sentence of its help in code; what it puts together is in :mod:`harden_secrets.commands`.
"""

from typing import Annotated, Literal

import typer

from harden.errors import UsageError
from harden.options import Json, Quiet, StateFolder, Verbose, output
from harden_secrets.commands.options import Context, FingerprintKey, Kubeconfig, Namespace

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="""
Custody for keys: find them, move them to Vault, repoint what uses them.
""")  # fmt: skip


@app.command()
def scan(
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="PATH…", help="Files and folders; what lies in them is looked at.")
    ] = None,
    git: Annotated[
        str | None, typer.Option("--git", metavar="REPO", help="Every object of a repository, its whole history.")
    ] = None,
    form: Annotated[
        Literal["text", "json", "sarif"], typer.Option("--format", help="Text, JSON, or SARIF 2.1.0 for code scanning.")
    ] = "text",
    state: StateFolder = None,
    fingerprint_key: FingerprintKey = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Find key material in files and in a repository's history, and say which places hold one key.

    By structure: a thing is parsed and known to be a key, through base64, gzip, tar and whatever else wraps it. No
    value is printed. Exit status 3: there are findings.
    """
    from harden_secrets.commands.scanning import Request
    from harden_secrets.commands.scanning import scan as scan_for

    if as_json and form == "sarif":
        raise UsageError("--json and --format sarif are two answers", "leave one of them out")
    request = Request(tuple(paths or ()), git, state, fingerprint_key)
    return scan_for(request, "json" if as_json else form, output(as_json=as_json, quiet=quiet, verbose=verbose))


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
