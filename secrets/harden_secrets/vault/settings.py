"""Which Vault, and how to log in: options win over the environment, which wins over the inventory."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from harden.errors import HardenError, UsageError
from harden_secrets.confidential import Confidential
from harden_secrets.inventory.model import Auth, AuthMethod, VaultSection
from harden_secrets.inventory.terms import address_fault
from harden_secrets.vault.auth.approle import AppRoleLogin
from harden_secrets.vault.auth.jwt import JwtLogin
from harden_secrets.vault.auth.kubernetes import TOKEN_FILE, KubernetesLogin
from harden_secrets.vault.auth.port import Login
from harden_secrets.vault.auth.token import TokenLogin

ADDRESS, TOKEN, NAMESPACE, CA = "VAULT_ADDR", "VAULT_TOKEN", "VAULT_NAMESPACE", "VAULT_CACERT"
LEFT_BY_LOGIN = ".vault-token"


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says; empty where it says nothing."""

    address: str = ""
    mount: str = ""


@dataclass(frozen=True, slots=True)
class Local:
    """The embedded server, where there is one."""

    address: str
    ca: Path
    login: Login


@dataclass(frozen=True, slots=True)
class Settings:
    """All that it takes to reach a mount. ``local`` where it is the embedded server."""

    address: str
    mount: str
    namespace: str
    ca: Path | None
    login: Login
    local: bool = False

    @property
    def in_clear(self) -> bool:
        """Whether the token and all values would cross a network without TLS."""
        parts = urlsplit(self.address)
        return parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1")


def settings(
    section: VaultSection | None, options: Options, environment: Mapping[str, str], local: Local | None
) -> Settings:
    """What holds. ``local`` is used where nobody names an address. Raises HardenError where something is missing."""
    section = section or VaultSection()
    named = options.address or environment.get(ADDRESS, "")
    if named and (fault := address_fault(named)):
        raise UsageError(fault, f"it comes from {'the command line' if options.address else ADDRESS}")
    address = (named or section.address).rstrip("/")
    if not address and local is None:
        hint = f"name it with {ADDRESS} or vault.address in the inventory, or make a local one: harden vault up"
        raise HardenError("no Vault is known", hint)
    ca = environment.get(CA) or section.ca_file
    is_local = not address or (local is not None and address == local.address)
    login = local.login if is_local and local is not None and section.auth is None else None
    return Settings(
        address=address or (local.address if local else ""),
        mount=options.mount or section.mount,
        namespace=(environment.get(NAMESPACE) or section.namespace).strip("/"),
        ca=Path(ca) if ca else local.ca if is_local and local is not None else None,
        login=_login(section.auth, environment, login),
        local=is_local,
    )


def _login(auth: Auth | None, environment: Mapping[str, str], local: Login | None) -> Login:
    token = environment.get(TOKEN, "").strip()
    if token:
        return TokenLogin(Confidential(token.encode()))
    if auth is not None:
        return _of_method(auth, environment)
    return local or TokenLogin(_home(environment) / LEFT_BY_LOGIN)


def _of_method(auth: Auth, environment: Mapping[str, str]) -> Login:
    match auth.method:
        case AuthMethod.APPROLE:
            role = auth.role_id or _path(auth.role_id_file, environment)
            return AppRoleLogin(role, _path(auth.secret_id_file, environment), auth.mount or "approle")
        case AuthMethod.KUBERNETES:
            file = _path(auth.token_file, environment) if auth.token_file else TOKEN_FILE
            return KubernetesLogin(auth.role, file, auth.mount or "kubernetes")
        case AuthMethod.JWT:
            return JwtLogin(auth.role, _jwt(auth, environment), auth.mount or "jwt")
        case AuthMethod.TOKEN:
            return TokenLogin(_path(auth.token_file or f"~/{LEFT_BY_LOGIN}", environment))


def _jwt(auth: Auth, environment: Mapping[str, str]) -> Path | Confidential:
    if auth.token_file:
        return _path(auth.token_file, environment)
    value = environment.get(auth.token_variable, "").strip()
    if not value:
        message = f"{auth.place}: the variable {auth.token_variable}, which has the signed token, is not set"
        raise HardenError(message, "set it where harden runs, or name a file with token_file")
    return Confidential(value.encode())


def _path(text: str, environment: Mapping[str, str]) -> Path:
    return _home(environment) / text[2:] if text.startswith("~/") else Path(text)


def _home(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("HOME") or "/")
