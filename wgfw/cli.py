"""``harden wg``: from trust profiles to rules in the kernel.

Each command is the sentence of its help in code; what it puts together is in :mod:`wgfw.commands`.
"""

from pathlib import Path
from typing import Annotated, Literal

import typer

from harden.errors import UsageError
from harden.options import DryRun, Json, MetricsFile, Quiet, StateFolder, Verbose, output
from wgfw.commands.options import DEFAULT_POLICY, BackendName, Netns, PeersFrom, PolicyFile
from wgfw.kernel.cli import app as changing

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="""
Trust profiles for WireGuard gateways, enforced in the kernel.

From wg0.conf to deny-by-default: `import` makes a policy from the peers that are there, you edit it, `check` and
`plan` say who would gain and lose what, `apply` makes it so, `status` and `explain` answer questions afterwards.
""")  # fmt: skip


@app.command("import")
def import_(
    wg_conf: Annotated[
        Path, typer.Argument(metavar="WG_CONF", help="A wg-quick file such as /etc/wireguard/wg0.conf.")
    ],
    to: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write the policy.")
    ] = None,
    dry_run: DryRun = False,
    quiet: Quiet = False,
) -> int:
    """Make a starting policy from a wg-quick file: every peer a client of `quarantine`, named by its comment.

    Without -o the policy goes to stdout. A file that is there already and says something else is not overwritten.
    """
    from wgfw.commands.importing import import_peers

    return import_peers(wg_conf, to, output(quiet=quiet), dry_run=dry_run)


@app.command()
def check(
    policy: PolicyFile = DEFAULT_POLICY,
    peers: PeersFrom = None,
    netns: Netns = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Validate the policy, warn of what is shadowed, unused or over-wide, and run its tests.

    Needs no root and touches nothing. Exit status 3: a test of the policy failed.
    """
    from wgfw.commands.checking import check_policy

    return check_policy(policy, netns, tuple(peers or ()), output(as_json=as_json, quiet=quiet, verbose=verbose))


@app.command()
def render(
    policy: PolicyFile = DEFAULT_POLICY,
    family: Annotated[Literal["4", "6"] | None, typer.Option("--family", help="Only this IP version.")] = None,
    form: Annotated[
        Literal["restore", "script", "policy", "keeper"],
        typer.Option(
            "--format",
            help="For `iptables-restore --noflush`; one POSIX shell script for both families; the policy itself with "
            "its peers, which `plan --against` compares; or the shell program that keeps such a script in force.",
        ),
    ] = "restore",
    peers: PeersFrom = None,
    netns: Netns = None,
    as_json: Json = False,
) -> int:
    """Print the rules that the policy means.

    The script needs no Python where it runs: put it into a ConfigMap, a Terraform variable, or `PreUp`. It may run
    any number of times, and drops all traffic of the interfaces if anything in it fails.
    """
    from wgfw.commands.rendering import render_policy

    return render_policy(policy, family, form, netns, tuple(peers or ()), output(as_json=as_json))


@app.command()
def plan(
    policy: PolicyFile = DEFAULT_POLICY,
    peers: PeersFrom = None,
    against: Annotated[
        str | None,
        typer.Option("--against", metavar="FILE", help="Compare with what `render --format policy` wrote, no kernel."),
    ] = None,
    netns: Netns = None,
    backend: BackendName = "auto",
    state: StateFolder = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Say what `apply` would change: who gains and who loses what; with -v the chains, too.

    Changes nothing. Exit status 3: there is something to change.
    """
    out = output(as_json=as_json, quiet=quiet, verbose=verbose)
    if against is not None:
        from wgfw.commands.comparing import plan_against

        return plan_against(policy, netns, tuple(peers or ()), against, out)
    from wgfw.commands.applying import plan_policy
    from wgfw.commands.gateway import Gateway

    return plan_policy(policy, Gateway(netns, backend, state, tuple(peers or ())), out)


app.registered_commands += changing.registered_commands  # here, so that `--help` has them in the order of their use


@app.command()
def status(
    policy: PolicyFile = DEFAULT_POLICY,
    peers: PeersFrom = None,
    netns: Netns = None,
    backend: BackendName = "auto",
    state: StateFolder = None,
    form: Annotated[
        Literal["text", "prometheus"],
        typer.Option("--format", help="Text, or metrics for node_exporter's textfile collector."),
    ] = "text",
    to: MetricsFile = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Per client: profile, addresses, last handshake, bytes, and packets accepted and denied.

    Exit status 3: the kernel is not in sync with the policy.
    """
    from wgfw.commands.gateway import Gateway
    from wgfw.commands.reporting import report_status

    if as_json and form == "prometheus":
        raise UsageError("--json and --format prometheus are two answers", "leave one of them out")
    if to is not None and form != "prometheus":
        raise UsageError("-o is for --format prometheus", "leave it out, or send stdout to a file")
    out = output(as_json=as_json, quiet=quiet, verbose=verbose)
    return report_status(policy, Gateway(netns, backend, state, tuple(peers or ())), out, form, to)


@app.command()
def explain(
    policy: PolicyFile = DEFAULT_POLICY,
    source: Annotated[str | None, typer.Option("--from", metavar="CLIENT|IP", help="Who opens the connection.")] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="IP", help="The address it is opened to.")] = None,
    service: Annotated[
        str | None,
        typer.Option("--service", metavar="S", help="A name or tcp/443. Without it: whether every service is allowed."),
    ] = None,
    address: Annotated[
        str | None, typer.Option("--source", metavar="IP", help="Another address of the client than its first.")
    ] = None,
    batch: Annotated[
        Path | None, typer.Option("--batch", metavar="FILE", help='A file of {"from": …, "to": …, "service": …} lines.')
    ] = None,
    peers: PeersFrom = None,
    netns: Netns = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Say whether a connection is allowed, and which line of the policy decides; if none allows it, which one would.

    `harden wg explain --from anca --to 192.168.1.10 --service smb`
    """
    from wgfw.commands.asking import explain_batch_file, explain_one
    from wgfw.commands.gateway import Gateway
    from wgfw.explain import Question

    out, gateway = output(as_json=as_json, quiet=quiet), Gateway(netns, peers=tuple(peers or ()))
    if batch is not None:
        if source or to or service or address:
            raise UsageError("--batch goes without --from, --to, --service and --source", "put them into the file")
        return explain_batch_file(policy, gateway, batch, out)
    if source is None or to is None:
        raise UsageError("explain needs --from and --to, or --batch", "`harden wg explain --from anca --to 10.32.0.1`")
    return explain_one(policy, gateway, Question(source, to, service, address), out)


@app.command()
def schema() -> int:
    """Print the JSON Schema of the policy file, for editors."""
    from wgfw.commands.rendering import print_schema

    return print_schema(output())


def not_yet(what: str, hint: str) -> UsageError:
    """The refusal of what a later release brings."""
    return UsageError(f"{what} is not in this release", hint)


def _refused(name: str, hint: str) -> None:
    @app.command(name, hidden=True, context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
    def refuse() -> int:
        raise not_yet(f"harden wg {name}", hint)


_refused("verify", "`harden wg status` says whether the kernel holds the policy's rules unaltered")
_refused("suggest", "`harden wg explain` names the line that would allow a connection")
_refused("report", "`harden wg explain --batch FILE` answers many questions at once")
_refused("doctor", "`harden wg plan -v` says where our rules are not first, and what else is in the way")
