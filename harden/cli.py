"""The command ``harden``: mounts the parts, and is the one place that turns a failure into words and a status.

A part is imported only when it is used: ``harden --help`` stays as quick as typer itself.
"""

import gc
import importlib
import os
import sys
import traceback
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from harden import __version__
from harden.errors import HardenError
from harden.options import DryRun, Json, Quiet, StateFolder, output
from harden.output import Output, OutputClosedError, OutputFailedError

DEBUG_VARIABLE = "HARDEN_DEBUG"
COMPLETION_VARIABLE = "_HARDEN_COMPLETE"  # what a shell sets that asks for a completion; typer's name for it
INTERRUPTED = 130  # 128 + SIGINT, as a shell reports it
READER_GONE = 141  # 128 + SIGPIPE


class UnitSet(StrEnum):
    """Units that are installed and removed together; those of :mod:`harden.install.unit`."""

    WG = "wg"
    ROTATE = "rotate"
    METRICS = "metrics"
    KEEPER = "keeper"


class Part(TyperGroup):
    """A part of the command that is imported when somebody uses it; until then only its name and one line of help.

    ``module`` has the part's typer application as ``app``.
    """

    def __init__(self, name: str, help_line: str, module: str) -> None:
        super().__init__(name=name, help=help_line, rich_markup_mode=None)
        self._module = module

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """The context of the real group. From here on typer works with that one."""
        return self.imported().make_context(*args, **kwargs)

    def imported(self) -> TyperGroup:
        """The real group, with the part's commands and options."""
        app: typer.Typer = importlib.import_module(self._module).app
        group = typer.main.get_group(app)
        group.name = self.name
        return group


PARTS = (
    Part("wg", "Trust profiles for WireGuard gateways, enforced in the kernel.", "wgfw.cli"),
    Part("secrets", "Custody for keys: find them, move them to Vault, repoint what uses them.", "harden_secrets.cli"),
    Part("vault", "A Vault on this host, for those without one.", "harden_secrets.vault.cli"),
)


class Root(TyperGroup):
    """The command itself: its parts in the order in which they are listed above, then its own commands."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.commands = {part.name: part for part in PARTS if part.name} | dict(self.commands)

    def invoke(self, ctx: Any) -> Any:
        """Runs the command. typer ends without a word on any broken pipe; only the one of stdout deserves that."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise HardenError("a program or socket that harden was talking to closed the connection") from error


app = typer.Typer(cls=Root, rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)


def _print_version(wanted: bool) -> None:
    if wanted:
        Output().line(f"harden {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Trust profiles for WireGuard gateways, custody and rotation for keys."""


@app.command("man")
def manual() -> None:
    """Print the manual page of harden, which says what all the `--help` say.

    `harden man | man -l -` shows it.
    """
    from harden.manual import page

    Output().raw(page(typer.main.get_group(app), __version__))


@app.command()
def completion(
    shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(help="The shell that is to complete.")],
) -> None:
    """Print what makes a shell complete harden's commands, options and their values.

    `eval "$(harden completion bash)"` in ~/.bashrc, the same with zsh in ~/.zshrc, or in fish `harden completion fish
    | source`.
    """
    from harden.completion import SCRIPTS

    Output().raw(SCRIPTS[shell])


@app.command("install-units")
def install_units(
    names: Annotated[
        list[UnitSet] | None,
        typer.Argument(metavar="wg|rotate|metrics|keeper", help="Which; without, those that the host can use."),
    ] = None,
    policy: Annotated[
        str, typer.Option("--policy", envvar="HARDEN_POLICY", metavar="FILE", help="The policy of the gateway.")
    ] = "/etc/harden/policy.yaml",
    inventory: Annotated[
        Path | None, typer.Option("--inventory", envvar="HARDEN_INVENTORY", metavar="FILE", help="The secrets.")
    ] = None,
    interfaces: Annotated[
        list[str] | None,
        typer.Option("--interface", metavar="NAME", help="What needs the rules first, instead of what the policy has."),
    ] = None,
    textfiles: Annotated[
        Path | None, typer.Option("--textfiles", metavar="DIR", help="Where node_exporter's textfile collector looks.")
    ] = None,
    executable: Annotated[
        Path | None, typer.Option("--executable", metavar="FILE", help="The command harden, if not the one that runs.")
    ] = None,
    root: Annotated[
        Path | None, typer.Option("--root", metavar="DIR", help="For an image: what is going to be /.")
    ] = None,
    take_away: Annotated[bool, typer.Option("--remove", help="Take away what this command installed.")] = False,
    state: StateFolder = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Install units of systemd that keep this host as it is: rules before the interface, repair, rotation, metrics.

    wg: the confirmed rules before any interface comes up, and every five minutes what was changed in them put right.
    rotate: `harden secrets rotate --due`. metrics: the state of both for node_exporter. keeper: as wg, for a gateway
    that has only a rendered script. A second run changes nothing; no interface is started or stopped.
    """
    from harden.install.command import install, remove
    from harden.install.host import Named, host_of

    named = Named(policy, inventory, state, textfiles, executable, tuple(interfaces or ()), root)
    out = output(as_json=as_json, quiet=quiet)
    if take_away:
        return remove(tuple(map(str, names or ())), named.files, out, dry_run=dry_run)
    return install(tuple(map(str, names or ())), host_of(named, os.environ), out, dry_run=dry_run)


def main() -> None:
    """Runs the command line of this process and exits with its status."""
    _open_closed_streams()
    if COMPLETION_VARIABLE in os.environ:
        from harden.completion import answer_shells

        answer_shells()
    # A command ends long before its garbage matters, and looking for cycles among the values of 10,000 clients again
    # and again takes two fifths of its time.
    gc.disable()
    sys.exit(run(lambda: typer.main.get_command(app).main(prog_name="harden", standalone_mode=False)))


def run(command: Callable[[], object]) -> int:
    """Runs a command, says on stderr what went wrong, and gives the exit status. No exception gets past it.

    A number that the command returns is its exit status; anything else counts as done.
    """
    status = 0
    try:
        result = command()
        _flush_stdout()
        status = result if isinstance(result, int) else 0
    except KeyboardInterrupt:
        status = INTERRUPTED
    except OutputClosedError:
        _discard_stdout()
        status = READER_GONE
    except HardenError as error:
        Output().error(error)
        if isinstance(error, OutputFailedError):
            _discard_stdout()
        status = error.exit_status
    except typer.TyperException as error:
        Output().error(_in_our_words(error))
        status = error.exit_code
    except typer.Abort:
        Output().error(HardenError("given up at the question"))
        status = 1
    except Exception as error:  # noqa: BLE001 - the last place where a traceback can be kept from the person
        _report_defect(error)
        status = 1
    return status


def _open_closed_streams() -> None:
    """What is closed (``>&-``) leads nowhere: else the next file that is opened gets its number, and what is said."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free, which is this one
            os.set_inheritable(opened, True)
            setattr(sys, name, os.fdopen(opened, "r" if number == 0 else "w", encoding="utf-8"))


def _flush_stdout() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise OutputClosedError from error
    except OSError as error:
        raise OutputFailedError(f"the answer cannot be written: {error.strerror}") from error


def _discard_stdout() -> None:
    """What is still in the buffer must not fail a second time when the interpreter shuts down."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    os.close(devnull)


def _in_our_words(error: typer.TyperException) -> HardenError:
    """typer's complaint about the command line, in the form that all our errors have."""
    message = error.format_message().strip().removesuffix(".")
    if "\n" in message:  # the whole help, which typer takes for the message where a group is called by itself
        message = "missing command"
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "harden"
    return HardenError(message[:1].lower() + message[1:], f"`{path} --help` says what it takes")


def _report_defect(error: Exception) -> None:
    """One line about an exception that nobody expected. Its text is left out: it may quote a secret."""
    if os.environ.get(DEBUG_VARIABLE):
        traceback.print_exception(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    hint = f"this is a defect in harden; the same command with {DEBUG_VARIABLE}=1 shows where it comes from"
    Output().error(HardenError(f"internal error: {type(error).__name__}{place}", hint))
