"""harden as a person runs it: a process, with a state folder, an inventory and a cluster."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

COMMAND = (sys.executable, "-c", "from harden.cli import main; main()")


class Harden:
    """The command. ``vault`` is the inventory's entry, in YAML; ``more`` are further variables."""

    def __init__(
        self, folder: Path, kubeconfig: Path, vault: str = "{}", more: Mapping[str, str] | None = None
    ) -> None:
        self.state = folder / "state"
        inventory = folder / "secrets.yaml"
        inventory.write_text(f"version: 1\nvault: {vault}\n")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("VAULT_", "BAO_", "HARDEN_"))}
        places = {"HARDEN_STATE": str(self.state), "HARDEN_INVENTORY": str(inventory), "KUBECONFIG": str(kubeconfig)}
        self.environment = {**kept, **places, **(more or {})}

    def begin(self, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
        """A command that runs by itself."""
        return subprocess.Popen(
            [*COMMAND, *arguments],
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str, status: int = 0) -> str:
        """What the command says on stdout; it must end with that status."""
        done = subprocess.run(
            [*COMMAND, *arguments], env=self.environment, capture_output=True, text=True, timeout=200, check=False
        )
        assert done.returncode == status, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    def answer(self, *arguments: str, status: int = 0) -> Any:
        """The document on its stdout."""
        return json.loads(self.run(*arguments, "--json", status=status))
