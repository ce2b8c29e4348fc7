"""Generators of kustomize: literals under their own names, and the files that they take in.

The fields of ``secretGenerator`` and ``configMapGenerator``, kustomization API, ``kustomize.config.k8s.io/v1beta1``.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from harden_secrets.documents.field import Field
from harden_secrets.documents.tree import Mapping, Node

_GENERATOR = re.compile(r"/(secretGenerator|configMapGenerator)/\d+/(literals|files|envs|env)(?:/\d+)?\Z")
_LITERAL = re.compile(rb"([\w.-]+)=(['\"]?)")


def generated(root: Node, document: int, fields: Iterable[Field]) -> Iterator[Field]:
    """What the generators of a document say, besides its ``fields`` as they are."""
    if not isinstance(root, Mapping) or not (root.get("secretGenerator") or root.get("configMapGenerator")):
        return
    for field in fields:
        match = _GENERATOR.match(field.pointer)
        if match is None:
            continue
        if match[2] == "literals":
            yield from _literal(field)
        else:
            path = field.value.split(b"=", 1)[-1]
            yield replace(field, value=path, exact=False, borrowed=match[1], document=document)


def _literal(field: Field) -> Iterator[Field]:
    match = _LITERAL.match(field.value)
    if match is None:
        return
    start, end = match.end(), len(field.value)
    if match[2] and field.value.endswith(match[2]):
        end -= 1
    value = field.value[start:end]
    name = match[1].decode()
    if field.exact:
        yield replace(field, value=value, start=field.start + start, end=field.start + end, name=name)
    else:
        yield replace(field, value=value, name=name)
