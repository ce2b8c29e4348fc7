"""Which Vault is meant: options win over the environment, that over the inventory, that over the local one."""

import io
from pathlib import Path

import pytest
from bao.devserver import DevServer

from harden.errors import HardenError
from harden.output import Output
from harden_secrets.commands.workplace import Workplace
from harden_secrets.confidential import Confidential
from harden_secrets.inventory.loader import read_inventory
from harden_secrets.inventory.model import Inventory, VaultSection
from harden_secrets.vault.auth.approle import AppRoleLogin
from harden_secrets.vault.auth.jwt import JwtLogin
from harden_secrets.vault.auth.kubernetes import TOKEN_FILE, KubernetesLogin
from harden_secrets.vault.auth.token import TokenLogin
from harden_secrets.vault.opening import local_place, open_vault
from harden_secrets.vault.server.place import Place
from harden_secrets.vault.settings import Local, Options, settings

HOME = {"HOME": "/home-of/somebody"}
OURS = AppRoleLogin(Path("/s/role_id"), Path("/s/secret_id"))
LOCAL = Local("https://127.0.0.1:8200", Path("/s/ca.pem"), OURS)


def section(text: str) -> VaultSection | None:
    return read_inventory(f"version: 1\nvault: {text}\n".encode(), "secrets.yaml").vault


def test_the_local_one_is_for_who_says_nothing() -> None:
    """With its own login and authority."""
    found = settings(None, Options(), HOME, LOCAL)
    assert (found.address, found.ca, found.login, found.mount, found.local) == (
        LOCAL.address, LOCAL.ca, OURS, "secret", True,
    )  # fmt: skip


def test_without_any_the_ways_to_one_are_said() -> None:
    """A hint names all of them."""
    with pytest.raises(HardenError, match="no Vault is known") as error:
        settings(None, Options(), HOME, None)
    assert "VAULT_ADDR" in error.value.hints[0]
    assert "harden vault up" in error.value.hints[0]


def test_who_wins() -> None:
    """Option, variable, file, in this order, for each of the values."""
    file = section("{address: 'https://file:8200/', mount: kv, namespace: team, ca_file: /f.pem}")
    said = {**HOME, "VAULT_ADDR": "https://env:8200", "VAULT_NAMESPACE": "other/", "VAULT_CACERT": "/e.pem"}
    first = settings(file, Options(), HOME, LOCAL)
    assert (first.address, first.mount, first.namespace, first.ca) == (
        "https://file:8200", "kv", "team", Path("/f.pem"),
    )  # fmt: skip
    second = settings(file, Options(), said, LOCAL)
    assert (second.address, second.mount, second.namespace, second.ca) == (
        "https://env:8200", "kv", "other", Path("/e.pem"),
    )  # fmt: skip
    third = settings(file, Options("https://option:8200", "mine"), said, LOCAL)
    assert (third.address, third.mount, third.local) == ("https://option:8200", "mine", False)


@pytest.mark.parametrize(
    ("auth", "login"),
    [
        ("{method: token}", TokenLogin(Path("/home-of/somebody/.vault-token"))),
        ("{method: token, token_file: /t}", TokenLogin(Path("/t"))),
        ("{method: approle, role_id: r, secret_id_file: ~/s}", AppRoleLogin("r", Path("/home-of/somebody/s"))),
        ("{method: approle, role_id_file: /r, secret_id_file: /s, mount: a}", AppRoleLogin(Path("/r"), Path("/s"), "a")),  # noqa: E501
        ("{method: kubernetes, role: harden}", KubernetesLogin("harden", TOKEN_FILE)),
        ("{method: kubernetes, role: h, token_file: /t, mount: k8s/a}", KubernetesLogin("h", Path("/t"), "k8s/a")),
        ("{method: jwt, role: ci, token_variable: ID_TOKEN}", JwtLogin("ci", Confidential(b"signed"))),
    ],
)  # fmt: skip
def test_each_method_of_the_inventory(auth: str, login: object) -> None:
    """With the usual places where nothing is said; VAULT_TOKEN goes before all of them."""
    file = section(f"{{address: 'https://v', auth: {auth}}}")
    assert settings(file, Options(), {**HOME, "ID_TOKEN": "signed\n"}, None).login == login
    token = settings(file, Options(), {**HOME, "ID_TOKEN": "signed", "VAULT_TOKEN": "t"}, None).login
    assert token == TokenLogin(Confidential(b"t"))


def test_a_variable_that_is_not_set_is_named() -> None:
    """With the line of the inventory that asks for it."""
    with pytest.raises(HardenError, match=r"secrets.yaml:2: the variable ID_TOKEN"):
        settings(
            section("{address: 'https://v', auth: {method: jwt, role: a, token_variable: ID_TOKEN}}"),
            Options(),
            HOME,
            None,
        )


@pytest.mark.parametrize("address", ["vault:8200", "https://", "ftp://vault", "https://u:p@vault", "https://v:x"])
def test_an_address_that_is_none(address: str) -> None:
    """Said with the variable it came from."""
    with pytest.raises(HardenError) as error:
        settings(None, Options(), {"VAULT_ADDR": address}, None)
    assert "VAULT_ADDR" in error.value.hints[0]


def test_plain_text_over_a_network_shows() -> None:
    """For the commands to warn of; loopback is no network."""
    seen = [
        settings(None, Options(f"{a}:8200"), HOME, None).in_clear
        for a in ("http://vault", "http://127.0.0.1", "https://v")
    ]
    assert seen == [True, False, False]


@pytest.mark.parametrize(("address", "warned"), [("http://vault:8200", True), ("https://vault:8200", False)])
def test_a_command_warns_before_a_value_goes_out_in_clear(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, address: str, warned: bool
) -> None:
    """The warning comes before anything is asked of the Vault, and says which it is."""
    monkeypatch.setenv("VAULT_ADDR", address)
    monkeypatch.setenv("VAULT_TOKEN", "not-asked-for")
    heard = io.StringIO()
    Workplace(tmp_path, tmp_path / "secrets.yaml").vault(Output(stderr=heard))
    assert (f"warning: {address}: without TLS" in heard.getvalue()) == warned


def test_a_vault_is_opened_as_the_environment_says(bao: DevServer, tmp_path: Path) -> None:
    """Address, authority and token, as the other tools of Vault take them."""
    said = {"VAULT_ADDR": bao.address, "VAULT_CACERT": str(bao.ca), "VAULT_TOKEN": bao.root_token}
    vault = open_vault(Inventory(), said, Place(tmp_path))
    assert vault.write("opened/one", {"a": Confidential(b"1")}, cas=0) == 1
    assert (vault.address, vault.mount) == (bao.address, "secret")


def test_namespaces(bao: DevServer, tmp_path: Path) -> None:
    """A namespace is a Vault of its own: what lies in it is not seen from outside."""
    root = bao.root()
    root.adapter.post("/v1/sys/namespaces/team", json={})
    root.adapter.namespace = "team"
    root.sys.enable_secrets_engine("kv", path="secret", options={"version": "2"})
    said = {"VAULT_ADDR": bao.address, "VAULT_CACERT": str(bao.ca), "VAULT_TOKEN": bao.root_token}
    inside = open_vault(Inventory(), {**said, "VAULT_NAMESPACE": "team"}, Place(tmp_path))
    inside.write("name/spaced", {"a": Confidential(b"1")}, cas=0)
    assert open_vault(Inventory(), said, Place(tmp_path)).read("name/spaced") is None


def test_state_of_the_local_one() -> None:
    """Under harden's state, beside that of its other parts."""
    assert local_place(Path("/x"), {}, 0).folder == Path("/x/vault")
    assert local_place(None, {}, 0).folder == Path("/var/lib/harden/vault")
    assert local_place(None, {"HOME": "/h"}, 1000).folder == Path("/h/.local/state/harden/vault")
