"""The keys: what the demonstration shows of them, in order. No cluster, no network but loopback."""

import json
from collections.abc import Iterable
from pathlib import Path
from time import monotonic

from rich import box
from rich.console import Console
from rich.table import Table

from demonstration import estate, traces
from demonstration.commands import capture
from demonstration.estate import CONTENTS, Estate
from demonstration.harden_command import Program
from demonstration.telling import Telling

FOLDER, PLAN, INVENTORY = "infra", "plan.json", "secrets.yaml"
GIT_CRYPT = "git-crypt-key"


class Custody(Telling):
    """Each method is one act; :meth:`tell` plays them all. ``folder`` is where everything goes."""

    promised = "what harden says"

    def __init__(self, console: Console, folder: Path) -> None:
        super().__init__(console)
        self.folder = folder
        self.harden = Program(folder, {"HARDEN_INVENTORY": str(folder / INVENTORY)}, self.show)

    def tell(self) -> None:
        """The whole of it. DifferenceError: reality is not what harden says; another HardenError: it broke."""
        started = monotonic()
        self.set_up()
        self.find()
        self.vault_up()
        self.vault_down()
        took = monotonic() - started
        self.say(f"\nDone in {took:.0f} s. Every key was found, and nothing else.", "bold green")

    def set_up(self) -> None:
        """The files."""
        self.title("Infrastructure as one finds it: keys among the files")
        capture(["ip", "link", "set", "lo", "up"])  # of the demonstration's own network namespace
        self.estate: Estate = estate.make(self.folder)
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
        table.add_column(f"in {FOLDER}/, a git repository", no_wrap=True)
        table.add_column("there is")
        for path, what in CONTENTS:
            table.add_row(path, what)
        self.console.print(table)
        self.say("Also, the second commit took a copy of the key out of NOTES.md: it is in the history still.")

    def find(self) -> None:
        """Every key, which of them are one, and nothing else."""
        self.title("Find them")
        found = self._scan(FOLDER)
        self.insist(_not_as(estate.KEYS, [one["source"].removeprefix(f"{FOLDER}/") for one in found]))
        in_history = self._scan("--git", FOLDER)
        paths = [one["source"].partition(":")[2] for one in in_history]
        self.insist(_not_as([*estate.KEYS, "NOTES.md"], paths))
        for findings in (found, in_history):
            fingerprints = {one["fingerprint"] for one in findings if one["material"] == GIT_CRYPT}
            self.insist([f"one key has {len(fingerprints)} fingerprints"] if len(fingerprints) != 1 else [])
        self.say("\nFour places, two encodings, one key; a fifth place in the history. What is no key is not in it.")

    def vault_up(self) -> None:
        """A place for them."""
        self.title("A place for them: a Vault on this host, with one command")
        self.harden.tell(["vault", "up"])

    def vault_down(self) -> None:
        """Nothing stays running."""
        self.title("Put it away")
        self.harden.tell(["vault", "down"])
        self.insist([f"still running: {command}" for command in traces.processes_with("server.hcl")])

    def _scan(self, *what: str) -> list[dict[str, str]]:
        """Show what a scan says to people, and give what it says to programs."""
        self.harden.tell(["secrets", "scan", *what], (0, 3))
        document = json.loads(self.harden.run(["secrets", "scan", "--json", *what], (0, 3)).output)
        findings: list[dict[str, str]] = document["findings"]
        return findings


def _not_as(wanted: Iterable[str], found: Iterable[str]) -> list[str]:
    wanted, found = list(wanted), list(found)
    missed = [f"harden secrets scan does not find the key in {path}" for path in wanted if path not in found]
    return missed + [f"harden secrets scan takes {path} for a key" for path in found if path not in wanted]
