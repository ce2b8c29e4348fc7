"""The image in which pods run `harden`: this interpreter, and harden as it is here with all that it needs.

One layer more than that of `cluster.image`: the interpreter with its standard library under /opt/python, and what
would be installed beside harden in a virtual environment under /opt/harden. Nothing is fetched. Compiled modules go
with their sources and keep their times, because a pod cannot write what it compiles.
"""

import functools
import hashlib
import importlib.metadata
import importlib.util
import os
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cluster.image import Layer, add, add_link, libraries, write_archive
from packaging.requirements import Requirement

HARDEN = "harden.test/harden:1"
BASE, HOME = "opt/python", "opt/harden"
VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
SITE = f"{HOME}/lib/{VERSION}/site-packages"
PACKAGES = ("harden", "harden_secrets", "wgfw")
UNWANTED = {
    "ensurepip",
    "idlelib",
    "lib2to3",
    "site-packages",
    "dist-packages",
    "test",
    "tests",
    "tkinter",
    "turtledemo",
}
UNUSED = f"{SITE}/kubernetes/aio/"  # half of the library again, for programs of another style, and what only that needs
UNUSED_NEEDS = {"aiohttp", "aiohttp-retry"}
SCRIPT = f"#!/{HOME}/bin/python3\nfrom harden.cli import main\nmain()\n"
CONFIGURATION = f"home = /{BASE}/bin\ninclude-system-site-packages = false\n"
USER = 65532  # ssh and git want to know who they are
PASSWD = f"root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\nharden:x:{USER}:{USER}::/tmp:/bin/sh\n"


def write_image(target: Path) -> None:
    """Write an OCI archive with the image ``HARDEN``."""
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix="layer-") as layer:
        with tarfile.open(fileobj=layer, mode="w") as archive:
            fill(archive)
        layer.seek(0)
        digest = hashlib.file_digest(layer, "sha256").hexdigest()
        size = layer.seek(0, os.SEEK_END)
        write_archive(target, {HARDEN: ["harden"]}, Layer(digest, size, Path(layer.name)))


def fill(layer: tarfile.TarFile) -> None:
    """Put everything into the layer."""
    add(layer, f"{HOME}/pyvenv.cfg", CONFIGURATION.encode())
    add(layer, f"{HOME}/bin/harden", SCRIPT.encode(), 0o755)
    add(layer, "etc/passwd", PASSWD.encode())
    add_link(layer, f"{HOME}/bin/python3", f"/{BASE}/bin/{VERSION}")
    add_link(layer, "usr/bin/harden", f"/{HOME}/bin/harden")
    files = dict(contents())
    for place, source in sorted(files.items()):
        add_file(layer, place, source)
    loaded = [source for place, source in files.items() if ".so" in source.suffixes or place.startswith(f"{BASE}/bin")]
    for library in sorted({one for one in libraries(*loaded) if not is_bundled(one)}):
        known = library.startswith(("/lib", "/usr/lib"))
        add_file(layer, library.lstrip("/") if known else f"usr/lib/{Path(library).name}", Path(library))


def contents() -> Iterator[tuple[str, Path]]:
    """Every file of the interpreter and of the environment, by its place in the image."""
    yield f"{BASE}/bin/{VERSION}", Path(sys.executable).resolve()
    standard = Path(sysconfig.get_path("stdlib"))
    for path in below(standard):
        yield f"{BASE}/lib/{VERSION}/{path.relative_to(standard)}", path
    for distribution in needed("harden").values():
        for name in distribution.files or ():
            place, source = f"{SITE}/{name}", Path(str(distribution.locate_file(name)))
            if is_wanted(place) and source.is_file():
                yield place, source
    for package in PACKAGES:
        found = importlib.util.find_spec(package)
        assert found is not None, f"{package} is not installed"
        assert found.submodule_search_locations, f"{package} is no folder"
        folder = found.submodule_search_locations[0]
        for path in below(Path(folder)):
            yield f"{SITE}/{package}/{path.relative_to(folder)}", path


def below(folder: Path) -> Iterator[Path]:
    """The files that are wanted of a folder of modules."""
    for inside, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in UNWANTED and not name.startswith("config-")]
        yield from (path for name in names if is_wanted(str(path := Path(inside, name))))


def is_wanted(place: str) -> bool:
    """Not what only an installer, an editor or another interpreter reads."""
    if place.endswith(".pyc") and not place.endswith(f".{sys.implementation.cache_tag}.pyc"):
        return False
    return not place.endswith((".pyi", ".pth", ".a")) and "/../" not in place and not place.startswith(UNUSED)


@functools.cache
def needed(name: str) -> dict[str, importlib.metadata.Distribution]:
    """A distribution and all that it needs to run on this machine, by name."""
    found: dict[str, importlib.metadata.Distribution] = {}
    waiting = [name]
    while waiting:
        one = importlib.metadata.distribution(waiting.pop())
        key = one.metadata["Name"].lower().replace("_", "-")
        if key not in found:
            found[key] = one
            wanted = [Requirement(text) for text in one.requires or () if Requirement(text).name not in UNUSED_NEEDS]
            waiting += [each.name for each in wanted if each.marker is None or each.marker.evaluate({"extra": ""})]
    return found


def is_bundled(library: str) -> bool:
    """Whether a library comes with a package, beside the modules that load it."""
    return "site-packages/" in library or "dist-packages/" in library


def add_file(layer: tarfile.TarFile, place: str, source: Path) -> None:
    """A copy that anybody may read, with the file's own time."""
    status = source.stat()
    member = tarfile.TarInfo(place)
    member.size, member.mtime = status.st_size, int(status.st_mtime)
    member.mode = 0o755 if status.st_mode & 0o100 else 0o644
    with source.open("rb") as content:
        layer.addfile(member, content)
