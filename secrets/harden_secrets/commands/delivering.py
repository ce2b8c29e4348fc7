"""``harden secrets deliver``: what consumers see is what Vault has."""

import contextlib
from collections.abc import Callable, Sequence

from harden.lock import locked
from harden.output import Output
from harden_secrets.cluster.port import Cluster
from harden_secrets.commands.chosen import chosen
from harden_secrets.commands.stored import stored
from harden_secrets.commands.workplace import Workplace
from harden_secrets.delivery import direct
from harden_secrets.delivery.ofentry import check_fields, of_entry, of_file
from harden_secrets.delivery.putting import Change, put
from harden_secrets.hostfile import put_file
from harden_secrets.inventory.model import Delivery, SecretEntry
from harden_secrets.statefolder import make_folder
from harden_secrets.vault.port import Vault


def deliver(names: Sequence[str], place: Workplace, output: Output, *, dry_run: bool) -> int:
    """Makes the Secrets and files of the inventory be as Vault says. What operators deliver is left to them."""
    deliveries = [(entry, delivery) for entry in chosen(names, place) for delivery in entry.deliver]
    vault = place.vault(output)
    opened: list[Cluster] = []

    def cluster() -> Cluster:
        if not opened:
            opened.append(place.cluster(output))
        return opened[0]

    with contextlib.nullcontext() if dry_run else _alone(place):
        for entry, delivery in deliveries:
            if delivery.to not in ("direct", "file"):
                output.detail(f"{_target(delivery)}: left to {delivery.to}")
                continue
            change = _delivered(entry, delivery, vault, cluster, dry_run=dry_run)
            if change is not Change.NONE and not dry_run:
                facts = {"secret": entry.name, "target": _target(delivery), "change": str(change)}
                place.audit().append("delivered", facts)
            output.line(f"{_target(delivery)}: {_words(change, dry_run=dry_run)}")
    return 0


def _alone(place: Workplace) -> contextlib.AbstractContextManager[None]:
    return locked(make_folder(place.folder) / "migrate.lock", "another harden changes something from this host", 2)


def _delivered(
    entry: SecretEntry, delivery: Delivery, vault: Vault, cluster: Callable[[], Cluster], *, dry_run: bool
) -> Change:
    fields = stored(vault, entry).fields
    wanted = of_entry(delivery, fields)
    check_fields(entry.name, f"{vault.mount}/{entry.path}", wanted, fields)
    if delivery.to == "file":
        return put_file(delivery, of_file(entry.name, wanted, fields), dry_run=dry_run)
    return put(cluster(), direct.secret(wanted, vault.mount, entry.path, fields), dry_run=dry_run)


def _target(delivery: Delivery) -> str:
    return delivery.path or f"secret {delivery.namespace}/{delivery.secret}"


def _words(change: Change, *, dry_run: bool) -> str:
    return f"would be {change}" if dry_run and change is not Change.NONE else str(change)
