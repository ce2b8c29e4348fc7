"""Where in the KV mount the rotation of a secret keeps what it needs: beside the secrets, under ``harden/``. Pure."""

ROTATIONS = "harden/rotations"
LOCKS = "harden/locks"


def record_path(path: str) -> str:
    """Where the record and the pending key of the secret at ``path`` lie."""
    return f"{ROTATIONS}/{path}"


def lock_path(path: str) -> str:
    """Where the lock over the secret at ``path`` lies."""
    return f"{LOCKS}/{path}"
