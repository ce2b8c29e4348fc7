"""``harden secrets``: find the keys, move them to Vault, repoint what uses them.

Each command is the sentence of its help in code; what it puts together is in :mod:`harden_secrets.commands`.
"""

from pathlib import Path
from typing import Annotated, Literal

import typer

from harden.errors import UsageError
from harden.options import DryRun, Json, Quiet, StateFolder, Verbose, output
from harden_secrets.commands.options import (
    Context,
    FingerprintKey,
    InventoryFile,
    Kubeconfig,
    LockNamespace,
    Names,
    Namespace,
)
from harden_secrets.rotate.cli import app as rotation

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


@app.command()
def plan(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH…", help="Files to plan for; with --cluster, where its sources and scripts are."),
    ] = None,
    cluster: Annotated[bool, typer.Option("--cluster", help="Plan for a live cluster.")] = False,
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", metavar="N", help="Only what lies in this namespace.")
    ] = None,
    to: Annotated[Path | None, typer.Option("--output", "-o", metavar="PLAN", help="Where to write the plan.")] = None,
    deliver: Annotated[
        Literal["direct", "vault-secrets-operator", "external-secrets"] | None,
        typer.Option("--deliver", help="How keys get from Vault to the cluster; without it, directly by harden."),
    ] = None,
    vault_auth: Annotated[
        str, typer.Option("--vault-auth", metavar="NAME", help="The VaultAuth that the Vault Secrets Operator uses.")
    ] = "",
    secret_store: Annotated[
        str, typer.Option("--secret-store", metavar="NAME", help="The SecretStore of the External Secrets Operator.")
    ] = "vault",  # noqa: S107 - the name of a store
    allow_owned: Annotated[
        bool,
        typer.Option("--allow-owned", help="Change objects live that Helm, Terraform or a GitOps tool would undo."),
    ] = False,
    rewrite_scripts: Annotated[
        bool, typer.Option("--rewrite-scripts", help="Rewrite the lines of scripts under PATH that ask the API server.")
    ] = False,
    reader: Annotated[
        list[str] | None,
        typer.Option("--reader", metavar="NS/NAME", help="The ServiceAccount as which those scripts ask."),
    ] = None,
    inventory: InventoryFile = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    state: StateFolder = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Plan where each key goes, who is affected how, and what remains to be done by hand. Changes nothing.

    Exit status 3: there is something to do.
    """
    from harden_secrets.commands.planning import Asked, accounts, make_plan
    from harden_secrets.commands.workplace import Workplace
    from harden_secrets.plan.world import Request

    request = Request(
        deliver=deliver,
        allow_owned=allow_owned,
        vault_auth=vault_auth,
        secret_store=secret_store,
        rewrite_scripts=rewrite_scripts,
        readers=accounts(reader or ()),
    )
    place = Workplace(state, inventory, kubeconfig, context)
    out = output(as_json=as_json, quiet=quiet, verbose=verbose)
    return make_plan(Asked(tuple(paths or ()), cluster, namespace or "", to), request, place, out)


@app.command()
def migrate(
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="What `plan -o` wrote.")],
    lock_namespace: LockNamespace = "default",
    inventory: InventoryFile = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    state: StateFolder = None,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Carry out a plan: store, read back, deliver, prove, repoint, wait, remove. A crash at any moment loses nothing.

    What is cut off is finished by `resume` or undone by `rollback`.
    """
    from harden_secrets.commands.migrating import migrate as carry_out
    from harden_secrets.commands.workplace import Workplace

    place = Workplace(state, inventory, kubeconfig, context)
    return carry_out(plan, place, lock_namespace, output(quiet=quiet, verbose=verbose), dry_run=dry_run)


RunName = Annotated[str | None, typer.Argument(metavar="RUN", help="Which run; without it the only unfinished one.")]


@app.command()
def resume(
    run: RunName = None,
    lock_namespace: LockNamespace = "default",
    inventory: InventoryFile = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    state: StateFolder = None,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Finish a run that was cut off, in the direction in which it was going."""
    from harden_secrets.commands.migrating import resume as go_on
    from harden_secrets.commands.workplace import Workplace

    place = Workplace(state, inventory, kubeconfig, context)
    return go_on(run, place, lock_namespace, output(quiet=quiet, verbose=verbose), dry_run=dry_run)


@app.command()
def rollback(
    run: RunName = None,
    lock_namespace: LockNamespace = "default",
    inventory: InventoryFile = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    state: StateFolder = None,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Undo what a run did, the last step first: copies come back before their consumers are pointed at them again."""
    from harden_secrets.commands.migrating import rollback as go_back
    from harden_secrets.commands.workplace import Workplace

    place = Workplace(state, inventory, kubeconfig, context)
    return go_back(run, place, lock_namespace, output(quiet=quiet, verbose=verbose), dry_run=dry_run)


@app.command()
def deliver(
    names: Names = None,
    inventory: InventoryFile = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    state: StateFolder = None,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Make the Secrets and files that harden delivers be as Vault says. Operators see to theirs themselves."""
    from harden_secrets.commands.delivering import deliver as bring
    from harden_secrets.commands.workplace import Workplace

    place = Workplace(state, inventory, kubeconfig, context)
    return bring(names or (), place, output(quiet=quiet, verbose=verbose), dry_run=dry_run)


app.add_typer(rotation)


@app.command()
def runs(state: StateFolder = None, as_json: Json = False) -> int:
    """List the runs of `migrate`, and where each stands."""
    from harden_secrets.commands.runs import list_runs
    from harden_secrets.commands.workplace import Workplace

    return list_runs(Workplace(state), output(as_json=as_json))


log = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The audit log.")
app.add_typer(log, name="log")


@log.command("verify")
def verify_log(state: StateFolder = None, as_json: Json = False) -> int:
    """Check the audit log: a line that was removed, altered or moved is found. Exit status 3: there is one."""
    from harden_secrets.commands.runs import verify_log as verify
    from harden_secrets.commands.workplace import Workplace

    return verify(Workplace(state).audit(), output(as_json=as_json))


@app.command()
def schema() -> None:
    """Print the JSON Schema of the inventory, for editors."""
    from harden_secrets.inventory.schema import inventory_schema

    output(as_json=True).document(inventory_schema())
