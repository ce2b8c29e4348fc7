"""The demonstration, in full: by root and without, interrupted, kept, and on a gateway that was tampered with."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytestmark = [pytest.mark.kernel, pytest.mark.checkout]

CHECKOUT = Path(__file__).resolve().parent.parent
DEMO = [sys.executable, "-m", "demonstration"]
# Uid 1000 of a user namespace without any capability, which may still read the files of whoever runs this.
WITHOUT_ROOT = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
RESTRICTED = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
FOUND = "REALITY DIFFERS FROM THE POLICY"

FORGED = "REALITY DIFFERS FROM WHAT HARDEN SAYS"

# Runs the demonstration with somebody's commands on the gateway just before the table after.
TAMPERED = """
import sys
from demonstration import __main__, commands, story

class Tampered(story.Story):
    def after(self):
        for command in %r:
            commands.capture(commands.in_machine("gateway", command))
        super().after()

__main__.Story = Tampered
sys.exit(__main__.main())
"""

# Runs a part, and somebody does something just before one of its acts.
MEDDLED = """
import sys
from demonstration import __main__, custody, vaultreader

class Meddled(__main__.{story}):
    def {act}(self):
        infra = getattr(self, "custody", self).estate.folder
        {what}
        super().{act}()

__main__.{story} = Meddled
sys.argv[1:] = ["--part", {part!r}]
sys.exit(__main__.main())
"""
STORIES = {"keys": "Custody", "rotation": "Rotation"}
AGENT = "(infra / 'manifests/agent.yaml')"
MEDDLING = {
    "a key that is missed": (
        "keys",
        "find",
        "(infra / 'terraform/git-crypt.key').unlink(); custody.estate.git(infra, 'add', '--update')",
        "does not find the key in terraform/git-crypt.key",
    ),
    "another line changed": (
        "keys",
        "compare",
        AGENT + ".write_text(" + AGENT + ".read_text().replace('agent:3', 'agent:4'))",
        "manifests/agent.yaml has a new line that refers to no Secret:",
    ),
    "a key put back": (
        "keys",
        "find_again",
        AGENT + ".write_text(custody.estate.git(infra, 'show', 'HEAD:manifests/agent.yaml'))",
        "harden secrets scan takes manifests/agent.yaml for a key",
    ),
    "other bytes in the Vault": (
        "keys",
        "prove",
        "read = vaultreader.read; vaultreader.read = lambda *a: {'key': read(*a)['key'][:-1] + b'!'}",
        "the 148 bytes in Vault are not the key",
    ),
    "a key in the state folder": (
        "keys",
        "prove",
        "(self.folder / 'state/leak').write_bytes(self.estate.key.hex().encode())",
        "state/leak holds the key",
    ),
    "a Vault left running": ("keys", "vault_down", "self.harden.tell = lambda *a: None", "still running: "),
    "an old SSH key put back": (
        "rotation",
        "old_ssh_key_is_refused",
        "self.host.keys_file.write_text((infra / 'vpn/authorized_keys').read_text())",
        "sshd lets in the old SSH key",
    ),
    "a session that goes on": (
        "rotation",
        "old_ssh_key_is_refused",
        "self.session = self.logins.stay(self.keys['new SSH key'])",
        "a session that was opened with the old SSH key goes on",
    ),
    "a branch put back": (
        "rotation",
        "old_git_crypt_key_fails",
        "custody.estate.git(infra, 'reset', '-q', '--hard', 'HEAD~1')",
        "git-crypt does not open HEAD with the new git-crypt key",
    ),
}


class Demo:
    """Starts the demonstration, and finds whatever of it is still alive afterwards."""

    def __init__(self) -> None:
        self._mark = uuid.uuid4().hex
        self._environment = os.environ | {"PYTHONPATH": f"{CHECKOUT}:{CHECKOUT / 'secrets'}", "HDEMO_TEST": self._mark}

    def start(self, command: list[str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
            text=True, start_new_session=True,
        )  # fmt: skip

    def run(self, command: list[str]) -> tuple[int, str, str]:
        process = self.start(command)
        output, errors = process.communicate(timeout=180)
        return process.returncode, output, errors

    def alive(self) -> list[int]:
        """The processes that have our mark in their environment."""
        found = []
        for environment in Path("/proc").glob("[0-9]*/environ"):
            try:
                if self._mark.encode() in environment.read_bytes():
                    found.append(int(environment.parent.name))
            except OSError:
                continue  # it ended while we looked
        return found

    def is_gone(self) -> bool:
        """Whether everything of it ends within five seconds."""
        deadline = time.monotonic() + 5
        while self.alive() and time.monotonic() < deadline:
            time.sleep(0.05)
        return not self.alive()

    def end(self) -> None:
        """Kill what is left of it."""
        for pid in self.alive():
            with contextlib.suppress(ProcessLookupError):  # the first of a PID namespace takes the others along
                os.kill(pid, signal.SIGKILL)


@dataclass(frozen=True)
class Shown:
    """What a demonstration said, and what it left behind."""

    demo: Demo
    status: int
    output: str
    errors: str
    picture: Path


@pytest.fixture
def demo() -> Iterator[Demo]:
    demo = Demo()
    yield demo
    demo.end()


@pytest.fixture(scope="module")
def rootless() -> Iterator[tuple[Demo, "subprocess.Popen[str]"]]:
    """All of it, without root, under way."""
    demo = Demo()
    process = demo.start([*WITHOUT_ROOT, *DEMO, "--backend", "nft"])
    yield demo, process
    demo.end()
    process.communicate(timeout=10)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, rootless: tuple[Demo, "subprocess.Popen[str]"]) -> Iterator[Shown]:
    """All of it, as root, once for all that look at it; the other one, which waits as much, is under way meanwhile."""
    assert rootless
    demo, picture = Demo(), tmp_path_factory.mktemp("demo") / "demo.svg"
    yield Shown(demo, *demo.run([*DEMO, "--svg", str(picture)]), picture)
    demo.end()


@pytest.fixture(scope="module")
def kept() -> Iterator[Shown]:
    """The gateway under legacy rules, and its namespaces, which stay."""
    demo = Demo()
    yield Shown(demo, *demo.run([*DEMO, "--part", "gateway", "--backend", "legacy", "--keep"]), Path())
    demo.end()


@pytest.fixture(scope="module")
def meddled() -> Iterator[Mapping[str, tuple[Demo, "subprocess.Popen[str]"]]]:
    """The parts in which somebody meddles, all begun at once: each is mostly waiting."""
    begun = {}
    for name, (part, act, what, _) in MEDDLING.items():
        demo = Demo()
        script = MEDDLED.format(story=STORIES[part], part=part, act=act, what=what)
        begun[name] = demo, demo.start([sys.executable, "-c", script])
    yield begun
    for demo, process in begun.values():
        demo.end()
        process.communicate(timeout=10)


def commands_in(spaces: set[str]) -> list[str]:
    """The command lines of all processes in these PID namespaces."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended while we looked
            if os.readlink(process / "ns/pid") in spaces:
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return found


def named_namespaces() -> set[str]:
    return set(os.listdir("/run/netns")) if os.path.isdir("/run/netns") else set()


def test_demonstration_agrees_with_harden_and_leaves_nothing(whole: Shown) -> None:
    """As root: all comes out as harden has it, for every part, and all is gone after."""
    assert whole.status == 0, whole.output + whole.errors
    assert "The packets agreed with the policy everywhere" in whole.output
    assert whole.output.count("✓ held") == 6
    assert "The key came out of Vault byte for byte" in whole.output
    assert "The old keys are refused" in whole.output
    assert whole.demo.is_gone()
    assert not {name for name in named_namespaces() if name.startswith("hdemo-")}


def test_the_picture_is_self_contained(whole: Shown) -> None:
    """It shows who was tried, and needs no font from elsewhere."""
    ElementTree.parse(whole.picture)  # raises if it is not well formed
    text = whole.picture.read_text()
    assert "guest-phone" in text
    assert "font-face" not in text


def test_the_parts_on_keys_show_no_key(whole: Shown) -> None:
    """They say that four places are one key, and nothing that is printed looks like one."""
    assert "git-crypt-key (default key, 4 places, one key)" in whole.output
    assert "git-crypt-key (default key, 5 places, one key)" in whole.output  # with the history
    without_fingerprints = re.sub(r"SHA256:[A-Za-z0-9+/]{43}\b", "", whole.output + whole.errors)
    assert not re.search(r"[A-Za-z0-9+/]{43,}", without_fingerprints)


def test_the_part_on_rotation_shows_what_becomes_of_the_old_keys(whole: Shown) -> None:
    """Both SSH keys are good for a while, then the old one and its session end; what git-crypt's gave away is told."""
    told = [
        "both keys are good until",
        "gets in with either of them",
        "private/mirror.key:1 not in the inventory",
        "one session of it",
        "done: version",
        "and was always let in",
        "entries, intact",
    ]
    after = whole.output.partition("New keys: whoever has seen")[2]
    assert [words for words in told if words not in " ".join(after.split())] == []


def test_demonstration_holds_on_the_other_backend(kept: Shown) -> None:
    """--backend reaches the commands of harden, and legacy iptables keeps what the policy says as well."""
    assert kept.status == 0, kept.output + kept.errors
    assert "--backend legacy" in kept.output
    assert "in sync (legacy)" in kept.output


def test_keep_leaves_the_namespaces_and_says_how_to_enter_and_end_them(kept: Shown) -> None:
    """--keep: the printed commands lead to machines where the policy is in force, and the last one ends it all."""
    enter, on_gateway = (line.split() for line in kept.output.splitlines() if line.startswith("  nsenter "))
    assert (
        "10.8.0.3" in subprocess.run([*enter[:-1], "ip", "address"], capture_output=True, text=True, check=True).stdout
    )
    rules = [*on_gateway[:-1], "iptables-legacy-save"]
    assert "HARDEN" in subprocess.run(rules, capture_output=True, text=True, check=True).stdout
    end = next(line.split() for line in kept.output.splitlines() if line.startswith("  kill "))
    subprocess.run(end, check=True)
    assert kept.demo.is_gone()


def test_demonstration_needs_no_root(rootless: tuple[Demo, "subprocess.Popen[str]"]) -> None:
    """Without root it runs in a user namespace; where the host forbids those, it says so and what to do."""
    forbidden = RESTRICTED.exists() and RESTRICTED.read_text().strip() == "1"
    demo, process = rootless
    output, errors = process.communicate(timeout=180)
    assert process.returncode == (1 if forbidden else 0), output + errors
    if forbidden:
        assert "run it as root" in errors
    else:
        assert "agreed with the policy everywhere" in output
        assert "The key came out of Vault byte for byte" in output
        assert "The old keys are refused" in output
    assert demo.is_gone()


@pytest.mark.parametrize("tool", ["iptables", "ip6tables"])
def test_an_open_gateway_is_noticed(demo: Demo, tool: str) -> None:
    """When the rules of one family are gone from the kernel, the demonstration says what got through, and fails."""
    flush = [[tool, "-t", table, "-F"] for table in ("mangle", "filter", "security")]
    status, output, errors = demo.run([sys.executable, "-c", TAMPERED % flush])
    assert status == 1, output + errors
    assert FOUND in output
    assert re.search(
        r"guest-phone to nas \(.*\) tcp/445 over IPv.: the policy denies it, the packets were answered", errors
    )
    assert ("over IPv4" in errors) == (tool == "iptables")
    assert demo.is_gone()


def test_a_gateway_that_loses_allowed_packets_is_noticed(demo: Demo) -> None:
    """When packets do not arrive that the policy allows, the demonstration says which, and fails."""
    drop = [
        ["iptables", "-t", "raw", "-I", "PREROUTING", "-s", "10.8.0.2", "-p", "tcp", "--dport", "445", "-j", "DROP"]
    ]
    status, output, errors = demo.run([sys.executable, "-c", TAMPERED % drop])
    assert status == 1, output + errors
    assert FOUND in output
    assert "anca to nas (192.168.1.10) tcp/445 over IPv4: the policy allows it, the packets were lost" in errors


@pytest.mark.parametrize("meddling", MEDDLING)
def test_what_is_not_as_harden_says_is_noticed(
    meddled: Mapping[str, tuple[Demo, "subprocess.Popen[str]"]], meddling: str
) -> None:
    """The parts that need no gateway fail loudly and say what is wrong."""
    demo, process = meddled[meddling]
    output, errors = process.communicate(timeout=180)
    assert process.returncode == 1, output + errors
    assert FORGED in output
    assert MEDDLING[meddling][-1] in errors
    assert "wg0.conf ─" not in output
    assert demo.is_gone()


def test_no_vault_is_left_when_it_is_killed(demo: Demo) -> None:
    """kill -9 while the Vault runs: it goes with the namespace that it is in."""
    process = demo.start([*DEMO, "--part", "keys"])
    assert process.stdout is not None
    for line in process.stdout:
        if "made a new Vault" in line:
            break
    spaces = {os.readlink(f"/proc/{pid}/ns/pid") for pid in demo.alive()} - {os.readlink("/proc/self/ns/pid")}
    assert len(spaces) == 1
    assert any("server.hcl" in command for command in commands_in(spaces))
    process.kill()
    process.communicate(timeout=10)
    deadline = time.monotonic() + 5
    while commands_in(spaces) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert commands_in(spaces) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_it_is_ended(demo: Demo, number: signal.Signals) -> None:
    """Ctrl-C, SIGTERM and even kill -9 in the middle of it leave no process and no namespace."""
    process = demo.start(DEMO)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("Before"):
            break
    assert len(demo.alive()) > 10
    process.send_signal(number)
    process.communicate(timeout=10)
    assert process.returncode == (-number if number == signal.SIGKILL else 128 + number)
    assert demo.is_gone()
