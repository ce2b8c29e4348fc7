"""Carrying out plans for files: a value leaves the tree, and comes back with a rollback."""

import os
from pathlib import Path

import pytest

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.fileimage import FileImage
from harden_secrets.material import Material
from harden_secrets.migrate.journal import Journal
from harden_secrets.migrate.performers import performers
from harden_secrets.migrate.performers.site import Site
from harden_secrets.migrate.run import Run
from harden_secrets.migrate.step import steps
from harden_secrets.plan.values import Copy, FileChange, Plan, PlannedSecret, VaultField
from tests.harden_secrets.cutting import Cutter
from tests.harden_secrets.fake_cluster import Killed
from tests.harden_secrets.fake_vault import FakeVault
from tests.harden_secrets.keys import ssh
from tests.harden_secrets.stage import PRINTS, RUN_KEY, Stage

HEAD, TAIL = "# a script\nKEY='", "'\necho done # no newline at the end"


@pytest.fixture(scope="module")
def key() -> bytes:
    return ssh.openssh()


@pytest.fixture
def tree(tmp_path: Path, key: bytes) -> Path:
    """A key file with an unusual mode, and a script with the key in it."""
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "id").write_bytes(key)
    (folder / "id").chmod(0o440)
    (folder / "run.sh").write_text(HEAD + key.decode() + TAIL)
    (folder / "run.sh").chmod(0o751)
    return folder


def planned(folder: Path, key: bytes) -> Plan:
    identity, script = str(folder / "id"), str(folder / "run.sh")
    old = key.decode()
    edits = ({"edit": "text", "start": len(HEAD), "end": len(HEAD) + len(old), "old": old, "new": "$(vault read)"},)
    secret = PlannedSecret(
        name="id",
        material=Material.SSH_PRIVATE_KEY,
        fingerprint="hk1:0",
        kind="ssh-key",
        vault_path="files/id",
        fields=(VaultField("private_key", identity, None, "", "whole", PRINTS.of_bytes("stored", Confidential(key))),),
        copies=(Copy(identity, 1, (), "delete-file"), Copy(script, 2, (), "rewrite-file")),
        files=(FileChange(script, ("line 2",), edits),),
    )
    return Plan(1, "p", "now", "files", "", FakeVault.address, "secret", PRINTS.key_id, (secret,))


def run(plan: Plan, vault: FakeVault, folder: Path) -> Run:
    site = Site(plan, vault, PRINTS, lambda: 0.0, lambda _s: None, inventory=folder / "secrets.yaml")
    return Run(steps(plan), Journal(folder, "run", RUN_KEY), performers(site), lambda *_: None)


def looks(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    found = {}
    for path in sorted(folder.iterdir()):
        known = path.stat()
        found[path.name] = (path.read_bytes(), known.st_mode, known.st_uid)
    return found


def test_the_value_leaves_the_tree(tree: Path, tmp_path: Path, key: bytes) -> None:
    """The key file goes, the script keeps every other byte and its mode; Vault has the key."""
    vault = FakeVault()
    run(planned(tree, key), vault, tmp_path).forward()
    assert (tree / "run.sh").read_text() == HEAD + "$(vault read)" + TAIL
    assert (tree / "run.sh").stat().st_mode & 0o7777 == 0o751
    assert not (tree / "id").exists()
    stored = vault.read("files/id")
    assert stored is not None
    assert stored.fields["private_key"] == Confidential(key)


def test_nothing_else_is_left_behind(tree: Path, tmp_path: Path, key: bytes) -> None:
    """No temporary file, neither in the tree nor beside the journal."""
    run(planned(tree, key), FakeVault(), tmp_path).forward()
    assert [path.name for path in tree.iterdir()] == ["run.sh"]
    assert {path.name for path in tmp_path.iterdir()} == {"tree", "journal", "secrets.yaml"}


def test_going_back_restores_bytes_owner_and_mode(tree: Path, tmp_path: Path, key: bytes) -> None:
    """Of the file that was deleted as well."""
    before, plan, vault = looks(tree), planned(tree, key), FakeVault()
    run(plan, vault, tmp_path).forward()
    run(plan, vault, tmp_path).back()
    assert looks(tree) == before


@pytest.mark.parametrize("back", [False, True])
def test_cut_off_at_any_call_to_vault(tree: Path, tmp_path: Path, key: bytes, back: bool) -> None:
    """Done or undone afterwards."""
    before, plan = looks(tree), planned(tree, key)
    number, died = 0, True
    while died:
        for after in (False, True):
            stage, folder = Stage([]), tmp_path / f"{number}{after}"
            folder.mkdir()
            cutter = Cutter(stage)
            cutter.cut(number, Killed(), after=after)
            try:
                run(plan, stage.vault, folder).forward()
            except Killed:
                pass
            else:
                died = False
            cutter.live()
            if not back:
                run(plan, stage.vault, folder).forward()
                assert not (tree / "id").exists()
            run(plan, stage.vault, folder).back()
            assert looks(tree) == before
        number += 1
    assert number > 3


def test_a_file_that_somebody_changed_is_left_alone(tree: Path, tmp_path: Path, key: bytes) -> None:
    """Neither rewritten on the way forward nor put back on the way back."""
    plan, vault = planned(tree, key), FakeVault()
    (tree / "run.sh").write_text("# another first line\n" + HEAD + key.decode() + TAIL)
    with pytest.raises(HardenError, match="is not as the plan saw it"):
        run(plan, vault, tmp_path).forward()
    assert (tree / "id").exists()


def test_a_change_after_the_rewriting_is_not_undone(tree: Path, tmp_path: Path, key: bytes) -> None:
    """A person decides, and can go back then."""
    plan, vault = planned(tree, key), FakeVault()
    run(plan, vault, tmp_path).forward()
    (tree / "run.sh").write_text("something new")
    with pytest.raises(HardenError, match=r"run\.sh: was changed since harden rewrote it"):
        run(plan, vault, tmp_path).back()
    assert (tree / "run.sh").read_text() == "something new"


def test_another_key_in_the_file_is_not_deleted(tree: Path, tmp_path: Path, key: bytes) -> None:
    """The key of the plan was stored, and then somebody put a new one there."""
    plan, vault = planned(tree, key), FakeVault()
    vault.write("files/id", {"private_key": Confidential(key)}, cas=0)
    (tree / "id").unlink()
    (tree / "id").write_bytes(ssh.openssh())
    with pytest.raises(HardenError, match="is not what the plan saw: it was not removed"):
        run(plan, vault, tmp_path).forward()
    assert (tree / "id").exists()


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """What it leads to is exchanged."""
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    image = FileImage.of(tmp_path / "link")
    FileImage(Confidential(b"new"), image.mode, image.owner).put(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    """Without waiting for a pipe that nobody writes to."""
    path = tmp_path / "thing"
    path.mkdir() if kind == "folder" else os.mkfifo(path)
    with pytest.raises(HardenError, match="thing: is no file"):
        FileImage.of(path)
