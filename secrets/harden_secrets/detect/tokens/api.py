"""Tokens of services: chat, mail, payment, monitoring, package registries, language models."""

import base64
import binascii
from collections.abc import Callable

from harden_secrets.detect import quiet
from harden_secrets.detect.tokens import checksums
from harden_secrets.detect.tokens.form import NamedForm, TokenForm
from harden_secrets.detect.tokens.vcs import classic
from harden_secrets.material import Material, Severity

_API = Material.API_TOKEN


def _grafana(token: str) -> bool:
    body, _, checksum = token.rpartition("_")
    return checksums.little_endian_crc32(body) == checksum


def _pypi(token: str) -> bool:
    """Whether it is a macaroon: its version, then the location as a length and that many bytes."""
    text = token.removeprefix("pypi-")
    try:
        macaroon = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        return False
    return macaroon[:3] == b"\x02\x01\x08" and len(macaroon) > 60


def _discord(token: str) -> bool:
    """Whether its first part is the bot's number, as Discord encodes it."""
    text = token.partition(".")[0]
    try:
        number = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        return False
    return number.isdigit() and 17 <= len(number) <= 20 and quiet.looks_random(token.rpartition(".")[2])


def _after(separator: str) -> Callable[[str], bool]:
    return lambda token: quiet.looks_random(token.rpartition(separator)[2])


API_FORMS = (
    TokenForm(
        "slack-bot",
        _API,
        "Slack token",
        (b"xoxb-", b"xoxp-", b"xoxa-", b"xoxr-", b"xoxs-", b"xoxe"),
        rb"xox[abprs]-(?:\d-)?\d{8,14}-[A-Za-z0-9-]{20,160}|xoxe(?:\.xox[bp])?-\d-[A-Za-z0-9]{100,200}",
        _after("-"),
    ),
    TokenForm(
        "slack-app",
        _API,
        "Slack app token",
        (b"xapp-",),
        rb"xapp-\d-[A-Z0-9]{8,14}-\d{10,14}-[a-f0-9]{64}",
        _after("-"),
    ),
    TokenForm(
        "slack-webhook",
        _API,
        "Slack webhook",
        (b"hooks.slack.com/",),
        rb"https://hooks\.slack\.com/(?P<token>services/T[A-Z0-9]{8,12}/B[A-Z0-9]{8,12}/[A-Za-z0-9]{24})(?![A-Za-z0-9])",
        _after("/"),
        Severity.MEDIUM,
    ),
    TokenForm(
        "stripe",
        _API,
        "Stripe secret key",
        (b"sk_live_", b"rk_live_"),
        rb"[sr]k_live_[A-Za-z0-9]{24,247}(?![A-Za-z0-9])",
        _after("_"),
    ),
    TokenForm(
        "stripe-test",
        _API,
        "Stripe test key",
        (b"sk_test_", b"rk_test_"),
        rb"[sr]k_test_[A-Za-z0-9]{24,247}(?![A-Za-z0-9])",
        _after("_"),
        Severity.LOW,
    ),
    TokenForm(
        "stripe-webhook",
        _API,
        "Stripe webhook secret",
        (b"whsec_",),
        rb"whsec_[A-Za-z0-9+/]{32,64}={0,2}(?![A-Za-z0-9])",
        _after("_"),
    ),
    TokenForm(
        "npm", _API, "npm access token", (b"npm_",), rb"npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])", classic, telling=False
    ),
    TokenForm("pypi", _API, "PyPI token", (b"pypi-AgE",), rb"pypi-AgE[A-Za-z0-9_-]{60,600}", _pypi),
    TokenForm(
        "docker",
        _API,
        "Docker Hub token",
        (b"dckr_pat_", b"dckr_oat_"),
        rb"dckr_(?:pat_[A-Za-z0-9_-]{27}|oat_[A-Za-z0-9_-]{32})(?![\w-])",
    ),
    TokenForm("crates", _API, "crates.io token", (b"cio",), rb"(?<![A-Za-z0-9+/])cio[A-Za-z0-9]{32}(?![A-Za-z0-9+/=])"),
    TokenForm("rubygems", _API, "RubyGems key", (b"rubygems_",), rb"rubygems_[a-f0-9]{48}(?![a-f0-9])"),
    TokenForm("nuget", _API, "NuGet key", (b"oy2",), rb"(?<![A-Za-z0-9+/])oy2[a-z0-9]{43}(?![A-Za-z0-9+/=])"),
    TokenForm(
        "telegram",
        _API,
        "Telegram bot token",
        (b":AA",),
        rb"(?<![A-Za-z0-9])\d{8,10}:AA[A-Za-z0-9_-]{33}(?![\w-])",
        _after(":"),
    ),
    TokenForm(
        "sendgrid",
        _API,
        "SendGrid key",
        (b"SG.",),
        rb"(?<![A-Za-z0-9])SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}(?![\w-])",
    ),
    TokenForm(
        "mailgun", _API, "Mailgun key", (b"key-",), rb"(?<![A-Za-z0-9])key-[a-f0-9]{32}(?![a-f0-9-])", telling=False
    ),
    TokenForm("mailchimp", _API, "Mailchimp key", (b"-us",), rb"(?<![A-Za-z0-9])[0-9a-f]{32}-us\d{1,2}(?!\d)"),
    TokenForm(
        "brevo", _API, "Brevo key", (b"xkeysib-", b"xsmtpsib-"), rb"x(?:key|smtp)sib-[a-f0-9]{64}-[A-Za-z0-9]{16}"
    ),
    TokenForm(
        "twilio",
        _API,
        "Twilio API key",
        (b"SK",),
        rb"(?<![A-Za-z0-9])SK[0-9a-f]{32}(?![A-Za-z0-9])",
        severity=Severity.LOW,
    ),
    TokenForm(
        "grafana",
        _API,
        "Grafana service account token",
        (b"glsa_",),
        rb"glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}(?![0-9a-f])",
        _grafana,
    ),
    TokenForm("grafana-cloud", _API, "Grafana Cloud token", (b"glc_eyJ",), rb"glc_eyJ[A-Za-z0-9+/]{40,400}={0,2}"),
    TokenForm(
        "huggingface",
        _API,
        "Hugging Face token",
        (b"hf_",),
        rb"(?<![A-Za-z0-9_])hf_[A-Za-z]{34}(?![A-Za-z0-9_])",
        _after("_"),
    ),
    TokenForm(
        "openai",
        _API,
        "OpenAI key",
        (b"T3BlbkFJ",),
        rb"sk-(?:(?:proj|svcacct|admin)-)?[A-Za-z0-9_-]{20,100}T3BlbkFJ[A-Za-z0-9_-]{20,100}(?![\w-])",
    ),
    TokenForm(
        "anthropic",
        _API,
        "Anthropic key",
        (b"sk-ant-",),
        rb"sk-ant-(?:api|admin|oat|ort|sid)\d\d-[A-Za-z0-9_-]{80,120}(?![\w-])",
    ),
    TokenForm("openrouter", _API, "OpenRouter key", (b"sk-or-v1-",), rb"sk-or-v1-[a-f0-9]{64}"),
    TokenForm("groq", _API, "Groq key", (b"gsk_",), rb"(?<![A-Za-z0-9])gsk_[A-Za-z0-9]{52}(?![A-Za-z0-9])"),
    TokenForm("replicate", _API, "Replicate token", (b"r8_",), rb"(?<![A-Za-z0-9])r8_[A-Za-z0-9]{37}(?![A-Za-z0-9])"),
    TokenForm("xai", _API, "xAI key", (b"xai-",), rb"(?<![A-Za-z0-9])xai-[A-Za-z0-9]{80}(?![A-Za-z0-9])"),
    TokenForm(
        "discord",
        _API,
        "Discord bot token",
        (b"M", b"N", b"O"),
        # an account's number in base64: three digits are four characters
        rb"(?<![A-Za-z0-9])[MNO][DTjz][AEIMQUYcgk][A-Za-z0-9_-]{20,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}(?![\w-])",
        _discord,
    ),
    TokenForm(
        "discord-webhook",
        _API,
        "Discord webhook",
        (b"/api/webhooks/",),
        rb"discord(?:app)?\.com(?P<token>/api/webhooks/\d{17,20}/[A-Za-z0-9_-]{60,80})(?![\w-])",
        _after("/"),
        Severity.MEDIUM,
    ),
    TokenForm(
        "sentry",
        _API,
        "Sentry token",
        (b"sntrys_", b"sntryu_"),
        rb"sntryu_[a-f0-9]{64}|sntrys_eyJ[A-Za-z0-9+/=_-]{80,400}",
    ),
    TokenForm("linear", _API, "Linear key", (b"lin_api_",), rb"lin_api_[A-Za-z0-9]{40}(?![A-Za-z0-9])"),
    TokenForm("newrelic", _API, "New Relic key", (b"NRAK-",), rb"NRAK-[A-Z0-9]{27}(?![A-Z0-9])"),
    TokenForm(
        "newrelic-license",
        _API,
        "New Relic license key",
        (b"FFFFNRAL", b"NRAL"),
        rb"(?<![A-Za-z0-9])[a-f0-9]{32}(?:FFFF)?NRAL(?![A-Za-z0-9])",
    ),
    TokenForm(
        "dynatrace",
        _API,
        "Dynatrace token",
        (b"dt0c01.", b"dt0s16.", b"dt0s01."),
        rb"dt0[cs]\d\d\.[A-Z0-9]{8,24}\.[A-Z0-9]{64}(?![A-Z0-9])",
    ),
    TokenForm("atlassian", _API, "Atlassian token", (b"ATATT3xFfG",), rb"ATATT3xFfG[A-Za-z0-9_=-]{100,300}"),
    TokenForm("notion", _API, "Notion token", (b"ntn_",), rb"(?<![A-Za-z0-9])ntn_[A-Za-z0-9]{40,50}(?![A-Za-z0-9])"),
    TokenForm(
        "shopify",
        _API,
        "Shopify token",
        (b"shpat_", b"shpca_", b"shppa_", b"shpss_"),
        rb"shp(?:at|ca|pa|ss)_[a-f0-9]{32}(?![a-f0-9])",
    ),
    TokenForm(
        "square",
        _API,
        "Square token",
        (b"sq0atp-", b"sq0csp-"),
        rb"sq0(?:atp-[A-Za-z0-9_-]{22}|csp-[A-Za-z0-9_-]{43})(?![\w-])",
    ),
    TokenForm("postman", _API, "Postman key", (b"PMAK-",), rb"PMAK-[a-f0-9]{24}-[a-f0-9]{34}"),
    TokenForm("figma", _API, "Figma token", (b"figd_", b"figu_"), rb"fig[du]_[A-Za-z0-9_-]{38,48}(?![\w-])"),
    TokenForm("netlify", _API, "Netlify token", (b"nfp_",), rb"(?<![A-Za-z0-9])nfp_[A-Za-z0-9]{36}(?![A-Za-z0-9])"),
    TokenForm(
        "sonarqube",
        _API,
        "SonarQube token",
        (b"sqp_", b"squ_", b"sqa_"),
        rb"(?<![A-Za-z0-9])sq[pua]_[a-f0-9]{40}(?![a-f0-9])",
    ),
    TokenForm(
        "artifactory", _API, "Artifactory key", (b"AKCp",), rb"(?<![A-Za-z0-9])AKCp[A-Za-z0-9]{69}(?![A-Za-z0-9])"
    ),
    TokenForm("buildkite", _API, "Buildkite token", (b"bkua_",), rb"bkua_[a-f0-9]{40}(?![a-f0-9])"),
    TokenForm(
        "circleci", _API, "CircleCI token", (b"CCIPAT_", b"CCIPRJ_"), rb"CCIP(?:AT|RJ)_[A-Za-z0-9]{22}_[a-f0-9]{40}"
    ),
)
_KEY = rb"(?:token|key|secret)"
API_NAMED = (
    NamedForm(
        "datadog", _API, "Datadog key", rb"(?:datadog|dd)_(?:api|app|application)_?key", rb"[a-f0-9]{32}|[a-f0-9]{40}"
    ),
    NamedForm(
        "twilio-auth",
        _API,
        "Twilio auth token",
        rb"twilio[a-z0-9_.-]{0,16}(?:token|secret)",
        rb"[a-f0-9]{32}|[A-Za-z0-9]{32}",
    ),
    NamedForm(
        "pagerduty", _API, "PagerDuty key", rb"pagerduty[a-z0-9_.-]{0,24}" + _KEY, rb"[A-Za-z0-9_+-]{20}|[a-f0-9]{32}"
    ),
    NamedForm(
        "discord-client", _API, "Discord client secret", rb"discord[a-z0-9_.-]{0,16}secret", rb"[A-Za-z0-9_-]{32}"
    ),
    NamedForm("sentry-named", _API, "Sentry token", rb"sentry_auth_token", rb"[a-f0-9]{64}"),
    NamedForm(
        "mailgun-named",
        _API,
        "Mailgun key",
        rb"mailgun[a-z0-9_.-]{0,16}" + _KEY,
        rb"[a-f0-9]{32}-[a-f0-9]{8}-[a-f0-9]{8}",
    ),
    NamedForm("mistral", _API, "Mistral key", rb"mistral_api_key", rb"[A-Za-z0-9]{32}"),
    NamedForm("pushover", _API, "Pushover token", rb"pushover[a-z0-9_.-]{0,16}(?:token|key)", rb"[a-z0-9]{30}"),
    NamedForm("plex", _API, "Plex token", rb"plex[a-z0-9_.-]{0,8}token", rb"[A-Za-z0-9_-]{20}"),
    NamedForm(
        "arr",
        _API,
        "API key of a media manager",
        rb"(?:sonarr|radarr|prowlarr|lidarr|readarr|bazarr|sabnzbd|jellyfin|overseerr|tautulli)[a-z0-9_.-]{0,12}(?:key|token)",
        rb"[a-f0-9]{32}|[A-Za-z0-9]{32}",
    ),
)
