"""The real command, run as a user would run it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from demonstration.commands import TIME_LIMIT, netns
from demonstration.matrix import Question, Verdict
from harden.errors import HardenError

CONF, POLICY, STATE = "wg0.conf", "policy.yaml", "state"
_NOT_OURS = ("VAULT_", "BAO_", "KUBECONFIG")


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed and its exit status."""

    command: str
    status: int
    output: str


def installed() -> list[str]:
    """How to start harden: the command beside this interpreter, or else the package that it imports."""
    beside = Path(sys.executable).parent / "harden"
    return [str(beside)] if beside.exists() else [sys.executable, "-c", "from harden.cli import main; main()"]


class Program:
    """``harden`` in a folder, with the state in it, and none of the settings of whoever runs the demonstration."""

    def __init__(self, folder: Path, settings: Mapping[str, str], show: Callable[[Said], None]) -> None:
        self.folder = folder
        self._show = show
        self._program = installed()
        theirs = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_OURS)}
        self._environment = {
            **theirs,
            "HARDEN_STATE": str(folder / STATE),
            "COLUMNS": "100",
            "PYTHONUNBUFFERED": "1",
            **settings,
        }

    def run(self, arguments: Sequence[str], expected: Sequence[int] = (0,), *, all_of_it: bool = False) -> Said:
        """Run it, and give what it answers; ``all_of_it``: with its remarks, as a person at a terminal sees it.

        Raises HardenError with its words for any exit status that is not expected.
        """
        shown = " ".join(["harden", *arguments])
        try:
            done = subprocess.run(
                [*self._program, *arguments],
                cwd=self.folder, env=self._environment, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT if all_of_it else subprocess.PIPE,
                text=True, timeout=TIME_LIMIT, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as e:
            raise HardenError(f"{shown}: no end after {TIME_LIMIT:.0f} s") from e
        if done.returncode not in expected:
            raise HardenError(f"{shown}: status {done.returncode}: {(done.stderr or done.stdout).strip()}")
        return Said(shown, done.returncode, done.stdout.rstrip())

    def tell(self, arguments: Sequence[str], expected: Sequence[int] = (0,)) -> Said:
        """Run it and show what it said."""
        said = self.run(arguments, expected, all_of_it=True)
        self._show(said)
        return said


class Harden:
    """``harden wg`` in a folder that holds wg0.conf, and later the policy and the state."""

    def __init__(self, folder: Path, backend: str, show: Callable[[Said], None]) -> None:
        self.folder = folder
        self._program = Program(folder, {"HARDEN_POLICY": POLICY}, show)
        self._there = ["--netns", netns("gateway")]
        self._on_gateway = [*self._there, *(["--backend", backend] if backend != "auto" else [])]

    def _told(self, arguments: Sequence[str], expected: Sequence[int] = (0,)) -> Said:
        return self._program.tell(["wg", *arguments], expected)

    def import_conf(self) -> str:
        """``import``: the text of the policy that it wrote."""
        self._told(["import", CONF, "-o", POLICY])
        return (self.folder / POLICY).read_text()

    def explain(self, client: str, to: str, service: str) -> None:
        """``explain`` for one question."""
        self._told(["explain", "--from", client, "--to", to, "--service", service, *self._there])

    def status(self) -> None:
        """``status``, which must find the kernel in sync."""
        self._told(["status", *self._on_gateway])

    def check(self) -> None:
        """``check``, which must find nothing wrong."""
        self._told(["check"])

    def plan(self) -> bool:
        """``plan``: whether the kernel is in sync with the policy."""
        return self._told(["plan", *self._on_gateway], (0, 3)).status == 0

    def apply(self) -> None:
        """``apply``."""
        self._told(["apply", *self._on_gateway])

    def remove(self) -> None:
        """``remove``."""
        self._told(["remove", *self._on_gateway])

    def verdicts(self, questions: Iterable[Question]) -> dict[Question, Verdict]:
        """What the policy says about each question, by ``explain --batch``. Shows nothing."""
        asked = list(questions)
        batch = self.folder / "questions.jsonl"
        batch.write_text("".join(json.dumps(_in_json(q)) + "\n" for q in asked))
        said = self._program.run(["wg", "explain", "--batch", str(batch), *self._there])
        answers = [json.loads(line) for line in said.output.splitlines()]
        if len(answers) != len(asked):
            raise HardenError(f"harden wg explain answered {len(answers)} of {len(asked)} questions")
        return {q: _verdict(answer) for q, answer in zip(asked, answers, strict=True)}


def _in_json(question: Question) -> dict[str, str]:
    source, target = question.source.address(question.family), question.target.address(question.family)
    return {"from": source, "to": target, "service": question.target.service}


def _verdict(answer: dict[str, object]) -> Verdict:
    rule = answer.get("rule")
    because = f"{Path(rule['file']).name}:{rule['line']}" if isinstance(rule, dict) else ""
    return Verdict(answer["verdict"] == "allow", because)
