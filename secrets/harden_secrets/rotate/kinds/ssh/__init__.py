"""SSH keys: installed in ``authorized_keys`` files over ssh, with nothing on the target but a POSIX shell."""

from collections.abc import Callable
from functools import cache

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.inventory.model import SecretEntry, Target
from harden_secrets.rotate.kinds.ssh.keypair import KeyPair, pair_of
from harden_secrets.rotate.kinds.ssh.rotator import SshRotator
from harden_secrets.rotate.kinds.ssh.site import Site
from harden_secrets.rotate.kinds.targetnames import target_names
from harden_secrets.rotate.rotator import Rotator

LoginKey = Callable[[str], Confidential]
"""The private key of another secret of the inventory, by its name. Raises HardenError."""


def ssh_rotator(entry: SecretEntry, login_key: LoginKey) -> Rotator:
    """The rotator of an entry of kind ``ssh-key``. Raises HardenError for targets that cannot be worked with."""
    sites: dict[str, Site] = {}
    for target, name in zip(entry.targets, target_names(entry), strict=True):
        if not target.user:
            raise HardenError(f"{target.place}: the target {target.host} needs a user: whose authorized_keys it is")
        sites[name] = Site(name, target, _login(target, login_key))
    return SshRotator(entry.name, tuple(sites.values()))


def _login(target: Target, login_key: LoginKey) -> Callable[[], KeyPair | None]:
    @cache
    def read() -> KeyPair | None:
        if not target.login_key:
            return None
        return pair_of({target.login_key: login_key(target.login_key)})

    return read
