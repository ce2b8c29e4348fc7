"""``harden vault``: a Vault on this host for those without one, and the policy for those who have one.

Each command is the sentence of its help in code; what it puts together is in :mod:`harden_secrets.vault.commands`.
"""

from pathlib import Path
from typing import Annotated

import typer

from harden.options import DryRun, Json, Quiet, StateFolder, Verbose, output

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="""
A Vault on this host, for those without one: OpenBao on loopback, its data on disk.

The rest of harden finds it by itself. It is sealed by a key file of its own and unseals itself when it starts, so it
survives a reboot; `harden vault unit` prints a unit for systemd.
""")  # fmt: skip


@app.command()
def up(
    port: Annotated[
        int | None,
        typer.Option(
            "--port", metavar="N", min=1, max=65534, help="For the first time; else 8200, or any that is free."
        ),
    ] = None,
    systemd_unit: Annotated[bool, typer.Option("--systemd-unit", help="Print the unit, as `unit` does.")] = False,
    state: StateFolder = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Make the local Vault, or start it; where it runs, do nothing.

    The first time it makes the storage, a certificate, the KV store `secret` and a login of harden's own. An
    interrupted first time is begun anew. Where the unit of `harden vault unit` is installed, systemd starts it.
    """
    from harden_secrets.vault.commands import bring_up, print_unit

    out = output(as_json=as_json, quiet=quiet, verbose=verbose)
    return print_unit(state, out) if systemd_unit else bring_up(state, port, out, dry_run=dry_run)


@app.command()
def status(state: StateFolder = None, as_json: Json = False) -> int:
    """Say whether the local Vault runs, where, and until when its certificate is good.

    Exit status 3: it does not run, or is sealed.
    """
    from harden_secrets.vault.commands import print_status

    return print_status(state, output(as_json=as_json))


@app.command()
def down(state: StateFolder = None, dry_run: DryRun = False, as_json: Json = False, quiet: Quiet = False) -> int:
    """Stop the local Vault. Its data stays."""
    from harden_secrets.vault.commands import bring_down

    return bring_down(state, output(as_json=as_json, quiet=quiet), dry_run=dry_run)


@app.command()
def unit(state: StateFolder = None) -> int:
    """Print a unit with which systemd runs the local Vault, shut off from all but its own folder and loopback."""
    from harden_secrets.vault.commands import print_unit

    return print_unit(state, output())


@app.command()
def policy(
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="PATH…", help="More paths in the mount, of secrets still to be moved.")
    ] = None,
    inventory: Annotated[
        Path | None, typer.Option("--inventory", metavar="FILE", help="The inventory. [env var: HARDEN_INVENTORY]")
    ] = None,
) -> int:
    """Print the least policy for a Vault of your own that lets harden keep what the inventory names.

    Load it with `vault policy write harden -`.
    """
    from harden_secrets.vault.commands import print_policy

    return print_policy(inventory, paths or [], output())
