"""The collection as it is handed on: copied, built into an archive, installed from there."""

import shutil
import subprocess
from pathlib import Path

from ansible_lab.editions import COLLECTION, Edition, built, environment


def copied(folder: Path) -> Path:
    """A copy where Ansible's tools expect a collection; they take no links. Its path."""
    copy = folder / "ansible_collections/harden/toolkit"
    shutil.copytree(COLLECTION, copy, ignore=shutil.ignore_patterns("__pycache__", ".ansible"))
    return copy


def archive(folder: Path, edition: Edition = "newest") -> Path:
    """The archive that `ansible-galaxy collection build` makes."""
    run(edition, folder, "ansible-galaxy", "collection", "build", str(COLLECTION), "--output-path", str(folder))
    (made,) = folder.glob("harden-toolkit-*.tar.gz")
    return made


def installed(archive: Path, folder: Path, edition: Edition = "newest") -> Path:
    """A folder of collections into which the archive has been installed, without network."""
    folder.mkdir()
    run(edition, folder, "ansible-galaxy", "collection", "install", "--offline", str(archive), "-p", str(folder))
    return folder


def run(edition: Edition, cwd: Path, *argv: str, home: Path | None = None) -> str:
    """What one of Ansible's programs answers. Raises AssertionError with all that it printed when it fails."""
    # Where it is a copy of the collection, its roles and modules are found as those of one that is installed.
    collections = f"{cwd}:{cwd.parents[2]}"
    done = subprocess.run(
        argv,
        cwd=cwd,
        env={**environment(edition, home or cwd), "ANSIBLE_COLLECTIONS_PATH": collections},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def sanity(copy: Path) -> str:
    """What `ansible-test sanity` says of a copy. Raises AssertionError if it has anything against it."""
    python = run("newest", copy, "python", "-c", "import sys; print('%d.%d' % sys.version_info[:2])").strip()
    argv = ("ansible-test", "sanity", "--requirements", "--python", python, "--color", "no")
    return run("newest", copy, *argv, home=built() / "home")
