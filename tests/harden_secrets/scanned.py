"""`harden secrets scan` as a process, with a state folder of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HARDEN = (sys.executable, "-c", "from harden.cli import main; main()")


@dataclass(frozen=True)
class Done:
    """How it ended and what it said."""

    status: int
    stdout: str
    stderr: str

    @property
    def findings(self) -> list[Any]:
        """Those of the JSON document on stdout."""
        found = json.loads(self.stdout)["findings"]
        assert isinstance(found, list)
        return found

    @property
    def places(self) -> list[tuple[str, int]]:
        """Source and line of each finding."""
        return [(one["source"], one["line"]) for one in self.findings]


def environment(state: Path, **more: str) -> dict[str, str]:
    """That of the command: nothing of ours, and git with nobody's configuration."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HARDEN_", "GIT_"))}
    paths = os.pathsep.join(filter(None, sys.path))
    quiet_git = {"GIT_CONFIG_NOSYSTEM": "1", "HOME": str(state.parent)}
    return {**kept, "PYTHONPATH": paths, "HARDEN_STATE": str(state), **quiet_git, **more}


def scan(
    folder: Path, *arguments: str, wrapper: Sequence[str] = (), variables: Mapping[str, str] | None = None
) -> Done:
    """Runs it in a folder; its state lies beside that."""
    argv = [*wrapper, *HARDEN, "secrets", "scan", *arguments]
    env = environment(folder.parent / f"{folder.name}.state", **(variables or {}))
    done = subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=120)
    return Done(done.returncode, done.stdout, done.stderr)


def scan_json(folder: Path, *arguments: str) -> Done:
    """The same with --json."""
    return scan(folder, "--json", *arguments)
