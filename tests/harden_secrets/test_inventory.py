"""The inventory of secrets: what it says, what is wrong with it, and entries added to one that a person wrote."""

import base64
from datetime import time, timedelta
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harden.errors import HardenError
from harden_secrets.inventory import file
from harden_secrets.inventory.addition import appended
from harden_secrets.inventory.loader import read_inventory
from harden_secrets.inventory.model import (
    AuthMethod,
    Delivery,
    Inventory,
    KeySource,
    SecretEntry,
    SecretKind,
    Window,
)
from harden_secrets.inventory.rendering import flow
from harden_secrets.inventory.schema import inventory_schema
from harden_secrets.inventory.spans import duration_text, parse_duration
from harden_secrets.inventory.terms import namespace_fault, object_fault

HOST_KEY = "ssh-ed25519 " + base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + b"k" * 32).decode()
WHOLE = f"""
version: 1
vault: {{address: "https://vault:8200", mount: secret, auth: {{method: kubernetes, role: harden}}}}
secrets:
  openclaw-ssh:
    kind: ssh-key                   # of the operator
    path: openclaw/ssh
    deliver:
      - {{to: direct, namespace: openclaw, secret: openclaw-ssh, keys: {{id_ed25519: private_key}}}}
      - to: external-secrets
        namespace: ci
        secret: deploy.key
        store: vault
        store_kind: ClusterSecretStore
        refresh: 1h
        keys: {{key: {{field: private_key, form: base64}}}}
      - {{to: file, path: /root/.ssh/id, mode: 0400, owner: root, keys: {{id: private_key}}}}
    targets: [{{host: devvm, user: openclaw, host_key: "{HOST_KEY}"}}]
    rotate: {{every: 30d, overlap: 24h, window: "02:00-05:00", jitter: 30m}}
  infra-git-crypt:
    kind: git-crypt
    path: openclaw/git-crypt
    repository: {{path: /srv/infra, branches: [master]}}
    rotate: {{every: 90d}}
"""
ENTRY = SecretEntry(
    "moved.key",
    SecretKind.OPAQUE,
    "apps/moved",
    (Delivery("direct", "apps", "moved", keys={"tls.key": KeySource("key"), "text": KeySource("a: b", "base64")}),),
)


def read(text: str) -> Inventory:
    return read_inventory(text.encode(), "secrets.yaml")


def problems(text: str) -> str:
    with pytest.raises(HardenError) as error:
        read(text)
    return "\n".join(error.value.messages)


def entry(lines: str, **more: str) -> str:
    """An inventory with one secret of these lines."""
    body = "".join(f"    {line}\n" for line in lines.splitlines())
    return f"version: 1\nsecrets:\n  one:\n{body}"


def test_everything_of_the_contract_is_read() -> None:
    """The vault, and for each secret where it lies, who gets it in which form, and when it changes."""
    inventory = read(WHOLE)
    assert inventory.vault is not None
    assert inventory.vault.auth is not None
    assert (inventory.vault.address, inventory.vault.mount, inventory.vault.auth.method, inventory.vault.auth.role) == (
        "https://vault:8200", "secret", AuthMethod.KUBERNETES, "harden",
    )  # fmt: skip
    ssh, crypt = inventory.secrets.values()
    assert (ssh.name, ssh.kind, ssh.path, ssh.place.line) == ("openclaw-ssh", SecretKind.SSH_KEY, "openclaw/ssh", 5)
    assert ssh.deliver[0].keys == {"id_ed25519": KeySource("private_key")}
    assert (ssh.deliver[1].keys, ssh.deliver[1].refresh) == (
        {"key": KeySource("private_key", "base64")}, timedelta(hours=1),
    )  # fmt: skip
    assert (ssh.deliver[2].path, ssh.deliver[2].mode) == ("/root/.ssh/id", 0o400)
    assert ssh.rotate is not None
    assert (ssh.rotate.every, ssh.rotate.overlap, ssh.rotate.jitter) == (
        timedelta(days=30), timedelta(hours=24), timedelta(minutes=30),
    )  # fmt: skip
    assert ssh.rotate.window == Window(time(2), time(5))
    assert (ssh.targets[0].host, ssh.targets[0].host_keys) == ("devvm", (HOST_KEY,))
    assert crypt.repository is not None
    assert (crypt.repository.path, crypt.repository.branches) == ("/srv/infra", ("master",))


def test_an_inventory_may_say_nothing_yet() -> None:
    """A version is enough; an empty section is as good as none."""
    assert read("version: 1\n").secrets == {}
    assert read("version: 1\nsecrets:\n  # later\n").secrets == {}


def test_without_a_file_there_is_an_empty_inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless somebody named the file: by option, which wins, or by variable."""
    monkeypatch.setattr(file, "DEFAULT", tmp_path / "none.yaml")
    assert file.load(None, {}) == Inventory()
    named = tmp_path / "named.yaml"
    with pytest.raises(HardenError, match="no such file"):
        file.load(None, {"HARDEN_INVENTORY": str(named)})
    named.write_text("version: 1\n")
    assert file.load(named, {"HARDEN_INVENTORY": "/nowhere"}).path == str(named)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("secrets: {}\n", "secrets.yaml:1: the version is missing"),
        ("- 1\n", "secrets.yaml:1: an inventory is a mapping"),
        ("version: 1\nsecerts: {}\n", 'secrets.yaml:2: unknown key "secerts"; did you mean "secrets"?'),
        (entry("kind: ssh-key"), 'secrets.yaml:4: secret "one" needs "path"'),
        (entry("kind: ssh-kye\npath: a"), 'secrets.yaml:4: unknown "kind" "ssh-kye"; did you mean "ssh-key"?'),
        (entry("kind: opaque\npath: ../a"), "secrets.yaml:5: a path in Vault is names"),
        (entry("kind: opaque\npath: harden/rotations/app"), '5: "harden/rotations/app" is where harden keeps what'),
        (entry(f"kind: opaque\npath: {'a' * 500}"), "secrets.yaml:5: a secret's path has at most 495 characters"),
        (entry("kind: opaque\npath: a\nrotate: {every: 1d}"), 'secrets.yaml:6: a secret of kind opaque has no'),
        (entry("kind: ssh-key\npath: a\nrotate: {every: 1d}"), 'a secret of kind ssh-key needs "targets"'),
        (entry("kind: ssh-key\npath: a\nrepository: {path: /x}"), 'of kind ssh-key has no "repository"'),
        (entry("kind: password\npath: a\nrotate: {every: 30}"), '"every" must be text, not the number 30: write it as'),
        (entry("kind: password\npath: a\nrotate: {every: 30 d}"), 'bad duration "30 d": write it as 30d'),
        (entry("kind: password\npath: a\nrotate: {every: 1d, overlap: 24h}"), '"overlap" must be shorter than "every"'),
        (entry("kind: password\npath: a\nrotate: {every: 0d}"), '"every" cannot be no time at all'),
        (entry('kind: password\npath: a\nrotate: {every: 1d, window: "2-5"}'), 'bad window "2-5"'),
        (entry('kind: password\npath: a\nrotate: {every: 1d, window: "25:00-05:00"}'), "has no such hours"),
        (entry('kind: password\npath: a\nrotate: {every: 1d, window: "02:00-05:00 Mars/One"}'), "unknown time zone"),
        (entry('kind: password\npath: a\nrotate: {every: 1d, window: "23:00-01:00", jitter: 3h}'), "leave the window"),
        (entry("kind: opaque\npath: a\ndeliver: [{to: direct}]"), 'to direct needs "namespace" and "secret"'),
        (entry("kind: opaque\npath: a\ndeliver: [{to: dirext}]"), 'did you mean "direct"?'),
        (entry("kind: opaque\npath: a\ndeliver: [{to: file, path: etc/x}]"), "no absolute path"),
        (entry("kind: opaque\npath: a\ndeliver: [{to: file, path: /x, mode: 888}]"), 'bad mode "888"'),
        (entry("kind: opaque\npath: a\ndeliver: [{to: file, path: /x, namespace: a}]"), 'file has no "namespace"'),
        (entry("kind: opaque\npath: a\ndeliver: [{to: direct, namespace: A, secret: b}]"), '"A" can be no namespace'),
        (
            entry("kind: opaque\npath: a\ndeliver: [{to: direct, namespace: a, secret: b, keys: {a/b: x}}]"),
            '"a/b" can be no key of a Secret',
        ),
        (
            entry("kind: opaque\npath: a\ndeliver: [{to: file, path: /x}, {to: file, path: /x}]"),
            '"/x" is delivered in line 6 already',
        ),
        (entry("kind: ssh-key\npath: a\ntargets: [{host: -oProxyCommand, host_key: x}]"), "is no host's name"),
        (entry("kind: ssh-key\npath: a\ntargets: [{host: a, host_key: ssh-ed25519 AAAA}]"), "is no host key"),
        (entry("kind: ssh-key\npath: a\ntargets: [{host: a}]"), 'a target needs "host_key"'),
        ("version: 1\nvault: {address: vault:8200}\n", "is no address of a Vault"),
        ("version: 1\nvault: {address: 'https://u:p@vault'}\n", "has no user"),
        ("version: 1\nvault: {auth: {method: approle}}\n", 'the method approle needs "role_id" or "role_id_file"'),
        ("version: 1\nvault: {auth: {method: jwt, role: a, token_file: b, token_variable: C}}\n", "say the same"),
        ("version: 1\nvault: {auth: {method: token, role: a}}\n", 'the method token has no "role"'),
        ("version: 1\nsecrets: {'a b': {kind: opaque, path: a}}\n", 'bad name "a b"'),
        (
            "version: 1\nsecrets:\n  a: {kind: opaque, path: p}\n  b: {kind: opaque, path: p}\n",
            'secrets.yaml:4: "b" and "a" have the same path "p"',
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(text: str, says: str) -> None:
    """File, line, and where something is close to a known word, that word."""
    assert says in problems(text)


def test_all_that_is_wrong_is_said_at_once() -> None:
    """One reading, every problem."""
    text = entry("kind: nope\npath: a//b\ndeliver: [{to: x}]") + "vault: []\n"
    assert len(problems(text).splitlines()) == 4


@given(st.integers(0, 3650 * 86400))
def test_durations_are_written_as_they_are_read(seconds: int) -> None:
    """Whatever whole seconds they are."""
    length = timedelta(seconds=seconds)
    assert parse_duration(duration_text(length)) == length


def test_the_schema_takes_what_the_loader_takes() -> None:
    """And refuses what is misspelt, for the editor to underline."""
    schema = inventory_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    assert list(validator.iter_errors(yaml.safe_load(WHOLE))) == []
    assert list(validator.iter_errors(yaml.safe_load(appended("", [ENTRY])))) == []
    for wrong in (
        entry("kind: ssh-kye\npath: a"),
        entry("kind: opaque\npath: a\nrotate: {every: 1d}"),
        "version: 1\nvault: {auth: {method: token, role: a}}\n",
    ):
        assert list(validator.iter_errors(yaml.safe_load(wrong)))


ADDABLE = {
    "whole": WHOLE,
    "empty section": "version: 1\nsecrets:\n# the end\n",
    "braces": "version: 1\nsecrets: {}  # none yet\nvault: {mount: kv}\n",
    "tilde": "secrets: ~\nversion: 1\n",
    "no section": "# top\nversion: 1   # one\nvault:\n  mount: kv\n# bottom\n",
    "no final newline": "version: 1\nsecrets:\n  a: {kind: opaque, path: p}",
    "flow": "version: 1\nsecrets: {a: {kind: opaque, path: p} # first\n  }\n",
    "trailing comma": "version: 1\nsecrets: {a: {kind: opaque, path: p},}\n",
    "all flow": "{version: 1}",
    "all flow, empty": "{version: 1, secrets: {}}\n",
    "all flow, null": "{secrets: , version: 1}\n",
    "deep": "version: 1\nsecrets:\n       a:\n         kind: opaque\n         path: p\n         # tail\n\nvault: {}\n",
    "block text": "version: 1\nsecrets:\n  a:\n   path: p\n   kind: opaque\n   description: |\n    one\n\nvault: {}\n",
    "carriage returns": "version: 1\r\nsecrets:\r\n  a: {kind: opaque, path: p}\r\n  # tail\r\n",
    "byte order mark": "\ufeffversion: 1\nsecrets:\n",
    "end marker": "---\nversion: 1\nsecrets:\n  a: {kind: opaque, path: p}\n...\n",
    "alias": "version: 1\nsecrets:\n  a: {kind: &k opaque, path: p}\n  b:\n    path: q\n    kind: *k\nvault: {}\n",
}  # fmt: skip


@pytest.mark.parametrize("text", ADDABLE.values(), ids=ADDABLE.keys())
def test_entries_are_added_and_all_else_stays(text: str) -> None:
    """The result says what was said and what was added; every line of the person's is still there, in its order."""
    result = appended(text, [ENTRY])
    before, after = read(text), read(result)
    assert list(after.secrets) == [*before.secrets, ENTRY.name]
    assert after.secrets[ENTRY.name] == ENTRY
    assert after.vault == before.vault
    written = [word for word in text.replace("{}", "").replace("~", "").split() if word.startswith("#")]
    assert [word for word in written if word not in result] == []
    assert ("\r\n" in text) == ("\r\n" in result)
    assert result.startswith("\ufeff") == text.startswith("\ufeff")


def test_added_entries_look_as_people_write_them() -> None:
    """Block style, at the end, behind a line's own comment."""
    text = "version: 1\nsecrets:\n  a:\n    kind: opaque # x\n    path: p # y\n\n# end\n"
    assert appended(text, [ENTRY]) == (
        "version: 1\nsecrets:\n  a:\n    kind: opaque # x\n    path: p # y\n"
        "  moved.key:\n    kind: opaque\n    path: apps/moved\n    deliver:\n"
        "      - {to: direct, namespace: apps, secret: moved, "
        'keys: {tls.key: key, text: {field: "a: b", form: base64}}}\n'
        "\n# end\n"
    )


def test_an_empty_text_becomes_an_inventory() -> None:
    """So that migrate can begin one."""
    assert flow(read(appended("", [ENTRY])).secrets[ENTRY.name]) == flow(ENTRY)


def test_a_whole_entry_survives_being_written() -> None:
    """Targets, rotation, repository and all, as values."""
    entries = list(read(WHOLE).secrets.values())
    again = list(read(appended("", entries)).secrets.values())
    assert [flow(one) for one in again] == [flow(one) for one in entries]
    assert (again[0].rotate and again[0].rotate.window, again[0].targets[0].host_keys) == (
        entries[0].rotate and entries[0].rotate.window, entries[0].targets[0].host_keys,
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [WHOLE.replace("infra-git-crypt", ENTRY.name), entry("kind: opaque\npath: apps/moved"), "version: 2\n", "a: [\n"],
)
def test_nothing_is_added_where_it_would_be_wrong(text: str) -> None:
    """A name or a path that is taken, or a file that is no inventory."""
    with pytest.raises(HardenError):
        appended(text, [ENTRY])


@pytest.mark.parametrize("name", ["n" * 253, "a." + "n" * 200 + ".x-vault", "a", "0.0"])
def test_any_name_that_kubernetes_takes_is_an_object_s(name: str) -> None:
    """Only the whole has a limit. Other than labels, of which namespaces are made, its parts have none."""
    assert object_fault(name) is None
    assert len(name) < 64 or namespace_fault(name) is not None


@pytest.mark.parametrize("name", ["", "n" * 254, "a..b", "a-.b", "a.-b", "A", "a\n", "-a", "a-" * 126 + "_"])
def test_no_other_name_is_an_object_s(name: str) -> None:
    """As the API server would say, only before anything is done."""
    assert object_fault(name) is not None
