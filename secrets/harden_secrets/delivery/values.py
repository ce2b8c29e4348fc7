"""What is delivered, decided to the last byte: the part of a plan that brings a value to its consumers. Values."""

from dataclasses import dataclass
from typing import Any

from harden_secrets.inventory.model import DeliverTo, Form


@dataclass(frozen=True, slots=True)
class DeliveredKey:
    """One entry of a delivered Secret: which field of the path, in which form, and the keyed digest of the result."""

    key: str
    field: str
    form: Form
    digest: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """A Secret that is backed by Vault. ``objects`` are what an operator needs for it; they hold no value.

    The inventory has a type of this name for what a person wrote (:mod:`harden_secrets.inventory.model`): keys by their
    fields only, how often, by which store. Here all that is decided, and each key has the digest that proves it.
    """

    to: DeliverTo
    namespace: str
    secret: str
    type: str
    keys: tuple[DeliveredKey, ...]
    objects: tuple[dict[str, Any], ...] = ()
    path: str = ""  # delivery to a file on this host: its path, owner and mode
    owner: str = ""
    mode: str = ""
