"""``--peers [INTERFACE=]FILE``: the peers from somewhere else than where the policy says."""

import subprocess
from pathlib import Path

import pytest

from harden.document.place import Place
from harden.errors import UsageError
from tests.wgfw.command_line import HARDEN, POLICY, WG_CONF
from wgfw.commands.gateway import load_policy
from wgfw.policy.document import Document
from wgfw.policy.elsewhere import with_peers
from wgfw.policy.files import read_profiles_folder
from wgfw.policy.loader import read_document

ONE = "version: 1\ninterface: wg0\npeers: wg0.conf\n"
TWO = "version: 1\ninterfaces: {wg0: {peers: wg0.conf, profile: guest}, wg1: {peers: kernel}}\nprofiles: {guest: {}}\n"


def document(text: str = ONE) -> Document:
    return read_document(text.encode(), "/etc/harden/policy.yaml", read_profiles_folder(None))


def peers(text: str, *options: str) -> dict[str, str]:
    return {name: entry.peers for name, entry in with_peers(document(text), options, "/root").interfaces.items()}


@pytest.mark.parametrize(
    ("option", "file"),
    [
        ("/tmp/other.conf", "/tmp/other.conf"),
        ("other.conf", "/root/other.conf"),
        ("wg0=other.conf", "/root/other.conf"),
        ("wg0=/tmp/a=b.conf", "/tmp/a=b.conf"),
        ("./wg1=b.conf", "/root/./wg1=b.conf"),
        ("kernel", "kernel"),
        ("wg0=kernel", "kernel"),
    ],
)
def test_the_file_is_as_seen_from_the_callers_folder(option: str, file: str) -> None:
    """Not from the policy's; ``kernel`` is no file, and a name before the first ``=`` is an interface's."""
    assert peers(ONE, option) == {"wg0": file}


def test_interfaces_that_are_not_named_keep_their_peers() -> None:
    """And those that are named keep all else: their place in the policy, their default profile."""
    assert peers(TWO, "wg1=/tmp/wg1.conf") == {"wg0": "wg0.conf", "wg1": "/tmp/wg1.conf"}
    assert peers(TWO, "wg1=/a", "wg0=/b") == {"wg0": "/b", "wg1": "/a"}
    entry = with_peers(document(TWO), ["wg0=/b"], "/root").interfaces["wg0"]
    assert entry.profile == "guest"
    assert isinstance(entry.place, Place)
    assert with_peers(document(TWO), [], "/root") == document(TWO)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (ONE, ["wg1=/tmp/wg1.conf"], 'the policy has no interface "wg1"; did you mean "wg0"?'),
        (TWO, ["/tmp/wg1.conf"], "the policy has several interfaces, and this does not say which"),
        (ONE, ["/tmp/a.conf", "wg0=/tmp/b.conf"], "the peers of wg0 are given twice"),
        (ONE, ["wg0="], "names no file"),
        (ONE, [""], "names no file"),
        (ONE, ["wg0=/tmp/\n"], "names no file"),
    ],
)
def test_what_does_not_fit_the_policy_is_a_wrong_command_line(text: str, options: list[str], message: str) -> None:
    """Exit status 2, with what is wrong and what to write."""
    with pytest.raises(UsageError) as raised:
        with_peers(document(text), options, "/root")
    assert raised.value.messages[0].startswith("--peers ")
    assert raised.value.messages[0].endswith(message)
    assert raised.value.hints


def harden(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*HARDEN, "wg", *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_commands_read_the_peers_that_they_are_given(tmp_path: Path) -> None:
    """A policy whose own peers are not there is checked and rendered as if they were."""
    (tmp_path / "wg0.conf").write_text(WG_CONF)
    for name, text in (("policy.yaml", POLICY), ("elsewhere.yaml", POLICY.replace("wg0.conf", "/nowhere/wg0.conf"))):
        (tmp_path / name).write_text(text)
    there = ("--policy", "elsewhere.yaml", "--peers")
    assert harden(tmp_path, "check", "--policy", "elsewhere.yaml").returncode == 1
    assert "2 clients" in harden(tmp_path, "check", *there, "wg0.conf").stdout
    of_policy = harden(tmp_path, "render", "--policy", "policy.yaml", "--format", "script")
    assert of_policy.returncode == 0
    assert harden(tmp_path, "render", *there, "wg0=wg0.conf", "--format", "script").stdout == of_policy.stdout
    asked = harden(
        tmp_path, "explain", *there, "wg0.conf", "--from", "anca", "--to", "192.168.1.10", "--service", "smb"
    )
    assert asked.stdout.startswith("allowed: anca")
    wrong = harden(tmp_path, "render", *there, "wg1=wg0.conf")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert 'the policy has no interface "wg1"' in wrong.stderr


def test_this_hosts_addresses_are_not_the_gateways_if_the_peers_are_a_file_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The controller may have a wg0 of its own: the same files give the same rules on every host."""
    monkeypatch.setattr("socket.if_nameindex", lambda: [(1, "lo"), (2, "wg0")])
    (tmp_path / "wg0.conf").write_text(WG_CONF)
    (tmp_path / "policy.yaml").write_text(POLICY)
    loopback, inside = 0x7F000001, 0x0A080001
    here = load_policy(str(tmp_path / "policy.yaml"), None).policy.gateway
    assert here.holds(4, loopback)
    elsewhere = load_policy(str(tmp_path / "policy.yaml"), None, peers=(str(tmp_path / "wg0.conf"),)).policy.gateway
    assert not elsewhere.holds(4, loopback)
    assert here.holds(4, inside)
    assert elsewhere.holds(4, inside)
