"""Where keys lie and how one gets there: hosts behind hosts, files of root's, full disks, small systems; real sshd."""

import os
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harden_secrets.rotate.kinds.ssh import authorizedkeys
from harden_secrets.rotate.kinds.ssh.keypair import pair_of
from harden_secrets.rotate.kinds.ssh.site import Site
from tests.harden_secrets.sshd_lab import Rotation, SshdLab, fails
from tests.harden_secrets.sshd_target import USERS

pytestmark = pytest.mark.kernel
_JAIL = """
set -e
mkdir -p /run/jail/bin /run/jail/etc /run/jail/srv /run/jail/dev /run/jail/proc /run/jail/tmp
for file in $(ldd "$(command -v busybox)" | grep -o '/[^ )]*'); do
  mkdir -p "/run/jail${file%/*}" && cp -L "$file" "/run/jail$file"
done
cp "$(command -v busybox)" /run/jail/bin/
for name in $(busybox --list); do ln -sf busybox "/run/jail/bin/$name"; done
cp /etc/passwd /etc/group /run/jail/etc/
mount --rbind /srv /run/jail/srv && mount --rbind /dev /run/jail/dev && mount -t proc proc /run/jail/proc
"""

_READ_BY_SSH = """
import subprocess, sys
from harden_secrets.rotate.memoryfile import memory_file
with memory_file(sys.stdin.buffer.read()) as key:
    subprocess.run(["ssh-keygen", "-y", "-f", key], check=True)
"""


@pytest.fixture(scope="module", name="lab")
def _lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshdLab]:
    with SshdLab(tmp_path_factory.mktemp("sshd")) as lab:
        yield lab


def carry_through(one: Rotation) -> None:
    """All steps at the only target; at the end the new key is let in and the old one refused."""
    rotator, name, pair = one.rotator, one.name, one.pair
    rotator.check(pair.old)
    rotator.install(name, pair)
    rotator.prove(name, pair)
    rotator.limit(name, pair, datetime.now(UTC) + timedelta(hours=1))
    rotator.still_used(name, pair, datetime.now(UTC))
    rotator.retire(name, pair)
    assert "is refused" in rotator.prove_refused(name, pair)


def test_hosts_behind_hosts(lab: SshdLab) -> None:
    """Two on the way, each with another port and the key of another user; the gate's own log names the new key only.

    The old key opens no door that the new one does, so that it is seen to be unused there too.
    """
    gate = lab.host(ipv6=True, port=2222)
    inner = lab.host(behind=gate, port=2200)
    host = lab.host(behind=inner)
    admin = lab.other_key()
    for one, user in ((gate, "ops"), (inner, "plain")):
        one.authorize(pair_of(admin).public(b"").decode(), user=user)
    host.authorize(lab.old_line)
    host.authorize(pair_of(admin).public(b"").decode(), user="ops")
    target = host.target(jump=(gate.jump("ops"), inner.jump("plain")), login="ops", login_key="it", sudo=True)
    carry_through(lab.rotation([target], login=admin))
    assert pair_of(lab.old).fingerprint not in gate.log.read_text() + inner.log.read_text()


def test_a_host_on_the_way_that_is_a_target_too(lab: SshdLab) -> None:
    """Both get the new key, whichever is first, and the way stays open at every step."""
    gate = lab.host()
    host = lab.host(behind=gate)
    for one in (gate, host):
        one.authorize(lab.old_line)
    both = lab.rotation([gate.target(), host.target(jump=(gate.jump(),))])
    rotator, pair = both.rotator, both.pair
    for step in (rotator.install, rotator.prove, rotator.retire, rotator.prove_refused):
        for name in both.names:
            step(name, pair)
    assert [pair_of(pair.old).blob in one.keys_file().read_bytes() for one in (gate, host)] == [False, False]


@pytest.mark.parametrize("folder", ["/run/keys", "/srv/app/.ssh"], ids=["of-root", "of-the-user"])
def test_a_file_of_root(lab: SshdLab, folder: str) -> None:
    """In a folder of root's or the user's: edited by sudo, and still of its owner, mode and access list after it."""
    host = lab.host(f"AuthorizedKeysFile {folder}/keys.%u .ssh/authorized_keys")
    path = f"{folder}/keys.app"
    script = 'mkdir -p "$1" && printf "%s\\n" "$3" >"$2" && chmod 644 "$2"'
    host.run("sh", "-c", script, "sh", folder, path, lab.old_line)
    host.authorize(lab.old_line, user="ops")
    # user::rw-, user:ops:r--, group::r--, mask::r--, other::r-- (acl(5)), as the kernel keeps it
    entries = [(1, 6, -1), (2, 4, USERS["ops"]), (4, 4, -1), (16, 4, -1), (32, 4, -1)]
    access = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    inside = f"/proc/{host.processes()[0]}/root{path}"
    os.setxattr(inside, "system.posix_acl_access", access)
    before = host.run("ls", "-ln", path).split()[:4]
    assert before[0] == "-rw-r--r--+"
    target = host.target(authorized_keys=path, login="ops", login_key="it", sudo=True)
    carry_through(lab.rotation([target], login=lab.old))
    assert host.run("ls", "-ln", path).split()[:4] == before
    assert os.getxattr(inside, "system.posix_acl_access") == access
    assert ".harden" not in host.run("ls", "-A", folder)


def test_a_full_disk_changes_nothing(lab: SshdLab) -> None:
    """The error says so; the file is what it was, no part of another is left; with room again it goes on."""
    host = lab.host(start=False)
    host.run("sh", "-c", "mount -t tmpfs -o size=64k,mode=755 none /srv && mkdir -p /srv/app/.ssh")
    host.start()
    fill = """
        { printf '%s\\n' "$1" && head -c 9000 /dev/zero | tr '\\0' '#'; } >/srv/app/.ssh/authorized_keys
        chown -R app:app /srv/app && chmod 700 /srv/app/.ssh
        dd if=/dev/zero of=/srv/fill bs=1k 2>/dev/null
        truncate -s -4096 /srv/fill
    """
    host.run("sh", "-c", fill, "sh", lab.old_line)  # room for a page is left, which the file is larger than
    before = host.run("cat", "/srv/app/.ssh/authorized_keys")
    one = lab.rotation([host.target()])
    said = fails(lambda: one.rotator.install(one.name, one.pair))
    assert "cannot be written, and is as it was" in said
    assert "No space left on device" in said
    assert "make room on the target's disk" in said
    assert host.run("cat", "/srv/app/.ssh/authorized_keys") == before
    assert host.run("ls", "-A", "/srv/app/.ssh").split() == ["authorized_keys"]
    assert lab.lets_in(one.old, host)
    host.run("rm", "/srv/fill")
    carry_through(one)


@pytest.mark.parametrize("shell", ["/bin/bash", "/bin/dash", "jail"])
def test_the_shells_of_targets(lab: SshdLab, shell: str) -> None:
    """Whatever the login shell; and on a system with nothing but BusyBox, which has no Python, getent or GNU tools."""
    host = lab.host(start=False)
    jail = shell == "jail"
    if jail:
        assert shutil.which("busybox"), "apt-get install busybox"
        host.run("sh", "-c", _JAIL)
    else:
        passwd = host.folder / "etc" / "passwd"
        passwd.write_text(passwd.read_text().replace("/srv/app:/bin/sh", f"/srv/app:{shell}"))
    host.start(*(["ChrootDirectory /run/jail"] if jail else []))
    host.authorize(lab.old_line)
    if not jail:
        (host.folder / "srv/app/.bashrc").write_text("echo hello; echo hello >&2\n")  # as bash reads it over ssh
    carry_through(lab.rotation([host.target(log="none" if jail else "auto")]))
    assert [path.name for path in host.keys_file().parent.iterdir()] == ["authorized_keys"]


def test_what_others_change_meanwhile_is_kept(lab: SshdLab) -> None:
    """Between our reading and our writing: the change is made anew to what they have left, each time."""
    host = lab.host()
    file = host.authorize(lab.old_line)
    lines = [f"# {number}" for number in range(4)]
    site, key = Site("x", host.target(), lambda: None), pair_of(lab.old)
    new = pair_of(lab.other_key())

    def edit(content: bytes) -> bytes:
        if lines:
            beside = file.with_name("beside")
            beside.write_bytes(file.read_bytes() + lines.pop().encode() + b"\n")
            os.chown(beside, USERS["app"], USERS["app"])
            beside.rename(file)
        return authorizedkeys.with_beside(content, key.blob, new.blob, b"new")

    def change() -> None:
        with site.session(key, (key,)) as session:
            site.keys_file(session).change(edit)

    lab.call(change)
    assert lines == []
    wanted = f"{lab.old_line}\n{new.public(b'new').decode()}\n# 3\n# 2\n# 1\n# 0\n"
    assert file.read_text() == wanted
    assert [path.name for path in file.parent.iterdir()] == ["authorized_keys"]


def test_many_secrets_in_one_file(lab: SshdLab) -> None:
    """All rotated at once, each by itself: no change of one is lost to another's."""
    host = lab.host()
    olds = [lab.other_key() for _ in range(5)]
    host.authorize(*(pair_of(old).public(b"").decode() for old in olds))
    ones = [lab.rotation([host.target()], old) for old in olds]
    with ThreadPoolExecutor(len(ones)) as pool:
        list(pool.map(lambda one: one.rotator.install(one.name, one.pair), ones))
        list(pool.map(lambda one: one.rotator.retire(one.name, one.pair), ones))
    content = host.keys_file().read_bytes()
    assert [line.blob for line in authorizedkeys.parse(content)] == [pair_of(one.pair.new).blob for one in ones]


def test_what_a_killed_one_has_left_is_swept(lab: SshdLab) -> None:
    """A folder of ours with an unfinished file; one that is not ours is left alone."""
    host = lab.host()
    file = host.authorize(lab.old_line)
    for name, owner in ((".harden.abc123", "app"), (".harden.other1", "plain")):
        left = file.with_name(name)
        left.mkdir(mode=0o700)
        (left / "new").write_text("x")
        os.chown(left, USERS[owner], USERS[owner])
    one = lab.rotation([host.target()])
    one.rotator.install(one.name, one.pair)
    assert sorted(path.name for path in file.parent.iterdir()) == [".harden.other1", "authorized_keys"]


@pytest.mark.parametrize("hours", [-3, 2])
def test_a_clock_that_is_wrong(lab: SshdLab, hours: int) -> None:
    """The old key's end is given in the target's own time, and its log is read in it."""
    host = lab.host(start=False)
    wrong = host.folder / "srv" / "date"
    shutil.copy("/bin/date", host.folder / "srv" / "right")
    wrong.write_text(
        f'#!/bin/sh\n[ "$1" = +%s ] && echo $(($(/srv/right +%s) + {hours * 3600})) && exit\nexec /srv/right "$@"\n'
    )
    wrong.chmod(0o755)
    host.run("sh", "-c", 'mount --bind /srv/date "$(readlink -f /bin/date)"')
    host.start()
    file = host.authorize(lab.old_line)
    one = lab.rotation([host.target()])
    one.rotator.install(one.name, one.pair)
    until = datetime.now(UTC) + timedelta(days=1)
    one.rotator.limit(one.name, one.pair, until)
    written = datetime.strptime(file.read_text().split('"')[1], "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    assert abs(written - until - timedelta(hours=hours)) < timedelta(seconds=30)


def test_a_server_that_knows_no_utc(lab: SshdLab) -> None:
    """Before OpenSSH 9.1 a Z makes the line void, and the old key would die at once: it gets the host's own time."""
    host = lab.host(start=False)
    server = Path("/usr/sbin/sshd").read_bytes()
    old = host.folder / "etc" / "sshd"
    old.write_bytes(re.sub(rb"OpenSSH_\d+\.\d+p\d", lambda name: b"OpenSSH_8.9p1".ljust(len(name[0]), b"0"), server))
    old.chmod(0o755)
    host.run("mount", "--bind", str(old), "/usr/sbin/sshd")
    host.start()
    file = host.authorize(lab.old_line)
    one = lab.rotation([host.target()])
    one.rotator.install(one.name, one.pair)
    assert "logged in to OpenSSH_8.9p1" in one.rotator.prove(one.name, one.pair)
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    one.rotator.limit(one.name, one.pair, end)
    assert f'expiry-time="{end.astimezone():%Y%m%d%H%M%S}"' in file.read_text()
    assert lab.lets_in(one.old, host)


def test_whoever_runs_it_need_not_be_root(lab: SshdLab) -> None:
    """The files that ssh reads are in memory and one's own: it takes the key from there, and only from its owner."""
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-c", _READ_BY_SSH]
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        command, input=lab.old["private_key"].reveal(), capture_output=True, timeout=30, check=True, env=environment
    )
    assert done.stdout.decode().startswith(lab.old_line)
