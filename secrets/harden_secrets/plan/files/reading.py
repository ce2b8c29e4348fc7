"""Reads files and folders: what stands in them, and where key material lies."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from harden_secrets.cluster.port import ObjectName
from harden_secrets.detect import DETECTORS
from harden_secrets.examine import Reference, Sighting, Unexamined, examine, examine_object
from harden_secrets.fingerprint import Fingerprinter
from harden_secrets.firstpass import FirstPass, Interest
from harden_secrets.plan.fileobjects import FileObject, file_objects, is_sound
from harden_secrets.plan.files.tree import KUSTOMIZATIONS, Found, Tree
from harden_secrets.plan.held import Held, held
from harden_secrets.rewrite.stream import LARGEST, stream
from harden_secrets.scan.allow import allowances
from harden_secrets.sources.files import Walk
from harden_secrets.sources.scripts import LARGEST as LONGEST_SCRIPT
from harden_secrets.unwrap import UNWRAP_SIGNATURES

_MANIFESTS = (".yaml", ".yml", ".json")
_ASKS = (b"configmap", b"config_map", b"config-map", b"secret", b" cm ", b" cm/")  # no reader of either is without one

_Key = tuple[str, ObjectName, str]  # fingerprint, object, pointer


def read_tree(paths: Sequence[str], fingerprints: Fingerprinter) -> Tree:
    """Everything under the paths. Raises HardenError for one that is not there."""
    tree = Tree()
    files: list[str] = []
    first_pass = _first_pass()
    walk = Walk(paths)
    for batch in walk.batches():
        for path in filter(_is_worked_on, batch.paths):
            if _add(path, tree, first_pass, fingerprints):
                files.append(path)
    _look_for_names(files, tree)
    tree.left += [f"{one.source}: not looked at: {one.reason}" for one in walk.skipped if one.incomplete]
    _drop_twins(tree)
    return tree


@lru_cache(maxsize=1)
def _first_pass() -> FirstPass:
    """Compiling it takes half a second."""
    return FirstPass(DETECTORS, UNWRAP_SIGNATURES, ())


def _add(path: str, tree: Tree, first_pass: FirstPass, fingerprints: Fingerprinter) -> bool:
    """Whether the file could be read."""
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        tree.left.append(f"{path}: cannot be read: {error.strerror}")
        return False
    if len(content) > LARGEST:
        tree.left.append(f"{path}: not looked at: larger than {LARGEST >> 20} MiB; harden secrets scan looks at it")
        return False
    objects = list(_objects(path, content, tree))
    if not objects and len(content) <= LONGEST_SCRIPT:
        _add_script(path, content, tree)
    if first_pass.interest_in(memoryview(content)) & Interest.SECRET:
        tree.contents[path] = content
        _add_secrets(path, content, objects, tree, fingerprints)
    return True


def _is_worked_on(path: str) -> bool:
    """Whether it is a file of somebody's, and not git's own."""
    return ".git" not in path.split(os.sep)[:-1]


def _objects(path: str, content: bytes, tree: Tree) -> Iterator[FileObject]:
    kustomization = os.path.basename(path) in KUSTOMIZATIONS
    if not kustomization and not (path.lower().endswith(_MANIFESTS) and b"kind" in content):
        return
    tree.contents[path] = content
    whole = stream(content)
    for problem in (one.problem for one in whole.documents if one.problem is not None):
        where = f"{path}:{whole.line(problem.position)}"
        tree.left.append(f"{where}: {problem.words}: look yourself whether it uses a key")
    for one in file_objects(path, whole):
        tree.objects.append(one)
        if not one.generator:
            tree.index.add(one.written, path)
        yield one


def _add_script(path: str, content: bytes, tree: Tree) -> None:
    lowered = content.lower()
    if not any(word in lowered for word in _ASKS):
        return
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return
    tree.index.add_text(path, text)
    tree.contents[path] = content


def _add_secrets(
    path: str, content: bytes, objects: Sequence[FileObject], tree: Tree, fingerprints: Fingerprinter
) -> None:
    allowed = allowances(content)
    movable = {(one.fingerprint, one.object, one.pointer): one for one in _held(path, objects, fingerprints)}
    names = {name for _, name, _ in movable}
    taken: set[tuple[str, ObjectName, str]] = set()
    for seen in examine(content, path, DETECTORS, first_pass=_first_pass()):
        if isinstance(seen, Reference):
            tree.references.append((path, seen))
        elif isinstance(seen, Unexamined):
            tree.left.append(f"{path}: {seen.reason}")
        elif allowed.reason_for(seen.detection.material, seen.line, seen.start, seen.end) is None:
            found = Found(path, seen, fingerprints.of(seen.detection))
            key = _key(found, names) if seen.object is not None else _generated(found, objects, movable)
            if key in movable:
                taken.add(key)
                tree.written.setdefault((path, key[1], key[2]), (seen.line, seen.encodings))
            else:
                tree.elsewhere.append(found)
    tree.held += [one for key, one in movable.items() if key in taken]


def _held(path: str, objects: Iterable[FileObject], fingerprints: Fingerprinter) -> Iterator[Held]:
    for one in objects:
        if one.template or not is_sound(one.manifest):
            continue
        for seen in examine_object(one.manifest, DETECTORS):
            if isinstance(seen, Sighting):
                made = held(path, one.manifest, seen, fingerprints.of(seen.detection))
                if made is not None:
                    yield made


def _generated(found: Found, objects: Iterable[FileObject], movable: Iterable[_Key]) -> _Key:
    """The place of a sighting in what a generator makes."""
    start = found.sighting.start
    names = {one.name for one in objects if one.generator and one.start <= start < one.end}
    nowhere = (found.fingerprint, ObjectName("", "", "", ""), "")
    return next((key for key in movable if key[0] == found.fingerprint and key[1] in names), nowhere)


def _key(found: Found, names: Iterable[ObjectName]) -> _Key:
    """The place of a sighting as the API server names it."""
    place = found.sighting.object
    assert place is not None
    field_ = (
        "/data/" + place.field.removeprefix("/stringData/") if place.field.startswith("/stringData/") else place.field
    )
    wanted = (place.kind, place.namespace, place.name)
    name = next((one for one in names if (one.kind, one.namespace, one.name) == wanted), ObjectName("", *wanted))
    return found.fingerprint, name, field_


def _look_for_names(files: Sequence[str], tree: Tree) -> None:
    """Which files name those that may be keys as a whole."""
    wanted = {os.path.basename(one.path) for one in tree.elsewhere if one.sighting.object is None}
    if not wanted:
        return
    patterns = {name: (os.fsencode(name), re.compile(_name_pattern(name))) for name in sorted(wanted)}
    for path in files:
        if os.path.getsize(path) > LONGEST_SCRIPT:
            continue
        with open(path, "rb") as file:
            content = file.read()
        for name, (plain, pattern) in patterns.items():
            if plain in content and pattern.search(content):
                tree.names.setdefault(name, []).append(path)


def _name_pattern(name: str) -> bytes:
    return rb"(?<![\w.-])" + re.escape(os.fsencode(name)) + rb"(?![\w-])"


def _drop_twins(tree: Tree) -> None:
    """Objects of one name in several files are of several clusters, or layers of one: which, a plan cannot know."""
    places: dict[ObjectName, list[str]] = {}
    for one in tree.objects:
        places.setdefault(one.name, []).append(one.path)
    for name in sorted({one.object for one in tree.held}):
        where = places.get(name, [])
        if len(where) > 1:
            said = ", ".join(dict.fromkeys(where))
            tree.left.append(f"{name} is described {len(where)} times ({said}): plan for each of these by itself")
            tree.held = [one for one in tree.held if one.object != name]
