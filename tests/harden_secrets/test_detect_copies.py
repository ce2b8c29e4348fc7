"""Copies of one secret have one identity, however they are written; and how bad each is."""

import base64
import json
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from harden_secrets.detect.context import CONTEXT_DETECTORS
from harden_secrets.detect.tokens import TOKEN_DETECTORS
from harden_secrets.material import Detection, Material, Severity, Surroundings, detections
from harden_secrets.severity import severity_of
from tests.harden_secrets.tokens.alphabet import BASE32, mixed, raw, text
from tests.harden_secrets.tokens.contexts import private_pem, wireguard_private
from tests.harden_secrets.tokens.standing import service_account, service_account_legacy


def found(content: str, surroundings: Surroundings = Surroundings()) -> list[Detection]:  # noqa: B008 - immutable
    """What is found, without what is only called a password where it is known to be something else."""
    every = list(detections((*TOKEN_DETECTORS, *CONTEXT_DETECTORS), content.encode(), surroundings))
    known = {(one.start, one.end) for one in every if one.material is not Material.PASSWORD}
    return [one for one in every if one.material is not Material.PASSWORD or (one.start, one.end) not in known]


def identities(*texts: str) -> set[tuple[str, bytes]]:
    """Family and identity of everything found in the texts."""
    return {(one.family or str(one.material), one.identity.reveal()) for each in texts for one in found(each)}


def public_half(private: object) -> bytes:
    return private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]


def test_a_wireguard_key_is_its_public_half() -> None:
    """In every file of every tool, and the same as that of the key in PEM."""
    key = wireguard_private()
    texts = (
        f"[Interface]\nPrivateKey = {key}\n",
        f"[wireguard]\nprivate-key={key}\n",
        f"wg set wg0 private-key <(echo {key})\n",
        f"WIREGUARD_PRIVATE_KEY='{key}'\n",
    )
    pair = x25519.X25519PrivateKey.from_private_bytes(base64.b64decode(key))
    assert identities(*texts) == {("pair", public_half(pair))}


def test_a_client_key_in_a_kubeconfig_is_its_public_half() -> None:
    """So that it is one with the PEM file beside it."""
    pem = private_pem()
    config = f"kind: Config\nusers:\n- name: a\n  user:\n    client-key-data: {base64.b64encode(pem).decode()}\n"
    assert identities(config) == {("pair", public_half(load_pem_private_key(pem, None)))}


def test_a_service_account_key_of_google_is_its_public_half() -> None:
    """Of the PEM inside the JSON."""
    pem = private_pem()
    account = {"type": "service_account", "project_id": "p", "private_key": pem.decode(), "client_email": "a@b"}
    (detection,) = [one for one in found(json.dumps(account)) if one.material is Material.CLOUD_CREDENTIAL]
    assert detection.identity.reveal() == public_half(load_pem_private_key(pem, None))
    assert detection.family == "pair"


def test_a_password_is_one_in_an_address_and_a_setting() -> None:
    """Escaped in the one, plain in the other, and in base64 in a Secret."""
    password = f"{mixed(12)}+{mixed(4)}"
    address = f"DATABASE_URL=postgres://app:{password.replace('+', '%2B')}@db.home.lan/app\n"
    secret = f"kind: Secret\ndata:\n  password: {base64.b64encode(password.encode()).decode()}\n"
    texts = (address, f"DB_PASSWORD={password}\n", f'db_password = "{password}"\n', secret)
    assert identities(*texts) == {("password", password.encode())}


def test_an_unseal_share_is_one_in_hexadecimal_and_base64() -> None:
    """Vault prints both."""
    share = raw(33)
    init = {"keys": [share.hex()], "keys_base64": [base64.b64encode(share).decode()], "root_token": "x"}
    assert identities(json.dumps(init)) == {("vault-unseal-share", share)}


def test_an_identifier_without_its_secret_is_told_as_little() -> None:
    """It opens nothing; with its secret beside it only the secret is reported."""
    identifier, secret = f"AKIA{text(16, BASE32)}", mixed(40)
    (alone,) = found(f"aws_access_key_id = {identifier}\n")
    assert severity_of(alone) is Severity.LOW
    (pair,) = found(f"aws_access_key_id = {identifier}\naws_secret_access_key = {secret}\n")
    assert pair.identity.reveal() == secret.encode()
    assert severity_of(pair) is Severity.HIGH
    assert found(identifier, Surroundings(name="AWS_ACCESS_KEY_ID", siblings={"AWS_SECRET_ACCESS_KEY": secret})) == []


@pytest.mark.parametrize(
    ("make", "severity"), [(service_account, Severity.MEDIUM), (service_account_legacy, Severity.HIGH)]
)
def test_a_token_that_never_expires_is_worse(make: Callable[[], str], severity: Severity) -> None:
    """And a finding says which it is."""
    (detection,) = found(make())
    assert severity_of(detection) is severity
    assert ("never" in detection.description) == (severity is Severity.HIGH)


def test_a_hash_is_less_than_a_password() -> None:
    """It still has to be guessed."""
    (detection,) = found(f"victor:$apr1${text(8)}${text(22)}\n")
    assert detection.protected
    assert severity_of(detection) is Severity.LOW


def test_a_bootstrap_token_needs_both_halves() -> None:
    """The secret half is where it is; the identifier stands beside it, in base64 or not."""
    identifier, secret = mixed(6, "abcdef0123456789"), mixed(16, "abcdef0123456789")
    for beside in (identifier, base64.b64encode(identifier.encode()).decode()):
        surroundings = Surroundings(name="token-secret", siblings={"token-id": beside}, object_kind="Secret")
        (detection,) = found(secret, surroundings)
        assert detection.identity.reveal() == f"{identifier}.{secret}".encode()
    alone = found(secret, Surroundings(name="token-secret"))
    assert Material.BOOTSTRAP_TOKEN not in {one.material for one in alone}
