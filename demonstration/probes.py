"""Questions that are asked with real packets, and the processes inside the namespaces that ask them."""

import json
import select
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Self

from harden.errors import HardenError

# Long enough for a SYN to be sent three times (RFC 6298: after one second, then two more), so that a lost packet or a
# busy host is no verdict.
PATIENCE = 3.5


class Outcome(Enum):
    """What became of a probe."""

    REACHED = "reached"
    REFUSED = "refused"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Probe:
    """One attempt: a TCP connection, a UDP datagram that wants an answer, or a ping.

    ``service`` is in the policy's notation (``tcp/445``, ``udp/53``, ``ping``); ``source`` an address to send from,
    or None for the one the system picks.
    """

    to: str
    service: str
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """``by`` is the machine that answered, empty where none did; ``seconds`` how long it took."""

    outcome: Outcome
    by: str
    seconds: float


class Worker:
    """A process of ours inside one machine; it takes one JSON request a line and gives one answer a line.

    What it complains about goes to the file ``log``.
    """

    def __init__(self, machine: str, netns: str, log: Path) -> None:
        self.machine = machine
        self._log = log
        command = ["nsenter", f"--net=/run/netns/{netns}", sys.executable, "-m", "demonstration.worker", machine]
        # Nothing of the terminal: Ctrl-C is for the one who tells the story, and with --keep this process outlives it.
        with log.open("w") as complaints:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints, text=True, bufsize=1,
                start_new_session=True,
            )  # fmt: skip

    def send(self, operation: str, **arguments: object) -> Self:
        """Hand a request over without waiting for its answer."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"operation": operation, **arguments}) + "\n")
        except BrokenPipeError as e:
            raise self._broken("has ended") from e
        return self

    def receive(self, patience: float = 15.0) -> Any:
        """The answer to the oldest request. Raises HardenError if it failed or none comes in ``patience`` seconds."""
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], patience)
        line = self._process.stdout.readline() if ready else ""
        if not line:
            raise self._broken("gives no answer")
        answer = json.loads(line)
        if "error" in answer:
            raise HardenError(f"{self.machine}: {answer['error']}")
        return answer["result"]

    def ask(self, operation: str, **arguments: object) -> Any:
        """Hand a request over and wait for its answer."""
        return self.send(operation, **arguments).receive()

    def _broken(self, how: str) -> HardenError:
        return HardenError([f"the process in {self.machine} {how}", *self._log.read_text().splitlines()])


def ask_all(workers: Mapping[str, Worker], questions: Mapping[str, Sequence[Probe]]) -> dict[str, list[Answer]]:
    """All probes of all machines at the same time; the answers come in the order of the questions."""
    for machine, probes in questions.items():
        wanted = [{"to": p.to, "service": p.service, "source": p.source} for p in probes]
        workers[machine].send("probe", probes=wanted, patience=PATIENCE)
    answers = {machine: workers[machine].receive() for machine in questions}
    return {
        machine: [Answer(Outcome(a["outcome"]), a["by"], a["seconds"]) for a in found]
        for machine, found in answers.items()
    }
