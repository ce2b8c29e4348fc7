"""From the inventory's words about a delivery to the delivery. Pure."""

from collections.abc import Iterable, Mapping

from harden.document.wording import quote
from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.delivery.form import in_form
from harden_secrets.delivery.values import DeliveredKey, Delivery
from harden_secrets.inventory import model

Fields = Mapping[str, Confidential]


def check_fields(name: str, where: str, delivery: Delivery, fields: Fields) -> None:
    """Raises HardenError where the path, ``where``, of the secret of that name lacks a field that is delivered."""
    if missing := sorted({quote(key.field) for key in delivery.keys if key.field not in fields}):
        raise HardenError(
            f"{where}: has no field {', '.join(missing)}", f"the deliveries of {name} in the inventory name the fields"
        )


def of_file(name: str, delivery: Delivery, fields: Fields) -> Confidential:
    """What a file holds. Raises HardenError where it is not said which field of the secret of that name."""
    if len(delivery.keys) != 1:
        raise HardenError(
            f"{delivery.path}: {name} has {len(delivery.keys)} fields, and a file holds one", "name it under keys"
        )
    (key,) = delivery.keys
    return in_form(fields[key.field], key.form)


def of_entry(delivery: model.Delivery, fields: Iterable[str]) -> Delivery:
    """With its keys: those that the inventory names, else every field of the path under its own name."""
    sources = delivery.keys or {field: model.KeySource(field) for field in fields}
    return Delivery(
        to=delivery.to,
        namespace=delivery.namespace,
        secret=delivery.secret,
        type=delivery.type,
        keys=tuple(DeliveredKey(key, source.field, source.form, "") for key, source in sources.items()),
        path=delivery.path,
    )
