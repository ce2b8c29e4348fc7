"""How long a repository takes to go over to a new git-crypt key, over the binary's own pass of the same files.

That pass is `git-crypt lock` and `git-crypt unlock` of a clone with all files, which is less than what a person would
have to do who encrypts them anew (unlock, change the key, `git add --renormalize`). Ours is the building of all new
blobs and the commit, in a process of its own with the start of Python.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.scan import peak

FILES, BYTES = 1_000, 500_000_000
TIMES = 3
_PROGRAM = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from harden_secrets.confidential import Confidential
from harden_secrets.inventory.model import Repository, SecretEntry, SecretKind
from harden_secrets.rotate.kinds.gitcrypt import gitcrypt_rotator
from harden_secrets.rotate.rotator import Pair

path, key, number, *phases = sys.argv[1:]
entry = SecretEntry("bench", SecretKind.GIT_CRYPT, "bench", repository=Repository(path, ("master",)))
rotator, old = gitcrypt_rotator(entry), {"key": Confidential(Path(key).read_bytes())}
pair = Pair(old, rotator.generate(old), number, datetime.now(UTC))
for phase in phases:
    getattr(rotator, phase)(path, pair)
"""


def run(folder: Path) -> Iterator[Figure]:
    """The figures."""
    os.environ["HOME"] = str(folder)
    clone, bare, key = _made(folder)
    what = f"{FILES} files, {BYTES / 1e6:.0f} MB"
    ours, theirs = [], []
    for number in range(TIMES):
        theirs.append(_seconds([["git-crypt", "lock"], ["git-crypt", "unlock", str(key)]], clone))
        ours.append(_seconds([_rekeying(bare, key, number, "install")], folder))
    detail = f"{what}: {min(ours):.1f} s over {min(theirs):.1f} s, whole processes, the best of {TIMES}"
    yield Figure("re-keying, over git-crypt's lock and unlock", min(ours) / min(theirs), 0.5, detail)
    used = peak(_rekeying(bare, key, TIMES, "install"))
    yield Figure("memory of that re-keying", used, 300, "of all its processes, shared pages once", " MB")
    whole = _seconds(
        [_rekeying(bare, key, TIMES + 1, "install", "prove", "cut_over", "retire", "prove_refused")], folder
    )
    detail = f"{whole:.1f} s: with both proofs by the real binary in fresh clones"
    yield Figure("a whole rotation, over the same", whole / min(theirs), 4, detail)


def _rekeying(bare: Path, key: Path, number: int, *phases: str) -> list[str]:
    return [sys.executable, "-c", _PROGRAM, str(bare), str(key), f"{number:012x}", *phases]


def _made(folder: Path) -> tuple[Path, Path, Path]:
    """An unlocked clone, a bare repository with the same, and the key. The files are random: they do not compress."""
    clone, bare, key = folder / "clone", folder / "bare.git", folder / "key"
    clone.mkdir()
    for argv in (["git", "init", "--quiet", "--initial-branch=master"], ["git-crypt", "init"]):
        _call(argv, clone)
    (clone / ".gitattributes").write_text("*.secret filter=git-crypt diff=git-crypt\n", encoding="ascii")
    for number in range(FILES):
        below = clone / str(number % 20)
        below.mkdir(exist_ok=True)
        (below / f"{number}.secret").write_bytes(os.urandom(BYTES // FILES))
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "core.compression=0"]
    _call(["git-crypt", "export-key", str(key)], clone)
    _call(["git", *identity, "add", "."], clone)
    _call(["git", *identity, "commit", "--quiet", "--message", "x"], clone)
    _call(["git", "clone", "--quiet", "--bare", str(clone), str(bare)], folder)
    return clone, bare, key


def _seconds(commands: Sequence[Sequence[str]], at: Path) -> float:
    start = time.perf_counter()
    for argv in commands:
        _call(argv, at)
    return time.perf_counter() - start


def _call(argv: Sequence[str], at: Path) -> None:
    subprocess.run(argv, cwd=at, check=True, capture_output=True, timeout=1800)
