"""From a tree to its fields: every scalar with its name, its pointer, what stands beside it and whose field it is."""

import binascii
import re
from collections.abc import Iterator
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field, replace

from harden_secrets.documents.field import Field
from harden_secrets.documents.kubernetes import Listed, Owner, described, provided
from harden_secrets.documents.tree import Alias, Mapping, Node, Scalar, Sequence
from harden_secrets.finding import ObjectField
from harden_secrets.pointer import escaped

_SIBLINGS = 64
_SIBLING_LENGTH = 256
_REPEATED = 20_000  # nodes that are looked at once more because an alias refers to them
_NAMES = ("name", "key", "path")  # of an item {name: …, value: …}, of a file of cloud-init
_VALUES = ("value", "content", "default")
_FLAG = re.compile(r"--?([A-Za-z][\w.-]*)\Z")


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where the walk is."""

    path: tuple[str, ...] = ()
    pointer: str = ""
    name: str = ""
    siblings: AnyMapping[str, str] = field(default_factory=dict)
    image: str = ""
    owner: Owner | None = None  # the outermost object
    owner_pointer: int = 0  # the length of the pointer to it
    manifest: Owner | None = None  # the innermost, whose kind says what a place means
    manifest_depth: int = 0
    quiet: bool = False
    resource: str = ""  # the type of Terraform resource whose instances these are
    alias: Alias | None = None
    entries: AnyMapping[str, str] | None = None  # names and values of the list of such items that this is one of


class Walk:
    """One walk over one document. ``missed`` says afterwards why it did not see everything, if so."""

    def __init__(self, document: int, nesting: int, nodes: int) -> None:
        self.missed = ""
        self._document = document
        self._nesting = nesting * 2
        self._nodes = nodes
        self._repeated = _REPEATED
        self._open: set[int] = set()

    def fields(self, root: Node) -> Iterator[Field]:
        """All scalars, in file order."""
        yield from self._visit(root, _Spot())

    def _visit(self, node: Node, spot: _Spot) -> Iterator[Field]:
        if not self._may_go_on(spot):
            return
        if isinstance(node, Alias):
            if id(node.target) in self._open:
                return  # it stands inside what it refers to
            yield from self._visit(node.target, spot if spot.alias else replace(spot, alias=node))
        elif isinstance(node, Scalar):
            yield self._field(node, spot)
        else:
            self._open.add(id(node))
            yield from self._mapping(node, spot) if isinstance(node, Mapping) else self._sequence(node, spot)
            self._open.discard(id(node))

    def _may_go_on(self, spot: _Spot) -> bool:
        self._nodes -= 1
        self._repeated -= spot.alias is not None
        if self._repeated < 0 and spot.alias:
            self.missed = "its aliases come to far more than is written"
            return False
        if self._nodes < 0:
            self.missed = "it has too many fields"
            return False
        if len(spot.path) > self._nesting:
            self.missed = "it is nested too deeply"
            return False
        return True

    def _mapping(self, node: Mapping, spot: _Spot) -> Iterator[Field]:
        spot = _with_object(node, spot)
        texts = _texts(node, spot)
        image = texts.get("image") or spot.image
        sops = _is_sops(node)
        title = next((texts[name] for name in _NAMES if texts.get(name)), "")
        for key, value in node.pairs:
            titled = bool(title) and key in _VALUES
            below = replace(
                spot,
                path=(*spot.path, key),
                pointer=f"{spot.pointer}/{escaped(key)}",
                entries=None,
                name=title if titled else _name(spot, key),
                siblings=spot.entries if titled and spot.entries else texts,
                image=image,
                quiet=spot.quiet or (sops and key == "sops"),
                resource=node.text("type") if key == "instances" else spot.resource if key == "attributes" else "",
            )
            yield from self._visit(value, below)

    def _sequence(self, node: Sequence, spot: _Spot) -> Iterator[Field]:
        entries = _entries(node)
        before = ""
        for number, item in enumerate(node.items):
            flag = _FLAG.match(before)
            below = replace(
                spot,
                path=(*spot.path, str(number)),
                pointer=f"{spot.pointer}/{number}",
                entries=entries,
                name=flag[1] if flag else spot.name,
            )
            yield from self._visit(item, below)
            before = item.text if isinstance(item, Scalar) and len(item.value) < _SIBLING_LENGTH else ""

    def _field(self, node: Scalar, spot: _Spot) -> Field:
        manifest = spot.manifest
        path = spot.path[spot.manifest_depth :]
        alias = spot.alias
        return Field(
            node.value,
            alias.start if alias else node.start,
            alias.end if alias else node.end,
            exact=node.exact and not alias,
            lined=node.lined and not alias,
            name=spot.name,
            pointer=spot.pointer,
            document=self._document,
            encodings=(manifest.encodings(path) if manifest else ()) or node.encodings,
            quiet=node.quiet or spot.quiet or (manifest is not None and manifest.encrypted(path)),
            borrowed=node.borrowed,
            siblings=spot.siblings,
            image=spot.image,
            secret_type=manifest.secret_type if manifest else "",
            object=_object(spot),
        )


def _object(spot: _Spot) -> ObjectField | None:
    owner = spot.owner
    if owner is None:
        return None
    return ObjectField(owner.kind, owner.namespace, owner.name, spot.pointer[spot.owner_pointer :])


def _with_object(node: Mapping, spot: _Spot) -> _Spot:
    """The place with the object that begins here, if one does."""
    tokens = spot.path
    if spot.resource and tokens[-1] == "attributes":  # a state file
        found: Owner | Listed | None = provided(spot.resource, node)
    elif len(tokens) == 3 and tokens[0] == "resource":
        found = provided(tokens[1], node)
    else:
        found = described(node)
    if not isinstance(found, Owner):
        return spot  # the items of a list are objects by themselves
    depth = len(spot.path)
    spot = replace(spot, manifest=found, manifest_depth=depth)
    return spot if spot.owner else replace(spot, owner=found, owner_pointer=len(spot.pointer))


def _name(spot: _Spot, key: str) -> str:
    """What a value is called: its key, or the name of the variable or output that it is the value of."""
    if key == "value" and len(spot.path) == 2 and spot.path[0] == "outputs":  # a state file
        return spot.name
    if key == "result" and spot.resource == "random_password":
        return "password"
    return spot.name if key == "default" and spot.path[:1] == ("variable",) else key


def _texts(node: Mapping, spot: _Spot) -> dict[str, str]:
    """The short texts of a mapping, freed of the base64 that its place demands."""
    path = (*spot.path[spot.manifest_depth :], "")
    wrapped = bool(spot.manifest and spot.manifest.encodings(path))
    texts: dict[str, str] = {}
    for key, value in node.texts():
        if len(value.value) <= _SIBLING_LENGTH and not value.borrowed:
            texts.setdefault(key, _decoded(value) if wrapped else value.text)
        if len(texts) >= _SIBLINGS:
            break
    return texts


def _decoded(value: Scalar) -> str:
    try:
        return binascii.a2b_base64(value.value).decode()
    except ValueError:
        return value.text


def _entries(node: Sequence) -> dict[str, str] | None:
    """Names and values of a list of ``{name: …, value: …}``, as a container's environment is."""
    entries: dict[str, str] = {}
    for item in node.items[:_SIBLINGS]:
        if isinstance(item, Mapping):
            name = item.text("name") or item.text("key")
            if name and isinstance(value := item.get("value"), Scalar) and len(value.value) <= _SIBLING_LENGTH:
                entries.setdefault(name, value.text)
    return entries or None


def _is_sops(node: Mapping) -> bool:
    """Whether SOPS has encrypted this document: its own section then holds recipients and a message for them."""
    section = node.get("sops")
    return isinstance(section, Mapping) and bool(section.get("mac") or section.get("lastmodified"))
