"""What people call the targets of a secret. Pure."""

from harden.errors import HardenError
from harden_secrets.inventory.model import SecretEntry, Target


def target_names(entry: SecretEntry) -> tuple[str, ...]:
    """Theirs, in the order of the inventory. Raises HardenError where two have the same."""
    names: dict[str, Target] = {}
    for target in entry.targets:
        name = target_name(target)
        if name in names:
            raise HardenError(f"{target.place}: {name} is a target of {entry.name} already")
        names[name] = target
    return tuple(names)


def target_name(target: Target) -> str:
    """``openclaw@devvm``, with the port where it is not 22; the host alone where no user is named."""
    user = f"{target.user}@" if target.user else ""
    host = f"[{target.host}]" if ":" in target.host and not target.host.startswith("[") else target.host
    port = f":{target.port}" if target.port != 22 else ""
    return f"{user}{host}{port}"
