"""Files and folders as a plan sees them: manifests, who uses what, and where key material lies. Values."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field

from harden_secrets.cluster.consumers import Index
from harden_secrets.cluster.port import ObjectName
from harden_secrets.examine import Reference, Sighting
from harden_secrets.plan.fileobjects import FileObject
from harden_secrets.plan.held import Held

KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")


@dataclass(frozen=True, slots=True)
class Found:
    """Key material that stands in a file outside of what a plan can move."""

    path: str
    sighting: Sighting
    fingerprint: str


@dataclass(slots=True)
class Tree:
    """What was read. ``contents`` are the files that have objects or key material."""

    contents: dict[str, bytes] = field(default_factory=dict)
    objects: list[FileObject] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    elsewhere: list[Found] = field(default_factory=list)
    references: list[tuple[str, Reference]] = field(default_factory=list)
    index: Index = field(default_factory=Index)
    # by file, object and pointer: the line, and what wraps the value there
    written: dict[tuple[str, ObjectName, str], tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)  # of files that are keys → files that name them
    left: list[str] = field(default_factory=list)

    def naming(self, path: str) -> str:
        """A file under these paths that names another as a whole, or nothing: whoever reads that must not lose it."""
        return next((source for source in self.names.get(posixpath.basename(path), ()) if source != path), "")

    def kustomizations(self) -> Iterator[str]:
        """The paths of all kustomizations."""
        yield from (path for path in self.contents if posixpath.basename(path) in KUSTOMIZATIONS)
