"""The command deliver: what consumers see is what Vault has."""

import base64
import os
from pathlib import Path

import pytest

from harden.errors import HardenError
from harden_secrets.cluster.port import Manifest, ObjectName
from harden_secrets.commands.delivering import deliver
from harden_secrets.confidential import Confidential
from tests.harden_secrets.here import Here, Printed, here
from tests.harden_secrets.stage import Stage

EVERY_BYTE = bytes(range(256))
SECRET = ObjectName("v1", "Secret", "apps", "key")
INVENTORY = """\
version: 1
secrets:
  key:
    kind: opaque
    path: apps/key
    deliver:
      - {to: direct, namespace: apps, secret: key, keys: {raw: key, text: {field: key, form: base64}}}
  host:
    kind: opaque
    path: apps/host
    deliver:
      - {to: file, path: "PATH", mode: "0440", keys: {key: key}}
  other:
    kind: opaque
    path: apps/other
    deliver:
      - {to: vault-secrets-operator, namespace: apps, secret: other}
"""


@pytest.fixture
def stage() -> Stage:
    made = Stage([])
    made.cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "apps"}})
    made.vault.write("apps/key", {"key": Confidential(EVERY_BYTE)}, cas=0)
    return made


@pytest.fixture
def place(stage: Stage, tmp_path: Path) -> Here:
    (tmp_path / "secrets.yaml").write_text(INVENTORY.replace("PATH", str(tmp_path / "key")))
    return here(stage, tmp_path)


def said(place: Here, *names: str, dry_run: bool = False) -> str:
    printed = Printed()
    assert deliver(names, place, printed.output, dry_run=dry_run) == 0
    return printed.answer


def delivered(stage: Stage) -> Manifest:
    found = stage.cluster.peek(SECRET)
    assert found is not None
    return found


def test_the_secret_is_as_vault_has_it(stage: Stage, place: Here) -> None:
    """The bytes under one key and their text under the other; a second time there is nothing to do."""
    assert said(place, "key") == "secret apps/key: created\n"
    assert base64.b64decode(delivered(stage)["data"]["raw"]) == EVERY_BYTE
    assert base64.b64decode(delivered(stage)["data"]["text"]) == base64.b64encode(EVERY_BYTE)
    writes = len(stage.cluster.writes)
    assert said(place, "key") == "secret apps/key: up to date\n"
    assert len(stage.cluster.writes) == writes


def test_a_newer_version_and_a_changed_secret_are_brought_in_line(stage: Stage, place: Here) -> None:
    """What others put on it as labels stays."""
    said(place, "key")
    stage.cluster.put(delivered(stage) | {"data": {}, "metadata": delivered(stage)["metadata"] | {"labels": {
        "app.kubernetes.io/managed-by": "harden", "team": "a"}}})  # fmt: skip
    stage.vault.write("apps/key", {"key": Confidential(b"new")}, cas=1)
    assert said(place, "key") == "secret apps/key: updated\n"
    assert base64.b64decode(delivered(stage)["data"]["raw"]) == b"new"
    assert delivered(stage)["metadata"]["labels"]["team"] == "a"


def test_a_dry_run_says_what_it_would_do(stage: Stage, place: Here, tmp_path: Path) -> None:
    """And does not."""
    stage.vault.write("apps/host", {"key": Confidential(b"x")}, cas=0)
    assert said(place, "key", "host", dry_run=True) == (
        f"secret apps/key: would be created\n{tmp_path / 'key'}: would be created\n"
    )
    assert stage.cluster.peek(SECRET) is None
    assert not (tmp_path / "key").exists()
    assert not place.folder.exists()


def test_a_file_on_this_host(stage: Stage, place: Here, tmp_path: Path) -> None:
    """With its mode, which is brought in line as well."""
    stage.vault.write("apps/host", {"key": Confidential(EVERY_BYTE)}, cas=0)
    path = tmp_path / "key"
    assert said(place, "host") == f"{path}: created\n"
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (EVERY_BYTE, 0o440)
    path.chmod(0o644)
    assert said(place, "host") == f"{path}: updated\n"
    assert path.stat().st_mode & 0o777 == 0o440
    assert said(place, "host") == f"{path}: up to date\n"
    assert [name for name in os.listdir(tmp_path) if name.startswith(".key")] == []


def test_what_operators_deliver_is_left_to_them(stage: Stage, place: Here) -> None:
    """Nothing is written."""
    assert said(place, "other") == ""
    assert not stage.cluster.writes


def test_what_somebody_else_made_is_not_written_over(stage: Stage, place: Here) -> None:
    """It may be another thing of the same name."""
    metadata = {"name": "key", "namespace": "apps"}
    stage.cluster.put({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"a": "YQ=="}})
    with pytest.raises(HardenError, match="secret apps/key is there already and harden did not make it"):
        said(place, "key")
    assert delivered(stage)["data"] == {"a": "YQ=="}


@pytest.mark.parametrize(
    ("name", "words"),
    [("nobody", 'has no secret "nobody"'), ("host", "secret/apps/host: nothing is stored there")],
)
def test_what_is_not_there_is_said(place: Here, name: str, words: str) -> None:
    """Of the inventory, and of Vault."""
    with pytest.raises(HardenError, match=words):
        said(place, name)


def test_a_field_that_vault_does_not_have(stage: Stage, place: Here) -> None:
    """Is an error before anything is written."""
    stage.vault.write("apps/key", {"another": Confidential(b"x")}, cas=1)
    with pytest.raises(HardenError, match='secret/apps/key: has no field "key"'):
        said(place, "key")
    assert not stage.cluster.writes


def test_what_is_delivered_is_in_the_audit_log(place: Here) -> None:
    """Without a value."""
    said(place, "key")
    text = place.audit().path.read_text()
    assert '"event": "delivered"' in text
    assert base64.b64encode(EVERY_BYTE).decode()[:20] not in text
