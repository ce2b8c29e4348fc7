"""What the inventory says of a repository whose git-crypt key is rotated."""

import jsonschema
import pytest
import yaml

from harden.errors import HardenError
from harden_secrets.inventory.addition import appended
from harden_secrets.inventory.loader import read_inventory
from harden_secrets.inventory.model import Inventory, Repository
from harden_secrets.inventory.schema import inventory_schema

_ENTRY = "version: 1\nsecrets:\n  infra:\n    kind: git-crypt\n    path: infra/key\n    repository: {{{}}}\n"
_WHOLE = "path: /srv/infra, branches: [master, live], keys: named, key_name: ops, remote: 'ssh://git@forge/infra.git'"


def _read(repository: str) -> Inventory:
    return read_inventory(_ENTRY.format(repository).encode(), "secrets.yaml")


def test_all_of_a_repository_is_read_and_written() -> None:
    """Which branches, which key, where they are; the schema agrees; written again it says the same."""
    wanted = Repository("/srv/infra", ("master", "live"), "named", "ops", "ssh://git@forge/infra.git")
    inventory = _read(_WHOLE)
    assert inventory.secrets["infra"].repository == wanted
    jsonschema.validate(yaml.safe_load(_ENTRY.format(_WHOLE)), inventory_schema())
    again = appended("version: 1\n", list(inventory.secrets.values()))
    assert read_inventory(again.encode(), "secrets.yaml").secrets == inventory.secrets


def test_a_path_is_enough() -> None:
    """The default key, whose name the new one takes, on the branch that is checked out."""
    assert _read("path: /srv/infra").secrets["infra"].repository == Repository("/srv/infra")


@pytest.mark.parametrize(
    ("repository", "says"),
    [
        ("path: /x, keys: name", 'unknown "keys" "name"; did you mean "named"?'),
        ("path: /x, key_name: default", '"default" can be no name of a git-crypt key'),
        ("path: /x, key_name: a b", "can be no name of a git-crypt key"),
        ("path: /x, remote: 'ext::sh -c true'", "is no remote that is pushed to"),
        ("path: /x, remote: --upload-pack=true", "is no remote that is pushed to"),
        ("path: /x, branches: [--all]", "can be no branch"),
        ("keys: named", '"repository" needs "path"'),
    ],
)
def test_what_is_wrong_is_said(repository: str, says: str) -> None:
    """An address that makes git run a program, among others."""
    with pytest.raises(HardenError) as error:
        _read(repository)
    assert says in "\n".join(error.value.messages)
