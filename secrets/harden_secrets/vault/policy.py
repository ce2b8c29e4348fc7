"""Vault policies with no more than harden needs, as text in HCL. Works for Vault and OpenBao.

https://developer.hashicorp.com/vault/docs/concepts/policies: a path is exact, but for ``*`` at its end, ``+`` for one
segment and ``{{…}}``, which stands for something else.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from harden.document.wording import quote
from harden.errors import HardenError
from harden_secrets.inventory.model import Inventory, SecretKind
from harden_secrets.rotate.paths import lock_path, record_path

RUNS = "harden/runs/*"
"""Where `harden secrets migrate` keeps the keys of its journals while a run is open."""

# The parts of a KV version 2 mount: what each is for, and what it takes.
_PARTS = (
    ("data", ("create", "update", "read")),
    ("metadata", ("create", "update", "patch", "read")),
    ("delete", ("update",)),
    ("undelete", ("update",)),
    ("destroy", ("update",)),
)


@dataclass(frozen=True, slots=True)
class Grant:
    """A path in the mount that harden keeps, or with ``*`` at its end all that begin so. ``name`` is for people."""

    path: str
    name: str = ""


def grants(inventory: Inventory, more: Iterable[str] = ()) -> list[Grant]:
    """What the inventory needs: its secrets, ``more`` paths (of secrets still to move), and the keys of runs.

    Raises HardenError for a path that a policy cannot name exactly.
    """
    wanted = [Grant(entry.path, entry.name) for entry in inventory.secrets.values()]
    rotated = [entry for entry in inventory.secrets.values() if entry.kind is not SecretKind.OPAQUE]
    wanted += [Grant(record_path(entry.path), f"{entry.name}, while it is rotated") for entry in rotated]
    wanted += [
        Grant(lock_path(entry.path), f"{entry.name}, so that one host at a time rotates it") for entry in rotated
    ]
    wanted += [Grant(path) for path in more]
    for grant in wanted:
        if "*" in grant.path or "{{" in grant.path or "+" in grant.path.split("/"):
            message = f"{quote(grant.path)} cannot be named in a policy: *, + and {{{{ mean something else there"
            raise HardenError(message, "give that secret another path")
    return [*wanted, Grant(RUNS, "keys of the journals of runs")]


def render(wanted: Iterable[Grant], mount: str) -> str:
    """The policy. Looking at and renewing its own token a token may by the policy ``default``."""
    return "\n".join(_block(grant, mount) for grant in wanted)


def _block(grant: Grant, mount: str) -> str:
    heading = f"# {grant.name}\n" if grant.name and grant.name.isprintable() else ""
    lines = (
        f'path "{_escaped(f"{mount}/{part}/{grant.path}")}" {{ capabilities = [{_listed(capabilities)}] }}\n'
        for part, capabilities in _PARTS
    )
    return heading + "".join(lines)


def _listed(capabilities: tuple[str, ...]) -> str:
    return ", ".join(f'"{capability}"' for capability in capabilities)


def _escaped(path: str) -> str:
    return path.replace("\\", "\\\\").replace('"', '\\"')
