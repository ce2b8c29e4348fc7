"""Options that every command spells the same way."""

from pathlib import Path
from typing import Annotated

import typer

from harden.output import Output

Json = Annotated[bool, typer.Option("--json", help="Print the answer as one JSON document.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but the answer, warnings and errors.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say more.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done and do nothing.")]
StateFolder = Annotated[
    Path | None,
    typer.Option("--state", metavar="DIR", help="Where harden keeps its state. [env var: HARDEN_STATE]"),
]
MetricsFile = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="With --format prometheus: put them there, in one step, 0644."),
]


def output(*, as_json: bool = False, quiet: bool = False, verbose: bool = False) -> Output:
    """The output that a command's options ask for. ``-v`` wins over ``-q``: who asks for more wants to hear it."""
    verbosity = 1 if verbose else -1 if quiet else 0
    return Output(as_json=as_json, verbosity=verbosity)
