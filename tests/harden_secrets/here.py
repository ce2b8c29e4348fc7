"""A workplace whose Vault and cluster are in memory: for what the commands do."""

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harden.output import Output
from harden_secrets.commands.workplace import Workplace
from harden_secrets.fingerprint import Fingerprinter
from harden_secrets.plan import file
from harden_secrets.plan.values import Plan
from tests.harden_secrets.stage import PRINTS, Stage


@dataclass(frozen=True)
class Here(Workplace):
    """``stage`` is the world."""

    stage: Stage = field(default_factory=lambda: Stage([]))

    def fingerprints(self) -> Fingerprinter:
        return PRINTS

    def known_fingerprints(self) -> Fingerprinter:
        return PRINTS

    def vault(self, output: Output) -> Any:
        return self.stage.vault

    def cluster(self, output: Output) -> Any:
        return self.stage.cluster


@dataclass
class Printed:
    """What a command said."""

    output: Output = field(default_factory=lambda: Output(stdout=io.StringIO(), stderr=io.StringIO()))

    @property
    def answer(self) -> str:
        assert isinstance(self.output.stdout, io.StringIO)
        return self.output.stdout.getvalue()

    @property
    def said(self) -> str:
        assert isinstance(self.output.stderr, io.StringIO)
        return self.output.stderr.getvalue()


def here(stage: Stage, folder: Path) -> Here:
    """A state folder and an inventory of its own."""
    return Here(folder / "state", folder / "secrets.yaml", stage=stage)


def written(stage: Stage, folder: Path, **request: Any) -> tuple[Path, Plan]:
    """The plan of a stage in a file."""
    plan = stage.plan(vault_address=stage.vault.address, **request)
    path = folder / "plan.json"
    file.write(path, file.as_text(plan))
    return path, plan
