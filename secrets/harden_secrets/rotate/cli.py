"""``harden secrets`` rotate, status, schedule and what belongs to them: mounted beside the other commands."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from harden.errors import UsageError
from harden.options import DryRun, Json, MetricsFile, Quiet, StateFolder, Verbose, output
from harden_secrets.commands.options import Context, InventoryFile, Kubeconfig, Names

app = typer.Typer(rich_markup_mode=None)


@app.command()
def rotate(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME…", help="Of secrets in the inventory.")] = None,
    due: Annotated[
        bool, typer.Option("--due", help="Those whose time has come, and every rotation that is not finished.")
    ] = False,
    abandon: Annotated[
        bool, typer.Option("--abandon", help="Take the new key out again and keep the old one; until the switch.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Wait neither for the end of the overlap nor for who uses the old key. No proof is left out.",
        ),
    ] = False,
    inventory: InventoryFile = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    state: StateFolder = None,
    dry_run: DryRun = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what happens as JSON, one object a line.")] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Give a secret a new key, and prove that the old one is refused.

    The new key is made and stored, installed beside the old one and tried; then it is delivered, and its consumers are
    asked. After the overlap the old one is taken out, tried, and has to be refused. What fails leaves both keys good;
    the next call goes on from there, on any host. A secret that is named is rotated now, whatever its schedule says.
    """
    from harden_secrets.commands.rotating import Asked
    from harden_secrets.commands.rotating import rotate as rotate_all
    from harden_secrets.commands.workplace import Workplace

    asked = Asked(tuple(names or ()), due, abandon, force, dry_run)
    place = Workplace(state, inventory, kubeconfig, context)
    return rotate_all(asked, place, output(as_json=as_json, quiet=quiet, verbose=verbose))


@app.command()
def status(
    names: Names = None,
    form: Annotated[
        Literal["text", "prometheus"],
        typer.Option("--format", help="Text, or metrics for node_exporter's textfile collector."),
    ] = "text",
    inventory: InventoryFile = None,
    state: StateFolder = None,
    to: MetricsFile = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Say how old each secret is, when it is due, and where its rotation stands.

    Exit status 3: one is overdue, or its rotation is stuck.
    """
    from harden_secrets.commands.statusing import status as print_status
    from harden_secrets.commands.workplace import Workplace

    if as_json and form == "prometheus":
        raise UsageError("--json and --format prometheus are two answers", "leave one of them out")
    if to is not None and form != "prometheus":
        raise UsageError("-o is for --format prometheus", "leave it out, or send stdout to a file")
    place = Workplace(state, inventory)
    return print_status(names or (), form, to, place, output(as_json=as_json, quiet=quiet, verbose=verbose))


@app.command()
def exposed(
    repository: Annotated[
        str | None, typer.Argument(metavar="REPO", help="The repository; with --secret, by default the one it is for.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--key", metavar="FILE", help="A git-crypt key, as `git-crypt export-key` writes it.")
    ] = None,
    secret: Annotated[
        str | None,
        typer.Option("--secret", metavar="NAME", help="Instead: a secret of the inventory, of kind git-crypt."),
    ] = None,
    version: Annotated[
        int, typer.Option("--version", metavar="N", min=0, help="Which version of it; without it, the newest.")
    ] = 0,
    inventory: InventoryFile = None,
    state: StateFolder = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """List everything that a git-crypt key has ever encrypted: what to rotate where somebody else has the key.

    Of all branches, tags, stashes and reflogs, and of what is lost and not pruned yet: each file, the commits that
    brought it in, and the keys and tokens in it, compared with the values that the inventory's secrets have and had.
    Files are decrypted in memory; no value is printed. Exit status 3: there is something.
    """
    from harden_secrets.commands.exposing import Asked
    from harden_secrets.commands.exposing import exposed as print_exposed
    from harden_secrets.commands.workplace import Workplace

    asked = Asked(repository, key, secret, version)
    return print_exposed(asked, Workplace(state, inventory), output(as_json=as_json, quiet=quiet, verbose=verbose))


@app.command()
def schedule(
    form: Annotated[
        Literal["systemd", "cronjob"],
        typer.Option("--format", help="A timer and a service of systemd, or a CronJob with all that it may do."),
    ],
    to: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Write the files there; else they are printed.")
    ] = None,
    image: Annotated[str, typer.Option("--image", metavar="IMAGE", help="Of the CronJob: one with harden in it.")] = "",
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", metavar="N", help="Of the CronJob; `harden` if left out.")
    ] = "",
    claim: Annotated[
        list[str] | None,
        typer.Option("--claim", metavar="CLAIM:PATH", help="A PersistentVolumeClaim with repositories, and its place."),
    ] = None,
    inventory: InventoryFile = None,
    kubeconfig: Kubeconfig = None,
    state: StateFolder = None,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Make what runs `rotate --due` regularly, with the rights that the inventory calls for and no more."""
    from harden_secrets.commands.scheduling import Asked
    from harden_secrets.commands.scheduling import schedule as make_schedule
    from harden_secrets.commands.workplace import Workplace

    asked = Asked(form, to, image, namespace, tuple(claim or ()))
    place = Workplace(state, inventory, kubeconfig)
    return make_schedule(asked, place, output(quiet=quiet, verbose=verbose), dry_run=dry_run)


@app.command()
def handover(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of a secret in the inventory, of kind git-crypt.")],
    inventory: InventoryFile = None,
    state: StateFolder = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Print the script with which people take their clones to a new git-crypt key. There is no value in it.

    They run it in the clone, with the file of the new key: `sh handover.sh NEW_KEY`; what they have changed is not
    touched, what fails is undone, and it can be run again.
    """
    from harden_secrets.commands.handing import handover as print_script
    from harden_secrets.commands.workplace import Workplace

    return print_script(name, Workplace(state, inventory), output(quiet=quiet, verbose=verbose))


@app.command()
def conform(
    arguments: Annotated[
        list[str], typer.Argument(metavar="PROGRAM ARG…", help="After `--`: as `command` in the inventory has it.")
    ],
    target: Annotated[
        str, typer.Option("--target", metavar="NAME", help="The target that it is asked for.")
    ] = "command",
    field: Annotated[
        str, typer.Option("--field", metavar="NAME", help="The field for which harden makes values.")
    ] = "value",
    start: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="Fields that work now, as JSON; they are good again at the end."),
    ] = None,
    timeout: Annotated[
        str, typer.Option("--timeout", metavar="TIME", help="The longest that a call may take.")
    ] = "60s",
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Try whether a program of yours keeps to the protocol of `command`, with made-up values. Never in production.

    Each operation is asked for, twice and cut off in the middle; exit status 3: something is not as it has to be.
    """
    from harden_secrets.commands.conforming import conform as examine
    from harden_secrets.commands.conforming import subject_of

    subject = subject_of(arguments, timeout, target, field, start)
    return examine(subject, output(as_json=as_json, quiet=quiet, verbose=verbose), dry_run=dry_run)
