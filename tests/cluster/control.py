"""The control plane of a test cluster: etcd and the API server, and the controllers and the scheduler where wanted."""

import contextlib
import json
import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cluster import programs
from cluster.api import ApiError
from cluster.authority import Authority, Identity, by_certificate, by_token, kubeconfig, signing_pair, write_private
from cluster.room import ADDRESS, Program, Room
from cluster.server import Server

SERVICE = "10.96.0.1"  # of the Service `kubernetes`, where the API server itself listens: there is no kube-proxy
INSIDE = "https://127.0.0.1:443"
AUDIT = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
"""


class ApiServer(Server):
    """A Kubernetes API server of this test run's own, with RBAC; nothing acts on what is written to it.

    Programs of the room find it at `INSIDE`, and pods as usual.
    """

    def __init__(self, room: Room) -> None:
        self.room = room
        self.authority = Authority()
        folder = room.folder / "control"
        folder.mkdir()
        write_files(self.authority, folder)
        etcd = room.run("etcd", etcd_command(room))
        server = room.run("kube-apiserver", server_command(folder))
        url = f"https://127.0.0.1:{room.reach(443)}"
        admin = by_certificate(self.authority.user("admin", ["system:masters"]))
        config = kubeconfig(url, self.authority.certificate, admin)
        super().__init__(write_private(folder / "admin.kubeconfig", config), folder)
        room.wait("the API server", server, lambda: self._is_ready(etcd), 120)

    @property
    def audit_log(self) -> Path:
        """See `Server.audit_log`."""
        return self.folder / "audit.log"

    def audited(self) -> list[dict[str, Any]]:
        """The audit events so far; the server writes them as it answers."""
        return [json.loads(line) for line in self.audit_log.read_text().splitlines()]

    def identity(self, user: str, groups: Iterable[str] = ()) -> Identity:
        """A certificate for a user; here, unlike with a cluster of others, also for the groups of the system."""
        return self.authority.user(user, groups)

    def inside_kubeconfig(self, name: str, user: str, groups: Iterable[str] = ()) -> Path:
        """A kubeconfig for a program that runs in the room."""
        identity = self.authority.user(user, groups)
        text = kubeconfig(INSIDE, self.authority.certificate, by_certificate(identity))
        return write_private(self.folder / f"{name}.kubeconfig", text)

    def inside_kubeconfig_of_account(self, account: str, namespace: str) -> Path:
        """The same for a program that is a ServiceAccount, by a token that lasts for the run."""
        user = by_token(self.admin.token(account, namespace, 86400))
        text = kubeconfig(INSIDE, self.authority.certificate, user, namespace)
        return write_private(self.folder / f"{namespace}-{account}.kubeconfig", text)

    def _is_ready(self, etcd: Program) -> bool:
        assert self.room.status(etcd) is None, f"etcd ended:\n{etcd.tail()}"
        with contextlib.suppress(ApiError, OSError, ssl.SSLError):
            return self.admin.send("GET", "/readyz")[0] == 200
        return False


def write_files(authority: Authority, folder: Path) -> None:
    """What the API server reads: its certificate, whom it trusts, the keys for tokens, what to audit."""
    names = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
    serving = authority.server("127.0.0.1", "localhost", ADDRESS, SERVICE, *names)
    private, public = signing_pair()
    files = {
        "ca.crt": authority.certificate,
        "ca.key": authority.key,
        "server.crt": serving.certificate,
        "server.key": serving.key,
        "accounts.key": private,
        "accounts.pub": public,
        "audit.yaml": AUDIT.encode(),
    }
    for name, content in files.items():
        write_private(folder / name, content)


def etcd_command(room: Room) -> list[str]:
    return [
        programs.built("etcd"),
        f"--data-dir={room.folder / 'node/etcd'}",
        "--unsafe-no-fsync",  # what a crash of the host would lose, a test does not miss
        "--listen-client-urls=http://127.0.0.1:2379",
        "--advertise-client-urls=http://127.0.0.1:2379",
        "--listen-peer-urls=http://127.0.0.1:2380",
        "--log-level=warn",
    ]


def server_command(folder: Path) -> list[str]:
    return [
        programs.built("kube-apiserver"),
        "--etcd-servers=http://127.0.0.1:2379",
        "--bind-address=0.0.0.0",
        "--secure-port=443",
        f"--advertise-address={ADDRESS}",
        f"--tls-cert-file={folder / 'server.crt'}",
        f"--tls-private-key-file={folder / 'server.key'}",
        f"--client-ca-file={folder / 'ca.crt'}",
        "--authorization-mode=Node,RBAC",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={folder / 'accounts.pub'}",
        f"--service-account-signing-key-file={folder / 'accounts.key'}",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--kubelet-preferred-address-types=InternalIP,Hostname",  # else logs and exec answer 500
        f"--audit-policy-file={folder / 'audit.yaml'}",
        f"--audit-log-path={folder / 'audit.log'}",
        "--allow-privileged=true",
        "--profiling=false",
    ]


def start_controllers(server: ApiServer, *controllers: str) -> Program:
    """Start controllers by name, or all that are on by default: what makes objects follow from others."""
    folder = server.folder
    config = server.inside_kubeconfig("controllers", "system:kube-controller-manager")
    command = [
        programs.built("kube-controller-manager"),
        f"--kubeconfig={config}",
        f"--controllers={','.join(controllers) or '*'}",
        "--leader-elect=false",
        "--node-monitor-period=1s",  # how soon a node that became ready gets pods
        f"--root-ca-file={folder / 'ca.crt'}",
        f"--service-account-private-key-file={folder / 'accounts.key'}",
        f"--cluster-signing-cert-file={folder / 'ca.crt'}",
        f"--cluster-signing-key-file={folder / 'ca.key'}",
        "--use-service-account-credentials=true",  # each controller as its own account, with the rights of that
        "--bind-address=127.0.0.1",
    ]
    return server.room.run("kube-controller-manager", command)


def start_scheduler(server: ApiServer) -> Program:
    """Start what gives pods to nodes."""
    config = server.inside_kubeconfig("scheduler", "system:kube-scheduler")
    command = [programs.built("kube-scheduler"), f"--kubeconfig={config}", "--leader-elect=false"]
    return server.room.run("kube-scheduler", [*command, "--bind-address=127.0.0.1"])


def wait_for_roles(server: ApiServer, controllers: Program) -> None:
    """Until the roles `view`, `edit` and `admin`, which a controller gathers from others, have rules."""

    def filled() -> bool:
        roles = (server.admin.get("rbac.authorization.k8s.io/v1", "ClusterRole", one) for one in ("admin", "view"))
        return all(role.get("rules") for role in roles)

    server.room.wait("the gathered roles", controllers, filled)
