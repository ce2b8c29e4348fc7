"""Tokens that are known by their form alone, made anew at every call, with their checksums."""

import base64
import hashlib
import json
import zlib
from collections.abc import Callable

from harden_secrets.material import Material
from tests.harden_secrets.tokens.alphabet import ALNUM, BASE32, HEX, LOWER, UPPER, URL, mixed, number, raw, text

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"


def _digits(value: int, alphabet: str, width: int) -> str:
    digits = ""
    for _ in range(width):
        value, rest = divmod(value, len(alphabet))
        digits = alphabet[rest] + digits
    return digits


def _b64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def github(prefix: str = "ghp_", length: int = 30) -> str:
    """A classic GitHub token: the last six characters are the CRC-32 of those before them."""
    body = text(length)
    return prefix + body + _digits(zlib.crc32(body.encode()), _BASE62, 6)


def github_fine_grained() -> str:
    """``github_pat_``: eight characters of the SHA-256 of what is before them, then eight more."""
    body = f"github_pat_1{text(21)}_{text(43)}"
    return body + base64.b32encode(hashlib.sha256(body.encode()).digest()).decode()[:8] + text(8)


def gitlab_routable() -> str:
    """GitLab's newer form, with its CRC-32 in base 36."""
    body = f"glpat-{text(27, URL)}.01.{text(2, LOWER)}"
    return body + _digits(zlib.crc32(body.encode()), _BASE36, 7)


def grafana() -> str:
    """Grafana's service account token, with its CRC-32, the lowest byte first."""
    body = f"glsa_{text(32)}"
    return f"{body}_{zlib.crc32(body.encode()).to_bytes(4, 'little').hex()}"


def pypi() -> str:
    """A macaroon in version 2: location, identifier, caveat, signature."""
    location = b"\x01\x08pypi.org"
    identifier = b"\x02\x24" + text(36, HEX).encode()
    return "pypi-" + _b64url(b"\x02" + location + identifier + b"\x00\x00\x06\x20" + raw(32))


def discord() -> str:
    """A bot's token: its number in base64, a time, an HMAC."""
    return f"{_b64url(number(18).encode())}.{text(6)}.{text(38, URL)}"


def cloudflare_tunnel() -> str:
    """The JSON with which ``cloudflared`` runs a tunnel."""
    tunnel = {
        "a": text(32, HEX),
        "t": "4c0e6f5e-2b1a-4d0b-9c55-" + text(12, HEX),
        "s": base64.b64encode(raw(32)).decode(),
    }
    return base64.b64encode(json.dumps(tunnel, separators=(",", ":")).encode()).decode()


def jwt(claims: dict[str, object] | None = None, header: dict[str, object] | None = None) -> str:
    """A signed token; the signature is random, as nobody can check it without the key."""
    head = header or {"alg": "RS256", "typ": "JWT", "kid": text(12)}
    body = claims or {
        "iss": "https://id.home.lan",
        "sub": text(12),
        "aud": "grafana",
        "iat": 1760000000,
        "exp": 1790000000,
    }
    parts = (json.dumps(part, separators=(",", ":")).encode() for part in (head, body))
    return ".".join((*map(_b64url, parts), _b64url(raw(256))))


def service_account() -> str:
    """The token of a Kubernetes service account, bound to a pod."""
    return jwt(
        {
            "aud": ["https://kubernetes.default.svc"],
            "exp": 1790000000,
            "iss": "https://kubernetes.default.svc.cluster.local",
            "kubernetes.io": {"namespace": "openclaw", "serviceaccount": {"name": "default", "uid": text(12, HEX)}},
            "sub": "system:serviceaccount:openclaw:default",
        }
    )


def service_account_legacy() -> str:
    """The token of a Secret of type ``kubernetes.io/service-account-token``, which never expires."""
    return jwt(
        {
            "iss": "kubernetes/serviceaccount",
            "kubernetes.io/serviceaccount/namespace": "woodpecker",
            "kubernetes.io/serviceaccount/service-account.name": "ci",
            "sub": "system:serviceaccount:woodpecker:ci",
        },
        {"alg": "RS256", "kid": text(40, URL)},
    )


_VCS, _CLOUD, _API = Material.VCS_TOKEN, Material.CLOUD_CREDENTIAL, Material.API_TOKEN

STANDING: dict[str, tuple[Material, Callable[[], str]]] = {
    "github-personal": (_VCS, github),
    "github-oauth": (_VCS, lambda: github("gho_")),
    "github-user": (_VCS, lambda: github("ghu_")),
    "github-refresh": (_VCS, lambda: github("ghr_", 70)),
    "github-installation": (_VCS, lambda: f"ghs_{text(36)}"),
    "github-fine-grained": (_VCS, github_fine_grained),
    "gitlab": (_VCS, lambda: f"glpat-{mixed(20, URL)}"),
    "gitlab-routable": (_VCS, gitlab_routable),
    "gitlab-deploy": (_VCS, lambda: f"gldt-{mixed(20, URL)}"),
    "gitlab-runner": (_VCS, lambda: f"glrt-{mixed(20, URL)}"),
    "gitlab-trigger": (_VCS, lambda: f"glptt-{text(40, HEX)}"),
    "gitlab-agent": (_VCS, lambda: f"glagent-{text(50, URL)}"),
    "bitbucket": (_VCS, lambda: f"ATBB{text(32)}"),
    "azure-devops": (_VCS, lambda: f"{text(76)}AZDO{text(4)}"),
    "digitalocean": (_CLOUD, lambda: f"dop_v1_{text(64, HEX)}"),
    "cloudflare": (_CLOUD, lambda: f"cfut_{text(48)}"),
    "cloudflare-tunnel": (_CLOUD, cloudflare_tunnel),
    "azure-client": (_CLOUD, lambda: f"{text(3)}8Q~{text(34)}"),
    "google-api": (_CLOUD, lambda: f"AIza{text(35, URL)}"),
    "google-oauth": (_CLOUD, lambda: f"GOCSPX-{text(28, URL)}"),
    "terraform": (_CLOUD, lambda: f"{text(14)}.atlasv1.{text(67)}"),
    "tailscale": (_CLOUD, lambda: f"tskey-auth-k{text(9)}CNTRL-{text(32)}"),
    "linode": (_CLOUD, lambda: f"lin_v1_{text(64, HEX)}"),
    "pulumi": (_CLOUD, lambda: f"pul-{text(40, HEX)}"),
    "databricks": (_CLOUD, lambda: f"dapi{text(32, HEX)}"),
    "doppler": (_CLOUD, lambda: f"dp.pt.{text(43)}"),
    "supabase": (_CLOUD, lambda: f"sbp_{text(40, HEX)}"),
    "slack-bot": (_API, lambda: f"xoxb-{number(12)}-{number(13)}-{mixed(24)}"),
    "slack-app": (_API, lambda: f"xapp-1-A{text(10, UPPER)}-{number(13)}-{text(64, HEX)}"),
    "stripe": (_API, lambda: f"sk_live_{text(99)}"),
    "npm": (_API, lambda: github("npm_")),
    "pypi": (_API, pypi),
    "docker": (_API, lambda: f"dckr_pat_{text(27)}"),
    "rubygems": (_API, lambda: f"rubygems_{text(48, HEX)}"),
    "telegram": (_API, lambda: f"{number(10)}:AA{text(33)}"),
    "sendgrid": (_API, lambda: f"SG.{text(22)}.{text(43)}"),
    "mailgun": (_API, lambda: f"key-{text(32, HEX)}"),
    "grafana": (_API, grafana),
    "huggingface": (_API, lambda: f"hf_{text(34, ALNUM[:52])}"),
    "openai": (_API, lambda: f"sk-proj-{text(74)}T3BlbkFJ{text(73)}A"),
    "anthropic": (_API, lambda: f"sk-ant-api03-{text(93, URL)}AA"),
    "groq": (_API, lambda: f"gsk_{text(52)}"),
    "discord": (_API, discord),
    "sentry": (_API, lambda: f"sntryu_{text(64, HEX)}"),
    "linear": (_API, lambda: f"lin_api_{text(40)}"),
    "newrelic": (_API, lambda: f"NRAK-{text(27, UPPER)}"),
    "dynatrace": (_API, lambda: f"dt0c01.{text(24, BASE32)}.{text(64, BASE32)}"),
    "shopify": (_API, lambda: f"shpat_{text(32, HEX)}"),
    "postman": (_API, lambda: f"PMAK-{text(24, HEX)}-{text(34, HEX)}"),
    "jwt": (Material.JWT, jwt),
    "service-account": (Material.SERVICE_ACCOUNT_TOKEN, service_account),
    "service-account-legacy": (Material.SERVICE_ACCOUNT_TOKEN, service_account_legacy),
    "vault-service": (Material.VAULT_TOKEN, lambda: f"hvs.CAES{text(87, URL)}"),
    "vault-root": (Material.VAULT_TOKEN, lambda: f"hvs.{mixed(24)}"),
    "vault-batch": (Material.VAULT_TOKEN, lambda: f"hvb.AAAAAQ{text(140, URL)}"),
}
"""By name: what it is, and a function that makes a new one."""
