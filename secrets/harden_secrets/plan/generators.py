"""ConfigMaps and Secrets that kustomize makes of literals, as objects. Pure.

The fields of ``configMapGenerator`` and ``secretGenerator``: kustomization API, ``kustomize.config.k8s.io/v1beta1``.
One that takes in files, or changes what another makes (`behavior`), is left to the person.
"""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harden_secrets.cluster.port import Manifest
from harden_secrets.rewrite.layout import Mapping as MappingNode
from harden_secrets.rewrite.layout import Node, Sequence, resolved

_KINDS = {"configMapGenerator": "ConfigMap", "secretGenerator": "Secret"}
_LEFT_ALONE = ("files", "envs", "env", "behavior")


@dataclass(frozen=True, slots=True)
class Generated:
    """What one generator makes: where it stands, what is written there, and the object."""

    pointer: str
    node: Node
    written: Manifest
    manifest: Manifest
    siblings: int


def generated(root: Node, value: Any) -> Iterator[Generated]:
    """The objects that a kustomization makes of literals."""
    top = resolved(root)
    if not isinstance(top, MappingNode):
        return
    for field, kind in _KINDS.items():
        found = top.get(field)
        listed = resolved(found) if found is not None else None
        for number, node in enumerate(listed.items) if isinstance(listed, Sequence) else ():
            one = value[field][number]
            if (
                isinstance(one, dict)
                and isinstance(one.get("name"), str)
                and not any(key in one for key in _LEFT_ALONE)
            ):
                namespace = one.get("namespace") or value.get("namespace") or ""
                yield Generated(
                    f"/{field}/{number}", node, one, _manifest(kind, str(namespace), one), len(value[field])
                )


def literals(written: Mapping[str, Any]) -> Iterator[tuple[int, str, str]]:
    """The literals of a generator: number, key, and value without the quotes around it."""
    listed = written.get("literals")
    for number, literal in enumerate(listed) if isinstance(listed, list) else ():
        key, equals, value = literal.partition("=") if isinstance(literal, str) else ("", "", "")
        if equals:
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
            yield number, key, value[1:-1] if quoted else value


def without(written: Mapping[str, Any], pointer: str, keys: set[str]) -> list[dict[str, Any]]:
    """Operations that take literals out of a generator, the last first."""
    gone = [number for number, key, _ in literals(written) if key in keys]
    return [{"op": "remove", "path": f"{pointer}/literals/{number}"} for number in reversed(gone)]


def _manifest(kind: str, namespace: str, written: Mapping[str, Any]) -> Manifest:
    texts = {key: value for _, key, value in literals(written)}
    if kind == "Secret":
        texts = {
            key: base64.b64encode(value.encode("utf-8", "surrogateescape")).decode() for key, value in texts.items()
        }
    metadata = {"name": written["name"]} | ({"namespace": namespace} if namespace else {})
    made = {"apiVersion": "v1", "kind": kind, "metadata": metadata, "data": texts}
    return made | ({"type": written["type"]} if isinstance(written.get("type"), str) else {})
