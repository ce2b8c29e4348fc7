"""Where the embedded server keeps what, under harden's state."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Place:
    """The server's folder, 0700. Everything in it is 0600 but the authority's certificate, which is for everybody."""

    folder: Path

    @property
    def record(self) -> Path:
        """Ports, and whether the first start was finished."""
        return self.folder / "server.json"

    @property
    def configuration(self) -> Path:
        """What the server is started with."""
        return self.folder / "server.hcl"

    @property
    def seal_key(self) -> Path:
        """32 bytes that encrypt the data's own key. Without it nobody reads the data again."""
        return self.folder / "seal.key"

    @property
    def data(self) -> Path:
        """The storage."""
        return self.folder / "data"

    @property
    def role_id(self) -> Path:
        """Who harden is to the server."""
        return self.folder / "role_id"

    @property
    def secret_id(self) -> Path:
        """What proves it."""
        return self.folder / "secret_id"

    @property
    def ca(self) -> Path:
        """The certificate of the authority, for VAULT_CACERT."""
        return self.folder / "ca.pem"

    @property
    def authority(self) -> Path:
        """The authority's certificate and key, in one file, so that they cannot be of two makings."""
        return self.folder / "authority.pem"

    @property
    def certificate(self) -> Path:
        """The server's certificate and key, in one file likewise."""
        return self.folder / "server.pem"

    @property
    def log(self) -> Path:
        """What the server prints, unless systemd keeps it."""
        return self.folder / "server.log"

    @property
    def lock(self) -> Path:
        """Held while the server is being started or stopped."""
        return self.folder / "lock"
