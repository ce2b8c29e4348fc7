"""The real command, run as a user would run it on the gateway."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from demonstration.commands import TIME_LIMIT, netns
from demonstration.matrix import Question, Verdict
from harden.errors import HardenError

CONF, POLICY, STATE = "wg0.conf", "policy.yaml", "state"


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed (standard output, then standard error) and its exit status."""

    command: str
    status: int
    output: str


def installed() -> list[str]:
    """How to start harden: the command beside this interpreter, or else the package that it imports."""
    beside = Path(sys.executable).parent / "harden"
    return [str(beside)] if beside.exists() else [sys.executable, "-c", "from harden.cli import main; main()"]


class Harden:
    """``harden wg`` in a folder that holds wg0.conf, and later the policy and the state."""

    def __init__(self, folder: Path, backend: str, show: Callable[[Said], None]) -> None:
        self.folder = folder
        self._show = show
        self._program = installed()
        self._there = ["--netns", netns("gateway")]
        self._on_gateway = [*self._there, *(["--backend", backend] if backend != "auto" else [])]
        self._environment = os.environ | {
            "HARDEN_STATE": str(folder / STATE),
            "HARDEN_POLICY": POLICY,
            "COLUMNS": "100",
        }

    def _run(self, arguments: Sequence[str], expected: Sequence[int]) -> Said:
        """Run it. Raises HardenError with its words for any exit status that is not expected."""
        shown = " ".join(["harden", "wg", *arguments])
        try:
            done = subprocess.run(
                [*self._program, "wg", *arguments],
                cwd=self.folder, env=self._environment, stdin=subprocess.DEVNULL,
                capture_output=True, text=True, timeout=TIME_LIMIT, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as e:
            raise HardenError(f"{shown}: no end after {TIME_LIMIT:.0f} s") from e
        if done.returncode not in expected:
            raise HardenError(f"{shown}: status {done.returncode}: {(done.stderr or done.stdout).strip()}")
        return Said(shown, done.returncode, (done.stdout + done.stderr).rstrip())

    def _told(self, arguments: Sequence[str], expected: Sequence[int] = (0,)) -> Said:
        said = self._run(arguments, expected)
        self._show(said)
        return said

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
        said = self._run(["explain", "--batch", str(batch), *self._there], (0,))
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
