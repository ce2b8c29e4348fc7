"""How long the command takes to say something: its help, and 10,000 answers."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.estate import write
from benchmarks.figures import Figure

HARDEN = str(Path(sys.executable).with_name("harden"))
QUESTIONS = 10_000
CLIENTS = 1_000
TARGETS = ("192.168.1.10", "10.32.5.5", "10.0.20.200", "8.8.8.8", "10.128.0.1", "10.128.0.77")


def run(folder: Path) -> Iterator[Figure]:
    """The figures."""
    typer = _best([sys.executable, "-c", "import typer"], folder, 15)
    help_ = _best([HARDEN, "--help"], folder, 15)
    detail = f'{help_ * 1000:.0f} ms over `python -c "import typer"` {typer * 1000:.0f} ms'
    yield Figure("`harden --help`", help_ / typer, 1.5, detail)
    write(folder, CLIENTS)
    chosen = random.Random(1)
    questions = [
        {
            "from": f"client{chosen.randrange(CLIENTS)}",
            "to": chosen.choice(TARGETS),
            "service": f"tcp/{chosen.choice((22, 80, 443))}",
        }
        for _ in range(QUESTIONS)
    ]
    (folder / "questions").write_text("".join(json.dumps(question) + "\n" for question in questions))
    seconds = _best([HARDEN, "wg", "explain", "--policy", "policy.yaml", "--batch", "questions"], folder, 3)
    yield Figure("`explain --batch`", seconds, 3, f"{QUESTIONS} questions, {CLIENTS} clients, whole process", " s")


def _best(argv: list[str], folder: Path, times: int) -> float:
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        subprocess.run(argv, cwd=folder, capture_output=True, check=True, timeout=120)
        best = min(best, time.perf_counter() - start)
    return best
