"""New keys for old ones: what the demonstration shows of rotation, in order. A real sshd, a real git-crypt."""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from rich.console import Console
from rich.text import Text

from demonstration import estate, inventory, traces, vaultreader
from demonstration.custody import FOLDER, INVENTORY, Custody
from demonstration.estate import PRIVATE_TEXT
from demonstration.harden_command import STATE, Program, Said
from demonstration.inventory import GIT_CRYPT, GIT_CRYPT_PATH, SSH, SSH_PATH
from demonstration.logins import Consumer, Logins
from demonstration.policy import difference
from demonstration.sshhost import ADDRESS, PORT, USER, SshHost
from demonstration.sshkeys import core, public_half
from demonstration.telling import Telling
from harden.errors import HardenError

HOST = Path("/run/nas")
OVERLAP = 6  # seconds; time enough for the few logins in it on a slow machine
OLD, NEW = "old SSH key", "new SSH key"
OLD_GIT_CRYPT, NEW_GIT_CRYPT = "old git-crypt key", "new git-crypt key"


class Rotation(Telling):
    """Each method is one act; :meth:`tell` plays them all. ``custody`` has made the files, and its Vault is up."""

    promised = "what harden says"

    def __init__(self, console: Console, custody: Custody) -> None:
        super().__init__(console)
        self.custody, self.folder = custody, custody.folder
        settings = {"HARDEN_INVENTORY": str(self.folder / INVENTORY), **estate.NOBODY, **estate.AS_ANCA}
        self.harden = Program(self.folder, settings, self._show)
        self.file = self.folder / "nightly" / "id_ed25519"
        self.keys: dict[str, bytes] = {}

    def tell(self) -> None:
        """The whole of it. DifferenceError: reality is not what harden says; another HardenError: it broke."""
        started = monotonic()
        self.move_to_stay()
        self.set_up()
        self.enter()
        self.new_ssh_key()
        self.both_are_good()
        self.who_uses_the_old_one()
        self.new_git_crypt_key()
        self.old_git_crypt_key_fails()
        self.retire_ssh_key()
        self.old_ssh_key_is_refused()
        self.look_back()
        self.custody.vault_down()
        took = monotonic() - started
        self.say(
            f"\nDone in {took:.0f} s. The old keys are refused, and there was a good one at every moment.", "bold green"
        )

    def move_to_stay(self) -> None:
        """The keys in Vault, references in the files, and that committed."""
        self.title("New keys: whoever has seen the files has the old ones still")
        self.harden.run(["secrets", "plan", FOLDER, "-o", "stay.json"], (3,))
        self.harden.run(["secrets", "migrate", "stay.json"])
        self.infra = self.custody.estate.folder
        estate.git(self.infra, "commit", "-q", "-a", "-m", "Refer to Vault")
        self.say("The keys have been moved into Vault to stay, as above, and what is left of the files is committed.")

    def set_up(self) -> None:
        """A host that lets the SSH key in, and somebody who is logged in with it."""
        self.keys = {OLD: self.custody.estate.ssh, OLD_GIT_CRYPT: self.custody.estate.key}
        self.host = SshHost(HOST, (self.infra / "vpn/authorized_keys").read_text().strip())
        self.host.start()
        self.logins = Logins(self.folder, self.host.host_key)
        self.session = self.logins.stay(self.keys[OLD])
        self.say(
            f"A real sshd listens at {ADDRESS} port {PORT}. It lets in the key that lay in backup.yaml; somebody has "
            "logged in with that, and stays."
        )

    def enter(self) -> None:
        """Where the keys are used, in the inventory; the job gets its file, and begins to log in with it."""
        self.say(
            f"\nThe user writes into {INVENTORY} where the keys are used. There is no cluster here: instead of the "
            "Secrets, a job on this host gets a file.\n"
        )
        before = (self.folder / INVENTORY).read_text()
        places = {"repository": self.infra, "file": self.file, "address": ADDRESS, "port": PORT, "user": USER}
        after = inventory.written({**places, "host_key": self.host.host_key, "overlap": OVERLAP})
        (self.folder / INVENTORY).write_text(after)
        for line in difference(before, after):
            self.console.print(Text(inventory.shortened(line), style="green" if line.startswith("+") else "red"))
        self.file.parent.mkdir(mode=0o700)
        self.harden.tell(["secrets", "deliver", SSH])
        self.job = Consumer(self.logins, self.file)
        self.job.start()
        self.harden.tell(["secrets", "status"])

    def new_ssh_key(self) -> None:
        """It is made, installed, proved and delivered. The old one stays for the overlap."""
        self.title("A new SSH key, beside the old one")
        self.harden.tell(["secrets", "rotate", SSH])
        self.keys[NEW] = self._in_vault(SSH_PATH, "private_key")
        rotation = self._status(SSH)["rotation"]
        self.until, self.deadline = (datetime.fromisoformat(rotation[name]) for name in ("overlap_until", "deadline"))

    def both_are_good(self) -> None:
        """Either key logs in, by the real ssh; the job has the new one already."""
        self._insist_on_ssh(OLD, let_in=True)
        self._insist_on_ssh(NEW, let_in=True)
        same = self.file.read_bytes() == self.keys[NEW]
        self.insist([] if same else ["the file of the job is not the key in Vault"])
        self.insist([] if self.session.is_alive() else ["the open session is cut during the overlap"])
        self.say("\nThe real ssh gets in with either of them; the job has the new one; the open session goes on.")

    def who_uses_the_old_one(self) -> None:
        """The overlap is over, but the old key was used in it."""
        self.title(f"{OVERLAP} s later, the end of the overlap: who still uses the old one?")
        _wait_until(self.until)
        said = self.harden.tell(["secrets", "rotate", SSH])
        if datetime.now(UTC) < self.deadline:
            noticed = f"still used by {USER} from {ADDRESS}" in said.output
            self.insist([] if noticed else ["harden does not see that the old SSH key was used in the overlap"])
            self.say(f"\nThat was us, says sshd's log. So the old key is left in peace, for {OVERLAP} s more at most.")

    def new_git_crypt_key(self) -> None:
        """The repository under a new key, and what the old one has given away."""
        self.title("Meanwhile, a new git-crypt key, and what the old one has given away")
        self.harden.tell(["secrets", "rotate", GIT_CRYPT])
        self.keys[NEW_GIT_CRYPT] = self._in_vault(GIT_CRYPT_PATH, "key")

    def old_git_crypt_key_fails(self) -> None:
        """Fresh clones, and the real git-crypt with either key, on the new commit and on the one before."""
        self._insist_on_git_crypt(NEW_GIT_CRYPT, "HEAD", opens=True)
        self._insist_on_git_crypt(OLD_GIT_CRYPT, "HEAD", opens=False)
        self._insist_on_git_crypt(OLD_GIT_CRYPT, "HEAD~1", opens=True)
        self.say(
            "\nThe real git-crypt opens a fresh clone with the new key, read from Vault by a client that is none of "
            "harden's. With the old one it refuses the new commit. The commits before it opens still, in every clone "
            "that there is: hence that list. One SSH key in it is being replaced just now, the other is still to do."
        )

    def retire_ssh_key(self) -> None:
        """The end of the old SSH key."""
        self.title("The end of the old SSH key")
        _wait_until(self.deadline)
        self.harden.tell(["secrets", "rotate", SSH])

    def old_ssh_key_is_refused(self) -> None:
        """By sshd; the session that it had opened is gone, and so is its line."""
        self._insist_on_ssh(OLD, let_in=False)
        self._insist_on_ssh(NEW, let_in=True)
        self.insist([] if self.session.has_ended(3) else ["a session that was opened with the old SSH key goes on"])
        alone = [" ".join(line.split()[:2]) for line in self.host.keys_file.read_text().splitlines()] == [
            public_half(self.keys[NEW])
        ]
        self.insist([] if alone else ["authorized_keys has other lines than that of the new SSH key"])
        self.job.stop()
        self.insist(self.job.refusals)
        self.say(
            "\nThe real ssh is refused with the old key, and let in with the new one. The open session was ended. The "
            f"job has logged in {self.job.count} times all the while, with what lay in its file, and was always let in."
        )

    def look_back(self) -> None:
        """Where all secrets stand; the log is whole; no key has shown itself anywhere."""
        self.title("And now")
        self.harden.tell(["secrets", "status"])
        states = {name: self._status(name)["state"] for name in (SSH, GIT_CRYPT)}
        self.insist([f"{name} is {state}, not fine" for name, state in states.items() if state != "fine"])
        self.harden.tell(["secrets", "log", "verify"])
        for name, key in self.keys.items():
            self.insist(
                [f"{STATE}/{file} holds the {name}" for file in traces.files_with(self.folder / STATE, core(key))]
            )
        self.say(
            "\nNo key, old or new, is in that log or any other file of harden's or of its Vault; none was printed."
        )

    def _show(self, said: Said) -> None:
        """A command and what it said, in which there is no key."""
        self.show(said)
        seen = [name for name, key in self.keys.items() if traces.in_text(said.output, core(key))]
        self.insist([f"{said.command} shows the {name}" for name in seen])

    def _in_vault(self, path: str, field: str) -> bytes:
        """A key as another client than harden reads it."""
        fields = vaultreader.read(self.folder / STATE / "vault", path)
        self.insist([] if field in fields else [f"there is no {field} at secret/{path}"])
        return fields[field]

    def _status(self, name: str) -> Mapping[str, Any]:
        said = self.harden.run(["secrets", "status", "--json", name], (0, 3))
        (found,) = json.loads(said.output)["secrets"]
        status: Mapping[str, Any] = found
        return status

    def _insist_on_ssh(self, name: str, *, let_in: bool) -> None:
        """What the real sshd has to say to a key."""
        if self.logins.lets_in(self.keys[name]) is not let_in:
            self.insist([f"sshd {'refuses' if let_in else 'lets in'} the {name}"])

    def _insist_on_git_crypt(self, name: str, commit: str, *, opens: bool) -> None:
        """What the real git-crypt makes of a commit with a key. HardenError: it fails, but not because of the key."""
        clone = self.folder / f"{name}, {commit}".replace(" ", "-")
        try:
            opened = estate.opened(self.infra, clone, self.keys[name], commit) == PRIVATE_TEXT
        except HardenError as e:
            if "tampered" not in str(e):  # its word for data that is encrypted with another key
                raise
            opened = False
        if opened is not opens:
            self.insist([f"git-crypt {'does not open' if opens else 'opens'} {commit} with the {name}"])


def _wait_until(moment: datetime) -> None:
    time.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()) + 0.1)
