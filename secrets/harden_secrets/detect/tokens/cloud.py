"""Credentials of cloud providers that are one text; those that are two are in :mod:`.pairs`."""

import base64
import binascii
import json

from harden_secrets.detect import quiet
from harden_secrets.detect.tokens.form import SEPARATOR, NamedForm, TokenForm
from harden_secrets.material import Material, Severity

_CLOUD = Material.CLOUD_CREDENTIAL
_AZURE_KEY = rb"(?P<token>[A-Za-z0-9+/]{86}==)"


def _tunnel(token: str) -> bool:
    """Whether it is the JSON of a Cloudflare tunnel: account, tunnel and secret."""
    try:
        tunnel = json.loads(base64.b64decode(token + "=" * (-len(token) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return False
    return isinstance(tunnel, dict) and {"a", "t", "s"} <= tunnel.keys()


def _key_bytes(token: str) -> bool:
    try:
        return quiet.looks_random(token.rstrip("=")) and len(base64.b64decode(token, validate=True)) >= 32
    except binascii.Error:
        return False


CLOUD_FORMS = (
    TokenForm(
        "azure-storage",
        _CLOUD,
        "Azure storage account key",
        (b"AccountKey=",),
        rb"AccountKey=" + _AZURE_KEY,
        _key_bytes,
    ),
    TokenForm(
        "azure-shared-access",
        _CLOUD,
        "Azure shared access key",
        (b"SharedAccessKey=",),
        rb"SharedAccessKey=(?P<token>[A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{86}==)",
        _key_bytes,
    ),
    TokenForm(
        "azure-signature",
        _CLOUD,
        "Azure shared access signature",
        (b"&sig=", b"?sig=", b"sig%3D"),
        rb"(?:[?&]|&amp;)s[vepir]=[^\s\"']{0,300}?[?&;]sig=(?P<token>[A-Za-z0-9%+/]{43,63}(?:%3D|=))",
        lambda token: quiet.looks_random(token.replace("%", "")),
        Severity.MEDIUM,
    ),
    TokenForm(
        "digitalocean",
        _CLOUD,
        "DigitalOcean token",
        (b"dop_v1_", b"doo_v1_", b"dor_v1_"),
        rb"do[opr]_v1_[a-f0-9]{64}(?![a-f0-9])",
    ),
    TokenForm(
        "cloudflare",
        _CLOUD,
        "Cloudflare API token",
        (b"cfut_", b"cfat_", b"cfk_"),
        rb"(?<![A-Za-z0-9_])cf(?:ut|at|k)_[A-Za-z0-9_-]{41,64}(?![\w-])",
        lambda token: quiet.looks_random(token.partition("_")[2]),
    ),
    TokenForm(
        "cloudflare-ca",
        _CLOUD,
        "Cloudflare origin CA key",
        (b"v1.0-",),
        rb"v1\.0-[a-f0-9]{24}-[a-f0-9]{146}(?![a-f0-9])",
        telling=False,
    ),
    TokenForm(
        "cloudflare-tunnel",
        _CLOUD,
        "Cloudflare tunnel token",
        (b"eyJhIjoi",),
        rb"eyJhIjoi[A-Za-z0-9+/]{80,400}={0,2}",
        _tunnel,
    ),
    TokenForm(
        "google-api",
        _CLOUD,
        "Google API key",
        (b"AIza",),
        rb"(?<![A-Za-z0-9])AIza[0-9A-Za-z_-]{35}(?![\w-])",
        severity=Severity.MEDIUM,
    ),
    TokenForm(
        "google-oauth", _CLOUD, "Google OAuth client secret", (b"GOCSPX-",), rb"GOCSPX-[A-Za-z0-9_-]{28}(?![\w-])"
    ),
    TokenForm(
        "google-access",
        _CLOUD,
        "Google OAuth access token",
        (b"ya29.",),
        rb"(?<![A-Za-z0-9])ya29\.[A-Za-z0-9_-]{60,400}",
        severity=Severity.LOW,
    ),
    TokenForm("linode", _CLOUD, "Akamai Linode token", (b"lin_v1_",), rb"lin_v1_[a-f0-9]{64}"),
    TokenForm("heroku", _CLOUD, "Heroku API key", (b"HRKU-",), rb"HRKU-[A-Za-z0-9_-]{36,64}"),
    TokenForm(
        "fly",
        _CLOUD,
        "Fly.io token",
        (b"fm2_", b"fo1_"),
        rb"(?<![A-Za-z0-9])(?:fm2_[A-Za-z0-9+/]{100,1200}={0,3}|fo1_[\w-]{43})",
    ),
    TokenForm(
        "exoscale",
        _CLOUD,
        "Exoscale API secret",
        (b"EXOSCALE_API_SECRET", b"exoscale_secret"),
        rb"(?i:exoscale_(?:api_)?secret(?:_key)?)" + SEPARATOR + rb"(?P<token>[A-Za-z0-9_-]{43})(?![\w-])",
    ),
    TokenForm(
        "pulumi",
        _CLOUD,
        "Pulumi access token",
        (b"pul-",),
        rb"(?<![A-Za-z0-9])pul-[a-f0-9]{40}(?![a-f0-9])",
        telling=False,
    ),
    TokenForm(
        "terraform",
        _CLOUD,
        "Terraform Cloud token",
        (b".atlasv1.",),
        rb"(?<![A-Za-z0-9])[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{60,70}(?![\w-])",
    ),
    TokenForm(
        "tailscale",
        _CLOUD,
        "Tailscale key",
        (b"tskey-",),
        rb"tskey-(?:auth|api|client|scim|webhook)-[A-Za-z0-9]{6,24}-[A-Za-z0-9]{16,64}(?![\w-])",
    ),
    TokenForm(
        "databricks",
        _CLOUD,
        "Databricks token",
        (b"dapi",),
        rb"(?<![A-Za-z0-9])dapi[a-f0-9]{32}(?:-\d)?(?![A-Za-z0-9])",
        telling=False,
    ),
    TokenForm(
        "planetscale", _CLOUD, "PlanetScale token", (b"pscale_",), rb"pscale_(?:tkn|oauth|pw)_[A-Za-z0-9_.-]{32,64}"
    ),
    TokenForm("supabase", _CLOUD, "Supabase token", (b"sbp_",), rb"(?<![A-Za-z0-9])sbp_[a-f0-9]{40}(?![a-f0-9])"),
    TokenForm(
        "onepassword", _CLOUD, "1Password service account token", (b"ops_eyJ",), rb"ops_eyJ[A-Za-z0-9+/_=-]{200,2000}"
    ),
    TokenForm(
        "doppler",
        _CLOUD,
        "Doppler token",
        (b"dp.pt.", b"dp.st.", b"dp.sa.", b"dp.ct.", b"dp.scim."),
        rb"dp\.(?:pt|st|sa|ct|scim)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}(?![A-Za-z0-9])",
    ),
    TokenForm(
        "azure-client",
        _CLOUD,
        "Microsoft Entra client secret",
        (b"7Q~", b"8Q~", b"9Q~", b"6Q~", b"5Q~"),
        rb"(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.]{3}\dQ~[A-Za-z0-9_~.-]{31,34}(?![A-Za-z0-9_~.-])",
    ),
)
_KEY = rb"(?:token|key|secret)"
CLOUD_NAMED = (
    NamedForm(
        "hetzner", _CLOUD, "Hetzner Cloud token", rb"(?:hcloud|hetzner)[a-z0-9_.-]{0,24}" + _KEY, rb"[A-Za-z0-9]{64}"
    ),
    NamedForm("hetzner-dns", _CLOUD, "Hetzner DNS token", rb"hetzner[a-z0-9_.-]{0,24}" + _KEY, rb"[A-Za-z0-9]{32}"),
    NamedForm(
        "cloudflare-named",
        _CLOUD,
        "Cloudflare API token",
        rb"(?:cloudflare|cf_(?:api|dns|zone))[a-z0-9_.-]{0,24}(?:token|key|secret)",
        rb"[A-Za-z0-9_-]{40}|[0-9a-f]{37}",
    ),
    NamedForm(
        "scaleway",
        _CLOUD,
        "Scaleway secret key",
        rb"(?:scw|scaleway)_(?:default_)?secret_key",
        rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    ),
    NamedForm("linode-named", _CLOUD, "Akamai Linode token", rb"linode[a-z0-9_.-]{0,16}" + _KEY, rb"[a-f0-9]{64}"),
    NamedForm("vultr", _CLOUD, "Vultr API key", rb"vultr[a-z0-9_.-]{0,16}" + _KEY, rb"[A-Z0-9]{36}"),
    NamedForm(
        "ovh", _CLOUD, "OVH application secret", rb"ovh[a-z0-9_.-]{0,16}(?:secret|consumer_key)", rb"[A-Za-z0-9]{32}"
    ),
    NamedForm(
        "azure-named",
        _CLOUD,
        "Azure storage account key",
        rb"(?:azure|storage)[a-z0-9_.-]{0,24}(?:account|access)_?key",
        rb"[A-Za-z0-9+/]{86}==",
    ),
    NamedForm(
        "backblaze",
        _CLOUD,
        "Backblaze application key",
        rb"(?:b2|backblaze)[a-z0-9_.-]{0,16}(?:application|app|secret)_?key",
        rb"K00[0-9][A-Za-z0-9+/]{27}",
    ),
    NamedForm(
        "openstack",
        _CLOUD,
        "OpenStack application credential",
        rb"os_application_credential_secret",
        rb"[A-Za-z0-9_-]{86}",
    ),
)
