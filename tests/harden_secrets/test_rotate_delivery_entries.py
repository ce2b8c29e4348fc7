"""What the inventory says of a delivery after a switch: who is restarted, and what is run."""

import jsonschema
import pytest
import yaml

from harden.errors import HardenError
from harden_secrets.inventory.addition import appended
from harden_secrets.inventory.loader import read_inventory
from harden_secrets.inventory.model import Delivery
from harden_secrets.inventory.schema import inventory_schema

TEXT = """\
version: 1
secrets:
  key:
    kind: opaque
    path: apps/key
    deliver:
      - {to: direct, namespace: apps, secret: a, restart: true}
      - {to: vault-secrets-operator, namespace: apps, secret: b, restart: True}
      - {to: external-secrets, namespace: apps, secret: c, store: vault, restart: false}
      - {to: file, path: /etc/app/key, reload: [systemctl, reload, a b]}
      - {to: file, path: /etc/app/other, reload: /opt/app/reload}
"""


def deliveries(text: str) -> tuple[Delivery, ...]:
    return read_inventory(text.encode(), "secrets.yaml").secrets["key"].deliver


def test_restarts_and_reloads_are_read() -> None:
    """The words of a program stay apart; one word needs no list."""
    found = deliveries(TEXT)
    assert [one.restart for one in found] == [True, True, False, False, False]
    assert [one.reload for one in found] == [(), (), (), ("systemctl", "reload", "a b"), ("/opt/app/reload",)]


def test_they_survive_being_written() -> None:
    """As values, and the schema takes them too."""
    (entry,) = read_inventory(TEXT.encode(), "").secrets.values()
    again = appended("", [entry])
    assert deliveries(again) == entry.deliver
    validator = jsonschema.Draft202012Validator(inventory_schema())
    for text in (TEXT, again):
        assert list(validator.iter_errors(yaml.safe_load(text))) == []


@pytest.mark.parametrize(
    ("delivery", "says"),
    [
        ("{to: direct, namespace: a, secret: b, restart: maybe}", '"restart" must be true or false, not "maybe"'),
        ("{to: direct, namespace: a, secret: b, restart: 'true'}", '"restart" must be true or false'),
        ("{to: direct, namespace: a, secret: b, reload: [a]}", 'direct has no "reload"'),
        ("{to: file, path: /x, restart: true}", 'file has no "restart"'),
        ("{to: file, path: /x, reload: systemctl reload app}", '"reload" must be a list, the program first'),
        ("{to: file, path: /x, reload: [a, [b]]}", 'an item of "reload" must be text'),
    ],
)
def test_what_is_wrong_is_said(delivery: str, says: str) -> None:
    """With what to write instead."""
    text = f"version: 1\nsecrets:\n  key:\n    kind: opaque\n    path: a\n    deliver: [{delivery}]\n"
    with pytest.raises(HardenError) as error:
        deliveries(text)
    assert any(says in message for message in error.value.messages), error.value.messages
