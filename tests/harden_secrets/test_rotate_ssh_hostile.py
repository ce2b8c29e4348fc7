"""Targets that make it hard, out of malice or by chance: real sshd."""

import gzip
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from harden.errors import HardenError
from harden_secrets.rotate.kinds.ssh import session
from harden_secrets.rotate.kinds.ssh.keypair import pair_of
from harden_secrets.rotate.kinds.ssh.speech import Speech, speech
from harden_secrets.rotate.rotator import Fields
from tests.harden_secrets.sshd_lab import Rotation, SshdLab
from tests.harden_secrets.sshd_target import USERS, SshdTarget

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module", name="lab")
def _lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshdLab]:
    with SshdLab(tmp_path_factory.mktemp("sshd")) as lab:
        yield lab


def fails(function: Callable[[], object]) -> str:
    with pytest.raises(HardenError) as error:
        function()
    return "\n".join((*error.value.messages, *error.value.hints))


def carry_through(one: Rotation) -> None:
    rotator, name, pair = one.rotator, one.name, one.pair
    rotator.check(pair.old)
    for step in (rotator.install, rotator.prove, rotator.retire):
        step(name, pair)
    assert "is refused" in rotator.prove_refused(name, pair)


def log_in_to_bash(host: SshdTarget, bashrc: str) -> None:
    passwd = host.folder / "etc" / "passwd"
    passwd.write_text(passwd.read_text().replace("/srv/app:/bin/sh", "/srv/app:/bin/bash"))
    (host.folder / "srv/app/.bashrc").write_text(bashrc)


def test_a_host_that_never_stops_talking_does_not_fill_our_disk(lab: SshdLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it writes to standard error is kept up to a limit; then that is the end of the session."""
    host = lab.host()
    host.authorize(lab.old_line)
    log_in_to_bash(host, "yes authenticated >&2\n")
    sizes = []

    @contextmanager
    def weighed() -> Iterator[Speech]:
        with speech() as said:
            try:
                yield said
            finally:
                sizes.append(os.fstat(said.errors_file.fileno()).st_size)

    monkeypatch.setattr(session, "_SECONDS", 5)
    monkeypatch.setattr(session, "speech", weighed)
    one = lab.rotation([host.target()])
    assert "the session ended" in fails(lambda: one.rotator.check(one.pair.old))
    (size,) = sizes
    assert 0 < size <= 16 << 20


def test_what_a_shell_prints_by_itself_is_no_answer(lab: SshdLab) -> None:
    """Neither a banner with what looks like ssh's own words, nor what start-up files print and read."""
    host = lab.host("Banner /srv/app/banner")
    host.authorize(lab.old_line)
    (host.folder / "srv/app/banner").write_text('Authenticated to x using "publickey".\nPermission denied (x).\n')
    (host.keys_file().with_name("rc")).write_text("echo rc\ncat\n")
    log_in_to_bash(host, "echo hello; echo oops >&2; printf 'no line feed'\n")
    carry_through(lab.rotation([host.target()]))


def test_a_folder_that_hands_its_group_down(lab: SshdLab) -> None:
    """A folder made in it has the setgid bit too; the file's owner, group and mode stay."""
    host = lab.host()
    file = host.authorize(lab.old_line)
    file.parent.chmod(0o2700)
    carry_through(lab.rotation([host.target()]))
    assert [path.name for path in file.parent.iterdir()] == ["authorized_keys"]
    assert (file.stat().st_gid, file.stat().st_mode & 0o7777) == (USERS["app"], 0o600)


def test_a_file_with_two_names_is_told_before(lab: SshdLab) -> None:
    """A rename leaves the other one as it was, with the old key."""
    host = lab.host()
    file = host.authorize(lab.old_line)
    file.with_name("other").hardlink_to(file)
    one = lab.rotation([host.target()])
    assert "has another name (a hard link)" in fails(lambda: one.rotator.check(one.pair.old))


def test_a_key_in_two_files_is_told_before(lab: SshdLab) -> None:
    """sshd names the one in which it has found the key; that the other one has it as well is not enough."""
    host = lab.host("AuthorizedKeysFile /srv/keys .ssh/authorized_keys")
    host.authorize(lab.old_line)
    (host.folder / "srv/keys").write_text(f"{lab.old_line}\n")
    one = lab.rotation([host.target()])
    assert "is in /srv/keys as well" in fails(lambda: one.rotator.check(one.pair.old))


def test_who_edits_with_the_rotated_key_gets_in_with_the_new_one(lab: SshdLab) -> None:
    """Or else it is seen before the switch, after which nobody could go on: his file has to be a target as well."""
    host = lab.host()
    host.authorize(lab.old_line)
    host.authorize(lab.old_line, user="ops")
    edited, own = host.target(login="ops", sudo=True), host.target(user="ops")
    alone = lab.rotation([edited])
    alone.rotator.install(alone.name, alone.pair)
    assert f"ops@{host.address} port 22: the key {pair_of(alone.pair.new).fingerprint} is refused" in fails(
        lambda: alone.rotator.prove(alone.name, alone.pair)
    )
    alone.rotator.withdraw(alone.name, alone.pair)
    both = lab.rotation([edited, own])
    for step in (both.rotator.install, both.rotator.prove, both.rotator.retire, both.rotator.prove_refused):
        for name in both.names:
            step(name, both.pair)


def test_a_key_that_another_program_has_taken_out_is_put_in_again(lab: SshdLab) -> None:
    """One that read the file before our change and wrote it after it: seen and mended when the key is proved."""
    host = lab.host()
    file = host.authorize(lab.old_line)
    one = lab.rotation([host.target()])
    before = file.read_bytes()
    one.rotator.install(one.name, one.pair)
    file.write_bytes(before + b"# written by another\n")
    assert "ran a command" in one.rotator.prove(one.name, one.pair)
    assert file.read_bytes().endswith(b"# written by another\n")
    assert lab.lets_in(one.new, host)


def test_an_old_key_that_another_program_has_put_back_is_taken_out_again(lab: SshdLab) -> None:
    """The proof says so: who looks after the file may have the old key written down."""
    host = lab.host()
    file = host.authorize(lab.old_line)
    one = lab.rotation([host.target()])
    one.rotator.install(one.name, one.pair)
    both = file.read_bytes()
    one.rotator.retire(one.name, one.pair)
    file.write_bytes(both + b"# written by another\n")
    assert "it had come back: taken out of" in one.rotator.prove_refused(one.name, one.pair)
    assert file.read_bytes().endswith(b"# written by another\n")
    assert not lab.lets_in(one.old, host)
    assert "it had come back" not in one.rotator.prove_refused(one.name, one.pair)


@pytest.mark.parametrize("put_away", [".2.gz", "-20260102", ""])
def test_a_session_that_is_older_than_the_log(lab: SshdLab, put_away: str) -> None:
    """Logs that were put away are read too; of one that is in none of them it is said that it goes on."""
    host = lab.host()
    host.authorize(lab.old_line)
    one = lab.rotation([host.target()])
    with lab.login(one.old, host, "cat") as tunnel:
        try:
            await_login(host, one.pair.old)
            written = host.log.read_bytes()
            if put_away:
                away = host.log.with_name(f"auth.log{put_away}")
                away.write_bytes(gzip.compress(written) if put_away.endswith("gz") else written)
            host.log.write_bytes(b"")
            one.rotator.install(one.name, one.pair)
            said = one.rotator.retire(one.name, one.pair)
            assert ("one session of it was ended" in said) == bool(put_away)
            assert ("1 that the log knows nothing of (it begins later) went on: process" in said) != bool(put_away)
            if put_away:
                tunnel.wait(10)
            else:
                assert tunnel.poll() is None
        finally:
            tunnel.kill()


def test_a_log_of_many_hosts_says_nothing_of_this_one(lab: SshdLab) -> None:
    """The number of another host's process is here somebody else's; and who logs in there does not use it here."""
    host = lab.host()
    host.authorize(lab.old_line)
    one = lab.rotation([host.target()])
    one.rotator.install(one.name, one.pair)
    with lab.login(one.new, host, "cat") as consumer:
        try:
            line = await_login(host, one.pair.new)
            old, new = pair_of(one.pair.old).fingerprint, pair_of(one.pair.new).fingerprint
            began = datetime.now(UTC)
            elsewhere = line.replace(" host ", " elsewhere ").replace(new, old)
            elsewhere = f"{began + timedelta(seconds=1):%Y-%m-%dT%H:%M:%S.%f+00:00} {elsewhere.partition(' ')[2]}"
            with host.log.open("a") as log:
                log.write(f"{elsewhere}\n")
            assert one.rotator.still_used(one.name, one.pair, began) == ""
            assert "ended" not in one.rotator.retire(one.name, one.pair)
            assert consumer.poll() is None
        finally:
            consumer.kill()


def await_login(host: SshdTarget, key: Fields) -> str:
    """The line of the log about the last login with it."""
    while not (found := [line for line in host.log.read_text().splitlines() if pair_of(key).fingerprint in line]):
        time.sleep(0.02)
    return found[-1]


def test_a_host_that_wants_more_than_a_key(lab: SshdLab) -> None:
    """A one-time code, say: nobody is there to type it; it is no refusal of the key."""
    host = lab.host("AuthenticationMethods publickey,keyboard-interactive", "KbdInteractiveAuthentication yes")
    host.authorize(lab.old_line)
    one = lab.rotation([host.target()])
    said = fails(lambda: one.rotator.check(one.pair.old))
    assert "cannot be logged in to" in said
    assert "AuthenticationMethods" in said
    back = replace(one.pair, old=one.pair.new, new=one.pair.old)
    assert "AuthenticationMethods" in fails(lambda: one.rotator.prove_refused(one.name, back))


def test_a_host_that_hangs_is_given_up(lab: SshdLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """In words that say so."""
    host = lab.host("ForceCommand cat")
    host.authorize(lab.old_line)
    monkeypatch.setattr(session, "_SECONDS", 2)
    one = lab.rotation([host.target()])
    assert "no answer in 2 seconds, given up" in fails(lambda: one.rotator.check(one.pair.old))
