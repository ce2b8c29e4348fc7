"""The secrets of the inventory that a command was given the names of."""

from collections.abc import Sequence

from harden.document.wording import quote
from harden.errors import HardenError
from harden_secrets.commands.workplace import Workplace
from harden_secrets.inventory.model import SecretEntry


def chosen(names: Sequence[str], place: Workplace) -> list[SecretEntry]:
    """Those of these names, in their order; without any, all. Raises HardenError for a name that is not entered."""
    known = place.inventory.secrets
    if not known:
        hint = "say where the inventory is with --inventory FILE or HARDEN_INVENTORY"
        raise HardenError(f"{place.inventory_path}: no secret is entered there", hint)
    if unknown := [quote(name) for name in names if name not in known]:
        hint = f"it has {', '.join(quote(name) for name in known)}"
        raise HardenError(f"{place.inventory_path}: has no secret {', '.join(unknown)}", hint)
    return [known[name] for name in dict.fromkeys(names)] or list(known.values())
