"""Texts with a secret in them that only what stands around it makes one, made anew at every call."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from harden_secrets.material import Material
from tests.harden_secrets.tokens.alphabet import ALNUM, BASE32, HEX, LOWER, URL, mixed, raw, strong, text
from tests.harden_secrets.tokens.standing import jwt, service_account

_SIGNED = ALNUM + "!%+_-"


@dataclass(frozen=True)
class Planted:
    """A file and the secret in it. ``value`` is the text of the secret as it stands there, found there once."""

    file: str
    content: bytes
    material: Material
    value: bytes


def _b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def wireguard_private() -> str:
    """A private key as ``wg genkey`` prints it."""
    return _b64(x25519.X25519PrivateKey.generate().private_bytes_raw())


def wireguard_public() -> str:
    """A public key of nobody."""
    return _b64(x25519.X25519PrivateKey.generate().public_key().public_bytes_raw())


def wireguard_shared() -> str:
    """A preshared key as ``wg genpsk`` prints it."""
    return _b64(raw(32))


def password() -> str:
    """What a password generator gives."""
    return strong(20, _SIGNED)


def private_pem() -> bytes:
    """A new P-256 key in PKCS#8 PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _make(file: str, material: Material, value: str, template: str, **more: str) -> Planted:
    content = template.replace("@@", value)
    for name, text_of in more.items():
        content = content.replace(f"@{name}@", text_of)
    return Planted(file, content.encode(), material, value.encode())


_PRIVATE, _SHARED = Material.WIREGUARD_PRIVATE_KEY, Material.WIREGUARD_PRESHARED_KEY
_QUICK = """[Interface]
Address = 10.8.0.1/24
PrivateKey = %s
ListenPort = 51820

[Peer]
PublicKey = @public@
PresharedKey = %s
AllowedIPs = 10.8.0.2/32
"""
_NETPLAN = """network:
  version: 2
  tunnels:
    wg0:
      mode: wireguard
      addresses: [10.8.0.1/24]
      key: @@
      peers:
        - keys:
            public: @public@
          allowed-ips: [10.8.0.0/24]
"""
_NETPLAN_KEYS = """network:
  tunnels:
    wg0:
      mode: wireguard
      peers:
        - keys:
            public: @public@
            shared: @@
"""
_KUBECONFIG = """apiVersion: v1
kind: Config
clusters:
- name: home
  cluster:
    server: https://10.0.20.10:6443
contexts:
- name: home
  context: {cluster: home, user: admin}
current-context: home
users:
- name: admin
  user:
    %s
"""
_AT_REST = """apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
  - resources: [secrets]
    providers:
      - aescbc:
          keys:
            - name: key1
              secret: @@
      - identity: {}
"""
_COMPOSE = """services:
  db:
    image: postgres:16
    environment:
      POSTGRES_USER: immich
      POSTGRES_PASSWORD: @@
"""
_POD = """apiVersion: v1
kind: Pod
metadata: {name: db}
spec:
  containers:
  - name: db
    image: postgres:16
    env:
    - name: POSTGRES_USER
      value: immich
    - name: POSTGRES_PASSWORD
      value: "@@"
"""
_INIT = """Unseal Key 1: %s
Unseal Key 2: %s

Initial Root Token: %s
"""
_BOOTSTRAP = """apiVersion: v1
kind: Secret
metadata: {name: bootstrap-token-@id@, namespace: kube-system}
type: bootstrap.kubernetes.io/token
stringData:
  token-id: @id@
  token-secret: @@
  usage-bootstrap-authentication: "true"
"""


def _quick(private: str, shared: str) -> str:
    return _QUICK % (private, shared)


def _wg(file: str, template: str, material: Material = _PRIVATE) -> Callable[[], Planted]:
    def make() -> Planted:
        value = wireguard_shared() if material is _SHARED else wireguard_private()
        return _make(file, material, value, template, public=wireguard_public())

    return make


def _wg_easy() -> Planted:
    key = x25519.X25519PrivateKey.generate()
    private, public = _b64(key.private_bytes_raw()), _b64(key.public_key().public_bytes_raw())
    server = {"privateKey": private, "publicKey": public, "address": "10.8.0.1"}
    content = json.dumps({"server": server, "clients": {}}, indent=2).encode()
    return Planted("wg0.json", content, _PRIVATE, private.encode())


def _literal(file: str, template: str, value: Callable[[], str] = password) -> Callable[[], Planted]:
    return lambda: _make(file, Material.PASSWORD, value(), template)


def _of(material: Material, file: str, template: str, value: Callable[[], str]) -> Callable[[], Planted]:
    return lambda: _make(file, material, value(), template)


def _docker() -> Planted:
    auth = _b64(f"robot$ci:{password()}".encode())
    return Planted(
        "config.json",
        json.dumps({"auths": {"registry.home.lan": {"auth": auth}}}, indent=2).encode(),
        Material.DOCKER_CONFIG,
        auth.encode(),
    )


def _vault_init() -> Planted:
    share, other = _b64(raw(33)), _b64(raw(33))
    content = _INIT % (share, other, f"hvs.{mixed(24)}")
    return Planted("init.txt", content.encode(), Material.VAULT_UNSEAL_SHARE, share.encode())


def _vault_json() -> Planted:
    share = raw(33)
    init = {"unseal_keys_b64": [_b64(share)], "unseal_threshold": 1, "root_token": f"s.{mixed(24)}"}
    return Planted("init.json", json.dumps(init, indent=2).encode(), Material.VAULT_UNSEAL_SHARE, _b64(share).encode())


def _bootstrap() -> Planted:
    secret = text(16, LOWER)
    return _make("bootstrap.yaml", Material.BOOTSTRAP_TOKEN, secret, _BOOTSTRAP, id=mixed(6, LOWER))


def bootstrap_token() -> str:
    """A token as ``kubeadm token generate`` prints it."""
    return f"{mixed(6, LOWER)}.{mixed(16, LOWER)}"


def aws_secret() -> str:
    """A secret access key: 40 characters of base64."""
    return mixed(40, ALNUM + "/+")


def aws_identifier() -> str:
    """An access key identifier."""
    return f"AKIA{text(16, BASE32)}"


def ceph_key() -> str:
    """The key of a Ceph client: kind, time, length, 16 bytes."""
    return _b64(b"\1\0" + raw(8) + b"\x10\0" + raw(16))


def _plain() -> str:
    """A password of letters and digits."""
    return strong(16)


def basic_login() -> str:
    """User and password, as HTTP and npm take them."""
    return _b64(f"robot:{strong(16)}".encode())


def fernet() -> str:
    """A key with a digit in it, as all but one in a thousand have: by that it is told from a name."""
    while not any(map(str.isdigit, key := base64.urlsafe_b64encode(raw(32)).decode())):
        pass
    return key


def htpasswd_hash() -> str:
    """A salted hash as ``htpasswd -m`` writes it (of nothing in particular)."""
    return f"$apr1${text(8)}${text(22)}"


CONTEXTS: dict[str, Callable[[], Planted]] = {
    "wg-quick": _wg("wg0.conf", _QUICK.replace("PresharedKey = %s\n", "") % "@@"),
    "wg-quick-crlf": _wg("wg0.conf", (_QUICK.replace("PresharedKey = %s\n", "") % "@@").replace("\n", "\r\n")),
    "wg-quick-preshared": _wg(
        "wg0.conf", "[Peer]\nPublicKey = @public@\nPresharedKey = @@\nAllowedIPs = ::/0\n", _SHARED
    ),
    "networkd": _wg("10-wg0.netdev", "[NetDev]\nName=wg0\nKind=wireguard\n\n[WireGuard]\nPrivateKey=@@\n"),
    "networkmanager": _wg("wg0.nmconnection", "[connection]\ntype=wireguard\n\n[wireguard]\nprivate-key=@@\n"),
    "networkmanager-preshared": _wg(
        "wg0.nmconnection", "[wireguard-peer.@public@]\npreshared-key=@@\npreshared-key-flags=0\n", _SHARED
    ),
    "netplan": _wg("60-wg.yaml", _NETPLAN),
    "netplan-shared": _wg("60-wg.yaml", _NETPLAN_KEYS, _SHARED),
    "wg-set": _wg("up.sh", "#!/bin/bash\nwg set wg0 private-key <(echo @@) peer @public@ allowed-ips 0.0.0.0/0\n"),
    "wg-set-pipe": _wg("up.sh", "echo '@@' | wg set wg0 listen-port 51820 private-key /dev/stdin\n"),
    "wg-set-shared": _wg("up.sh", "wg set wg0 peer @public@ preshared-key <(echo '@@')\n", _SHARED),
    "wg-file": _wg("up.sh", "umask 077; echo @@ > /etc/wireguard/private.key\n"),
    "wg-environment": _wg("gluetun.env", "VPN_TYPE=wireguard\nWIREGUARD_PRIVATE_KEY=@@\n"),
    "wg-environment-shared": _wg("gluetun.env", "VPN_TYPE=wireguard\nWIREGUARD_PRESHARED_KEY=@@\n", _SHARED),
    "wg-easy": _wg_easy,
    "wg-vyos": _wg("config.boot", 'interfaces {\n  wireguard wg0 {\n    private-key "@@"\n  }\n}\n'),
    "wg-openwrt": _wg("network", "config interface 'wg0'\n\toption proto 'wireguard'\n\toption private_key '@@'\n"),
    "wg-terraform": _wg("main.tf", 'resource "x" "y" {\n  wireguard_private_key = "@@"\n}\n'),
    "kubeconfig-token": _of(Material.KUBECONFIG, "config", _KUBECONFIG % "token: @@", lambda: mixed(40)),
    "kubeconfig-account": _of(Material.KUBECONFIG, "config", _KUBECONFIG % "token: @@", service_account),
    "kubeconfig-key": _of(
        Material.KUBECONFIG, "config", _KUBECONFIG % "client-key-data: @@", lambda: _b64(private_pem())
    ),
    "kubeconfig-password": _of(
        Material.KUBECONFIG, "config", _KUBECONFIG % "username: admin\n    password: @@", password
    ),
    "docker-config": _docker,
    "vault-init": _vault_init,
    "vault-init-json": _vault_json,
    "vault-environment": _of(
        Material.VAULT_TOKEN, "vault.env", "VAULT_ADDR=https://v:8200\nVAULT_TOKEN=@@\n", lambda: f"s.{mixed(24)}"
    ),
    "vault-unseal-hex": _of(Material.VAULT_UNSEAL_SHARE, "unseal.sh", "UNSEAL_KEY=@@\n", lambda: raw(33).hex()),
    "bootstrap-secret": _bootstrap,
    "kubeadm-join": _of(
        Material.BOOTSTRAP_TOKEN, "join.sh", "kubeadm join 10.0.0.1:6443 --token @@ --v=5\n", bootstrap_token
    ),
    "kubeadm-config": _of(
        Material.BOOTSTRAP_TOKEN,
        "kubeadm.yaml",
        "kind: InitConfiguration\nbootstrapTokens:\n- token: @@\n  ttl: 24h\n",
        bootstrap_token,
    ),
    "k3s": _of(
        Material.BOOTSTRAP_TOKEN, "k3s.env", "K3S_TOKEN=@@\n", lambda: f"K10{raw(32).hex()}::server:{text(32, HEX)}"
    ),
    "encryption-at-rest": _of(Material.SYMMETRIC_KEY, "enc.yaml", _AT_REST, lambda: _b64(raw(32))),
    "encryption-key": _of(Material.SYMMETRIC_KEY, "n8n.env", "N8N_ENCRYPTION_KEY=@@\n", lambda: raw(32).hex()),
    "fernet": _of(Material.SYMMETRIC_KEY, "airflow.env", "FERNET_KEY=@@\n", fernet),
    "ceph": _of(Material.SYMMETRIC_KEY, "ceph.client.admin.keyring", "[client.admin]\n\tkey = @@\n", ceph_key),
    "aws": _of(
        Material.CLOUD_CREDENTIAL,
        "credentials",
        f"[default]\naws_access_key_id = {aws_identifier()}\naws_secret_access_key = @@\n",
        aws_secret,
    ),
    "aws-environment": _of(Material.CLOUD_CREDENTIAL, "aws.env", "AWS_SECRET_ACCESS_KEY='@@'\n", aws_secret),
    "azure-storage": _of(
        Material.CLOUD_CREDENTIAL,
        "app.config",
        "DefaultEndpointsProtocol=https;AccountName=backup;AccountKey=@@;EndpointSuffix=core.windows.net\n",
        lambda: _b64(raw(64)),
    ),
    "hetzner": _of(Material.CLOUD_CREDENTIAL, "ci.env", "HCLOUD_TOKEN=@@\n", lambda: mixed(64)),
    "cloudflare-named": _of(
        Material.CLOUD_CREDENTIAL, "terraform.tfvars", 'cloudflare_api_token = "@@"\n', lambda: mixed(40, URL)
    ),
    "gitea": _of(Material.VCS_TOKEN, "drone.env", "GITEA_TOKEN=@@\n", lambda: text(40, HEX)),
    "datadog": _of(Material.API_TOKEN, "values.yaml", "datadog_api_key: @@\n", lambda: mixed(32, HEX)),
    "sonarr": _of(Material.API_TOKEN, "exportarr.env", "SONARR_API_KEY=@@\n", lambda: mixed(32, HEX)),
    "dsn": _literal("app.env", "DATABASE_URL=postgres://immich:@@@db.home.lan:5432/immich\n", lambda: strong(18)),
    "dsn-yaml": _literal("values.yaml", "redis:\n  url: redis://:@@@redis:6379/0\n", lambda: strong(18)),
    "git-credentials": _literal(".git-credentials", "https://victor:@@@git.home.lan\n", lambda: strong(18)),
    "dotenv": _literal(".env", "DB_USER=app\nDB_PASSWORD=@@\n"),
    "dotenv-quoted": _literal(".env", 'export DB_PASSWORD="@@"  # the database\n'),
    "thought-up": _literal(
        ".env", "GRAFANA_ADMIN_PASSWORD=@@\n", lambda: f"Winter{text(1, '3456789')}storm-{text(2, LOWER)}"
    ),
    "compose": _literal("docker-compose.yml", _COMPOSE),
    "pod": _literal("pod.yaml", _POD),
    "hcl": _literal("terraform.tfvars", 'db_password = "@@"\n'),
    "json": _literal("settings.json", '{"smtp": {"user": "x", "password": "@@"}}'),
    "ini": _literal("app.ini", "[database]\nUSER = gitea\nPASSWD = @@\n"),
    "properties": _literal("application.properties", "spring.datasource.password=@@\n"),
    "xml": _literal("settings.xml", "<server><username>ci</username><password>@@</password></server>\n"),
    "flag": _literal("run.sh", "exec app --user x --password=@@ --verbose\n"),
    "joined-name": _literal("app.env", "PGPASSWORD=@@\n"),
    "generated-signs": _literal("app.env", "DB_PASSWORD='@@'\n", lambda: f"{text(3)}*4{text(2)}&{mixed(12)}"),
    "image": _literal("Dockerfile", "FROM debian\nENV API_SECRET @@\n"),
    "sshpass": _literal("push.sh", "sshpass -p '@@' ssh root@nas.home.lan reboot\n", _plain),
    "curl": _literal("pull.sh", "curl -fsS -u robot:@@ https://nexus.home.lan/a.tgz\n", _plain),
    "curl-list": _literal("pod.yaml", 'command: ["curl", "-su", "robot:@@", "http://localhost"]\n', _plain),
    "mysql-list": _literal("job.yaml", 'command: [mysqladmin, "-uroot", "-p@@", ping]\n', _plain),
    "mysql": _literal("dump.sh", "mysqldump -u root -p@@ --all-databases > all.sql\n", _plain),
    "docker-login": _literal(".gitlab-ci.yml", "script:\n  - docker login -u ci -p @@ registry.home.lan\n", _plain),
    "htpasswd-b": _literal("make.sh", "htpasswd -nbB victor @@ > .htpasswd\n", _plain),
    "chpasswd": _literal("install.sh", "echo 'pi:@@' | sudo chpasswd\n", _plain),
    "chpasswd-list": _literal(
        "user-data", "#cloud-config\nchpasswd:\n  expire: false\n  list: |\n    root:@@\n", _plain
    ),
    "basic": _literal("probe.yaml", 'httpHeaders:\n- {name: Authorization, value: "Basic @@"}\n', basic_login),
    "npmrc": _literal(".npmrc", "//nexus.home.lan/repository/npm/:_auth=@@\n", basic_login),
    "wpa": _literal("wpa_supplicant.conf", 'network={\n  ssid="home"\n  psk="@@"\n}\n', _plain),
    "wifi": _literal("home.nmconnection", "[wifi-security]\nkey-mgmt=wpa-psk\npsk=@@\n", _plain),
    "openwrt": _literal("wireless", "config wifi-iface\n\toption ssid 'home'\n\toption key '@@'\n", _plain),
    "netrc": _literal(".netrc", "machine git.home.lan\n  login victor\n  password @@\n"),
    "pgpass": _literal(".pgpass", "db.home.lan:5432:app:app:@@\n", lambda: strong(18)),
    "my-cnf": _literal(".my.cnf", "[client]\nuser=root\npassword=@@\n"),
    "htpasswd": _literal(".htpasswd", "victor:@@\n", htpasswd_hash),
    "bcrypt": _literal("users.yaml", "auth:\n  - victor:@@\n", lambda: f"$2y$10${text(53)}"),
    "jwt-header": _of(Material.JWT, "call.sh", "curl -H 'Authorization: Bearer @@' https://api/\n", jwt),
}
"""By name: a function that makes a new text with one such secret in it (the two of ``vault init`` have more)."""
