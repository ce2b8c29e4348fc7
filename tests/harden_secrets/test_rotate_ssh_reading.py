"""What ssh and sshd say, read: how a login ended, who has logged in; and keys found among the fields of a secret."""

import base64
import subprocess
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from time import monotonic

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.rotate.kinds.ssh import signins
from harden_secrets.rotate.kinds.ssh.client import Hop, argv
from harden_secrets.rotate.kinds.ssh.keypair import comment_of, pair_of, private_field, renewed
from harden_secrets.rotate.kinds.ssh.verdict import Answer, judge, version_of

KEY, OTHER = "SHA256:" + "k" * 43, "SHA256:" + "o" * 43
OFFER = f"debug1: Offering public key: /proc/1/fd/3 ED25519 {KEY} explicit\n"
ACCEPT = f"debug1: Server accepts key: /proc/1/fd/3 ED25519 {KEY} explicit\n"
DENIED = "app@devvm: Permission denied (publickey).\r\n"
ENTERED = 'Authenticated to devvm ([10.0.0.1]:22) using "publickey".\r\n'


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (OFFER + ACCEPT + ENTERED, Answer.LET_IN),
        (OFFER + ACCEPT.replace(KEY, OTHER) + ENTERED, Answer.OTHERWISE),
        ('Authenticated to devvm ([10.0.0.1]:22) using "none".\n', Answer.OTHERWISE),
        (OFFER + DENIED, Answer.REFUSED),
        (OFFER.replace(KEY, OTHER) + DENIED, Answer.FAILED),
        (DENIED, Answer.FAILED),
        (OFFER + DENIED.replace("devvm", "bastion"), Answer.FAILED),
        # A second proof is asked for: the key itself is good.
        (OFFER + ACCEPT + DENIED, Answer.FAILED),
        ("ssh: connect to host devvm port 22: Connection refused\n", Answer.FAILED),
        (OFFER + "Connection closed by 10.0.0.1 port 22\n", Answer.FAILED),
        ("", Answer.FAILED),
        ("Host key for target has changed and you have requested strict checking.\n", Answer.WRONG_HOST),
        ("No ED25519 host key is known for jump0 and you have requested strict checking.\n", Answer.WRONG_HOST),
    ],
)
def test_a_refusal_is_one_of_the_host_for_that_key(said: str, answer: Answer) -> None:
    """A network that fails, another host's refusal, or another key's prove nothing; nor does a login without a key."""
    assert judge(said, "", "app", "DevVM", KEY).answer is answer


def test_words_are_what_went_wrong_without_what_ssh_did() -> None:
    """The last lines that are no debugging; and which server it was."""
    said = "debug1: Remote protocol version 2.0, remote software version OpenSSH_9.2p1 Debian-2\r\n" + OFFER + DENIED
    verdict = judge(said, "", "app", "devvm", KEY)
    assert (verdict.words, verdict.server) == (DENIED.strip(), "OpenSSH_9.2p1")
    assert version_of("OpenSSH_for_Windows_9.5") is None
    assert [version_of(name) for name in ("OpenSSH_9.2p1", "OpenSSH_10.0", "dropbear_2022.83")] == [
        (9, 2),
        (10, 0),
        None,
    ]


def test_what_the_other_side_says_proves_nothing() -> None:
    """It could look like ssh's own words; it is good for an error, and for the host key of one on the way."""
    faked = judge("", OFFER + ACCEPT + ENTERED, "app", "devvm", KEY)
    assert faked.answer is Answer.FAILED
    assert judge(OFFER, DENIED, "app", "devvm", KEY).answer is Answer.FAILED
    changed = "Host key for jump0 has changed and you have requested strict checking.\n"
    assert judge("", changed, "app", "devvm", KEY).alias == "jump0"
    assert judge(OFFER + ACCEPT + ENTERED, changed, "app", "devvm", KEY).answer is Answer.LET_IN


def test_every_host_on_the_way_has_a_key_of_its_own_pinned() -> None:
    """No configuration, agent, or open connection of a person's is used at any of them, and names stay data."""
    hops = [
        Hop("bastion", 22, "hop", "jump0", "/k0", ("/i1", "/i2")),
        Hop("fe80::1%eth0", 2222, "a b", "jump1", "/k1", ("/i1",)),
        Hop("db", 22, "app", "target", "/kt", ("/i1",)),
    ]
    command = argv(hops, ["-N"])
    (outer,) = [one for one in command if one.startswith("ProxyCommand=")]
    assert command[-3:] == ["-N", "--", "db"]
    assert "'-W[db]:22'" in outer
    assert "'a b'" in outer
    assert "fe80::1%%eth0" in outer
    assert outer.count("UserKnownHostsFile=") == 2
    for needed in ("ControlPath=none", "IdentityAgent=none", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes"):
        assert needed in command
        assert outer.count(needed) == 2
    assert command[1:3] == ["-F", "none"]
    assert outer.count("-F none") == 2


NOW = signins.Clock(datetime(2027, 1, 2, 12, 0, tzinfo=UTC), timezone(timedelta(hours=2)))
LINE = "host sshd[{pid}]: Accepted publickey for {user} from {address} port 50000 ssh2: ED25519 {key}"


def line(time: str, pid: int = 1, user: str = "app", address: str = "10.0.0.7", key: str = KEY) -> str:
    return f"{time} " + LINE.format(pid=pid, user=user, address=address, key=key)


@pytest.mark.parametrize(
    ("time", "at"),
    [
        ("1798876800.123456", datetime(2027, 1, 2, 8, 0, 0, 123456, UTC)),
        ("2027-01-02T10:00:00.5+02:00", datetime(2027, 1, 2, 8, 0, 0, 500000, UTC)),
        ("2027-01-02T10:00:00", datetime(2027, 1, 2, 8, 0, tzinfo=UTC)),
        ("Jan  2 10:00:00", datetime(2027, 1, 2, 8, 0, tzinfo=UTC)),
        ("Dec 31 23:30:00", datetime(2026, 12, 31, 21, 30, tzinfo=UTC)),
        ("Feb 29 02:00:00", datetime(2024, 2, 29, 0, 0, tzinfo=UTC)),
    ],
)
def test_the_times_of_logs_are_understood(time: str, at: datetime) -> None:
    """Seconds, ISO 8601, and those without year and zone, which are the latest that are not in the future."""
    assert [one.at for one in signins.read([line(time)], NOW)] == [at]


def test_lines_that_say_nothing_of_a_login_are_left_out() -> None:
    """Failures, other programs, lines without a time, and what a user's name could be made to look like."""
    lines = [
        "Accepted publickey for app from 10.0.0.7 port 1 ssh2: ED25519 " + KEY,
        "2027-01-02T10:00:00Z host sshd[1]: Failed publickey for app from 10.0.0.7 port 1 ssh2: ED25519 " + KEY,
        "2027-01-02T10:00:00Z host su[1]: Accepted publickey for app from 10.0.0.7 port 1 ssh2: ED25519 " + KEY,
    ]
    assert signins.read(lines, NOW) == []
    (named,) = signins.read([line("2027-01-02T10:00:00Z", user="a from 1.1.1.1 port 1 ssh2")], NOW)
    assert named.address == "10.0.0.7"
    (modern,) = signins.read([line("2027-01-02T10:00:00Z").replace("sshd[", "sshd-session[")], NOW)
    assert modern.fingerprint == KEY


def test_who_still_uses_a_key_is_said_in_words() -> None:
    """Who, from where, how often, when last; ours, other keys and what was before are left out."""
    lines = [line(f"2027-01-02T0{hour}:00:00Z", address=f"10.0.0.{hour % 2}") for hour in range(1, 6)]
    lines.append(line("2027-01-02T09:00:00Z", key=OTHER))
    found = signins.of_key(signins.read(lines, NOW), KEY, datetime(2027, 1, 2, 2, tzinfo=UTC), frozenset())
    assert signins.words(found) == (
        "app from 10.0.0.1, 2 times, last 2027-01-02 05:00:00 UTC; "
        "app from 10.0.0.0, 2 times, last 2027-01-02 04:00:00 UTC"
    )
    ours = frozenset({("10.0.0.0", "50000"), ("10.0.0.1", "50000")})
    assert signins.words(signins.of_key(found, KEY, datetime(2027, 1, 1, tzinfo=UTC), ours)) == ""


def test_a_login_in_the_second_in_which_the_overlap_began_counts() -> None:
    """Where the log has no fractions, it may have been after it; where it has, it is known."""
    begin = datetime(2027, 1, 2, 8, 0, 0, 500000, UTC)
    for time, counts in (("08:00:00", True), ("08:00:00.4", False), ("08:00:00.6", True), ("07:59:59", False)):
        logins = signins.read([line(f"2027-01-02T{time}Z")], NOW)
        assert bool(signins.of_key(logins, KEY, begin, frozenset())) is counts


def test_a_line_without_end_is_read_in_time() -> None:
    """A target can write what it likes to its log."""
    began = monotonic()
    hostile = "2027-01-02T10:00:00Z host " + "sshd[1]: Accepted a for b from c " * 12_000
    assert signins.read([hostile], NOW) == []
    assert monotonic() - began < 3


def test_a_process_number_that_came_again_is_no_session_of_the_key() -> None:
    """The last login that a process was logged with decides."""
    lines = [line("1798890000", 1), line("1798890001", 2), line("1798890002", 1, key=OTHER), line("1798890003", 3)]
    assert signins.sessions_of(signins.read(lines, NOW), KEY) == [2, 3]


def _private(passphrase: bytes = b"", kind: str = "ed25519", form: str = "OpenSSH") -> Confidential:
    key = ed25519.Ed25519PrivateKey.generate() if kind == "ed25519" else ec.generate_private_key(ec.SECP256R1())
    lock = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return Confidential(key.private_bytes(serialization.Encoding.PEM, getattr(serialization.PrivateFormat, form), lock))


def test_the_new_key_takes_the_field_of_the_old_one() -> None:
    """Whatever that is called; the public half and its comment where it is there; all else as it was."""
    old = {
        "id_ed25519": _private(),
        "public_key": Confidential(b"ssh-ed25519 AAAA me@here now\n"),
        "n": Confidential(b"1"),
    }
    new = renewed(old, comment_of(old, "app"))
    assert set(new) == set(old)
    assert new["n"] == old["n"]
    assert new["id_ed25519"] != old["id_ed25519"]
    pair = pair_of(new)
    assert new["public_key"].reveal() == pair.public(b"me@here now") + b"\n"
    assert pair.kind == "ssh-ed25519"
    assert set(renewed({"private_key": _private()}, b"")) == {"private_key"}


@pytest.mark.parametrize(
    ("kind", "form"), [("ed25519", "PKCS8"), ("ecdsa", "OpenSSH"), ("ecdsa", "TraditionalOpenSSL")]
)
def test_old_keys_of_every_form_are_read(kind: str, form: str) -> None:
    """And handed to ssh in the format in which it knows the public half before it signs; line ends may be mangled."""
    whole = _private(kind=kind, form=form).reveal()
    pair = pair_of({"key": Confidential(whole.strip().replace(b"\n", b"\r\n"))})
    assert pair.private.reveal().startswith(b"-----BEGIN OPENSSH")
    assert pair.fingerprint.startswith("SHA256:")
    assert base64.b64encode(pair.blob) in pair.public(b"")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"a": Confidential(b"x")}, "the secret in Vault has no private key"),
        ({"a": _private(), "b": _private()}, "several fields with a private key: a, b"),
        (
            {"a": Confidential(b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA")},
            'what the field "a" holds can be read as no',
        ),
        ({"a": _private(b"pass", form="PKCS8")}, "is protected by a passphrase"),
    ],
)
def test_a_secret_without_a_usable_key_is_an_error(fields: dict[str, Confidential], says: str) -> None:
    """In words that name the field and not what is in it."""
    with pytest.raises(HardenError, match=says):
        pair_of(fields)


def test_a_key_behind_a_passphrase_is_an_error(tmp_path: Path) -> None:
    """As ssh-keygen writes one: nobody could type it."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-a", "1", "-N", "pass phrase", "-f", str(tmp_path / "key")]
    subprocess.run(command, check=True, timeout=30)
    with pytest.raises(HardenError, match='the private key in the field "a" is protected by a passphrase'):
        pair_of({"a": Confidential((tmp_path / "key").read_bytes())})


def test_the_usual_field_wins() -> None:
    """Where several hold a key."""
    assert private_field({"other": _private(), "private_key": _private()}) == "private_key"
