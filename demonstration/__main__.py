"""``python -m demonstration``: the demonstration, in namespaces that end with it."""

import argparse
import os
import shutil
import sys
from pathlib import Path

from rich.console import Console

from demonstration import sandbox
from demonstration.commands import netns, prefix
from demonstration.custody import Custody
from demonstration.harden_command import POLICY, STATE
from demonstration.picture import picture
from demonstration.rotation import Rotation
from demonstration.story import IPTABLES, Story
from demonstration.topology import MACHINES
from harden.errors import HardenError

WIDTH = 110
PARTS = ("gateway", "keys", "rotation")


def arguments() -> argparse.Namespace:
    """The command line."""
    words = "A gateway before and after a policy; keys from files into a Vault; new keys for old. All in namespaces."
    parser = argparse.ArgumentParser(prog="demo", description=words)
    parser.add_argument("--part", choices=PARTS, help="only this part")
    parser.add_argument("--keep", action="store_true", help="leave the namespaces and say how to enter them")
    parser.add_argument("--svg", metavar="FILE", type=Path, help="write what was shown as a picture")
    parser.add_argument("--backend", choices=sorted(IPTABLES), default="auto", help="which iptables harden writes to")
    options = parser.parse_args()
    if options.keep and options.part in PARTS[1:]:
        parser.error(f"--keep keeps the gateway, which is not in --part {options.part}")
    return options


def console() -> Console:
    """Where the story is told: the terminal as it is, if it is narrow, and a fixed width otherwise."""
    columns = shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else WIDTH
    return Console(record=True, width=min(columns, WIDTH), highlight=False)


def tell(options: argparse.Namespace) -> int:
    """The stories, inside the sandbox."""
    out, parts = console(), (options.part,) if options.part else PARTS
    with picture(out, options.svg):
        if "gateway" in parts:
            Story(out, sandbox.WORK, options.backend).tell(keep=options.keep)
        custody = Custody(out, sandbox.WORK)
        if "keys" in parts:
            custody.tell(goes_on="rotation" in parts)
        if "rotation" in parts:
            if "keys" not in parts:
                custody.begin()
            Rotation(out, custody).tell()
    return 0


def how_to_enter(ended: sandbox.Ended) -> str:
    """For ``--keep``: the commands that lead into the namespaces, and the one that ends them."""
    user = "--user --preserve-credentials " if ended.user_namespace else ""
    enter = f"nsenter --target {ended.pid} {user}--mount --pid --net ip netns exec"
    state = " as they were when it failed" if ended.status else ", with the policy in force"
    settings = f"HARDEN_POLICY={sandbox.WORK / POLICY} HARDEN_STATE={sandbox.WORK / STATE}"
    return (
        f"\nThe namespaces stay{state}: {', '.join(machine.name for machine in MACHINES)}.\n"
        f"To be the guest's phone:\n  {enter} {netns('guest-phone')} bash\n"
        f"To be on the gateway, where harden finds the policy:\n  {enter} {netns('gateway')} env {settings} bash\n"
        f"To end it all:\n  kill {ended.pid}"
    )


def main() -> int:
    """The exit status: 0 when reality was what the policy says, 1 otherwise."""
    options = arguments()
    if options.svg:
        options.svg = options.svg.absolute()
    prefix()
    os.environ["PATH"] = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"  # not in the PATH of Debian's users
    try:
        ended = sandbox.run(lambda: tell(options), keep=options.keep)
    except HardenError as e:
        sandbox.complain(e)
        return e.exit_status
    if ended.pid:
        print(how_to_enter(ended))
    return ended.status


if __name__ == "__main__":
    sys.exit(main())
