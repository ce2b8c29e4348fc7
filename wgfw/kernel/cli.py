"""The commands of ``harden wg`` that change the kernel's rules."""

from typing import Annotated

import typer

from harden.options import DryRun, Json, Quiet, StateFolder, Verbose, output
from wgfw.commands.options import DEFAULT_POLICY, BackendName, Netns, PeersFrom, PolicyFile

app = typer.Typer(rich_markup_mode=None)


@app.command()
def apply(
    policy: PolicyFile = DEFAULT_POLICY,
    peers: PeersFrom = None,
    netns: Netns = None,
    backend: BackendName = "auto",
    state: StateFolder = None,
    no_tests: Annotated[bool, typer.Option("--no-tests", help="Apply even if tests of the policy fail.")] = False,
    confirm: Annotated[
        int | None,
        typer.Option(
            "--confirm",
            metavar="SECONDS",
            min=1,
            max=86400,
            help="Go back to the rules before unless `harden wg confirm` comes in time.",
        ),
    ] = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Make the kernel match the policy, in both IP versions or not at all.

    Only what differs is written, never with an open moment; open connections that the policy no longer allows are
    ended. The interface need not be there yet. A second run changes nothing.

    With --confirm the new rules are on trial. If they lock you out, wait: the last confirmed ones come back by
    themselves, also when this command is killed, your session ends, or the machine restarts.
    """
    from wgfw.commands.applying import apply_policy
    from wgfw.commands.gateway import Gateway

    out = output(as_json=as_json, quiet=quiet, verbose=verbose)
    gateway = Gateway(netns, backend, state, tuple(peers or ()))
    return apply_policy(policy, gateway, out, tests=not no_tests, dry_run=dry_run, confirm=confirm)


@app.command()
def confirm(
    netns: Netns = None,
    state: StateFolder = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also by a connection that is older than the rules, which proves nothing.")
    ] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Keep the rules that `apply --confirm` put on trial.

    Do it by a connection that you have opened since then: it shows that you can still get in. One that was there
    before is refused.
    """
    from wgfw.commands.gateway import Gateway
    from wgfw.commands.trying import confirm_trial

    return confirm_trial(
        Gateway(netns, "auto", state), output(as_json=as_json, quiet=quiet), force=force, dry_run=dry_run
    )


@app.command()
def restore(
    netns: Netns = None,
    backend: BackendName = "auto",
    state: StateFolder = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Put the last confirmed rules in force, whatever the policy file says by now.

    For `PreUp` of the interface, for the start of the machine, and to repair what others have changed. While rules are
    on trial it changes nothing; rules that nobody confirmed before the machine went down do not come back.
    """
    from wgfw.commands.gateway import Gateway
    from wgfw.commands.trying import restore_confirmed

    out = output(as_json=as_json, quiet=quiet, verbose=verbose)
    return restore_confirmed(Gateway(netns, backend, state), out, dry_run=dry_run)


@app.command(hidden=True)
def expire(
    trial: Annotated[str, typer.Argument(metavar="TRIAL")], netns: Netns = None, state: StateFolder = None
) -> int:
    """Wait for the end of a trial, and go back if nobody has confirmed: what `apply --confirm` starts."""
    from wgfw.commands.ending import expire as wait
    from wgfw.commands.gateway import Gateway

    return wait(Gateway(netns, "auto", state), trial, output())


@app.command()
def rollback(
    netns: Netns = None,
    backend: BackendName = "auto",
    state: StateFolder = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Go back to the rules before the last apply; where rules are on trial, give them up at once."""
    from wgfw.commands.applying import go_back
    from wgfw.commands.gateway import Gateway

    out = output(as_json=as_json, quiet=quiet, verbose=verbose)
    return go_back(Gateway(netns, backend, state), out, dry_run=dry_run)


@app.command()
def remove(
    netns: Netns = None,
    backend: BackendName = "auto",
    state: StateFolder = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Take out every rule of ours and nothing else. The gateway is then as open as its other rules leave it."""
    from wgfw.commands.applying import take_out
    from wgfw.commands.gateway import Gateway

    out = output(as_json=as_json, quiet=quiet, verbose=verbose)
    return take_out(Gateway(netns, backend, state), out, dry_run=dry_run)
