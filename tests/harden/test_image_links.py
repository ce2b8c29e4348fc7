"""Links in the root of an image lead where they will lead for the host that is made from it."""

from pathlib import Path

import pytest

from harden.errors import HardenError
from harden.filesystem import FileSystem


@pytest.fixture(name="image")
def _image(tmp_path: Path) -> Path:
    root = tmp_path / "image"
    (root / "etc/systemd").mkdir(parents=True)
    return root


def test_an_absolute_link_stays_in_the_image(image: Path, tmp_path: Path) -> None:
    """Whoever made it meant the folder of the host, not that of the machine where the image is made."""
    ours = tmp_path / "ours"
    ours.mkdir()
    (image / "etc/systemd/system").symlink_to(ours)
    assert FileSystem(image).outer("/etc/systemd/system/a.service") == image / ours.relative_to("/") / "a.service"
    assert FileSystem(image).outer("/etc/harden") == image / "etc/harden"


@pytest.mark.parametrize("target", ["../../../../../../../usr/lib", "../../usr/lib", "/../usr/./lib/"])
def test_no_link_leads_above_the_root(image: Path, target: str) -> None:
    """As in a chroot, where the folder above the root is the root."""
    (image / "etc/systemd/system").symlink_to(target)
    assert FileSystem(image).outer("/etc/systemd/system") == image / "usr/lib"


def test_links_in_a_circle_are_told(image: Path) -> None:
    """Instead of being followed for ever."""
    (image / "etc/a").symlink_to("b")
    (image / "etc/b").symlink_to("/etc/a")
    with pytest.raises(HardenError, match=r"etc/[ab]: Too many levels of symbolic links"):
        FileSystem(image).outer("/etc/a/policy.yaml")


def test_a_host_has_its_own_links(tmp_path: Path) -> None:
    """The kernel follows them."""
    (tmp_path / "link").symlink_to("/etc")
    assert FileSystem().outer(f"{tmp_path}/link/harden") == tmp_path / "link/harden"
