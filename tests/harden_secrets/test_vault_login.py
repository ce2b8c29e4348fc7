"""Ways to log in to a real OpenBao, and tokens that end while somebody works."""

import base64
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import hvac
import pytest
from bao.devserver import QUICK, DevServer
from cluster.api import until
from cluster.server import Server
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.inventory.loader import read_inventory
from harden_secrets.inventory.model import Inventory
from harden_secrets.vault.auth.approle import AppRoleLogin
from harden_secrets.vault.auth.jwt import JwtLogin
from harden_secrets.vault.auth.kubernetes import KubernetesLogin
from harden_secrets.vault.auth.port import Login
from harden_secrets.vault.auth.token import TokenLogin
from harden_secrets.vault.connection import Connection
from harden_secrets.vault.kv import KeyValue
from harden_secrets.vault.policy import grants, render
from harden_secrets.vault.port import VaultDeniedError, VaultError
from harden_secrets.vault.session import Session
from harden_secrets.vault.transport import client

numbers = itertools.count()
VALUE = {"a": Confidential(b"1")}


@dataclass
class Clock:
    """Seconds, which a test lets pass."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def vault_of(bao: DevServer, login: Login, clock: Callable[[], float] = time.monotonic) -> KeyValue:
    server = client(bao.address, ca=bao.ca, environment=False)
    return KeyValue(Connection(Session(server, login, clock), QUICK))


@pytest.fixture(scope="module")
def root(bao: DevServer) -> hvac.Client:
    """root, with the policy `all` and the method AppRole."""
    made = bao.root()
    made.sys.create_or_update_policy("all", 'path "secret/*" { capabilities = ["create", "read", "update", "patch"] }')
    made.sys.enable_auth_method("approle")
    return made


def app_role(root: hvac.Client, **settings: object) -> tuple[str, str, str]:
    """A new role: its name, role ID and a secret ID."""
    name = f"role{next(numbers)}"
    root.auth.approle.create_or_update_approle(name, token_policies=["all"], **settings)
    role_id = root.auth.approle.read_role_id(name)["data"]["role_id"]
    secret_id = root.auth.approle.generate_secret_id(name)["data"]["secret_id"]
    return name, role_id, secret_id


def works(vault: KeyValue) -> bool:
    path = f"login/{next(numbers)}"
    return vault.write(path, VALUE, cas=0) == 1 and vault.read(path) is not None


def test_a_token_from_a_file_or_a_variable(bao: DevServer, tmp_path: Path) -> None:
    """As `vault login` leaves it, with a line feed."""
    file = tmp_path / ".vault-token"
    file.write_text(f"{bao.root_token}\n")
    assert works(vault_of(bao, TokenLogin(file)))
    assert works(vault_of(bao, TokenLogin(Confidential(bao.root_token.encode()))))


def test_a_token_that_may_not_look_at_itself(bao: DevServer, root: hvac.Client) -> None:
    """Without the policy `default` it is good all the same."""
    made = root.auth.token.create(policies=["all"], no_default_policy=True)
    assert works(vault_of(bao, TokenLogin(Confidential(made["auth"]["client_token"].encode()))))


def test_app_role(bao: DevServer, root: hvac.Client, tmp_path: Path) -> None:
    """The secret ID is read from its file at each login, so that it can be replaced."""
    _, role_id, secret_id = app_role(root)
    file = tmp_path / "secret_id"
    file.write_text(secret_id + "\n")
    assert works(vault_of(bao, AppRoleLogin(role_id, file)))


def test_jwt(bao: DevServer, root: hvac.Client, tmp_path: Path) -> None:
    """A token that somebody else signed, checked by the server with their public key."""
    key = ed25519.Ed25519PrivateKey.generate()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()
    root.sys.enable_auth_method("jwt", path="ci")
    root.adapter.post("/v1/auth/ci/config", json={"jwt_validation_pubkeys": [pem], "jwt_supported_algs": ["EdDSA"]})
    role = {"role_type": "jwt", "user_claim": "sub", "bound_audiences": ["harden"], "token_policies": ["all"]}
    root.adapter.post("/v1/auth/ci/role/harden", json=role)
    file = tmp_path / "jwt"
    file.write_text(signed(key, "harden"))
    assert works(vault_of(bao, JwtLogin("harden", file, "ci")))
    file.write_text(signed(key, "others"))
    with pytest.raises(VaultDeniedError, match="the login by JWT was refused"):
        vault_of(bao, JwtLogin("harden", file, "ci")).read("a")


def test_kubernetes(bao: DevServer, root: hvac.Client, api_server: Server, tmp_path: Path) -> None:
    """A ServiceAccount's token, which the real API server vouches for."""
    namespace = api_server.admin.new_namespace()
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "harden"}}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"reviewer-{namespace}"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:auth-delegator"},
        "subjects": [{"kind": "ServiceAccount", "name": "harden", "namespace": namespace}],
    }
    api_server.admin.apply(account, binding, namespace=namespace)
    token = api_server.admin.token("harden", namespace)
    if "kubernetes/" not in root.sys.list_auth_methods():  # the server is shared with other tests
        root.sys.enable_auth_method("kubernetes")
    reviewed = {"kubernetes_host": api_server.url, "kubernetes_ca_cert": api_server.certificate}
    root.adapter.post("/v1/auth/kubernetes/config", json={**reviewed, "token_reviewer_jwt": token})
    role = {"bound_service_account_names": "harden", "bound_service_account_namespaces": namespace}
    root.adapter.post("/v1/auth/kubernetes/role/harden", json={**role, "token_policies": ["all"]})
    file = tmp_path / "token"
    file.write_text(token)
    vault = vault_of(bao, KubernetesLogin("harden", file))
    until("the binding counts", lambda: logs_in(vault))
    assert works(vault)


def logs_in(vault: KeyValue) -> bool:
    try:
        vault.read("a")
    except VaultDeniedError:
        return False
    return True


def signed(key: ed25519.Ed25519PrivateKey, audience: str) -> str:
    """A JWT (RFC 7519) with EdDSA (RFC 8037)."""
    now = int(time.time())
    claims = {"sub": "job", "aud": audience, "iat": now, "nbf": now, "exp": now + 600}
    parts = [coded(json.dumps(part).encode()) for part in ({"alg": "EdDSA", "typ": "JWT"}, claims)]
    return ".".join([*parts, coded(key.sign(".".join(parts).encode()))])


def coded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("content", "says"), [(None, "No such file"), ("", "is empty"), ("a\nb", "has more than one line")]
)
def test_what_a_file_lacks_is_said(bao: DevServer, tmp_path: Path, content: str | None, says: str) -> None:
    """With the file's name, and never what is in it."""
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)
    for login in (KubernetesLogin("harden", file), TokenLogin(file), AppRoleLogin("r", file), JwtLogin("r", file)):
        with pytest.raises(VaultError, match=says) as error:
            vault_of(bao, login).read("a")
        assert str(file) in str(error.value)


def test_a_refused_login_is_said_once_and_shows_nothing(bao: DevServer, root: hvac.Client) -> None:
    """Which method, and where to look."""
    _, role_id, secret_id = app_role(root)
    for login in (
        AppRoleLogin(role_id, Confidential(b"wrong-secret")),
        AppRoleLogin("x", Confidential(b"y"), "nowhere"),
    ):
        with pytest.raises(VaultDeniedError, match="the login by AppRole was refused") as error:
            vault_of(bao, login).read("a")
        assert not {"wrong-secret", secret_id, role_id} & set(f"{error.value}{error.value.hints}".split())


def test_a_token_is_renewed_in_time(bao: DevServer, root: hvac.Client) -> None:
    """At two thirds of its life, with the same token."""
    _, role_id, secret_id = app_role(root, token_ttl="600s")
    clock = Clock()
    vault = vault_of(bao, AppRoleLogin(role_id, Confidential(secret_id.encode())), clock)
    assert works(vault)
    session = vault._connection._session
    token = session._client.token
    time.sleep(1.1)
    clock.now += 399
    assert works(vault)
    before = ttl(session)
    clock.now += 2
    assert works(vault)
    assert (session._client.token == token, ttl(session) > before) == (True, True)


def ttl(session: Session) -> int:
    found = session._client.auth.token.lookup_self()
    return int(found["data"]["ttl"])


def test_a_token_near_its_longest_life_is_replaced(bao: DevServer, root: hvac.Client) -> None:
    """Renewing it would give less and less: another login gives a new one."""
    _, role_id, secret_id = app_role(root, token_ttl="3s", token_max_ttl="3s")
    vault = vault_of(bao, AppRoleLogin(role_id, Confidential(secret_id.encode())))
    assert works(vault)
    token = vault._connection._session._client.token
    time.sleep(2.6)
    assert works(vault)
    assert vault._connection._session._client.token != token


def test_a_token_that_is_revoked_half_way_is_replaced(bao: DevServer, root: hvac.Client) -> None:
    """Who can log in again does, in the middle of a run."""
    _, role_id, secret_id = app_role(root)
    vault = vault_of(bao, AppRoleLogin(role_id, Confidential(secret_id.encode())))
    assert works(vault)
    root.auth.token.revoke(vault._connection._session._client.token)
    assert works(vault)


def test_a_token_that_cannot_be_replaced_says_so(bao: DevServer, root: hvac.Client) -> None:
    """A token in a variable was revoked: the person has to log in again."""
    token = bao.token("all")
    vault = vault_of(bao, TokenLogin(Confidential(token.encode())))
    assert works(vault)
    root.auth.token.revoke(token)
    with pytest.raises(VaultDeniedError, match="not, or no longer, good") as error:
        vault.read("a")
    assert token not in str(error.value)


def test_what_is_missing_is_named(bao: DevServer, root: hvac.Client) -> None:
    """The capability, the path, what the token has there, and the line for its policy."""
    root.sys.create_or_update_policy("reader", 'path "secret/data/*" { capabilities = ["read", "list"] }')
    vault = vault_of(bao, TokenLogin(Confidential(bao.token("reader").encode())))
    for act, capability, path in (
        (lambda: vault.write("a/b", VALUE, cas=0), "create", "secret/data/a/b"),
        (lambda: vault.write("a/b", VALUE, cas=3), "update", "secret/data/a/b"),
        (lambda: vault.metadata("a/b"), "read", "secret/metadata/a/b"),
        (lambda: vault.destroy("a/b", (1,)), "update", "secret/destroy/a/b"),
    ):
        with pytest.raises(VaultDeniedError) as error:
            act()
        assert f"may not {capability} {path}; it has" in str(error.value)
        assert f'path "{path}" {{ capabilities = ["{capability}"] }}' in error.value.hints[0]


INVENTORY = b"""
version: 1
secrets:
  one: {kind: opaque, path: least/one}
  two: {kind: opaque, path: 'least/t w"o'}
"""


def test_the_printed_policy_is_enough_and_no_more(bao: DevServer, root: hvac.Client) -> None:
    """A token of it can do all that harden does with the inventory's paths and the runs', and nothing beside."""
    inventory = read_inventory(INVENTORY, "secrets.yaml")
    root.sys.create_or_update_policy("least", render(grants(inventory, ["least/more"]), "secret"))
    vault = vault_of(bao, TokenLogin(Confidential(bao.token("least").encode())))
    for path in ("least/one", 'least/t w"o', "least/more", "harden/runs/x1"):
        vault.annotate(path, {"before": "1"})
        assert vault.write(path, VALUE, cas=0) == 1
        assert vault.write(path, VALUE, cas=1) == 2
        vault.annotate(path, {"k": "v", "before": None}, cas=2)
        vault.delete(path, (1,))
        vault.undelete(path, (1,))
        vault.destroy(path, (1,))
        known = vault.metadata(path)
        assert known is not None
        assert dict(known.custom) == {"k": "v"}
    for path in ("least/other", "least/one/below", "harden/other"):
        with pytest.raises(VaultDeniedError):
            vault.read(path)
        with pytest.raises(VaultDeniedError):
            vault.write(path, VALUE, cas=0)


@pytest.mark.parametrize("path", ["a/*", "a/+/b", "a/{{identity.entity.id}}"])
def test_paths_that_mean_more_in_a_policy_are_refused(path: str) -> None:
    """Rather than granted too widely."""
    with pytest.raises(HardenError, match="cannot be named in a policy"):
        grants(Inventory(), [path])


def test_the_policy_is_printed(tmp_path: Path) -> None:
    """For a person to load, with the secrets' names as comments."""
    file = tmp_path / "secrets.yaml"
    file.write_bytes(INVENTORY.replace(b"secrets:", b"vault: {mount: kv}\nsecrets:"))
    command = [str(Path(sys.executable).with_name("harden")), "vault", "policy", "--inventory", str(file), "more/one"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "# one"
    assert 'path "kv/data/least/one" { capabilities = ["create", "update", "read"] }' in lines
    assert 'path "kv/data/least/t w\\"o" { capabilities = ["create", "update", "read"] }' in lines
    assert 'path "kv/destroy/more/one" { capabilities = ["update"] }' in lines
