"""The inventory as values, validated, each with its place in the file. Paths of files are as they were written.

Two values are equal that say the same, wherever they stand.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from enum import StrEnum
from typing import Literal

from harden.document.place import Place

NOWHERE = Place("", 0)
DEFAULT_TIMEOUT = timedelta(seconds=60)


class SecretKind(StrEnum):
    """What is known of how to make, install and prove a secret of this kind."""

    SSH_KEY = "ssh-key"
    GIT_CRYPT = "git-crypt"
    WIREGUARD = "wireguard"
    PASSWORD = "password"  # noqa: S105  the name of a kind
    COMMAND = "command"
    OPAQUE = "opaque"  # kept and delivered as it is; whoever issued it must be asked for another


class AuthMethod(StrEnum):
    """Ways to log in to Vault."""

    TOKEN = "token"  # noqa: S105  the name of a method
    APPROLE = "approle"
    KUBERNETES = "kubernetes"
    JWT = "jwt"


DeliverTo = Literal["direct", "vault-secrets-operator", "external-secrets", "file"]
"""Who brings a secret from Vault to its consumers: harden writes the Secret; two operators; a file on this host."""

Form = Literal["raw", "base64"]
"""What a consumer finds under a key: the bytes of the field, or their base64 text."""


@dataclass(frozen=True, slots=True)
class Auth:
    """How to log in. ``mount`` is where the method is enabled, empty for its usual place.

    Never a secret itself: those lie in files, or in the variable ``token_variable``.
    """

    method: AuthMethod
    role: str = ""
    mount: str = ""
    role_id: str = ""
    role_id_file: str = ""
    secret_id_file: str = ""
    token_file: str = ""
    token_variable: str = ""
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class VaultSection:
    """Which Vault. An empty ``address`` is the local one of ``harden vault up``."""

    address: str = ""
    mount: str = "secret"
    namespace: str = ""
    ca_file: str = ""
    auth: Auth | None = None
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class KeySource:
    """Which field of the secret in Vault a key comes from, and how it is written there."""

    field: str
    form: Form = "raw"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One way out of Vault.

    ``keys`` are the Secret's keys and where they come from; none means every field under its own name. For ``file``:
    ``path`` is the file, ``keys`` has one entry of any name or none, ``mode`` its permissions, ``owner`` and ``group``
    names or empty. ``type`` is the Secret's. ``auth`` is the VaultAuth or, with ``store_kind``, the store's name.
    """

    to: DeliverTo
    namespace: str = ""
    secret: str = ""
    type: str = "Opaque"
    keys: Mapping[str, KeySource] = field(default_factory=dict)
    path: str = ""
    mode: int = 0o600
    owner: str = ""
    group: str = ""
    auth: str = ""
    store: str = ""
    store_kind: str = "SecretStore"
    refresh: timedelta | None = None
    restart: bool = False  # consumers are restarted after a switch even where they would see it by themselves
    reload: tuple[str, ...] = ()  # of a file: the program, and its arguments, that makes its consumer read it again
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Jump:
    """A host on the way to a target (ProxyJump). ``host_keys`` are pinned there too."""

    host: str
    user: str = ""
    port: int = 22
    host_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """A host where the secret's other half is installed. ``host_keys`` are pinned: at least one, ``type base64``.

    Of an SSH key: ``user`` is whose ``authorized_keys`` it is in. ``login`` is who edits that file, where that is not
    ``user`` with the key itself: a user, who logs in with ``login_key``, another secret of the inventory, or with the
    key itself where that is empty; ``sudo`` where the file is not his.
    """

    host: str
    user: str = ""
    port: int = 22
    host_keys: tuple[str, ...] = ()
    interface: str = ""  # of WireGuard
    jump: tuple[Jump, ...] = ()
    authorized_keys: str = ""  # the file, where it is not ~/.ssh/authorized_keys; absolute, or below the home folder
    login: str = ""
    login_key: str = ""
    sudo: bool = False
    log: str = "auto"  # where sshd logs: auto, journal, none, or an absolute path
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Repository:
    """A git repository whose files a git-crypt key encrypts. No ``branches`` means the one that is checked out.

    ``keys`` says whether the new key takes the old one's name (``replace``) or has a name of its own (``named``).
    ``remote`` is where branches are fetched from and pushed to; without it the repository at ``path`` is the one.
    ``key_name`` is the name of the git-crypt key that is rotated; empty is the default key. ``departed`` are the
    fingerprints of people's GnuPG keys for which no new key is wrapped any more: capitals, no blanks.
    """

    path: str
    branches: tuple[str, ...] = ()
    keys: Literal["replace", "named"] = "replace"
    key_name: str = ""
    remote: str = ""
    departed: tuple[str, ...] = ()
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class PasswordRules:
    """How a password is made, given to its server, and tried.

    ``database`` is ``postgresql`` or ``mysql``, or empty where ``set_command`` and ``test_command`` do it.
    With two ``users`` each rotation takes the one that is not in use, so that both work during the overlap; the
    name in use is in the field ``user``. ``admin`` is the secret of the inventory with which the database is changed.
    """

    alphabet: str = ""
    length: int = 32
    field: str = "password"
    set_command: tuple[str, ...] = ()
    test_command: tuple[str, ...] = ()
    database: str = ""
    host: str = ""
    port: int = 0
    name: str = ""  # of the database
    users: tuple[str, ...] = ()
    admin: str = ""
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class Blackout:
    """Days on which no rotation begins, from ``first`` to ``last`` with both; ``yearly``: whichever the year.

    ``weekday`` (0 is Monday) instead of the days: each such day.
    """

    first: date | None = None
    last: date | None = None
    yearly: bool = False
    weekday: int | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of the day in which a rotation may begin; past midnight where ``end`` is before ``start``.

    ``zone`` is an IANA name; empty is the host's own.
    """

    start: time
    end: time
    zone: str = ""

    @property
    def length(self) -> timedelta:
        """From start to end."""
        seconds = (self.end.hour * 60 + self.end.minute - self.start.hour * 60 - self.start.minute) * 60
        return timedelta(seconds=seconds % 86400)

    def __str__(self) -> str:
        hours = f"{self.start:%H:%M}-{self.end:%H:%M}"
        return f"{hours} {self.zone}" if self.zone else hours


@dataclass(frozen=True, slots=True)
class Rotate:
    """When a secret changes: ``every`` so often; the old one stays good for ``overlap`` after the new one is in use."""

    every: timedelta
    overlap: timedelta = timedelta()
    window: Window | None = None
    jitter: timedelta = timedelta()
    blackout: tuple[Blackout, ...] = ()
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class SecretEntry:
    """One secret. ``path`` is in the KV mount; ``command`` is the argument list of kind ``command``.

    ``timeout`` is how long each call of it may take.
    """

    name: str
    kind: SecretKind
    path: str
    deliver: tuple[Delivery, ...] = ()
    targets: tuple[Target, ...] = ()
    repository: Repository | None = None
    command: tuple[str, ...] = ()
    timeout: timedelta = DEFAULT_TIMEOUT
    password: PasswordRules | None = None
    rotate: Rotate | None = None
    description: str = ""
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Inventory:
    """The whole file. ``vault`` is None where it says nothing of it; ``path`` is empty where there is no file."""

    path: str = ""
    vault: VaultSection | None = None
    secrets: Mapping[str, SecretEntry] = field(default_factory=dict)
