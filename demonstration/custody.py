"""The keys: what the demonstration shows of them, in order. No cluster, no network but loopback."""

import hmac
import json
import re
from collections.abc import Iterable
from pathlib import Path
from time import monotonic
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from demonstration import estate, traces, vaultreader
from demonstration.commands import capture
from demonstration.estate import CONTENTS, MOVED, PRIVATE, PRIVATE_TEXT, Estate
from demonstration.harden_command import STATE, Program
from demonstration.policy import difference
from demonstration.telling import Telling

FOLDER, PLAN, INVENTORY = "infra", "plan.json", "secrets.yaml"
GIT_CRYPT = "git-crypt-key"
_REFERENCE = re.compile(r"\s*(secret|secretName): ?")
_KEY_TEXT = re.compile(r"[A-Za-z0-9+/]{40,}={0,2}")


class Custody(Telling):
    """Each method is one act; :meth:`tell` plays them all. ``folder`` is where everything goes."""

    promised = "what harden says"

    def __init__(self, console: Console, folder: Path) -> None:
        super().__init__(console)
        self.folder = folder
        self.harden = Program(folder, {"HARDEN_INVENTORY": str(folder / INVENTORY)}, self.show)

    def tell(self, *, goes_on: bool = False) -> None:
        """The whole of it. DifferenceError: reality is not what harden says; another HardenError: it broke.

        Where the story ``goes_on`` the Vault stays up.
        """
        started = monotonic()
        self.set_up()
        self.find()
        self.vault_up()
        self.plan()
        self.migrate()
        self.find_again()
        self.prove()
        self.take_back()
        if not goes_on:
            self.vault_down()
        took = monotonic() - started
        self.say(f"\nDone in {took:.0f} s. The key came out of Vault byte for byte as it had lain about.", "bold green")

    def begin(self) -> None:
        """Only what there has to be for a story that goes on from here: the files, and a Vault."""
        self._make()
        self.vault_up()

    def set_up(self) -> None:
        """The files."""
        self.title("Infrastructure as one finds it: keys among the files")
        self._make()
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
        self.insist(_not_as(estate.KEYS, [_inside(one["source"]) for one in found]))
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
        (self.folder / INVENTORY).write_text("version: 1\n")
        self.harden.tell(["vault", "up"])

    def plan(self) -> None:
        """What would be done. Nothing is."""
        self.title("Plan: where each key goes, and what remains to be done by hand")
        said = self.harden.tell(["secrets", "plan", FOLDER, "-o", PLAN], (3,))
        self.planned: dict[str, Any] = json.loads((self.folder / PLAN).read_text())
        moved = self._sources(leaving=True)
        self.insist([f"the plan does not take the key out of {path}" for path in MOVED if path not in moved])
        self.insist([f"the plan has changed {line}" for line in self._changes()])
        self.insist(["the plan shows the key"] if traces.in_text(said.output, self.estate.key) else [])

    def migrate(self) -> None:
        """It is done; nothing but the values has left the files, and the references that were turned."""
        self.title("Move them")
        self.harden.tell(["secrets", "migrate", PLAN])
        self.say(f"\nWhat git sees of it in {FOLDER}/ (values hidden here):\n")
        changes = estate.git(self.estate.folder, "diff", "--stat", "--patch", "--unified=2")
        for line in hidden(changes).splitlines():
            self.console.print(Text(line, style={"+": "green", "-": "red"}.get(line[:1], "")))
        self.compare()

    def compare(self) -> None:
        """Only the files of the plan are other than before, and no line in them is new but references to Secrets."""
        planned = {_inside(one["path"]) for secret in self.planned["secrets"] for one in secret["files"]}
        changed = {line[3:] for line in self._changes()}
        self.insist([f"{path} is other than the plan has it" for path in sorted(changed ^ planned)])
        for path in sorted(changed):
            before = estate.git(self.estate.folder, "show", f"HEAD:{path}")
            lines = difference(before, (self.estate.folder / path).read_text())
            odd = [line for line in lines if line.startswith("+") and not _REFERENCE.match(line[1:])]
            self.insist([f"{path} has a new line that refers to no Secret: {line[2:]}" for line in odd])

    def find_again(self) -> None:
        """What was to leave the files has left them; what stays is what the plan said would stay."""
        self.title("Find them again")
        found = self._scan(FOLDER)
        self.insist(_not_as(self._sources(leaving=False), [_inside(one["source"]) for one in found]))
        self.say("\nWhat is still there the plan has named, with what to do about it. The rest is in Vault alone.")

    def prove(self) -> None:
        """What lies in Vault is the key: another client than harden reads it, and git-crypt opens the repository."""
        self.title("Proof")
        path = next(one["vault_path"] for one in self.planned["secrets"] if one["material"] == GIT_CRYPT)
        key = vaultreader.read(self.folder / STATE / "vault", path).get("key", b"")
        same = hmac.compare_digest(key, self.estate.key)
        self.insist([] if same else [f"the {len(key)} bytes in Vault are not the key"])
        self.say(f"The {len(key)} bytes at secret/{path}, read by a client that is none of harden's, are the key.")
        text = estate.opened(self.estate.folder, self.folder / "clone", key)
        self.insist([] if text == PRIVATE_TEXT else ["git-crypt does not open the repository with the key from Vault"])
        self.say(f"git-crypt opens a fresh clone with them; {PRIVATE} in it says: {text.strip()}")
        self.insist([f"{file} holds the key" for file in sorted(self._files_with_the_key())])
        self.say("No other file holds it: not the plan, the journal or the audit log, nor Vault's own, encrypted ones.")
        self.harden.tell(["secrets", "log", "verify"])

    def take_back(self) -> None:
        """All of it undone: the files are what they were."""
        self.title("Take it all back")
        runs = json.loads(self.harden.run(["secrets", "runs", "--json"]).output)["runs"]
        self.harden.tell(["secrets", "rollback", *(one["run"] for one in runs)])
        self.insist([f"not as it was: {line}" for line in self._changes()])
        self.harden.tell(["secrets", "log", "verify"])
        self.say(f"\nEvery file in {FOLDER}/ is byte for byte what it was, says git; the log has it all.")

    def vault_down(self) -> None:
        """Nothing stays running."""
        self.title("Put it away")
        self.harden.tell(["vault", "down"])
        self.insist([f"still running: {command}" for command in traces.processes_with("server.hcl")])

    def _make(self) -> None:
        capture(["ip", "link", "set", "lo", "up"])  # of the demonstration's own network namespace
        self.estate: Estate = estate.make(self.folder)

    def _scan(self, *what: str) -> list[dict[str, str]]:
        """Show what a scan says to people, and give what it says to programs."""
        self.harden.tell(["secrets", "scan", *what], (0, 3))
        document = json.loads(self.harden.run(["secrets", "scan", "--json", *what], (0, 3)).output)
        findings: list[dict[str, str]] = document["findings"]
        return findings

    def _sources(self, *, leaving: bool) -> set[str]:
        """The files that the plan takes a key out of, or those in which it leaves one."""
        copies = [copy for secret in self.planned["secrets"] for copy in secret["copies"]]
        return {_inside(copy["source"]) for copy in copies if (copy["removal"] != "leave") is leaving}

    def _files_with_the_key(self) -> set[str]:
        """Those that hold the git-crypt key although the plan does not leave it there."""
        key, state = self.estate.key, self.folder / STATE
        found = {str(file) for file in traces.files_with(self.estate.folder, key)} - self._sources(leaving=False)
        found |= {f"{STATE}/{file}" for file in traces.files_with(state, key)}
        return found | {name for name in (PLAN, INVENTORY) if traces.in_text((self.folder / name).read_text(), key)}

    def _changes(self) -> list[str]:
        return estate.git(self.estate.folder, "status", "--porcelain").splitlines()


def _inside(path: str) -> str:
    """A path in the repository, whether it was told from where we stand or from the root."""
    return path.partition(f"{FOLDER}/")[2]


def hidden(text: str) -> str:
    """The text without what may be a key in it."""
    return _KEY_TEXT.sub("(hidden)", text)


def _not_as(wanted: Iterable[str], found: Iterable[str]) -> list[str]:
    wanted, found = list(wanted), list(found)
    missed = [f"harden secrets scan does not find the key in {path}" for path in wanted if path not in found]
    return missed + [f"harden secrets scan takes {path} for a key" for path in found if path not in wanted]
