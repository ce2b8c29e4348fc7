"""What the inventory says of the targets of an SSH key: the way there, whose file it is, who edits it."""

import base64

import jsonschema
import pytest
import yaml

from harden.errors import HardenError
from harden_secrets.inventory.loader import read_inventory
from harden_secrets.inventory.model import Jump, SecretEntry, Target
from harden_secrets.inventory.rendering import block, flow
from harden_secrets.inventory.schema import inventory_schema

HOST_KEY = "ssh-ed25519 " + base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + b"k" * 32).decode()
WHOLE = f"""
version: 1
secrets:
  admin: {{kind: ssh-key, path: admin}}
  app:
    kind: ssh-key
    path: app
    targets:
      - host: db
        user: app
        port: 2222
        host_key: "{HOST_KEY}"
        authorized_keys: /etc/ssh/keys/app
        login: ops
        login_key: admin
        sudo: true
        log: /var/log/sshd.log
        jump:
          - {{host: bastion, user: hop, port: 2200, host_key: "{HOST_KEY}"}}
          - {{host: "fd00::1", host_key: ["{HOST_KEY}"]}}
"""
TARGET = Target(
    "db",
    "app",
    2222,
    (HOST_KEY,),
    jump=(Jump("bastion", "hop", 2200, (HOST_KEY,)), Jump("fd00::1", host_keys=(HOST_KEY,))),
    authorized_keys="/etc/ssh/keys/app",
    login="ops",
    login_key="admin",
    sudo=True,
    log="/var/log/sshd.log",
)


def with_target(lines: str) -> str:
    """The inventory whose last target has these lines in place of what follows its host key."""
    body = "".join(f"        {line}\n" for line in lines.splitlines())
    return WHOLE[: WHOLE.index("        authorized_keys")] + body


def entry(text: str) -> SecretEntry:
    return read_inventory(text.encode(), "secrets.yaml").secrets["app"]


def test_every_field_of_a_target_is_read() -> None:
    """The hosts on the way with keys of their own, the file, who edits it and how, and where sshd logs."""
    assert entry(WHOLE).targets == (TARGET,)
    plain = entry(with_target("log: auto")).targets[0]
    assert (plain.jump, plain.login, plain.sudo, plain.log, plain.authorized_keys) == ((), "", False, "auto", "")


def test_the_schema_takes_what_the_loader_takes() -> None:
    """And refuses a log that is no word and no path."""
    jsonschema.validate(yaml.safe_load(WHOLE), inventory_schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(with_target("log: syslog")), inventory_schema())


@pytest.mark.parametrize("render", ["block", "flow"])
def test_a_target_that_is_written_is_read_again(render: str) -> None:
    """Both ways of writing an entry carry every field of it."""
    before = entry(WHOLE)
    section = block(before, "  ") if render == "block" else f"  {{{flow(before)}}}\n"
    admin = "  admin: {kind: ssh-key, path: admin}\n" if render == "block" else ""
    text = f"version: 1\nsecrets:\n{admin}{section}"
    if render == "flow":
        text = text.replace("{app:", "{admin: {kind: ssh-key, path: admin}, app:")
    assert entry(text) == before


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("login_key: nobody", 'secrets.yaml:9: "login_key": there is no secret "nobody"'),
        ("login_key: app", 'must be another secret of kind ssh-key: "app" is this secret itself'),
        ("sudo: maybe", 'secrets.yaml:13: "sudo" must be true or false, not "maybe"'),
        ("log: syslog", 'secrets.yaml:13: "log" is auto, journal, none or the path of a file, not "syslog"'),
        ("authorized_keys: ../keys", 'secrets.yaml:13: "../keys" can be no authorized_keys file'),
        ("authorized_keys: /a//b", '"/a//b" can be no authorized_keys file'),
        ("login: -x", "secrets.yaml:13: \"-x\" is no user's or group's name"),
        ("jump: [{host: a}]", 'secrets.yaml:13: a jump needs "host_key"'),
        ("jump: [{host: -oProxyCommand=x, host_key: x}]", '"-oProxyCommand=x" is no host\'s name or address'),
        ("jump: [{hots: a}]", 'unknown key "hots"; did you mean "host"?'),
    ],
)
def test_what_is_wrong_with_a_target_is_said_with_its_line(lines: str, says: str) -> None:
    """So that it is found before anything is rotated."""
    with pytest.raises(HardenError) as error:
        entry(with_target(lines))
    assert says in "\n".join(error.value.messages)
