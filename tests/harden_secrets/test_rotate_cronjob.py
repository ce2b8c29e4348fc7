"""The CronJob that rotates what is due: a server takes it as it is, and it may do what rotating takes and no more."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from cluster.api import ApiError, until
from cluster.server import Server
from cluster.workload import Cluster, container, deployment

from harden.cli import app, run
from harden_secrets.cluster.opening import open_cluster
from harden_secrets.confidential import Confidential
from harden_secrets.inventory.loader import read_inventory
from harden_secrets.inventory.model import Inventory, PasswordRules, SecretEntry, SecretKind
from harden_secrets.rotate.delivery import EntryDeliverer
from harden_secrets.rotate.delivery.entrydeliverer import DEFAULT
from harden_secrets.rotate.units.cronjob import INVENTORY, NAME, Pod, manifests
from harden_secrets.rotate.units.podfit import remarks
from harden_secrets.rotate.units.role import rules
from harden_secrets.rotate.units.yamlstream import stream

VAULT = 'vault: {address: "https://vault:8200", auth: {method: kubernetes, role: harden}}\n'
DIRECT = """
  one:
    kind: command
    path: apps/one
    command: [/usr/local/bin/one]
    deliver:
      - {to: direct, namespace: APPS, secret: one, keys: {key: key}}
      - {to: direct, namespace: APPS, secret: two, keys: {key: key}}
    rotate: {every: 30d, window: "02:00-05:00 Europe/Bucharest"}
"""
OPERATED = """
  vso:
    kind: command
    path: apps/vso
    command: [/usr/local/bin/one]
    deliver: [{to: vault-secrets-operator, namespace: APPS, secret: three}]
    rotate: {every: 30d}
  eso:
    kind: command
    path: apps/eso
    command: [/usr/local/bin/one]
    deliver: [{to: external-secrets, namespace: APPS, secret: four, store: vault}]
    rotate: {every: 30d}
"""
IMAGE = "registry.example/harden:1"
BETWEEN = timedelta(minutes=15)
WORKLOADS = ("deployments", "statefulsets", "daemonsets")


def inventory(entries: str, namespace: str = "apps", vault: str = VAULT) -> Inventory:
    return read_inventory(written(entries, namespace, vault).encode(), "secrets.yaml")


def written(entries: str, namespace: str = "apps", vault: str = VAULT) -> str:
    return f"version: 1\n{vault}secrets:{entries.replace('APPS', namespace)}"


def objects(entries: str, namespace: str, apps: str, **more: Any) -> list[dict[str, Any]]:
    pod = replace(Pod(namespace, IMAGE, {"secrets.yaml": written(entries, apps)}), **more)
    return list(manifests(pod, inventory(entries, apps), BETWEEN))


def of_kind(made: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (found,) = [one for one in made if one["kind"] == kind]
    return found


def pod_spec(made: list[dict[str, Any]]) -> dict[str, Any]:
    spec: dict[str, Any] = of_kind(made, "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return spec


def create_strictly(server: Server, one: dict[str, Any]) -> None:
    """As `kubectl create --validate=strict`: a field that the server does not know is refused."""
    path = server.admin.path(one["apiVersion"], one["kind"], None, one["metadata"]["namespace"])
    server.admin.request("POST", f"{path}?fieldValidation=Strict", one)


def test_a_server_takes_all_objects_as_they_are(api_server: Server) -> None:
    """With every field known to it; and what is read back of the printed YAML is the same."""
    here, apps = api_server.admin.new_namespace(), api_server.admin.new_namespace()
    made = objects(DIRECT + OPERATED, here, apps, claims={"/srv/infra": "repositories"}, environment={"A": "b"})
    assert list(yaml.safe_load_all(stream(made))) == made
    for one in made:
        create_strictly(api_server, one)
    kept = api_server.admin.get("v1", "ConfigMap", INVENTORY, here)["data"]["secrets.yaml"]
    assert read_inventory(kept.encode(), "secrets.yaml") == inventory(DIRECT + OPERATED, apps)
    spec = api_server.admin.get("batch/v1", "CronJob", NAME, here)["spec"]
    assert (spec["schedule"], spec["concurrencyPolicy"]) == ("*/15 * * * *", "Forbid")


def test_its_pods_are_taken_where_pods_are_restricted(api_server: Server) -> None:
    """By the strictest of the Pod Security Standards, which the server itself judges by."""
    here = api_server.admin.new_namespace()
    label = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    api_server.admin.patch("v1", "Namespace", here, label, None)
    made = objects(DIRECT, here, here)
    create_strictly(api_server, of_kind(made, "ServiceAccount"))
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "rotation", "namespace": here}}
    create_strictly(api_server, {**pod, "spec": pod_spec(made)})
    loose = {**pod_spec(made), "securityContext": {}}
    with pytest.raises(ApiError, match="violates PodSecurity"):
        create_strictly(api_server, {**pod, "spec": loose})


def test_its_root_cannot_be_written_and_nothing_stays() -> None:
    """State and temporary files lie in memory."""
    spec = pod_spec(objects(DIRECT, "harden", "apps"))
    (one,) = spec["containers"]
    assert one["securityContext"]["readOnlyRootFilesystem"] is True
    assert one["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert one["command"] == ["harden", "secrets", "rotate", "--due"]
    media = {volume["name"]: volume["emptyDir"]["medium"] for volume in spec["volumes"] if "emptyDir" in volume}
    assert media == {"state": "Memory", "tmp": "Memory"}
    assert not [key for key in spec if key.startswith("host")]


@pytest.fixture
def account(api_server: Server) -> tuple[Server, str, str]:
    """All objects are there: the server, the CronJob's namespace and that of the deliveries."""
    here, apps = api_server.admin.new_namespace(), api_server.admin.new_namespace()
    api_server.admin.apply(*objects(DIRECT + OPERATED, here, apps))
    asker = api_server.as_account(NAME, here)
    until("the role counts", lambda: asker.may("get", "secrets", apps, "one"))
    return api_server, here, apps


def test_it_may_do_what_rotating_takes(account: tuple[Server, str, str]) -> None:
    """Named Secrets, the workloads that may have to be restarted, a look into pods; in that namespace."""
    server, here, apps = account
    may = server.as_account(NAME, here).may
    assert all(may(verb, "secrets", apps, name) for verb in ("get", "update") for name in ("one", "two"))
    assert may("create", "secrets", apps)
    assert all(may("get", "secrets", apps, name) for name in ("three", "four"))
    assert all(may(verb, kind, apps, "x", "apps") for verb in ("get", "list", "patch") for kind in WORKLOADS)
    assert all(may(verb, "pods", apps) for verb in ("get", "list"))
    assert all(may(verb, "pods/exec", apps, "x") for verb in ("get", "create"))
    for group, kind in (("external-secrets.io", "externalsecrets"), ("secrets.hashicorp.com", "vaultstaticsecrets")):
        assert all(may(verb, kind, apps, "x", group) for verb in ("get", "list", "patch"))


def test_it_may_do_no_more(account: tuple[Server, str, str]) -> None:
    """No other Secret, no list of them, nothing removed, no pod made, no right given; nothing elsewhere."""
    server, here, apps = account
    may = server.as_account(NAME, here).may
    assert not [verb for verb in ("get", "update", "patch", "delete") if may(verb, "secrets", apps, "other")]
    assert not [verb for verb in ("list", "watch", "deletecollection") if may(verb, "secrets", apps)]
    assert not [verb for verb in ("patch", "delete") if may(verb, "secrets", apps, "one")]
    assert not may("update", "secrets", apps, "three"), "what an operator makes is its own"
    assert not [verb for verb in ("create", "update", "patch", "delete") if may(verb, "pods", apps, "x")]
    assert not [
        kind for kind in WORKLOADS for verb in ("create", "update", "delete") if may(verb, kind, apps, "x", "apps")
    ]
    rbac = "rbac.authorization.k8s.io"
    assert not [verb for verb in ("create", "bind", "escalate") if may(verb, "roles", apps, "", rbac)]
    assert not may("create", "serviceaccounts/token", apps, NAME)
    assert not [place for place in (here, "default", None) if may("get", "secrets", place, "one")]
    assert not [place for place in (here, "default", None) if may("create", "pods/exec", place, "x")]


ENV = [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "one", "key": "key"}}}]


def asked_by(server: Server, account: str) -> Iterator[tuple[str, str, str, int]]:
    """Verb, resource, name and answer of every request of a ServiceAccount, from the audit log."""
    for line in server.audit_log.read_text().splitlines():
        event = json.loads(line)
        if event["user"]["username"] == account and "responseStatus" in event and "objectRef" in event:
            named = event["objectRef"]
            kind = "/".join(part for part in (named["resource"], named.get("subresource", "")) if part)
            yield event["verb"], kind, named.get("name", ""), event["responseStatus"]["code"]


def test_a_delivery_goes_through_with_these_rights_and_uses_them(cluster: Cluster) -> None:
    """Nothing is denied on the way from a Secret to restarted, proved pods; and each right of the Role has its use."""
    with cluster.namespace() as namespace:
        cluster.admin.apply(*objects(DIRECT, namespace, namespace))
        kubeconfig = cluster.server.kubeconfig_of_account(NAME, namespace)
        asker = cluster.server.as_account(NAME, namespace)
        until("the role counts", lambda: asker.may("get", "secrets", namespace, "one"))
        opened = open_cluster(kubeconfig, None, {}, pytest.fail)
        entry = inventory(DIRECT, namespace).secrets["one"]
        deliverer = EntryDeliverer(entry, "secret", lambda: opened, lambda _words: None, DEFAULT)
        old, new = {"key": Confidential(b"old-value")}, {"key": Confidential(b"new-value")}
        for delivery in deliverer.deliveries:
            deliverer.deliver(delivery, old, old)
        reader = container(["sleep", "3600"], env=ENV)
        cluster.admin.apply(deployment("reader", reader), namespace=namespace)
        cluster.wait_for_rollout(namespace, "reader")
        deliverer.check()
        for delivery in deliverer.deliveries:
            deliverer.deliver(delivery, new, old)
        assert "new bytes were read" in deliverer.confirm(f"secret {namespace}/one", new)
        seen = list(asked_by(cluster.server, f"system:serviceaccount:{namespace}:{NAME}"))
    assert not [one for one in seen if one[3] == 403]
    used = {(kind, verb) for verb, kind, _, _ in seen}
    granted = {
        (kind, verb)
        for rule in rules(inventory(DIRECT, namespace))[namespace]
        for kind in rule["resources"]
        for verb in rule["verbs"]
    }
    # Other kinds of workloads are alike; who would replace a pod is asked when something went wrong.
    alike = {(kind, verb) for kind in ("statefulsets", "daemonsets") for verb in ("get", "patch")}
    hints = {(kind, "get") for kind in ("replicasets", "jobs", "cronjobs", "pods")}
    assert granted - used <= alike | hints | {("pods/exec", "get"), ("pods/exec", "create")}
    assert {("secrets", "create"), ("secrets", "update"), ("deployments", "patch"), ("pods", "list")} <= used
    assert used & {("pods/exec", "get"), ("pods/exec", "create")}


def asked(*arguments: str) -> int:
    words = ["secrets", "schedule", "--format", "cronjob", "--image", IMAGE, *arguments]
    return run(lambda: typer.main.get_command(app).main(args=words, standalone_mode=False))


def test_every_program_of_the_inventory_has_to_be_in_the_image() -> None:
    """Those that set a password and try it, too."""
    password = PasswordRules(set_command=("/usr/local/bin/set", "-q"), test_command=("/usr/local/bin/try",))
    door = SecretEntry("door", SecretKind.PASSWORD, "house/door", password=password)
    (said,) = remarks(Inventory(secrets={"door": door}))
    assert said == "the image has to have /usr/local/bin/set, /usr/local/bin/try"


def test_the_command_prints_what_kubectl_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The authority of the Vault comes along, and is named by a variable."""
    authority = tmp_path / "ca.pem"
    authority.write_text("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
    file = tmp_path / "secrets.yaml"
    file.write_text(written(DIRECT, vault=VAULT.replace("auth:", f"ca_file: {authority}, auth:")))
    assert asked("--inventory", str(file), "--namespace", "keys") == 0
    said = capsys.readouterr()
    made = list(yaml.safe_load_all(said.out))
    assert [one["kind"] for one in made] == ["ServiceAccount", "Role", "RoleBinding", "ConfigMap", "CronJob"]
    assert {one["metadata"]["namespace"] for one in made} == {"apps", "keys"}
    assert of_kind(made, "ConfigMap")["data"] == {
        "secrets.yaml": file.read_text(),
        "vault-ca.pem": authority.read_text(),
    }
    environment = {one["name"]: one["value"] for one in pod_spec(made)["containers"][0]["env"]}
    assert environment["VAULT_CACERT"] == "/etc/harden/vault-ca.pem"
    assert "the image has to have /usr/local/bin/one" in said.err
    folder = tmp_path / "out"
    assert asked("--inventory", str(file), "-o", str(folder)) == 0
    assert asked("--inventory", str(file), "-o", str(folder)) == 0
    assert capsys.readouterr().out == f"{folder}/harden-rotate.yaml: made\n{folder}/harden-rotate.yaml: up to date\n"


FILE = "\n      - {to: file, path: /etc/app/key, keys: {key: key}}\n"
REPOSITORY = "\n  git: {kind: git-crypt, path: a/git, repository: {path: /srv/infra}, rotate: {every: 1d}}\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (written(DIRECT, vault=""), "secrets.yaml:1: vault needs an address"),
        (written(DIRECT, vault="vault: {mount: kv}\n"), "secrets.yaml:2: vault needs an address"),
        (
            written(DIRECT, vault=VAULT.replace("kubernetes, role: harden", "token, token_file: /t")),
            "and names no file",
        ),
        (written(DIRECT, vault=VAULT.replace("role: harden", "role: harden, token_file: /t")), "and names no file"),
        (written(DIRECT, vault='vault: {address: "https://vault:8200"}\n'), "logs in by its ServiceAccount"),
        (written(DIRECT.replace("    rotate", f"{FILE}    rotate")), "/etc/app/key is on a host"),
        (written(DIRECT + REPOSITORY), "the repository /srv/infra is not in the pod"),
    ],
)
def test_what_a_pod_cannot_do_is_told_with_its_line(
    text: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is printed."""
    file = tmp_path / "secrets.yaml"
    file.write_text(text)
    assert asked("--inventory", str(file)) == 1
    said = capsys.readouterr()
    assert words in said.err
    assert f"{file}:" in said.err
    assert said.out == ""


def test_a_repository_on_a_claim_is_in_the_pod(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Mounted where the inventory has it."""
    file = tmp_path / "secrets.yaml"
    file.write_text(written(DIRECT + REPOSITORY))
    assert asked("--inventory", str(file), "--claim", "repositories:/srv") == 0
    spec = pod_spec(list(yaml.safe_load_all(capsys.readouterr().out)))
    assert {"name": "claim-0", "persistentVolumeClaim": {"claimName": "repositories"}} in spec["volumes"]
    assert {"name": "claim-0", "mountPath": "/srv"} in spec["containers"][0]["volumeMounts"]


def test_windows_without_a_zone_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The clock of a pod is another one."""
    file = tmp_path / "secrets.yaml"
    file.write_text(written(DIRECT.replace(" Europe/Bucharest", "")))
    assert asked("--inventory", str(file)) == 0
    assert "the windows of one have no time zone: in a pod they are in UTC" in capsys.readouterr().err
