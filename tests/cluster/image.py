"""The image that the tests' pods run: programs of this host with the libraries they need, in one layer.

Nothing is fetched: the layer holds Debian's static busybox (a shell and the usual commands) and those of `PROGRAMS`.
"""

import functools
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster.programs import ROOT, MissingProgramError

LAYER = "application/vnd.oci.image.layer.v1.tar"
TOOLS = "harden.test/tools:1"
PAUSE = "harden.test/pause:1"
PROGRAMS = ("bash", "curl", "git", "git-crypt", "jq", "ssh", "ssh-keygen", "ssh-keyscan", "sshd")
SEARCHED = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
FOLDERS = {
    "etc": 0o755,
    "etc/ssh": 0o755,
    "home": 0o755,
    "proc": 0o755,
    "root": 0o700,
    "run": 0o755,
    "run/sshd": 0o755,  # where sshd shuts its unprivileged half in
    "sys": 0o755,
    "tmp": 0o1777,
    "var": 0o755,
    "work": 0o1777,
}
PASSWD = """\
root:x:0:0::/root:/bin/sh
sshd:x:100:100::/run/sshd:/bin/false
app:x:1000:1000::/home/app:/bin/sh
"""
FILES = {
    "etc/passwd": PASSWD,
    "etc/group": "root:x:0:\nsshd:x:100:\napp:x:1000:\n",
    "etc/shadow": "root:*:19000::::::\nsshd:!:19000::::::\napp:*:19000::::::\n",
    "etc/ssh/sshd_config": "# all as it comes\n",
    "etc/gitconfig": "[user]\n\tname = Test\n\temail = test@harden.test\n[safe]\n\tdirectory = *\n",
}
ADVICE = "run scripts/bootstrap.sh test"


@dataclass(frozen=True)
class Layer:
    """A tar archive, in a file, of which an image has one or several. ``digest``: SHA-256, hexadecimal."""

    digest: str
    size: int
    path: Path


def write_images(target: Path) -> None:
    """Write an OCI archive with both images: ``TOOLS``, and ``PAUSE``, which only keeps a pod's namespaces."""
    write_archive(target, {TOOLS: ["/bin/sh"], PAUSE: ["/bin/sleep", "2147483647"]})


def write_archive(target: Path, images: Mapping[str, Sequence[str]], *above: Layer) -> None:
    """Write an OCI archive with images by name, and what each does: the layer of tools, and those ``above`` it."""
    tools = tools_layer()
    digests = [hashlib.sha256(tools).hexdigest(), *(layer.digest for layer in above)]
    sizes = [len(tools), *(layer.size for layer in above)]
    with tarfile.open(target, "w") as archive:
        add(archive, "oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        layers = [described(digest, size, LAYER) for digest, size in zip(digests, sizes, strict=True)]
        manifests = [manifest(archive, layers, name, command) for name, command in images.items()]
        add_blob(archive, tools)
        for layer in above:
            archive.add(layer.path, f"blobs/sha256/{layer.digest}")
        index = {"schemaVersion": 2, "manifests": manifests}
        add(archive, "index.json", json.dumps(index).encode())


def manifest(
    archive: tarfile.TarFile, layers: Sequence[dict[str, object]], name: str, command: Sequence[str]
) -> dict[str, object]:
    """Add an image of these layers; returns its entry for the index."""
    config = {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine],
        "os": "linux",
        "config": {
            "Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
            "Cmd": list(command),
        },
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]},
    }
    about = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": add_blob(archive, json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json"),
        "layers": list(layers),
    }
    entry = add_blob(archive, json.dumps(about).encode(), "application/vnd.oci.image.manifest.v1+json")
    return {**entry, "annotations": {"io.containerd.image.name": name}}


@functools.cache
def tools_layer() -> bytes:
    """The layer, a tar archive; the same for the same programs."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        for name, mode in FOLDERS.items():
            add_folder(layer, name, mode)
        add_folder(layer, "home/app", 0o755, owner=1000)
        for name, text in FILES.items():
            add(layer, name, text.encode(), 0o600 if name == "etc/shadow" else 0o644)
        add(layer, "bin/busybox", busybox().read_bytes(), 0o755)
        for applet in applets():
            add_link(layer, f"bin/{applet}", "busybox")
        for path, source in sorted(host_files().items()):
            add(layer, path, source.read_bytes(), 0o755)
        for name in ("git-receive-pack", "git-upload-pack"):  # by which it clones and pushes
            add_link(layer, f"usr/bin/{name}", "git")
    return buffer.getvalue()


def host_files() -> dict[str, Path]:
    """The files of the host's programs and of the libraries that the loader finds for them, by place in the image."""
    programs = [located(name) for name in PROGRAMS]
    transport = Path(output(["git", "--exec-path"]).strip()) / "git-remote-http"  # git fetches by it
    out = {str(path).lstrip("/"): path for path in programs}
    out |= {str(transport.with_name(name)).lstrip("/"): transport for name in ("git-remote-http", "git-remote-https")}
    for path in (*programs, transport):
        out |= {library.lstrip("/"): Path(library) for library in libraries(path)}
    return out


def libraries(*programs: Path) -> Iterator[str]:
    """The shared libraries that the loader finds for programs, or for libraries, of this host."""
    for line in output(["ldd", *map(str, programs)]).splitlines():
        if found := re.match(r"\s*(?:\S+ => )?(/\S+) \(0x", line):
            yield found[1]


def located(name: str) -> Path:
    found = shutil.which(name, path=SEARCHED)
    if found is None:
        raise MissingProgramError(f"{name} is not installed, and the image of the tests' pods needs it: {ADVICE}")
    return Path(found)


def busybox() -> Path:
    """A static one: the one that the test with a virtual machine boots, or an installed one."""
    installed = shutil.which("busybox", path=SEARCHED)
    for path in (ROOT / ".vm_cache/busybox", *([Path(installed)] if installed else [])):
        if path.exists() and "not a dynamic" in output(["ldd", str(path)]):
            return path
    raise MissingProgramError(f"there is no static busybox, which the image of the tests' pods needs: {ADVICE}")


def applets() -> list[str]:
    hosts = {Path(name).name for name in PROGRAMS}
    return [name for name in output([str(busybox()), "--list"]).split() if name not in {"busybox", *hosts}]


def output(command: list[str]) -> str:
    """What a command says on either stream."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30, check=False)
    return done.stdout


def add(archive: tarfile.TarFile, name: str, data: bytes, mode: int = 0o644) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), mode
    archive.addfile(member, io.BytesIO(data))


def add_folder(archive: tarfile.TarFile, name: str, mode: int, owner: int = 0) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.mode, member.uid, member.gid = tarfile.DIRTYPE, mode, owner, owner
    archive.addfile(member)


def add_link(archive: tarfile.TarFile, name: str, target: str) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, target
    archive.addfile(member)


def described(digest: str, size: int, kind: str) -> dict[str, object]:
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": size}


def add_blob(archive: tarfile.TarFile, data: bytes, kind: str = "") -> dict[str, object]:
    digest = hashlib.sha256(data).hexdigest()
    add(archive, f"blobs/sha256/{digest}", data)
    return described(digest, len(data), kind)


if __name__ == "__main__":
    write_images(Path(sys.argv[1]))
