"""The host that gets units: where things are on it, and which units it has a use for."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harden.errors import HardenError, UsageError
from harden.filesystem import FileSystem
from harden.install.unit import SETS
from harden.program import installed, program
from harden.state import state_root
from harden_secrets.inventory.file import location

TEXTFILES = "/var/lib/prometheus/node-exporter"  # where Debian's prometheus-node-exporter looks


@dataclass(frozen=True, slots=True)
class Host:
    """Paths as they are on the host, whose file system is ``files``. ``interfaces``: instead of those of the policy."""

    command: str
    installed: tuple[str, ...]
    policy: str
    inventory: str
    state: str
    textfiles: str = TEXTFILES
    interfaces: tuple[str, ...] = ()
    files: FileSystem = field(default_factory=FileSystem)

    def has(self, path: str) -> bool:
        """Whether there is something at that path."""
        return self.files.outer(path).exists()

    def uses(self) -> Mapping[str, str]:
        """The sets of units that it has a use for, each with the reason."""
        found = {}
        if self.has(self.policy):
            found["wg"] = f"there is {self.policy}"
        if self.has(self.inventory):
            found["rotate"] = f"there is {self.inventory}"
        if found and self.has(self.textfiles):
            found["metrics"] = f"there is {self.textfiles}"
        return found


@dataclass(frozen=True, slots=True)
class Named:
    """What was named on the command line; the rest is as always."""

    policy: str
    inventory: Path | None = None
    state: Path | None = None
    textfiles: Path | None = None
    executable: Path | None = None
    interfaces: tuple[str, ...] = ()
    root: Path | None = None

    @property
    def files(self) -> FileSystem:
        """Those of the host. Raises UsageError where they are not there."""
        files = FileSystem((self.root or Path("/")).absolute())
        if not files.root.is_dir():
            raise UsageError(f"{files.root}: no such folder", "--root names the folder that will be / of a host")
        return files


def host_of(named: Named, environment: Mapping[str, str]) -> Host:
    """The host that is meant. Raises HardenError where harden is not installed as a command."""
    files = named.files
    command = str(named.executable) if named.executable else files.inner(program())
    if not os.path.isabs(command):
        raise UsageError(f"--executable {command} is no absolute path", "name it as it is on the host")
    return Host(
        command,
        tuple(files.inner(one) for one in installed()) if named.executable is None else (),
        files.inner(named.policy),
        files.inner(location(named.inventory, environment)[0]),
        files.inner(state_root(named.state, environment)),
        files.inner(named.textfiles or TEXTFILES),
        named.interfaces,
        files,
    )


def chosen(asked: tuple[str, ...], host: Host) -> Mapping[str, str]:
    """The sets to be installed, each with the reason why. Raises HardenError where there is none."""
    if {"wg", "keeper"} <= set(asked):
        raise UsageError("wg and keeper are two ways to do the same", "leave one of them out")
    uses = host.uses()
    if asked:
        return {name: "asked for" for name in SETS if name in asked}
    if not uses:
        raise HardenError(
            f"nothing to install: there is neither {host.policy} nor {host.inventory}",
            "name other files with --policy and --inventory; or name the units",
        )
    return uses
