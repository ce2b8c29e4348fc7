"""Tokens of forges: GitHub, GitLab, Bitbucket, Gitea, Forgejo, Azure DevOps."""

from harden_secrets.detect import quiet
from harden_secrets.detect.tokens import checksums
from harden_secrets.detect.tokens.form import NamedForm, TokenForm
from harden_secrets.material import Material, Severity

_CHECKSUM = 6  # characters at the end of a classic GitHub token


def classic(token: str) -> bool:
    """Whether the checksum of a classic GitHub or an npm token is right (``ghp_…``, ``npm_…``)."""
    body = token[4:]
    return checksums.base62_crc32(body[:-_CHECKSUM]) == body[-_CHECKSUM:]


def _installation(token: str) -> bool:
    # Tokens of installations are issued by another service, whose checksum is not the published one.
    return classic(token) or quiet.looks_random(token[4:])


def _fine_grained(token: str) -> bool:
    # 77 characters, eight of their SHA-256, eight more. GitHub does not document it, so what fails may still be one.
    return checksums.base32_sha256(token[:-16]) == token[-16:-8] or quiet.looks_random(token[11:])


def _routable(token: str) -> bool:
    return checksums.base36_crc32(token[:-7]) == token[-7:]


_VCS = Material.VCS_TOKEN
VCS_FORMS = (
    TokenForm(
        "github-personal",
        _VCS,
        "GitHub personal access token",
        (b"ghp_",),
        rb"ghp_[A-Za-z0-9]{36}(?![A-Za-z0-9])",
        classic,
    ),
    TokenForm("github-oauth", _VCS, "GitHub OAuth token", (b"gho_",), rb"gho_[A-Za-z0-9]{36}(?![A-Za-z0-9])", classic),
    TokenForm(
        "github-user", _VCS, "GitHub App user token", (b"ghu_",), rb"ghu_[A-Za-z0-9]{36}(?![A-Za-z0-9])", classic
    ),
    TokenForm(
        "github-refresh",
        _VCS,
        "GitHub App refresh token",
        (b"ghr_",),
        rb"ghr_[A-Za-z0-9]{36,76}(?![A-Za-z0-9])",
        classic,
    ),
    TokenForm(
        "github-installation",
        _VCS,
        "GitHub App installation token",
        (b"ghs_",),
        rb"ghs_(?:[A-Za-z0-9]{36}(?![A-Za-z0-9])|[0-9]{1,12}_eyJ[A-Za-z0-9_-]{16,4000}\.[A-Za-z0-9_-]{16,4000}\.[A-Za-z0-9_-]{16,1400})",
        _installation,
    ),
    TokenForm(
        "github-fine-grained",
        _VCS,
        "GitHub fine-grained personal access token",
        (b"github_pat_",),
        rb"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}(?![A-Za-z0-9])",
        _fine_grained,
    ),
    TokenForm(
        "gitlab-routable",
        _VCS,
        "GitLab token",
        (b"glpat-", b"glrt-", b"gldt-", b"glptt-", b"glcbt-"),
        rb"gl(?:pat|rt|dt|ptt|cbt)-[A-Za-z0-9_-]{27,300}\.(?:[0-9a-z]{2}\.)?[0-9a-z]{9}(?![A-Za-z0-9])",
        _routable,
    ),
    TokenForm(
        "gitlab",
        _VCS,
        "GitLab token",
        (b"glpat-", b"gldt-", b"glrt-", b"glrtr-", b"glft-", b"glimt-", b"glffct-", b"glsoat-", b"glcbt-"),
        rb"gl(?:pat|dt|rt|rtr|ft|imt|ffct|soat)-[A-Za-z0-9_-]{20,26}(?![A-Za-z0-9_.-])|glcbt-[0-9a-zA-Z]{1,5}_[A-Za-z0-9_-]{20}(?![\w-])",
        lambda token: quiet.looks_random(token.partition("-")[2]),
    ),
    TokenForm(
        "gitlab-trigger", _VCS, "GitLab pipeline trigger token", (b"glptt-",), rb"glptt-[0-9a-f]{40}(?![0-9a-f])"
    ),
    TokenForm("gitlab-agent", _VCS, "GitLab agent token", (b"glagent-",), rb"glagent-[A-Za-z0-9_-]{50}(?![\w-])"),
    TokenForm(
        "gitlab-oauth", _VCS, "GitLab OAuth application secret", (b"gloas-",), rb"gloas-[A-Za-z0-9_-]{64}(?![\w-])"
    ),
    TokenForm(
        "gitlab-runner",
        _VCS,
        "GitLab runner registration token",
        (b"GR1348941",),
        rb"GR1348941[A-Za-z0-9_-]{20}(?![\w-])",
    ),
    TokenForm(
        "bitbucket-app",
        _VCS,
        "Bitbucket app password",
        (b"ATBB",),
        rb"(?<![A-Za-z0-9])ATBB[A-Za-z0-9]{24,32}(?![A-Za-z0-9])",
    ),
    TokenForm(
        "bitbucket-token", _VCS, "Bitbucket access token", (b"ATCTT3xFfG",), rb"ATCTT3xFfG[A-Za-z0-9_=-]{60,300}"
    ),
    TokenForm(
        "azure-devops",
        _VCS,
        "Azure DevOps personal access token",
        (b"AZDO",),
        rb"(?<![A-Za-z0-9])[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}(?![A-Za-z0-9])",
    ),
)
VCS_NAMED = (
    NamedForm(
        "gitea",
        _VCS,
        "Gitea or Forgejo token",
        rb"(?:gitea|forgejo|codeberg)[a-z0-9_.-]{0,24}(?:token|key|secret)",
        rb"[0-9a-f]{40}",
    ),
    NamedForm(
        "bitbucket",
        _VCS,
        "Bitbucket client secret",
        rb"bitbucket[a-z0-9_.-]{0,24}(?:token|key|secret|password)",
        rb"[A-Za-z0-9]{32}|[A-Za-z0-9]{20}",
    ),
    NamedForm(
        "github-legacy",
        _VCS,
        "GitHub token of the old form",
        rb"(?:github|gh)_(?:oauth_|api_|access_)?(?:token|secret|client_secret|pat)",
        rb"[0-9a-f]{40}",
    ),
    NamedForm(
        "woodpecker",
        _VCS,
        "secret of a CI server",
        rb"(?:woodpecker|drone)_[a-z0-9_]{0,20}(?:secret|token)",
        rb"[0-9a-f]{32,64}|[A-Z2-7]{52,56}",
        Severity.HIGH,
    ),
)
