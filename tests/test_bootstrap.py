"""What the set-up says where it cannot do its work. That it does it, every run of ./test shows."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.checkout

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ("cat", "dirname", "flock", "mktemp", "rm", "sh", "sha256sum", "sort", "tr")


def bootstrap(tmp_path: Path, *arguments: str, **tools: str) -> subprocess.CompletedProcess[str]:
    """Runs the set-up of an empty checkout where only a few programs are there, and ``tools`` (name: script)."""
    checkout, programs = tmp_path / "checkout", tmp_path / "bin"
    for folder in ("scripts", "requirements", "harden"):
        (checkout / folder).mkdir(parents=True)
    for name in ("scripts/bootstrap.sh", "requirements/build.txt", "requirements/dev.txt", "harden/__init__.py"):
        shutil.copy(ROOT / name, checkout / name)
    shutil.copy(ROOT / "pyproject.toml", checkout)
    programs.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found is not None, name
        (programs / name).symlink_to(found)
    for name, script in tools.items():
        (programs / name.replace("_", "-")).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name.replace("_", "-")).chmod(0o755)
    return subprocess.run(
        ["sh", checkout / "scripts/bootstrap.sh", *arguments],
        env={"PATH": str(programs), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_without_apt_it_says_what_to_install_by_hand(tmp_path: Path) -> None:
    """On another distribution the packages are named, and nothing is built."""
    done = bootstrap(tmp_path, "demo", id="echo 0")
    assert done.returncode == 1
    error, hint = done.stderr.splitlines()
    assert error.startswith("bootstrap: error: these packages are missing: ")
    assert "wireguard-tools" in error.split()
    assert "shellcheck" not in error  # the demonstration does without
    assert "by hand" in hint
    assert done.stdout == ""
    assert not (tmp_path / "checkout/.venv").exists()


def test_without_root_it_gives_the_command(tmp_path: Path) -> None:
    """Who is not root gets the line for whoever is."""
    done = bootstrap(tmp_path, "test", id="echo 1000", apt_get="echo called >&2")
    assert done.returncode == 1
    assert "hint: run this as root once, or: apt-get install --no-install-recommends " in done.stderr
    assert " shellcheck " in done.stderr
    assert "called" not in done.stderr


def test_a_failing_package_manager_is_shown(tmp_path: Path) -> None:
    """What apt-get printed appears when it fails, and the set-up ends there."""
    done = bootstrap(tmp_path, "test", id="echo 0", env='exec "$PWD/../bin/apt-get"', apt_get="echo no route; exit 100")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[0].startswith("bootstrap: installing system packages: ")
    assert lines[1] == "no route"
    assert lines[2].startswith("bootstrap: error: this failed: env DEBIAN_FRONTEND=noninteractive apt-get")
    assert len(lines) == 3


@pytest.mark.parametrize("purpose", ["live", "--help"])
def test_it_wants_a_purpose_that_it_knows(tmp_path: Path, purpose: str) -> None:
    """A wrong argument is wrong usage."""
    done = bootstrap(tmp_path, purpose)
    assert (done.returncode, done.stderr.splitlines()[0].partition("/")[0]) == (2, "bootstrap: error: usage: ")


def test_the_scripts_need_no_bash() -> None:
    """A minimal system's sh is dash."""
    for name in ("test", "demo", *(str(path.relative_to(ROOT)) for path in (ROOT / "scripts").glob("*.sh"))):
        assert (ROOT / name).read_text().startswith("#!/bin/sh\n")
        assert subprocess.run(["dash", "-n", ROOT / name], timeout=30, check=False).returncode == 0
    assert os.access(ROOT / "test", os.X_OK)
