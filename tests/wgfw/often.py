"""A process that applies policies in turn, many times: what a year of changes does, in half a minute.

Arguments: how often, then the policies. Each apply is the command as it is installed, but for the start of Python.
"""

import sys

import typer

from harden.cli import app, run

if __name__ == "__main__":
    count, policies = int(sys.argv[1]), sys.argv[2:]
    command = typer.main.get_command(app)
    for number in range(count):
        arguments = ["wg", "apply", "--json", "--policy", policies[number % len(policies)]]
        status = run(lambda: command.main(arguments, prog_name="harden", standalone_mode=False))  # noqa: B023
        if status:
            sys.exit(status)
