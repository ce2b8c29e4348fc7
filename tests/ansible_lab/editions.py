"""The Ansibles that the tests run, where scripts/build-ansible.sh has put them."""

import functools
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

Edition = Literal["oldest", "newest"]
EDITIONS: tuple[Edition, ...] = get_args(Edition)
CHECKOUT = Path(__file__).parents[2]
COLLECTION = CHECKOUT / "ansible"


@functools.cache
def built() -> Path:
    """The folder that holds both. Raises AssertionError with the command that makes it where it is not there."""
    build = CHECKOUT / "scripts/build-ansible.sh"
    told = subprocess.run([build, "--where"], capture_output=True, text=True, timeout=30, check=True).stdout
    folder = Path(told.rstrip("\n"))
    assert (folder / "complete").exists(), "the tests' Ansibles are missing: scripts/build-ansible.sh"
    return folder


def programs(edition: Edition) -> Path:
    """The folder of ansible-playbook and its like."""
    return built() / edition / "bin"


def environment(edition: Edition, home: Path) -> Mapping[str, str]:
    """What its programs are run with: nothing of the user's, and no colours."""
    return {
        "PATH": os.pathsep.join((str(programs(edition)), *_SYSTEM)),
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "ANSIBLE_HOME": str(home / "ansible-home"),
        "ANSIBLE_NOCOLOR": "1",
    }


_SYSTEM = ("/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin")
