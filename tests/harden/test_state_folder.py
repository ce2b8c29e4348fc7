"""The folder of harden's state is for nobody else, whatever it was before and whatever the umask is."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harden.errors import HardenError
from harden.state import make_state_folder

ELSEWHERE = 4711  # a user that is not us


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    return tmp_path / "missing" / "state"


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o777], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """Each of these in turn, for the whole test."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_whatever_the_umask_it_is_ours_alone(root: Path) -> None:
    """All that is made on the way to it included."""
    made = make_state_folder(root, "secrets", "runs")
    assert made == root / "secrets" / "runs"
    assert [mode(path) for path in (root.parent, root, root / "secrets", made)] == [0o700] * 4


def test_one_that_is_open_is_closed(root: Path) -> None:
    """And what lies in it stays."""
    (root / "secrets" / "runs").mkdir(parents=True)
    (root / "secrets" / "audit.log").write_text("kept")
    for path in (root, root / "secrets", root / "secrets" / "runs"):
        path.chmod(0o775)
    make_state_folder(root, "secrets")
    assert (mode(root), mode(root / "secrets")) == (0o700, 0o700)
    assert (root / "secrets" / "audit.log").read_text() == "kept"


def test_a_file_system_of_its_own_is_closed_too(root: Path) -> None:
    """Though there is something in it from the beginning."""
    (root / "lost+found").mkdir(parents=True)
    root.chmod(0o755)
    make_state_folder(root, "vault")
    assert mode(root) == 0o700


def test_a_folder_that_others_use_is_left_to_them(root: Path) -> None:
    """`--state /tmp` must not take it from everybody else."""
    root.mkdir(parents=True)
    (root / "somebody's").touch()
    root.chmod(0o1777)
    with pytest.raises(HardenError, match=r"open to other users \(its mode is 1777\)") as caught:
        make_state_folder(root, "secrets")
    assert "one within it" in caught.value.hints[0]
    assert (mode(root), os.listdir(root)) == (0o1777, ["somebody's"])
    root.chmod(0o700)
    make_state_folder(root, "secrets")


@pytest.mark.kernel
@pytest.mark.parametrize("below", [(), ("secrets",)])
def test_what_belongs_to_another_user_is_refused(root: Path, below: tuple[str, ...]) -> None:
    """Whoever owns it could put something else in its place."""
    theirs = make_state_folder(root, *below)
    os.chown(theirs, ELSEWHERE, ELSEWHERE)
    with pytest.raises(HardenError, match="belongs to another user") as caught:
        make_state_folder(root, "secrets")
    assert "--state" in caught.value.hints[0]


@pytest.mark.parametrize("below", ["", "secrets"])
def test_a_link_of_ours_is_followed(root: Path, tmp_path: Path, below: str) -> None:
    """State may lie on another disk; what the link leads to is closed."""
    disk = tmp_path / "disk"
    disk.mkdir(mode=0o755)
    link = root / below if below else root
    link.parent.mkdir(parents=True)
    link.symlink_to(disk)
    make_state_folder(root, "secrets", "runs")
    assert mode(disk) == 0o700
    assert (disk / ("runs" if below else "secrets/runs")).is_dir()


@pytest.mark.kernel
def test_a_link_of_another_user_is_not_followed(root: Path, tmp_path: Path) -> None:
    """It would have us write and change rights wherever that user wishes."""
    disk = tmp_path / "disk"
    disk.mkdir(mode=0o755)
    root.parent.mkdir()
    root.symlink_to(disk)
    os.lchown(root, ELSEWHERE, ELSEWHERE)
    with pytest.raises(HardenError, match="a symbolic link that another user made"):
        make_state_folder(root, "secrets")
    assert (mode(disk), os.listdir(disk)) == (0o755, [])


@pytest.mark.parametrize("target", ["nowhere", "file"])
def test_a_link_to_no_folder_is_told(root: Path, tmp_path: Path, target: str) -> None:
    """It is neither replaced nor written through."""
    (tmp_path / "file").touch(mode=0o600)
    root.parent.mkdir()
    root.symlink_to(tmp_path / target)
    with pytest.raises(OSError, match=str(root)):
        make_state_folder(root, "secrets")
    assert root.is_symlink()
    assert not (tmp_path / "nowhere").exists()


COMMANDS = {
    "secrets scan": ["secrets", "scan", "."],
    "secrets plan": ["secrets", "plan", "."],
    "vault up": ["vault", "up"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_refuse_a_folder_that_others_use(command: str, tmp_path: Path) -> None:
    """With words and a way out, and without a trace of theirs in it."""
    shared, tree = tmp_path / "shared", tmp_path / "tree"
    tree.mkdir()
    shared.mkdir()
    (shared / "somebody's").touch()
    shared.chmod(0o777)
    environment = {**os.environ, "HARDEN_STATE": str(shared), "VAULT_ADDR": "https://127.0.0.1:1", "VAULT_TOKEN": "t"}
    harden = Path(sys.executable).with_name("harden")
    done = subprocess.run(
        [harden, *COMMANDS[command]], cwd=tree, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert f"harden: error: {shared}: is open to other users" in done.stderr
    assert "harden: hint: name another folder" in done.stderr
    assert os.listdir(shared) == ["somebody's"]
