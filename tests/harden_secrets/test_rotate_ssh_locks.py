"""What harden runs on a target, beside others who lock the folder of ``authorized_keys``; by flock of two makes."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from harden_secrets.rotate.kinds import ssh

SCRIPT = Path(ssh.__file__).with_name("target.sh")
# BusyBox's: "[-sxun] FD|{FILE [-c] PROG ARGS}" (util-linux/flock.c), and nothing else.
BUSYBOX = """\
#!/bin/sh
case $1 in -[sxun]) exec WHOLE "$@" ;; esac
echo "flock: unrecognized option: ${1#-}" >&2; exit 1
"""
IN_PLACE = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'


def stored(folder: Path, *before: str) -> bytes:
    """What the script answers to a new file of ``authorized_keys``."""
    file = folder / "authorized_keys"
    file.write_bytes(b"before\n")
    digest = f"{hashlib.sha256(file.read_bytes()).hexdigest()}  -"
    asked = f"mark\nlocate\nroot\n{file}\nstore\n{digest}\n6\nafter\n"
    command = [*before, "sh", str(SCRIPT), "came"]
    return subprocess.run(command, input=asked.encode(), capture_output=True, timeout=60, check=False).stdout


@pytest.mark.kernel
def test_the_flock_of_busybox_is_enough(tmp_path: Path) -> None:
    """It knows how not to wait, and not how long to wait."""
    real = shutil.which("flock")
    assert real is not None, "flock is not installed: apt-get install util-linux"
    made, folder = tmp_path / "flock", tmp_path / "home"
    folder.mkdir()
    shutil.copy2(real, tmp_path / "whole")
    made.write_text(BUSYBOX.replace("WHOLE", str(tmp_path / "whole")))
    made.chmod(0o755)
    said = stored(folder, "unshare", "--mount", "sh", "-c", IN_PLACE, "sh", str(made), str(Path(real).resolve()))
    assert b"mark no" not in said, said
    assert (folder / "authorized_keys").read_bytes() == b"after\n"


def test_a_lock_of_another_program_is_waited_for(tmp_path: Path) -> None:
    """As long as it lasts, for a while."""
    folder = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    threading.Timer(1.5, lambda: os.close(folder)).start()
    said = stored(tmp_path)
    assert b"mark no" not in said, said
    assert (tmp_path / "authorized_keys").read_bytes() == b"after\n"
