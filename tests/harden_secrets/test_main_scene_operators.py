"""The main scene with operators between Vault and the cluster: HashiCorp's own for real, ESO's by its definitions."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from bao.devserver import DevServer
from cluster.api import until
from cluster.operators import VaultSecretsOperator
from cluster.server import Server
from cluster.workload import Cluster

from harden_secrets.vault.kv import KeyValue
from tests.harden_secrets.keys import ssh, symmetric
from tests.harden_secrets.operator_access import let_operator_read, operator_access
from tests.harden_secrets.scene import Places, bastion, scene
from tests.harden_secrets.scene_estate import Estate, Harden, estate
from tests.harden_secrets.scene_witness import watched


@pytest.fixture
def at_work(
    cluster: Cluster, vault_secrets_operator: VaultSecretsOperator, bao: DevServer, vault: KeyValue, tmp_path: Path
) -> Iterator[Estate]:
    """The scene with the operator, which may read what harden stores as the namespaces' own ServiceAccount."""
    port = urlsplit(bao.address).port
    assert port is not None
    vault_secrets_operator.allow(port)
    access = {"VAULT_ADDR": bao.address, "VAULT_TOKEN": bao.root_token, "VAULT_CACERT": str(bao.ca)}
    with estate(cluster, tmp_path, f"{{address: '{bao.address}', mount: {vault.mount}}}", **access) as made:
        let_operator_read(cluster, bao, vault.mount)
        for namespace in made.places.all():
            cluster.admin.apply(operator_access(bao, vault.mount), namespace=namespace)
        yield made


def test_the_vault_secrets_operator_takes_over(at_work: Estate) -> None:
    """The same bytes, from Secrets that the operator made; undone when all is done, everything is as it was."""
    before = at_work.belongings()
    how = ("--deliver", "vault-secrets-operator", "--vault-auth", "openbao")
    plan = at_work.plan(*how, "--rewrite-scripts", "--reader", f"{at_work.places.ci}/ci")
    with watched(at_work):
        at_work.harden.run("secrets", "migrate", str(plan))
        at_work.check_bytes()
        assert at_work.copies() == []
        assert at_work.findings(status=0) == []
        assert makers(at_work, plan) == {"VaultStaticSecret"}
        (run,) = at_work.harden.answer("secrets", "runs")["runs"]
        at_work.harden.run("secrets", "rollback", run["run"])
    at_work.check_bytes()
    until("all is as it was", lambda: at_work.belongings() == before, 20)


def makers(estate: Estate, plan: Path) -> set[str]:
    """The kinds of the objects whose controllers made the Secrets that a plan delivers."""
    deliveries = [one for secret in json.loads(plan.read_text())["secrets"] for one in secret["deliveries"]]
    made = (estate.cluster.admin.get("v1", "Secret", one["secret"], one["namespace"]) for one in deliveries)
    return {owner["kind"] for one in made for owner in one["metadata"]["ownerReferences"]}


def test_what_the_external_secrets_operator_is_given_is_valid(eso_crds: Server, tmp_path: Path) -> None:
    """Every object of a plan for it is taken by an API server that knows its definitions."""
    places = Places(secrets.token_hex(2))
    objects = scene(places, symmetric.git_crypt(), ssh.openssh(), b"", b"")
    eso_crds.admin.apply(*objects, bastion(places.ssh, "192.0.2.1"))
    harden = Harden(tmp_path, eso_crds.kubeconfig, "{address: 'https://192.0.2.1:8200'}")
    for namespace in (places.runner, places.ssh):
        how = ("--deliver", "external-secrets", "--secret-store", "openbao")
        plan = harden.answer("secrets", "plan", "--cluster", "-n", namespace, *how, status=3)
        wanted = [one for secret in plan["secrets"] for way in secret["deliveries"] for one in way["objects"]]
        assert [one["kind"] for one in wanted] == ["ExternalSecret"]
        eso_crds.admin.apply(*wanted, namespace=namespace)
