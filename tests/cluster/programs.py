"""Where the programs of the test cluster lie, and what to do where they do not."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ADVICE = "scripts/build-cluster.sh builds it (scripts/bootstrap.sh test does so too)"


class MissingProgramError(AssertionError):
    """Something that the tests need is not on this machine; the message ends with the command that brings it."""


def folder() -> Path:
    """Where the programs and the operators' definitions were built, or where HARDEN_TEST_CLUSTER_BIN says they lie."""
    chosen = os.environ.get("HARDEN_TEST_CLUSTER_BIN")
    if chosen:
        return Path(chosen)
    script = ROOT / "scripts/build-cluster.sh"
    if not script.exists():
        raise MissingProgramError(f"the tests marked `cluster` need a checkout: there is no {script}")
    asked = subprocess.run([script, "--where"], capture_output=True, text=True, timeout=60, check=True)
    return Path(asked.stdout.strip())


def built(name: str) -> str:
    """The path of a program that was built; raises MissingProgramError."""
    path = folder() / name
    if not path.is_file():
        raise MissingProgramError(f"there is no {path}: {ADVICE}")
    return str(path)


def definitions(operator: str) -> list[Path]:
    """The files with the custom resource definitions of an operator, as its authors publish them."""
    found = sorted((folder() / "crds" / operator).glob("*.yaml"))
    if not found:
        raise MissingProgramError(f"there are no definitions in {folder() / 'crds' / operator}: {ADVICE}")
    return found
