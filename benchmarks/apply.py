"""``harden wg apply`` with 10,000 clients, as a whole process, over what iptables itself needs for the same rules."""

import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.estate import write
from benchmarks.figures import Figure

CLIENTS = 10_000
FIRST = {"nft": 2.0, "legacy": 4.0}
WRITE = {"nft": 0.05, "legacy": 1.0}
REPEATS = 3
HARDEN = str(Path(sys.executable).with_name("harden"))
FAMILIES = ("iptables", "ip6tables")


def run(folder: Path) -> Iterator[Figure]:
    """The figures for both backends: a first apply, and one client changed."""
    for backend in FIRST:
        yield from _first(folder, backend)
        yield from _one_changed(folder, backend)


def _first(folder: Path, backend: str) -> Iterator[Figure]:
    write(folder, CLIENTS)
    whole: list[float] = []
    restores: list[float] = []
    memory = 0
    texts = [_rendered(folder, family) for family in ("4", "6")]
    for _ in range(REPEATS):
        with _namespace(folder) as name:
            seconds, kilobytes = _harden(folder, backend, name)
            memory = max(memory, kilobytes)
        with _namespace(folder) as name:
            times = [_seconds(name, f"{tool}-{backend}-restore", "--noflush", text=text)[0]
                     for tool, text in zip(FAMILIES, texts, strict=True)]  # fmt: skip
        whole.append(seconds)
        restores.append(sum(times))
    detail = (
        f"{min(whole):.2f} s over `iptables-restore --noflush` of the same text, both families, {min(restores):.2f} s"
    )
    yield Figure(f"first apply, {backend}", min(whole) / min(restores), FIRST[backend], detail)
    yield Figure(f"memory of that apply, {backend}", memory / 1024, 200, "largest resident set of any process", " MB")


def _rendered(folder: Path, family: str) -> str:
    argv = [HARDEN, "wg", "render", "--policy", "policy.yaml", "--family", family]
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=True, timeout=60).stdout


def _one_changed(folder: Path, backend: str) -> Iterator[Figure]:
    whole: list[float] = []
    saves: list[float] = []
    writes: list[float] = []
    with _namespace(folder) as name:
        write(folder, CLIENTS)
        _harden(folder, backend, name)
        for repeat in range(REPEATS):
            before = [_seconds(name, f"{tool}-{backend}-save")[1] for tool in FAMILIES]
            write(folder, CLIENTS, changed=CLIENTS // 2 + 1 + repeat)
            whole.append(_harden(folder, backend, name)[0])
            after: list[str] = []
            saving = 0.0
            for tool in FAMILIES:
                seconds, text = _seconds(name, f"{tool}-{backend}-save")
                saving += seconds
                after.append(text)
            saves.append(saving)
            changes = [_changed_chains(old, new) for old, new in zip(before, after, strict=True)]
            writes.append(sum(_seconds(name, f"{tool}-{backend}-restore", "--noflush", text=text)[0]
                              for tool, text in zip(FAMILIES, changes, strict=True)))  # fmt: skip
    detail = "both families; harden writes the same chains in the same form"
    yield Figure(f"one client changed, kernel write, {backend}", min(writes), WRITE[backend], detail, " s")
    baseline = min(saves) + min(writes)
    if backend == "nft":
        detail = f"{min(whole):.2f} s over iptables-save {min(saves):.2f} s and the write {min(writes):.2f} s"
        yield Figure("one client changed, whole command, nft", min(whole) / baseline, 3, detail)


def _changed_chains(before: str, after: str) -> str:
    """The chains that differ, as iptables-restore takes them."""
    old, new = _chains(before), _chains(after)
    lines: list[str] = []
    for table in dict.fromkeys(table for table, _ in new):
        changed = [
            chain for t, chain in new if t == table and old.get((t, chain)) != new[t, chain] and "HARDEN" in chain
        ]
        if changed:
            rules = [rule for chain in changed for rule in new[table, chain]]
            lines += [f"*{table}", *(f":{chain} - [0:0]" for chain in changed), *rules, "COMMIT"]
    return "\n".join(lines) + "\n"


def _chains(text: str) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith(":"):
            found[table, line[1:].split()[0]] = []
        elif line.startswith("-A "):
            found[table, line.split()[1]].append(line)
    return found


@contextmanager
def _namespace(folder: Path) -> Iterator[str]:
    name = f"hbench-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True, timeout=20)
    try:
        yield name
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True, timeout=60)
        subprocess.run(["rm", "-rf", str(folder / "state")], check=True, timeout=20)


def _seconds(name: str, *command: str, text: str | None = None) -> tuple[float, str]:
    argv = ["ip", "netns", "exec", name, *command]
    start = time.perf_counter()
    done = subprocess.run(argv, input=text, text=True, capture_output=True, check=True, timeout=300)
    return time.perf_counter() - start, done.stdout


def _harden(folder: Path, backend: str, name: str) -> tuple[float, int]:
    """Seconds of the whole command, and the largest resident set in KiB."""
    argv = [HARDEN, "wg", "apply", "--policy", "policy.yaml", "--netns", name, "--backend", backend]
    environment = os.environ | {"HARDEN_STATE": str(folder / "state")}
    start = time.perf_counter()
    done = subprocess.run(
        ["/usr/bin/time", "-f", "%M", *argv] if os.path.exists("/usr/bin/time") else argv,
        cwd=folder, env=environment, capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    measured = re.findall(r"^(\d+)$", done.stderr, re.MULTILINE)
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return seconds, int(measured[-1]) if measured else children
