"""A Kubernetes API server as tests use it: any, of which there is an administrator's kubeconfig."""

import base64
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from cluster.api import Api, content, named, until
from cluster.authority import PEM, Identity, by_certificate, by_token, private_pem, write_private
from cluster.room import RoomError
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SIGNER = "kubernetes.io/kube-apiserver-client"


class Server:
    """``kubeconfig``: the administrator's file; ``admin``: the API as that user; ``folder``: for files of the run."""

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        self.kubeconfig = kubeconfig
        self.folder = folder
        self.admin = Api(kubeconfig)

    @property
    def url(self) -> str:
        """The server's address, from the tests' side."""
        return str(self._cluster_entry()["server"])

    @property
    def certificate(self) -> str:
        """The certificate of the authority that vouches for the server, PEM."""
        return (content(self._cluster_entry(), "certificate-authority", self.kubeconfig) or b"").decode()

    @property
    def audit_log(self) -> Path:
        """The file in which the server notes each request (level Metadata), one JSON object a line."""
        raise RoomError("the audit log of a cluster of one's own cannot be read: unset HARDEN_TEST_KUBECONFIG")

    def kubeconfig_for(self, user: str, groups: Iterable[str] = ()) -> Path:
        """A kubeconfig, by client certificate, of any user in any groups."""
        return self._keep(by_certificate(self.identity(user, groups)))

    def kubeconfig_of_account(self, account: str, namespace: str = "default") -> Path:
        """A kubeconfig, by token, of a ServiceAccount that exists."""
        return self._keep(by_token(self.admin.token(account, namespace)), namespace)

    def as_user(self, user: str, groups: Iterable[str] = ()) -> Api:
        """The API as this user sees it."""
        return Api(self.kubeconfig_for(user, groups))

    def as_account(self, account: str, namespace: str = "default") -> Api:
        """The API as this ServiceAccount sees it."""
        return Api(self.kubeconfig_of_account(account, namespace))

    def identity(self, user: str, groups: Iterable[str] = ()) -> Identity:
        """A certificate for a user, asked of the cluster as anybody would."""
        words = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
        subject = x509.Name([*words, x509.NameAttribute(NameOID.COMMON_NAME, user)])
        key = ec.generate_private_key(ec.SECP256R1())
        request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
        made = self.admin.create(signing_request(request.public_bytes(PEM)))
        path = self.admin.path_of(made)
        approval = {"type": "Approved", "status": "True", "reason": "Tests", "message": "a user of the tests"}
        self.admin.request("PUT", f"{path}/approval", {**made, "status": {"conditions": [approval]}})
        signed = until(
            f"a certificate for {user}", lambda: self.admin.request("GET", path)["status"].get("certificate")
        )
        self.admin.request("DELETE", path)
        return Identity(base64.b64decode(signed), private_pem(key))

    def _cluster_entry(self) -> dict[str, Any]:
        config = yaml.safe_load(self.kubeconfig.read_text())
        return named(config, "cluster", named(config, "context", config["current-context"])["cluster"])

    def _keep(self, user: dict[str, str], namespace: str = "default") -> Path:
        """The administrator's kubeconfig with another user in it."""
        config = yaml.safe_load(self.kubeconfig.read_text())
        context = named(config, "context", config["current-context"])
        config["users"] = [{"name": context["user"], "user": user}]
        context["namespace"] = namespace
        number = len(list(self.folder.glob("user-*")))
        return write_private(self.folder / f"user-{number}.kubeconfig", yaml.safe_dump(config))


def signing_request(request: bytes) -> dict[str, Any]:
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"generateName": "harden-test-"},
        "spec": {
            "request": base64.b64encode(request).decode(),
            "signerName": SIGNER,
            "usages": ["client auth"],
            "expirationSeconds": 86400,
        },
    }
