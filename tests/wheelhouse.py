"""Wheels without a network: what is installed here, packed again, and the project's own, built.

A wheel is the files that its RECORD lists (Binary distribution format, packaging.python.org). What was installed from
one can so be made one again, with the same bytes in it.
"""

import base64
import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement
from packaging.tags import sys_tags
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}  # what an installer adds, or what is made anew


def build_wheel(folder: Path) -> Path:
    """The wheel of the project."""
    words = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(words, capture_output=True, timeout=120, check=True)
    (wheel,) = folder.glob("harden-*.whl")
    return wheel


def pack_dependencies(name: str, folder: Path) -> None:
    """A wheel of each distribution that this one needs, into the folder, and pip, which makes environments."""
    for needs in (needed({name}) | {"pip"}) - {name}:
        pack(metadata.distribution(needs), folder)


def needed(names: set[str]) -> set[str]:
    """The names and what they need to run on this machine, without extras."""
    found: set[str] = set()
    waiting = set(names)
    while waiting:
        name = canonicalize_name(waiting.pop())
        found.add(name)
        for text in metadata.requires(name) or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting |= {canonicalize_name(requirement.name)} - found
    return found


def pack(distribution: metadata.Distribution, folder: Path) -> Path:
    """The distribution as a wheel again."""
    lines = (distribution.read_text("WHEEL") or "").splitlines()
    tags = [line.removeprefix("Tag: ") for line in lines if line.startswith("Tag: ")]
    here = {str(tag) for tag in sys_tags()}
    name = distribution.name.replace("-", "_")
    wheel = folder / f"{name}-{distribution.version}-{next(tag for tag in tags if tag in here)}.whl"
    write_wheel(wheel, dict(contents(distribution)))
    return wheel


def contents(distribution: metadata.Distribution) -> Iterator[tuple[str, bytes]]:
    """Its files by their names within a wheel. Programs are left out: an installer makes them."""
    for file in distribution.files or ():
        path = PurePosixPath(file)
        if ".." not in path.parts and "__pycache__" not in path.parts and path.name not in LEFT_OUT:
            yield str(path), Path(str(distribution.locate_file(file))).read_bytes()


def older(wheel: Path, version: str, folder: Path) -> Path:
    """The same wheel as if it were of an earlier version, with a module that the newer one does not have."""
    name, now, *rest = wheel.stem.split("-")
    with zipfile.ZipFile(wheel) as archive:
        files = {path: archive.read(path) for path in archive.namelist() if not path.endswith("/RECORD")}
    for path in ("harden/__init__.py", f"{name}-{now}.dist-info/METADATA"):
        assert now.encode() in files[path]
        files[path] = files[path].replace(now.encode(), version.encode(), 1)
    files["harden/given_up.py"] = b'"""Not there any more."""\n'
    made = folder / ("-".join((name, version, *rest)) + ".whl")
    write_wheel(
        made, {path.replace(f"-{now}.dist-info", f"-{version}.dist-info"): text for path, text in files.items()}
    )
    return made


def write_wheel(wheel: Path, files: dict[str, bytes]) -> None:
    """The files as a wheel, with the RECORD that belongs to them."""
    information = next(path.partition("/")[0] for path in files if path.partition("/")[0].endswith(".dist-info"))
    record = [f"{path},{_digest(content)},{len(content)}" for path, content in files.items()]
    record.append(f"{information}/RECORD,,")
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_STORED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
        archive.writestr(f"{information}/RECORD", "\n".join(record) + "\n")


def _digest(content: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
