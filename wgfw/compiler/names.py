"""Names of our chains: at most 28 characters, stable, and free of anything a user wrote."""

import hashlib

from wgfw.ruleset import CHAIN_PREFIX, MAX_CHAIN_NAME

ALLOWED = CHAIN_PREFIX + "ALLOWED"
DENIED = CHAIN_PREFIX + "DENIED"
REFUSE = CHAIN_PREFIX + "REFUSE"
GUARD = CHAIN_PREFIX + "GUARD"
CLEAR = CHAIN_PREFIX + "CLEAR"
INTERNET_ALLOWED = CHAIN_PREFIX + "INET-ALLOWED"
INTERNET_DENIED = CHAIN_PREFIX + "INET-DENIED"


def derived(kind: str, *key: object) -> str:
    """A chain name for a thing: ``kind`` is up to five letters, ``key`` what tells the thing from its like."""
    digest = hashlib.blake2s(repr(key).encode(), digest_size=6).hexdigest()
    name = f"{CHAIN_PREFIX}{kind}-{digest}"
    if len(name) > MAX_CHAIN_NAME:
        raise ValueError(f"chain name {name!r} is longer than {MAX_CHAIN_NAME} characters")
    return name
