"""How values get from Vault to whoever the manifests of a tree are for. Pure."""

import posixpath
from collections.abc import Container
from dataclasses import replace

from harden_secrets.delivery.values import Delivery
from harden_secrets.plan.files.tree import Tree
from harden_secrets.plan.world import Request
from harden_secrets.rewrite.rendering import Style

_VAULT_OPERATOR = frozenset({"VaultStaticSecret", "VaultDynamicSecret", "VaultAuth", "VaultConnection"})
_STORES = {"SecretStore": "", "ClusterSecretStore": "cluster/"}
_STORE = Request().secret_store


def default_delivery(tree: Tree, request: Request) -> Request:
    """The request with what is usual in this tree where it does not say: by the operator whose objects are there."""
    kinds = {one.name.kind for one in tree.objects}
    stores = sorted({_STORES[one.name.kind] + one.name.name for one in tree.objects if one.name.kind in _STORES})
    if request.secret_store == _STORE and len(stores) == 1:
        request = replace(request, secret_store=stores[0])
    if request.deliver is not None:
        return request
    if kinds & _VAULT_OPERATOR:
        return replace(request, deliver="vault-secrets-operator")
    if kinds & {*_STORES, "ExternalSecret"}:
        return replace(request, deliver="external-secrets")
    return replace(request, deliver="direct")


def delivery_file(delivery: Delivery, beside: str, taken: Container[str]) -> tuple[str, str] | None:
    """A new file with what an operator needs, and its text; None where nothing in the tree delivers it."""
    if not delivery.objects:
        return None
    folder, number = posixpath.dirname(beside), 1
    path = posixpath.join(folder, f"{delivery.secret}.vault.yaml")
    while path in taken:
        number += 1
        path = posixpath.join(folder, f"{delivery.secret}-{number}.vault.yaml")
    documents = ["\n".join(Style().block(one)) + "\n" for one in delivery.objects]
    return path, "---\n".join(documents)
