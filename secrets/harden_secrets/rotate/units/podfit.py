"""What of an inventory a pod cannot do, and what it would do in another way than one may think. Pure."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from harden.document.place import Place
from harden_secrets.inventory.model import AuthMethod, Inventory, Rotate
from harden_secrets.rotate.units.demands import commands_of


def obstacles(inventory: Inventory, claims: Mapping[str, str]) -> Iterator[tuple[Place, str]]:
    """What has to be changed, each with its place in the file. ``claims``: volumes by their path in the pod."""
    vault = inventory.vault
    if vault is None or not vault.address:
        place = vault.place if vault is not None else Place(inventory.path, 1)
        yield place, "vault needs an address: a pod cannot use the local Vault of a host"
    auth = vault.auth if vault is not None else None
    if vault is not None and (auth is None or auth.method is not AuthMethod.KUBERNETES or auth.token_file):
        place = auth.place if auth is not None else vault.place
        yield place, "a pod logs in by its ServiceAccount: auth: {method: kubernetes, role: …}, and names no file"
    for entry in inventory.secrets.values():
        for delivery in entry.deliver:
            if delivery.to == "file":
                yield delivery.place, f"{delivery.path} is on a host, where a pod cannot write"
        repository = entry.repository
        if repository is not None and not any(PurePosixPath(repository.path).is_relative_to(one) for one in claims):
            yield repository.place, f"the repository {repository.path} is not in the pod: --claim CLAIM:PATH mounts it"


def remarks(inventory: Inventory) -> Iterator[str]:
    """What is to be known."""
    bare = [
        entry.name for entry in inventory.secrets.values() if entry.rotate is not None and _has_no_zone(entry.rotate)
    ]
    if bare:
        yield f"the windows of {', '.join(bare)} have no time zone: in a pod they are in UTC"
    programs = {command[0] for entry in inventory.secrets.values() for command in commands_of(entry)}
    if programs:
        yield f"the image has to have {', '.join(sorted(programs))}"


def _has_no_zone(rotate: Rotate) -> bool:
    return rotate.window is not None and not rotate.window.zone
