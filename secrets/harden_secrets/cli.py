"""``harden secrets``: find the keys, move them to Vault, repoint what uses them.

Each command is the sentence of its help in code; what it puts together is in :mod:`harden_secrets.commands`.
"""

from pathlib import Path
from typing import Annotated, Literal

import typer

from harden.errors import UsageError
from harden.options import DryRun, Json, Quiet, StateFolder, Verbose, output
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
        str | None,
        typer.Option(
            "--git", metavar="REPO", help="Every object of a repository: its whole history, and what is lost."
        ),
    ] = None,
    cluster: Annotated[
        bool, typer.Option("--cluster", help="Every object of a live cluster that you may list.")
    ] = False,
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", metavar="N", help="Only this namespace of the cluster.")
    ] = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    form: Annotated[
        Literal["text", "json", "sarif"], typer.Option("--format", help="Text, JSON, or SARIF 2.1.0 for code scanning.")
    ] = "text",
    baseline: Annotated[
        Path | None, typer.Option("--baseline", metavar="FILE", help="Report only what this file does not know yet.")
    ] = None,
    write_baseline: Annotated[
        Path | None,
        typer.Option("--write-baseline", metavar="FILE", help="Write what is found as known. Holds no value."),
    ] = None,
    state: StateFolder = None,
    fingerprint_key: FingerprintKey = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Find key material, and say which places hold one key.

    By structure: a thing is parsed and known to be a key, through base64, gzip, tar and whatever else wraps it. No
    value is printed. `# harden: allow KIND -- REASON` beside a value says that it may be there. Exit status 3: there
    are findings.
    """
    from harden_secrets.commands.scanning import Memory, Subject
    from harden_secrets.commands.scanning import scan as scan_for

    if as_json and form == "sarif":
        raise UsageError("--json and --format sarif are two answers", "leave one of them out")
    subject = Subject(tuple(paths or ()), git, cluster, namespace, kubeconfig, context)
    memory = Memory(state, fingerprint_key, baseline, write_baseline)
    out = output(as_json=as_json, quiet=quiet, verbose=verbose)
    return scan_for(subject, memory, "json" if as_json else form, out, dry_run=dry_run)


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
