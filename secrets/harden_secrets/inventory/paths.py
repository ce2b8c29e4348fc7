"""Which texts name a place in a KV store."""

from harden.document.wording import quote

LONGEST = 512
OURS = ("harden/rotations/", "harden/locks/", "harden/runs/")
_ROOM = max(map(len, OURS))


def path_fault(path: str, what: str = "a path in Vault") -> str | None:
    """What is wrong with a path, or None. Ours go into URLs, where ``..`` and ``//`` would mean another place."""
    if not path:
        return f"{what} cannot be empty"
    if len(path) > LONGEST:
        return f"{what} has at most {LONGEST} characters"
    if not path.isprintable() or "\\" in path:
        return f"{what} cannot have control characters or backslashes: {quote(path)}"
    if any(part in ("", ".", "..") or part != part.strip() for part in path.split("/")):
        return f'{what} is names with "/" between them, none of them empty, "." or "..": not {quote(path)}'
    return None


def secret_path_fault(path: str) -> str | None:
    """What is wrong with a secret's path, or None: the rotation of each has places of its own, named after it."""
    if path.startswith(OURS):
        return f"{quote(path)} is where harden keeps what it needs itself: a secret cannot lie there"
    if len(path) > LONGEST - _ROOM:
        return f"a secret's path has at most {LONGEST - _ROOM} characters"
    return path_fault(path)
