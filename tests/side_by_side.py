"""The whole suite in parts, two at a time: much of it waits for servers, packets and pods, and need not wait in a row.

Each part is a pytest of its own, with the options that this was given. How far it has come is shown line by line under
its name, and whatever else it says at its end, in one piece. The status is 0 if that of each part is.
"""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from queue import SimpleQueue
from types import FrameType

# By what they need. Kubernetes is started by one of them only; the longest come first.
PARTS: Mapping[str, str] = {"cluster": "cluster", "kernel": "kernel and not cluster", "plain": "not kernel"}
AT_ONCE = min(2, len(os.sched_getaffinity(0)))
_PROGRESS = re.compile(r"(?:\S*\.py )?[.FEsxX]+ *\[ *\d+%\]$")


class Part:
    """One pytest. ``ended`` gets it when it is done."""

    def __init__(self, name: str, marks: str, options: Sequence[str], ended: "SimpleQueue[Part]") -> None:
        self.name = name
        self.said: list[str] = []
        # No cache: of several that write it, the last would win.
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", marks, *options]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace",
        )  # fmt: skip
        self._ended = ended
        threading.Thread(target=self._listen).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if _PROGRESS.match(line.rstrip()):
                say(f"{self.name:<8} {line}")
            else:
                self.said.append(line)
        self.process.wait()
        self._ended.put(self)


def run(options: Sequence[str]) -> int:
    """All parts; the status of the first that failed, or 0."""
    waiting, working, status = list(PARTS.items()), set[Part](), 0
    ended: SimpleQueue[Part] = SimpleQueue()

    def stop(number: int, _frame: FrameType | None) -> None:
        waiting.clear()
        for part in working if number == signal.SIGTERM else ():  # what a terminal sends, they got as well
            part.process.send_signal(number)

    # Whoever started this may have had it ignore these: tests of signals need them as they are by default.
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, stop)
    while waiting or working:
        while waiting and len(working) < AT_ONCE:
            working.add(Part(*waiting.pop(0), options, ended))
        part = ended.get()
        working.remove(part)
        say(f"\n== {part.name}: status {part.process.returncode}\n{''.join(part.said)}\n")
        status = status or part.process.returncode
    return status if status >= 0 else 128 - status


def say(text: str) -> None:
    """On stdout at once, and in one piece."""
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
