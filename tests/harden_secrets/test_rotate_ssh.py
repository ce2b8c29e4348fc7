"""SSH keys rotated on hosts with a real sshd: a new key beside the old one, proved; the old one refused."""

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.rotate.kinds.ssh.keypair import pair_of
from tests.harden_secrets.sshd_lab import Rotation, SshdLab, fails
from tests.harden_secrets.sshd_target import SshdTarget

pytestmark = pytest.mark.kernel
HOSTS = 22


@pytest.fixture(scope="module", name="lab")
def _lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshdLab]:
    with SshdLab(tmp_path_factory.mktemp("sshd")) as lab:
        yield lab


def stays(lab: SshdLab, key: Confidential, host: SshdTarget, user: str = "app") -> "subprocess.Popen[str]":
    """Somebody who is logged in, and goes on to be."""
    consumer = lab.login(key, host, "echo in; exec sleep 300", user=user)
    assert consumer.stdout is not None
    assert consumer.stdout.readline() == "in\n"
    return consumer


def test_many_hosts_at_once_and_two_that_are_down_meanwhile(lab: SshdLab) -> None:
    """The others get the new key; those two keep the old one and are told apart, and get it once they are back.

    At the end each lets the new key in and refuses the old one.
    """
    hosts = [lab.host() for _ in range(HOSTS)]
    for host in hosts:
        host.authorize(lab.old_line + " app@example")
    whole = lab.rotation([host.target() for host in hosts])
    rotator, pair = whole.rotator, whole.pair
    assert rotator.check(lab.old).lines == ()
    hosts[7].stop()
    lab.unplug(hosts[9])

    def each(method: Callable[..., str], *more: object) -> list[str]:
        def one(name: str) -> str:
            try:
                return method(name, pair, *more)
            except HardenError as error:
                return f"ERROR {error}"

        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(one, whole.names))

    answers = each(rotator.install)
    assert f"ERROR app@{hosts[7].address} port 22: cannot be logged in to" in answers[7]
    assert "Connection refused" in answers[7]
    assert f"ERROR app@{hosts[9].address} port 22: cannot be logged in to: ssh: connect to host" in answers[9]
    assert [answer for answer in answers if answer.startswith("ERROR")] == [answers[7], answers[9]]
    assert hosts[7].keys_file().read_text() == f"{lab.old_line} app@example\n"
    hosts[7].start()
    lab.unplug(hosts[9], again=True)
    assert [answer for answer in each(rotator.install) if answer.startswith("ERROR")] == []
    assert all("ran a command" in answer for answer in each(rotator.prove))
    until = datetime.now(UTC) + timedelta(hours=1)
    assert {answer[:17] for answer in each(rotator.limit, until)} == {"the old key ends "}
    assert set(each(rotator.still_used, datetime.now(UTC))) == {""}
    assert {answer.split(";")[0] for answer in each(rotator.retire)} == {"taken out of /srv/app/.ssh/authorized_keys"}
    assert all(" is refused by OpenSSH_" in answer for answer in each(rotator.prove_refused))
    new = pair.new["public_key"].reveal().decode()
    assert {host.keys_file().read_text() for host in hosts} == {new}
    for host in (hosts[0], hosts[7]):
        assert lab.lets_in(whole.new, host)
        assert not lab.lets_in(whole.old, host)


def test_every_step_may_be_done_again(lab: SshdLab) -> None:
    """It comes to the same end, in words too where that matters, and changes nothing the second time."""
    host = lab.host()
    file = host.authorize(lab.old_line)
    one = lab.rotation([host.target()])
    rotator, name, pair = one.rotator, one.name, one.pair
    until = datetime.now(UTC) + timedelta(hours=1)
    steps: list[Callable[[], str]] = [
        lambda: rotator.install(name, pair),
        lambda: rotator.prove(name, pair),
        lambda: rotator.limit(name, pair, until),
        lambda: rotator.retire(name, pair),
        lambda: rotator.prove_refused(name, pair),
    ]
    for step in steps:
        step()
        once, number = file.read_bytes(), file.stat().st_ino
        step()
        assert (file.read_bytes(), file.stat().st_ino) == (once, number)
    assert [path.name for path in file.parent.iterdir()] == ["authorized_keys"]


def test_options_are_inherited_and_everything_else_stays(lab: SshdLab) -> None:
    """Owner, mode, comments, other keys, line ends, and what the old key was allowed; an old end of it is not."""
    host = lab.host()
    options = 'from="10.77.0.0/16",environment="A=b, c",no-pty,expiry-time="20390101"'
    file = host.authorize("# mine", f"{options} {lab.old_line} old one", "", "ssh-rsa AAAA junk")
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n").rstrip(b"\r\n"))
    file.chmod(0o640)
    before = file.read_bytes()
    one = lab.rotation([host.target()])
    one.rotator.install(one.name, one.pair)
    public = one.pair.new["public_key"].reveal().strip()
    kept = b'from="10.77.0.0/16",environment="A=b, c",no-pty '
    lines = before.split(b"\r\n")
    assert file.read_bytes().split(b"\r\n") == [*lines[:2], kept + public, *lines[2:]]
    assert (file.stat().st_mode & 0o7777, file.stat().st_uid, file.stat().st_gid) == (0o640, 61001, 61001)
    one.rotator.withdraw(one.name, one.pair)
    assert file.read_bytes() == before


def test_a_file_without_a_final_line_feed_keeps_both_keys(lab: SshdLab) -> None:
    """What is appended to such a file by a shell breaks the key before it and itself."""
    host = lab.host()
    file = host.authorize(lab.old_line)
    file.write_bytes(file.read_bytes().rstrip())
    one = lab.rotation([host.target()])
    one.rotator.install(one.name, one.pair)
    assert lab.lets_in(one.old, host)
    assert lab.lets_in(one.new, host)


def test_the_old_key_dies_at_its_time_without_us(lab: SshdLab) -> None:
    """sshd itself refuses it then; the new key goes on; an earlier end that it had stays."""
    host = lab.host()
    file = host.authorize(lab.old_line)
    one = lab.rotation([host.target()])
    one.rotator.install(one.name, one.pair)
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=6)
    said = one.rotator.limit(one.name, one.pair, end)
    assert said == f"the old key ends at {end:%Y-%m-%d %H:%M:%S} UTC at the latest"
    assert lab.lets_in(one.old, host)
    one.rotator.limit(one.name, one.pair, end + timedelta(days=1))
    assert f'expiry-time="{end:%Y%m%d%H%M%S}Z"' in file.read_text()
    time.sleep(max(0.0, (end - datetime.now(UTC)).total_seconds() + 1.1))
    assert not lab.lets_in(one.old, host)
    assert lab.lets_in(one.new, host)
    assert "is refused" in one.rotator.prove_refused(one.name, one.pair)


@pytest.mark.parametrize("iso", [True, False], ids=["iso", "without-year"])
def test_who_still_uses_the_old_key_is_seen(lab: SshdLab, iso: bool) -> None:
    """Who and from where; not our own sessions, not the new key, not what was before."""
    host = lab.host(iso=iso)
    host.authorize(lab.old_line)
    one = lab.rotation([host.target()])
    assert lab.lets_in(one.old, host)
    time.sleep(1.1)  # a log without fractions
    since = datetime.now(UTC)
    one.rotator.install(one.name, one.pair)
    assert lab.lets_in(one.new, host)
    assert one.rotator.still_used(one.name, one.pair, since) == ""
    assert lab.lets_in(one.old, host)
    assert lab.lets_in(one.old, host)
    said = one.rotator.still_used(one.name, one.pair, since)
    assert re.fullmatch(r"app from 10\.77\.0\.1, 2 times, last \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", said)


def test_the_journal_is_read_where_there_is_one(lab: SshdLab) -> None:
    """By one who may: whoever may not is told that it is empty, which is not taken for silence."""
    host = lab.host(start=False)
    host.keep_journal()
    host.start()
    host.authorize(lab.old_line)
    host.authorize(lab.old_line, user="ops")
    assert (
        "who still uses the old key will not be known" in lab.rotation([host.target()]).rotator.check(lab.old).lines[0]
    )
    one = lab.rotation([host.target(login="ops", login_key="it", sudo=True, log="journal")], login=lab.old)
    assert one.rotator.check(lab.old).lines == ()
    one.rotator.install(one.name, one.pair)
    since = datetime.now(UTC)
    assert one.rotator.still_used(one.name, one.pair, since) == ""
    with stays(lab, one.old, host) as consumer:
        assert "app from 10.77.0.1, once, last" in one.rotator.still_used(one.name, one.pair, since)
        assert one.rotator.retire(one.name, one.pair).endswith("one session of it was ended")
        assert consumer.wait(10) != 0


@pytest.mark.parametrize("log", ["none", "/var/log/other.log", "auto"])
def test_a_log_that_cannot_be_read_is_not_taken_for_silence(lab: SshdLab, log: str) -> None:
    """It is said before the rotation and in what the old key's end has shown; one who asks hears nothing."""
    host = lab.host()
    host.authorize(lab.old_line)
    if log == "auto":
        host.log.chmod(0o600)  # root's, and we log in as app
    one = lab.rotation([host.target(log=log)])
    notes = one.rotator.check(lab.old).lines
    assert len(notes) == (0 if log == "none" else 1)
    assert all("who still uses the old key will not be known" in note for note in notes)
    one.rotator.install(one.name, one.pair)
    said = one.rotator.limit(one.name, one.pair, datetime.now(UTC) + timedelta(hours=1))
    assert "who uses it is not known" in said
    assert lab.lets_in(one.old, host)
    assert one.rotator.still_used(one.name, one.pair, datetime.now(UTC) - timedelta(minutes=1)) == ""
    assert "sessions opened with it are not known" in one.rotator.retire(one.name, one.pair)


@pytest.mark.parametrize("login", ["", "ops"])
def test_sessions_of_the_old_key_are_ended(lab: SshdLab, login: str) -> None:
    """They outlive its removal; those of the new key and of others go on. By the user himself, and by root."""
    host = lab.host()
    host.authorize(lab.old_line)
    host.authorize(lab.old_line, user="ops")
    one = lab.rotation([host.target(login=login, login_key="it" if login else "", sudo=bool(login))], login=lab.old)
    one.rotator.install(one.name, one.pair)
    with (
        stays(lab, one.old, host) as old,
        stays(lab, one.new, host) as new,
        stays(lab, one.old, host, "ops") as other,
    ):
        try:
            said = one.rotator.retire(one.name, one.pair)
            assert said.endswith("; one session of it was ended")
            assert old.wait(10) != 0
            assert (new.poll(), other.poll()) == (None, None)
        finally:
            for consumer in (old, new, other):
                consumer.kill()


def test_a_rotation_that_is_given_up_leaves_no_trace(lab: SshdLab) -> None:
    """The new key is taken out again and refused; the old one works, in a file that is the same byte for byte."""
    host = lab.host()
    file = host.authorize("# mine", lab.old_line + " x")
    before = file.read_bytes()
    one = lab.rotation([host.target()])
    one.rotator.install(one.name, one.pair)
    assert one.rotator.withdraw(one.name, one.pair).startswith("the new key was taken out of")
    assert one.rotator.withdraw(one.name, one.pair).startswith("the new key is not in")
    assert file.read_bytes() == before
    assert lab.lets_in(one.old, host)
    assert not lab.lets_in(one.new, host)


def test_a_new_key_that_does_not_get_in_is_taken_out_by_the_session_that_is_held(lab: SshdLab, ecdsa: Rotation) -> None:
    """The server takes no Ed25519 keys: the file is what it was, byte for byte, and the old key still works."""
    host = lab.hosts[-1]
    before = host.keys_file().read_bytes()
    said = fails(lambda: ecdsa.rotator.install(ecdsa.name, ecdsa.pair))
    assert f"the key {pair_of(ecdsa.pair.new).fingerprint} is refused" in said
    assert "/srv/app/.ssh/authorized_keys was put back as it was" in said
    assert host.keys_file().read_bytes() == before
    assert lab.lets_in(ecdsa.old, host)


@pytest.fixture(name="ecdsa")
def _ecdsa(lab: SshdLab) -> Rotation:
    """An old key of another type, at a host that takes that type only."""
    old = lab.other_key("ecdsa")
    host = lab.host("PubkeyAcceptedAlgorithms ecdsa-sha2-nistp256")
    host.authorize(pair_of(old).public(b"e").decode())
    one = lab.rotation([host.target()], old)
    assert "of type ecdsa-sha2-nistp256, the new one will be of ssh-ed25519" in one.rotator.check(old).lines[0]
    return one


def test_the_old_key_stays_while_the_new_one_does_not_work(lab: SshdLab) -> None:
    """Somebody has taken the new key out, or the server refuses it: nothing is taken out then."""
    host = lab.host()
    file = host.authorize(lab.old_line)
    one = lab.rotation([host.target()])
    said = fails(lambda: one.rotator.retire(one.name, one.pair))
    assert "is refused" in said
    other = lab.rotation([host.target(login="app", login_key="it")], login=lab.old)
    assert "is refused" in fails(lambda: other.rotator.retire(other.name, other.pair))
    assert file.read_text() == f"{lab.old_line}\n"
