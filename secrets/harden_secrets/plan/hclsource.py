"""Objects that Terraform makes, in its files: what to change there. Pure."""

from collections.abc import Iterator

from harden_secrets.cluster.port import ObjectName
from harden_secrets.plan.moves import Kind, Move, Moves
from harden_secrets.rewrite.hclblocks import Block, blocks

# A block that refers → its attribute with the name, the kind, and both in the Secret's case.
_REFERENCES: dict[str, tuple[str, Kind, str, str]] = {
    "config_map": ("name", "ConfigMap", "secret", "secret_name"),
    "config_map_key_ref": ("name", "ConfigMap", "secret_key_ref", "name"),
    "config_map_ref": ("name", "ConfigMap", "secret_ref", "name"),
    "secret": ("secret_name", "Secret", "secret", "secret_name"),
    "secret_key_ref": ("name", "Secret", "secret_key_ref", "name"),
    "secret_ref": ("name", "Secret", "secret_ref", "name"),
}
_DATA = ("data", "binary_data")
_FOLDED = str.maketrans("", "", "_")


def resource_of(content: bytes, name: ObjectName) -> Block | None:
    """The resource of Terraform's Kubernetes provider that makes an object, if its name is written there."""
    top = blocks(content)
    if top is None:
        return None
    for block in top.inside("resource"):
        if len(block.words) == 3 and _kind(block.words[1]) == name.kind.lower() and _is(block, name):
            return block
    return None


def turned(content: bytes, resource: Block, moves: Moves) -> bytes | None:
    """The file with every literal reference turned; None where one is not literal or only a part of it moves."""
    pieces: list[tuple[int, int, bytes]] = []
    for block in resource.all_inside():
        found = _REFERENCES.get(block.words[0])
        if found is None:
            continue
        named, kind, new, new_name = found
        attribute = block.attribute(named)
        move = moves.of(kind, attribute.literal or "") if attribute is not None else None
        if attribute is None or move is None:
            continue
        if not move.whole or move.renames:
            return None
        pieces.append((block.start, block.start + len(block.words[0]), new.encode()))
        pieces.append((attribute.start, attribute.start + len(named), new_name.encode()))
        pieces.append(_name(content, attribute.start, attribute.end, move))
    made, position = [], 0
    for start, end, piece in sorted(pieces):
        made += [content[position:start], piece]
        position = end
    return b"".join([*made, content[position:]]) if pieces else None


def entries(content: bytes, resource: Block, key: str) -> Iterator[tuple[int, int]]:
    """Where an entry of its data is written: from the name to the end of the value."""
    for block in resource.blocks:
        if block.words[0] in _DATA:
            for attribute in block.attributes:
                if attribute.name == key:
                    yield attribute.start, attribute.end


def _name(content: bytes, start: int, end: int, move: Move) -> tuple[int, int, bytes]:
    first = content.index(b'"', start, end)
    return first, end, b'"' + move.secret.encode() + b'"'


def _kind(resource: str) -> str:
    kind = resource.removeprefix("kubernetes_")
    for version in ("_v1", "_v2", "_v1beta1"):
        kind = kind.removesuffix(version)
    return kind.translate(_FOLDED)


def _is(resource: Block, name: ObjectName) -> bool:
    for metadata in resource.inside("metadata"):
        namespace = metadata.literal("namespace")
        return metadata.literal("name") == name.name and namespace in (None, name.namespace)
    return False
