"""From the inventory's words about a delivery to the delivery. Pure."""

from collections.abc import Iterable

from harden_secrets.delivery.values import DeliveredKey, Delivery
from harden_secrets.inventory import model


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
