"""What a plan gives an operator is what the operator's own definitions take, and nothing of it is dropped."""

from typing import Any

import pytest
from cluster.api import ApiError
from cluster.operators import has_definition, load_definitions
from cluster.server import Server

from harden_secrets.delivery.values import Delivery
from harden_secrets.plan.cluster import build
from harden_secrets.plan.world import Request
from tests.harden_secrets.keys import ssh, symmetric
from tests.harden_secrets.simple_scene import SCRIPT, deployment, scene
from tests.harden_secrets.test_plan_cluster import world

STATIC_SECRET = "vaultstaticsecrets.secrets.hashicorp.com"


@pytest.fixture
def operators(eso_crds: Server) -> Server:
    """An API server with the definitions of both operators."""
    if not has_definition(eso_crds.admin, STATIC_SECRET):
        load_definitions(eso_crds.admin, "vault-secrets-operator")
    return eso_crds


def deliveries(**request: Any) -> list[Delivery]:
    """For the main scene, with a mount of base64 text beside a script that asks for the same entry."""
    objects = [*scene(symmetric.git_crypt(), ssh.openssh()), deployment("woodpecker")]
    plan = build(world(objects, SCRIPT), Request(**request), "p", "now")
    made = [delivery for secret in plan.secrets for delivery in secret.deliveries]
    assert {key.form for one in made for key in one.keys} == {"raw", "base64"}
    return made


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param({"deliver": "vault-secrets-operator", "vault_auth": "platform/openbao"}, id="VSO, an auth"),
        pytest.param({"deliver": "vault-secrets-operator"}, id="VSO, the default auth"),
        pytest.param({"deliver": "external-secrets", "secret_store": "vault"}, id="ESO, a store"),
        pytest.param({"deliver": "external-secrets", "secret_store": "cluster/vault"}, id="ESO, a cluster store"),
    ],
)
def test_the_definitions_take_what_a_plan_gives(operators: Server, request_: dict[str, Any]) -> None:
    """Field by field: the server has what was sent."""
    namespace = operators.admin.new_namespace()
    for delivery in deliveries(**request_):
        for manifest in delivery.objects:
            sent = manifest | {"metadata": manifest["metadata"] | {"namespace": namespace}}
            (stored,) = operators.admin.apply(sent, namespace=namespace)
            assert contains(stored["spec"], sent["spec"])
            assert contains(stored["metadata"], sent["metadata"])


def test_the_definitions_refuse_what_is_wrong(operators: Server) -> None:
    """So that the test above says something."""
    namespace = operators.admin.new_namespace()
    (manifest,) = deliveries(deliver="external-secrets")[0].objects
    manifest["spec"]["target"]["creationPolicy"] = "Sometimes"
    manifest["metadata"]["namespace"] = namespace
    with pytest.raises(ApiError, match="creationPolicy"):
        operators.admin.apply(manifest, namespace=namespace)


def contains(whole: Any, part: Any) -> bool:
    """Whether everything of a part is in the whole, which may have defaults besides."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(key in whole and contains(whole[key], part[key]) for key in part)
    if isinstance(part, list):
        return len(whole) == len(part) and all(map(contains, whole, part))
    return bool(whole == part)
