"""What looks like a proof and is none, and what is in the way and can be known before: with a real sshd."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from harden_secrets.inventory.model import Target
from harden_secrets.rotate.kinds.ssh.keypair import pair_of
from tests.harden_secrets.sshd_lab import SshdLab, fails
from tests.harden_secrets.sshd_target import USERS, public_line

pytestmark = pytest.mark.kernel
# Logs in with a key that is given on standard input, as the rotator does; what it says is printed.
_PROBE = """
import json, sys
from harden_secrets.confidential import Confidential
from harden_secrets.inventory.model import Target
from harden_secrets.rotate.kinds.ssh.access import Access
from harden_secrets.rotate.kinds.ssh.keypair import pair_of
from harden_secrets.rotate.kinds.ssh.login import try_login
given = json.load(sys.stdin)
key = pair_of({"private_key": Confidential(given["key"].encode())})
target = Target(given["host"], "app", 22, (given["host_key"],))
print(try_login(Access(target, "app", key, ())).answer.value)
"""


@pytest.fixture(scope="module", name="lab")
def _lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshdLab]:
    with SshdLab(tmp_path_factory.mktemp("sshd")) as lab:
        yield lab


def test_an_open_connection_or_an_agent_lets_no_wrong_key_in(lab: SshdLab, tmp_path: Path) -> None:
    """A person's own set-up makes a plain ssh say yes to any key; ours is answered by the host itself."""
    host = lab.host()
    host.authorize(lab.old_line)
    wrong = lab.other_key()["private_key"]
    (tmp_path / "wrong").touch(0o600)
    (tmp_path / "wrong").write_bytes(wrong.reveal())
    (tmp_path / "old").touch(0o600)
    (tmp_path / "old").write_bytes(lab.old["private_key"].reveal())
    home = tmp_path / "ssh"
    home.mkdir(mode=0o700)
    (home / "config").write_text(
        f"Host *\n ControlMaster auto\n ControlPath {home}/master\n ControlPersist 60\n StrictHostKeyChecking no\n"
    )
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(home / "agent")], stdout=subprocess.DEVNULL)
    environment = {**os.environ, "SSH_AUTH_SOCK": str(home / "agent"), "PYTHONPATH": os.pathsep.join(sys.path)}

    def as_person(*argv: str, text: str = "") -> str:
        """Run with that folder as ~/.ssh."""
        room = ["unshare", "--mount", "sh", "-c", 'mkdir -p ~/.ssh && mount --bind "$0" ~/.ssh && exec "$@"', str(home)]
        command = lab.command(*room, *argv)
        return subprocess.run(
            command, input=text, env=environment, capture_output=True, text=True, timeout=60, check=False
        ).stdout

    try:
        while not (home / "agent").exists():
            pass
        as_person("ssh-add", "-q", str(tmp_path / "old"))
        plain = ("ssh", "-i", str(tmp_path / "wrong"), f"app@{host.address}", "echo", "in")
        given = {"host": host.address, "host_key": host.host_key}
        assert as_person(*plain) == "in\n"  # by the agent; and now there is an open connection as well
        assert (home / "master").exists()
        probe = (sys.executable, "-c", _PROBE)
        assert as_person(*probe, text=json.dumps({**given, "key": wrong.reveal().decode()})) == "refused\n"
        old = lab.old["private_key"].reveal().decode()
        assert as_person(*probe, text=json.dumps({**given, "key": old})) == "let in\n"
    finally:
        as_person("ssh", "-O", "exit", f"app@{host.address}")
        agent.terminate()
        agent.wait(10)


def test_a_host_that_cannot_be_reached_proves_nothing(lab: SshdLab) -> None:
    """That the old key is refused is said by the host, after it has let the new one in."""
    host = lab.host()
    host.authorize(lab.old_line)
    one = lab.rotation([host.target()])
    one.rotator.install(one.name, one.pair)
    one.rotator.retire(one.name, one.pair)
    host.stop()
    said = fails(lambda: one.rotator.prove_refused(one.name, one.pair))
    assert f"app@{host.address} port 22: cannot be logged in to: ssh: connect to host" in said
    host.start()
    host.keys_file().write_text("")
    assert "is refused" in fails(lambda: one.rotator.prove_refused(one.name, one.pair))


def test_an_old_key_that_is_let_in_from_elsewhere_is_not_dead(lab: SshdLab) -> None:
    """It is seen before the rotation; and put there in the middle, at its end, with the file that sshd has it from."""
    host = lab.host()
    host.authorize(lab.old_line)
    second = host.keys_file().with_name("authorized_keys2")
    one = lab.rotation([host.target()])
    second.write_text(f"{lab.old_line}\n")
    assert "is in /srv/app/.ssh/authorized_keys2 as well" in fails(lambda: one.rotator.check(lab.old))
    second.unlink()
    one.rotator.install(one.name, one.pair)
    one.rotator.retire(one.name, one.pair)
    second.write_text(f"{lab.old_line}\n")
    said = fails(lambda: one.rotator.prove_refused(one.name, one.pair))
    assert "is still let in; sshd has it from /srv/app/.ssh/authorized_keys2" in said
    second.unlink()
    assert "is refused" in one.rotator.prove_refused(one.name, one.pair)


def test_a_key_that_is_not_in_the_file_is_not_rotated(lab: SshdLab) -> None:
    """AuthorizedKeysCommand lets it in, or another file: what we would write there would not be obeyed."""
    host = lab.host(start=False)
    command = host.folder / "srv" / "keys"
    command.write_text(f"#!/bin/sh\necho '{lab.old_line}'\n")
    command.chmod(0o755)
    host.start("AuthorizedKeysCommand /srv/keys", "AuthorizedKeysCommandUser plain")
    one = lab.rotation([host.target()])
    said = fails(lambda: one.rotator.check(lab.old))
    assert "there is no /srv/app/.ssh/authorized_keys" in said
    host.authorize(public_line(Ed25519PrivateKey.generate()))
    said = fails(lambda: one.rotator.check(lab.old))
    assert f"the key {pair_of(lab.old).fingerprint} is let in, but is not in /srv/app/.ssh/authorized_keys" in said
    assert "AuthorizedKeysCommand" in said


def test_a_host_that_lets_anybody_in_proves_nothing(lab: SshdLab) -> None:
    """An empty password is tried by ssh before any key."""
    host = lab.host(start=False)
    shadow = host.folder / "etc" / "shadow"
    shadow.write_text(shadow.read_text().replace("app:*:", "app::"))
    host.start("PermitEmptyPasswords yes", "PasswordAuthentication yes")
    host.authorize(lab.old_line)
    one = lab.rotation([host.target()])
    assert "anybody is let in, without a key" in fails(lambda: one.rotator.check(lab.old))
    assert "anybody is let in, without a key" in fails(lambda: one.rotator.prove_refused(one.name, one.pair))


@pytest.mark.parametrize("where", ["target", "jump"])
def test_a_wrong_host_key_is_named_and_nothing_is_sent(lab: SshdLab, where: str) -> None:
    """Of the target or of a host on the way: whose key it is and what to do is said; no login is tried."""
    gate = lab.host()
    host = lab.host(behind=gate)
    for one in (gate, host):
        one.authorize(lab.old_line)
    stranger = public_line(Ed25519PrivateKey.generate())
    jump, target = gate.jump(), host.target(jump=(gate.jump(),))
    if where == "target":
        target = Target(host.address, "app", 22, (stranger,), jump=(jump,))
    else:
        target = host.target(jump=(type(jump)(gate.address, "app", 22, (stranger,)),))
    rotation = lab.rotation([target])
    said = fails(lambda: rotation.rotator.check(lab.old))
    named = host if where == "target" else gate
    assert f"the host key of {named.address} is not one that the inventory has pinned: nothing was sent there" in said
    assert "/etc/ssh/ssh_host_ed25519_key.pub" in said
    assert "Accepted" not in named.log.read_text()


def test_a_refusal_on_the_way_is_none_of_the_target(lab: SshdLab) -> None:
    """Neither key opens the way: that is an error, and no proof that the old one is refused."""
    gate = lab.host()
    host = lab.host(behind=gate)
    host.authorize(lab.old_line)
    one = lab.rotation([host.target(jump=(gate.jump(),))])
    said = fails(lambda: one.rotator.prove_refused(one.name, one.pair))
    assert "cannot be logged in to" in said
    assert f"app@{gate.address}: Permission denied (publickey" in said


def test_a_key_that_may_run_one_command_needs_somebody_who_edits(lab: SshdLab) -> None:
    """It is said which fields of the inventory name him; with them it is rotated, and its command is never run."""
    host = lab.host()
    host.authorize(f'command="touch /srv/app/ran",restrict {lab.old_line}')
    admin = lab.other_key()
    host.authorize(pair_of(admin).public(b"").decode(), user="ops")
    alone = lab.rotation([host.target()])
    assert "`login` names who edits the file" in fails(lambda: alone.rotator.check(lab.old))
    (host.folder / "srv/app/ran").unlink(missing_ok=True)
    one = lab.rotation([host.target(login="ops", login_key="admin", sudo=True)], login=admin)
    rotator, name, pair = one.rotator, one.name, one.pair
    assert rotator.check(lab.old).lines == ()
    rotator.install(name, pair)
    assert "logged in to OpenSSH_" in rotator.prove(name, pair)
    assert host.keys_file().read_text().count('command="touch /srv/app/ran",restrict ssh-ed25519') == 2
    rotator.retire(name, pair)
    assert "is refused" in rotator.prove_refused(name, pair)
    assert not (host.folder / "srv/app/ran").exists()
    assert host.keys_file().stat().st_uid == USERS["app"]


def test_an_authority_would_let_the_old_key_live_on(lab: SshdLab) -> None:
    """What it has signed is let in after its own line is gone."""
    host = lab.host()
    host.authorize(lab.old_line, f"cert-authority {lab.old_line}")
    one = lab.rotation([host.target()])
    assert "takes the key" in fails(lambda: one.rotator.check(lab.old))


@pytest.mark.parametrize("what", ["file", "folder"])
def test_symbolic_links_are_not_followed(lab: SshdLab, what: str) -> None:
    """Whoever owns a folder could have root write anywhere; which file it is has to be said in the inventory."""
    host = lab.host()
    file = host.authorize(lab.old_line)
    if what == "file":
        file.rename(file.with_name("real"))
        file.symlink_to("real")
    else:
        file.parent.rename(file.parent.with_name("real"))
        file.parent.symlink_to("real")
    before = file.resolve().read_bytes()
    one = lab.rotation([host.target()])
    for step in (lambda: one.rotator.check(lab.old), lambda: one.rotator.install(one.name, one.pair)):
        said = fails(step)
        assert "symbolic link" in said
        assert "`authorized_keys: /…` at the target in the inventory" in said
    assert file.resolve().read_bytes() == before
    assert file.is_symlink() or file.parent.is_symlink()


def test_who_may_not_change_the_file_is_told_before(lab: SshdLab) -> None:
    """And how the inventory says who may; one who would have to type a password for sudo is named too."""
    host = lab.host("AuthorizedKeysFile /run/keys/%u")
    host.run(
        "sh",
        "-c",
        "mkdir -p /run/keys && printf '%s\\n' \"$1\" >/run/keys/app && cp /run/keys/app /run/keys/plain",
        "sh",
        lab.old_line,
    )
    host.run("chmod", "644", "/run/keys/app", "/run/keys/plain")
    one = lab.rotation([host.target(authorized_keys="/run/keys/app")])
    said = fails(lambda: one.rotator.check(lab.old))
    assert "/run/keys: Permission denied" in said
    assert "`login` and `sudo: true`" in said
    other = lab.rotation([host.target(user="plain", authorized_keys="/run/keys/plain", sudo=True)])
    said = fails(lambda: other.rotator.check(lab.old))
    assert "sudo: a password is required" in said
    assert "plain ALL=(root) NOPASSWD: ALL" in said
    assert "Permission denied" in fails(lambda: one.rotator.install(one.name, one.pair))
