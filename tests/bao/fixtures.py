"""Fixtures: a real OpenBao for the test run, started when the first test asks for it.

    def test_it_is_stored(bao: DevServer, vault: Vault) -> None:
        vault.write("app/key", {"value": Confidential(b"x")}, cas=0)   # our adapter, as root, mounted at a store of
                                                                      # the test's own, so that paths do not collide
        bao.root().sys.create_or_update_policy("p", 'path "…" {…}')    # hvac as root: policies, mounts, auth methods
        bao.vault(vault.mount, bao.token("p")).read("app/key")         # our adapter with another token

`bao.address`, `bao.ca` (a file) and `bao.root_token` are for programs that are given them.
"""

import itertools
from collections.abc import Iterator

import pytest
from bao.devserver import DevServer, dev_server

from harden_secrets.vault.kv import KeyValue

_mounts = itertools.count(1)


@pytest.fixture(scope="session")
def bao() -> Iterator[DevServer]:
    """OpenBao in memory with TLS; one for all tests."""
    with dev_server() as server:
        yield server


@pytest.fixture
def vault(bao: DevServer) -> KeyValue:
    """A KV version 2 store of the test's own, as root."""
    mount = f"kv{next(_mounts)}"
    bao.root().sys.enable_secrets_engine("kv", path=mount, options={"version": "2"})
    return bao.vault(mount)
