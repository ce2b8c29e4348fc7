"""What a run of `rotate --due` needs of the host that it runs on, as the inventory says. Pure."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from harden_secrets.inventory.model import AuthMethod, Inventory, SecretEntry


@dataclass(frozen=True, slots=True)
class Demands:
    """``writes``: folders in which files change. ``reads``: files that have to be there; ``~/`` is the user's home.

    ``owners``: files are given owners. ``repositories``: git is run. ``cluster``: a Kubernetes API is asked.
    ``programs``: of the user's own, of which nothing else is known.
    """

    writes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    owners: bool = False
    repositories: bool = False
    programs: bool = False
    cluster: bool = False


def demands(inventory: Inventory) -> Demands:
    """Those of all secrets together."""
    entries = tuple(inventory.secrets.values())
    files = [one for entry in entries for one in entry.deliver if one.to == "file"]
    repositories = [entry.repository for entry in entries if entry.repository is not None]
    writes = [posixpath.dirname(one.path) for one in files] + [one.path for one in repositories]
    return Demands(
        writes=tuple(dict.fromkeys(writes)),
        reads=tuple(dict.fromkeys(_reads(inventory))),
        owners=bool(files or repositories),
        repositories=bool(repositories),
        programs=any(one.reload for one in files) or any(any(commands_of(entry)) for entry in entries),
        cluster=any(one.to != "file" for entry in entries for one in entry.deliver),
    )


def status_demands(inventory: Inventory) -> Demands:
    """What it takes to look at all secrets in Vault."""
    vault = inventory.vault
    return Demands(reads=(*auth_files(inventory), *((vault.ca_file,) if vault is not None and vault.ca_file else ())))


def auth_files(inventory: Inventory) -> tuple[str, ...]:
    """The files with which harden logs in to Vault."""
    auth = inventory.vault.auth if inventory.vault is not None else None
    if auth is None:
        return ("~/.vault-token",) if inventory.vault is not None and inventory.vault.address else ()
    named = (auth.role_id_file, auth.secret_id_file, auth.token_file)
    if auth.method is AuthMethod.TOKEN and not auth.token_file:
        return ("~/.vault-token",)
    return tuple(one for one in named if one)


def _reads(inventory: Inventory) -> Iterator[str]:
    yield from auth_files(inventory)
    vault = inventory.vault
    if vault is not None and vault.ca_file:
        yield vault.ca_file
    for entry in inventory.secrets.values():
        if entry.password is not None and entry.password.ca_file:
            yield entry.password.ca_file
        if entry.repository is not None and entry.repository.remote:
            yield "/root/.ssh"  # ssh looks there, whatever HOME says
        for command in commands_of(entry):
            yield command[0]


def commands_of(entry: SecretEntry) -> Iterator[tuple[str, ...]]:
    """The programs of the user's, with their arguments, that a rotation of it runs."""
    password = entry.password
    own = (password.set_command, password.test_command) if password is not None else ()
    yield from (one for one in (entry.command, *own, *(each.reload for each in entry.deliver)) if one)
