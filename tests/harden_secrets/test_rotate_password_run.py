"""The command ``harden secrets rotate`` changes the password of a real PostgreSQL, through a real OpenBao."""

from pathlib import Path

from bao.devserver import DevServer

from harden_secrets.rotate.rotator import Fields
from harden_secrets.vault.kv import KeyValue
from tests.harden_secrets.rotate_databases import DatabaseServer, postgresql_server, postgresql_session
from tests.harden_secrets.rotate_estate import OLD, USERS, Estate, goes_in, read_admin, text
from tests.harden_secrets.rotation_host import RotationHost

KILLS = range(1, 20, 3)


def secrets(server: DatabaseServer, file: Path) -> str:
    port, users = server.port, "[app_a, 'app \"b\"'';--\\']"
    return (
        "  db-admin: {kind: opaque, path: db/admin}\n"
        "  shop:\n"
        "    kind: password\n"
        "    path: app/shop\n"
        f"    password: {{database: postgresql, host: 127.0.0.1, port: {port}, admin: db-admin, users: {users}}}\n"
        f"    deliver: [{{to: file, path: {file}, keys: {{all: password}}}}]\n"
        "    rotate: {every: 30d}\n"
    )


def stored(vault: KeyValue) -> Fields:
    found = vault.read("app/shop")
    assert found is not None
    return found.fields


def test_the_command_rotates_a_password(tmp_path: Path, bao: DevServer, vault: KeyValue) -> None:
    """Twice: the second one is killed again and again, and comes to the same end. No value shows itself."""
    with postgresql_server("host all all 127.0.0.1/32 scram-sha-256\n") as server:
        estate = Estate("postgresql", server, postgresql_session)
        estate.prepare()
        vault.write("app/shop", OLD, cas=0)
        vault.write("db/admin", read_admin("db-admin"), cas=0)
        host = RotationHost(tmp_path, bao, vault.mount, secrets(server, tmp_path / "password"))
        host.finish("rotate", "shop")
        first = stored(vault)
        assert text(first, "user") == USERS[1]
        assert [goes_in(estate, OLD), goes_in(estate, first)] == [False, True]
        for number in KILLS:
            host.harden("rotate", "shop", "--force", kill_at=number)
            assert goes_in(estate, stored(vault)), "what Vault gives to consumers is not good"
        host.finish("rotate", "shop")
        last = stored(vault)
        values = [text(one, "password").encode() for one in (OLD, first, last)]
        assert (tmp_path / "password").read_bytes() in values
        assert goes_in(estate, last)
        host.check_clean(values)
        assert not any(value in server.log.encode() for value in values[1:])
