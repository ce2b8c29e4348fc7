"""The gateway: what the demonstration shows of it, in order."""

import re
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from demonstration import lab, policy, wireguard
from demonstration.attempts import ATTEMPTS, Field, ask_as_nobody
from demonstration.commands import capture, in_machine
from demonstration.harden_command import CONF, POLICY, Harden
from demonstration.matrix import QUESTIONS, Answers, Verdicts, differences, in_words, measure
from demonstration.probes import Outcome
from demonstration.tables import attempts_table, who_reaches_what
from demonstration.telling import Telling
from harden.errors import HardenError

IPTABLES = {
    "auto": ("iptables", "ip6tables"),
    "nft": ("iptables-nft", "ip6tables-nft"),
    "legacy": ("iptables-legacy", "ip6tables-legacy"),
}
_KEY = re.compile(r"(PrivateKey = ).*")
_PUBLIC = re.compile(r"(PublicKey = .{6}).*")


class Story(Telling):
    """Each method is one act; :meth:`tell` plays them all. ``folder`` is where wg0.conf and the policy go."""

    promised = "the policy"

    def __init__(self, console: Console, folder: Path, backend: str) -> None:
        super().__init__(console)
        self.folder = folder
        self.iptables = IPTABLES[backend]
        self.harden = Harden(folder, backend, self.show)

    def tell(self, *, keep: bool) -> None:
        """The whole demonstration. DifferenceError: packets and policy disagree; another HardenError: it broke.

        With ``keep`` the policy is in force again at the end.
        """
        started = monotonic()
        self.set_up()
        before = self.rules_of_others()
        self.before()
        self.write_policy()
        self.apply()
        self.after()
        self.get_round()
        self.remove(before)
        if keep:
            self.harden.apply()
        took = monotonic() - started
        self.say(f"\nDone in {took:.0f} s. The packets agreed with the policy everywhere.", "bold green")

    def set_up(self) -> None:
        """The machines and the tunnels."""
        self.title("A home and its gateway, each machine a network namespace")
        self.workers = lab.build(self.folder)
        self.public_keys = wireguard.write_confs(self.folder, self.iptables)
        wireguard.bring_up(self.folder)
        wireguard.wait_for_handshakes(self.public_keys.values())
        self.say(
            f"A gateway with {wireguard.implementation()}, a NAS, a DNS server, a stand-in for a cluster's "
            f"10.32.0.0/12, something public, and {len(self.public_keys)} clients that have just shaken hands. "
            "This is the gateway's wg0.conf:\n"
        )
        text = _PUBLIC.sub(r"\1…", _KEY.sub(r"\1(hidden)", (self.folder / CONF).read_text()))
        self.console.print(Panel(Text(text.rstrip()), title=CONF, title_align="left", style="dim"))

    def rules_of_others(self) -> list[str]:
        """All rules on the gateway, of both families, without counters."""
        saved = [capture(in_machine("gateway", [f"{tool}-save"])) for tool in self.iptables]
        return [line for text in saved for line in rules_in(text)]

    def before(self) -> None:
        """Everything is open: so WireGuard and wg-quick leave it, and so we know that every probe works."""
        self.title("Before: who reaches what, by real packets")
        answers = measure(self.workers)
        self.console.print(who_reaches_what(answers))
        if lost := not_reached(answers):
            raise HardenError(["the machines of the demonstration do not work as they should", *lost])
        self.say(f"{len(answers)} probes. Everybody reaches everything, the gateway's own ssh included.")
        for machine in ("guest-phone", "anca"):
            self.workers[machine].ask("hold", to="192.168.1.10", port=445)

    def write_policy(self) -> None:
        """Import, ten lines by hand, check."""
        self.title("A policy from the file that is there, and a few lines by hand")
        imported = self.harden.import_conf()
        text = policy.edited(imported)
        (self.folder / POLICY).write_text(text)
        changes = policy.difference(imported, text)
        self.say(f"\nThe user writes {sum(line.startswith('+') for line in changes)} lines into {POLICY}:")
        for line in changes:
            self.console.print(Text(line, style="green" if line.startswith("+") else "red"))
        self.harden.check()

    def apply(self) -> None:
        """What would change, and the change."""
        self.title("Enforce it")
        if self.harden.plan():
            raise HardenError("harden wg plan sees nothing to do on a gateway where nothing is enforced")
        self.harden.apply()
        if not self.harden.plan():
            raise HardenError("harden wg plan is not content right after harden wg apply")

    def after(self) -> None:
        """The table again, cell by cell against the policy, and what became of connections that were open."""
        self.title("After: who reaches what, by real packets")
        verdicts = self.harden.verdicts(QUESTIONS)
        answers = measure(self.workers)
        self.console.print(who_reaches_what(answers, verdicts))
        self.insist(differences(answers, verdicts))
        self.say(_summary(answers, verdicts))
        for machine, wanted in (("guest-phone", False), ("anca", True)):
            alive = self.workers[machine].ask("poke", patience=2.0)
            self.say(f"{machine}'s connection to the NAS, opened before, is {'alive' if alive else 'cut'}.")
            self.insist([f"{machine}'s old connection is {'alive' if alive else 'cut'}"] if alive != wanted else [])
        self.harden.explain("guest-phone", "192.168.1.10", "smb")

    def get_round(self) -> None:
        """Every attempt to get round it."""
        self.title("Attempts to get round it")
        field = Field(self.workers, self.public_keys, self.iptables, self.harden.verdicts)
        attempts = [attempt(field) for attempt in ATTEMPTS]
        self.console.print(attempts_table(attempts))
        self.insist([failure for attempt in attempts for failure in attempt.failures])
        self.say("Those rules and addresses are gone again; ours were never touched, as the gateway itself says:")
        self.harden.status()

    def remove(self, before: Sequence[str]) -> None:
        """Take it all out; what others had put there is as it was."""
        self.title("Take it out again")
        self.harden.remove()
        left = self.rules_of_others()
        self.insist([f"left behind or changed: {line}" for line in set(before) ^ set(left)])
        answers = measure(self.workers)
        self.insist(not_reached(answers))
        field = Field(self.workers, self.public_keys, self.iptables, self.harden.verdicts)
        as_nobody = ask_as_nobody(field)
        self.insist([f"a source of nobody's got {a.outcome}" for a in as_nobody if a.outcome is not Outcome.REACHED])
        self.say(
            f"\nThe {len(before)} rules of others are as they were, all {len(answers)} probes pass as before, and "
            "so do those from an address that is no client's: it was the policy that had stopped them."
        )


def not_reached(answers: Answers) -> list[str]:
    """Every question that got no answer, as a line for people, where nothing forbids any."""
    return [f"{q}: the packets were {in_words(a)}" for q, a in answers.items() if a.outcome is not Outcome.REACHED]


def rules_in(saved: str) -> list[str]:
    """What a person put into these tables (iptables-save(8)): rules, chains, and policies other than ACCEPT.

    Tables that exist and are empty are left out: reading a table is enough to make it.
    """
    found, table = [], ""
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith(":"):
            name, target = line[1:].split()[:2]
            if target != "ACCEPT":
                found.append(f"{table}: {name} {target}")
        elif line.startswith("-A"):
            found.append(f"{table}: {line}")
    return found


def _summary(answers: Answers, verdicts: Verdicts) -> str:
    denied = [a for q, a in answers.items() if not verdicts[q].allowed]
    refused = [a.seconds for a in denied if a.outcome is Outcome.REFUSED]
    slowest = f", none later than {1000 * max(refused):.0f} ms" if refused else ""
    return (
        f"{len(answers)} probes, each as `harden wg explain` has it: {len(answers) - len(denied)} reached, "
        f"{len(denied)} not. {len(refused)} were refused at once{slowest}."
    )
