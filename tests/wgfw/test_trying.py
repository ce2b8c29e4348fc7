"""Rules on trial as a user tries them: commands, a real kernel, a watchdog that is a process of its own."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from lab.netns import Netns

from tests.wgfw.command_line import BACKENDS, FAMILIES, HARDEN, OTHER_POLICY, POLICY, Done, Host, only_ours

KILLS = int(os.environ.get("HARDEN_TEST_KILLS", "3"))
LONG = "600"  # seconds: a trial whose time does not run out by itself here
PATIENCE = 60.0
THIRD_POLICY = POLICY.replace("[smb, ssh]", "[smb, http]")


class Gateway(Host):
    """A host without systemd, whose trials run out when a test says so."""

    def argv(self, *arguments: str) -> list[str]:
        if not os.path.isdir("/run/systemd/system"):
            return super().argv(*arguments)
        hidden = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs none /run/systemd && exec "$@"', "sh"]
        return self.netns.command(*hidden, *HARDEN, "wg", *arguments)

    def try_out(self, policy: str, seconds: str = LONG, *more: str) -> Done:
        """`harden wg apply --confirm`."""
        self.write("policy.yaml", policy)
        return self.done("apply", "--confirm", seconds, *more)

    @property
    def trial(self) -> Path:
        """The file of a trial that is open."""
        return self.state / "wg" / f"netns-{self.netns.name}" / "trial" / "trial.json"

    def run_out(self) -> None:
        """The time of the trial is over."""
        document = json.loads(self.trial.read_text())
        spare = self.trial.with_name("spare")
        spare.write_text(json.dumps({**document, "deadline": 0.0}))
        spare.rename(self.trial)

    def watchdogs(self) -> list[int]:
        """The processes that wait to put rules back here."""
        found = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError):
                if entry.name.isdigit():
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                    found += [int(entry.name)] * (b"expire" in words and self.netns.name.encode() in words)
        return found

    def kill_watchdogs(self) -> None:
        """kill -9, and until they are gone."""
        for pid in self.watchdogs():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not self.watchdogs())

    def held(self) -> dict[str, dict[int, list[str]]]:
        """Every rule of ours in both backends; the kernel lists chains that were made anew in another order."""
        return {backend: only_ours(self.rules(backend)) for backend in BACKENDS}

    def goes_back_to(self, held: dict[str, dict[int, list[str]]]) -> None:
        """Assert that the watchdog soon has done its work, and is gone."""
        wait_until(lambda: not self.trial.exists() and not self.watchdogs())
        assert self.held() == held


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    """A host with a policy on disk and nothing in the kernel."""
    with Netns("htry") as netns:
        made = Gateway(netns, tmp_path)
        yield made
        made.kill_watchdogs()


@pytest.fixture
def applied(gateway: Gateway) -> Gateway:
    """A host whose kernel holds the policy."""
    gateway.done("apply", "-q")
    return gateway


@pytest.fixture
def tried(applied: Gateway) -> Gateway:
    """Another policy is on trial there, for a long time."""
    applied.try_out(OTHER_POLICY)
    return applied


def refused(done: Done, *words: str) -> None:
    """Exit 1, these words in messages or hints, nothing on stdout."""
    assert (done.status, done.stdout) == (1, ""), done
    for word in words:
        assert word in "\n".join([*done.errors, *done.hints]), done


# --- the time runs out


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_nobody_confirms_goes_at_its_time(gateway: Gateway, backend: str) -> None:
    """In both families, to the letter; not before; and then it is too late."""
    gateway.done("apply", "--backend", backend)
    before = gateway.held()
    said = gateway.try_out(OTHER_POLICY, "3", "--backend", backend).stdout
    applied = time.monotonic()
    assert re.search(
        r"^on trial: the rules before come back at \S+Z, unless you confirm by a new conn", said, re.MULTILINE
    )
    assert all(gateway.held()[backend][family] != before[backend][family] for family in FAMILIES)
    wait_until(lambda: not gateway.trial.exists())
    assert 1.5 < time.monotonic() - applied < 40
    gateway.goes_back_to(before)
    refused(gateway.wg("confirm"), "too late", "within 3 seconds", "apply --confirm")
    assert (
        gateway.done("status", "--policy", str(gateway.write("first.yaml", POLICY)), "--json").json["confirm"] is None
    )


def test_the_first_apply_of_all_comes_back_to_no_rules(gateway: Gateway) -> None:
    """No table, no chain, no memory."""
    before = gateway.kernel()
    gateway.try_out(POLICY)
    assert gateway.kernel() != before
    gateway.run_out()
    wait_until(lambda: not gateway.watchdogs())
    assert gateway.kernel() == before
    refused(gateway.wg("restore"), "no rules were ever confirmed")
    refused(gateway.wg("rollback"), "no earlier rules")


def test_a_full_disk_does_not_keep_anybody_out(gateway: Gateway, tmp_path: Path) -> None:
    """The rules go back; what is remembered follows when there is room."""
    gateway.state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(gateway.state)], check=True, timeout=30)
    try:
        gateway.done("apply", "-q")
        before = gateway.held()
        gateway.try_out(OTHER_POLICY)
        gateway.run_out()
        subprocess.run(["dd", "if=/dev/zero", f"of={gateway.state}/filler", "bs=1k"], check=False, capture_output=True)
        wait_until(lambda: gateway.held() == before)
        (gateway.state / "filler").unlink()
        gateway.goes_back_to(before)
    finally:
        gateway.kill_watchdogs()
        subprocess.run(["umount", "-l", str(gateway.state)], check=True, timeout=30)


# --- somebody confirms


def test_confirmed_rules_stay(tried: Gateway) -> None:
    """A second time there is nothing to do; the watchdog goes; a rollback goes to what was before."""
    kernel = tried.kernel()
    assert re.match(r"kept: the rules that were applied at \S+Z$", tried.done("confirm").stdout)
    assert "confirmed already" in tried.done("confirm").stdout
    wait_until(lambda: not tried.watchdogs())
    assert tried.kernel() == kernel
    assert tried.done("restore").stdout == "the confirmed rules are in force: nothing to change\n"
    tried.done("rollback")
    assert tried.done("plan", "--policy", str(tried.write("first.yaml", POLICY))).status == 0


def test_documents(applied: Gateway) -> None:
    """What each command tells a program, and in which order of the day."""
    applied.write("policy.yaml", OTHER_POLICY)
    waiting = applied.done("apply", "--confirm", LONG, "--json").json["confirm"]
    assert waiting["seconds"] == 600
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", waiting["until"])
    again = applied.done("apply", "--json").json
    assert (again["changed"], again["confirm"]) == (False, waiting)
    assert applied.done("status", "--json").json["confirm"] == waiting
    assert applied.done("restore", "--json").json == {"changed": False, "in_sync": True, "confirm": waiting}
    dry = applied.done("confirm", "--json", "--dry-run").json
    assert (dry["changed"], dry["confirmed"]) == (False, None)
    first, second = (applied.done("confirm", "--json").json for _ in range(2))
    assert set(first) == {"changed", "applied", "confirmed"}
    assert (first["changed"], second["changed"]) == (True, False)
    assert first["confirmed"] == second["confirmed"]
    assert applied.done("status", "--json").json["confirm"] is None
    assert applied.done("apply", "--confirm", LONG, "--json").json["confirm"] is None
    applied.try_out(POLICY)
    assert applied.done("rollback", "--json").json["changed"] is True
    assert applied.done("restore", "--json").json == {"changed": False, "in_sync": True, "confirm": None}


def test_nothing_to_confirm(applied: Gateway) -> None:
    """And how to begin."""
    refused(applied.wg("confirm"), "nothing waits to be confirmed", "apply --confirm")


# --- what else people do meanwhile


def test_a_plain_apply_is_refused(tried: Gateway) -> None:
    """Until there is nothing to confirm any more."""
    kernel = tried.kernel()
    tried.write("policy.yaml", THIRD_POLICY)
    refused(tried.wg("apply"), "wait to be confirmed until", "harden wg confirm", "harden wg rollback")
    assert tried.kernel() == kernel
    tried.done("rollback")
    tried.done("apply")
    assert tried.done("plan").status == 0


def test_another_trial_takes_the_place_of_the_first(tried: Gateway) -> None:
    """With a watchdog of its own; what comes back is what was confirmed."""
    tried.try_out(THIRD_POLICY)
    wait_until(lambda: len(tried.watchdogs()) == 1)
    tried.run_out()
    wait_until(lambda: not tried.trial.exists())
    assert tried.done("plan", "--policy", str(tried.write("first.yaml", POLICY))).status == 0


@pytest.mark.parametrize("command", ["rollback", "remove"])
def test_giving_up(tried: Gateway, command: str) -> None:
    """A dry run changes nothing; then the trial is over, and so is its watchdog."""
    kernel = tried.kernel()
    assert "dry run" in tried.done(command, "--dry-run").stdout
    assert tried.kernel() == kernel
    tried.done(command)
    wait_until(lambda: not tried.watchdogs())
    assert not tried.trial.exists()
    refused(tried.wg("confirm"), "too late", "given up" if command == "rollback" else "removed")
    assert ("HARDEN" in "".join(tried.kernel().values())) == (command == "rollback")


def test_removed_rules_do_not_come_back_by_restore(tried: Gateway) -> None:
    """Also if somebody else had taken them out of the kernel already."""
    tried.done("confirm")
    for family in ("iptables-nft", "ip6tables-nft"):
        for table in ("mangle", "filter", "security"):
            for action in ("-F", "-X"):
                tried.netns.run(family, "-t", table, action)
    tried.done("remove")
    tried.done("restore")
    assert "HARDEN" not in "".join(tried.kernel().values())
    tried.done("rollback")
    assert tried.done("plan").status == 0


def test_restore(tried: Gateway) -> None:
    """In the window nothing; after drift the confirmed rules whatever the policy says by now; with new addresses of the
    gateway's own, rules for these."""
    kernel = tried.kernel()
    assert "rules are on trial until" in tried.done("restore").stdout
    assert tried.kernel() == kernel
    tried.done("confirm")
    tried.write("policy.yaml", "no policy at all\n")
    tried.netns.run("iptables-nft", "-t", "mangle", "-F")
    assert "would be put in force (dry run)" in tried.done("restore", "--dry-run").stdout
    assert tried.done("restore").stdout == "the confirmed rules are in force\n"
    assert tried.kernel() == kernel
    tried.netns.run("ip", "tuntap", "add", "wg0", "mode", "tun")
    tried.netns.run("ip", "addr", "add", "10.99.0.1/24", "dev", "wg0")
    tried.netns.run("ip", "link", "set", "wg0", "up")
    tried.done("restore")
    assert tried.done("restore", "--json").json["changed"] is False
    tried.write("policy.yaml", OTHER_POLICY)
    plan = tried.done("plan")
    assert (plan.stdout, plan.stderr) == ("in sync: nothing to change\n", "")


def test_two_at_once(applied: Gateway) -> None:
    """One of them is on trial in the end, whole; and what comes back is what was confirmed."""
    before = applied.held()
    files = [applied.write(f"{n}.yaml", text) for n, text in enumerate((OTHER_POLICY, THIRD_POLICY))]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda file: applied.done("apply", "--confirm", LONG, "--policy", str(file)), files))
    assert sorted(applied.wg("plan", "--policy", str(file)).status for file in files) == [0, 3]
    applied.run_out()
    applied.goes_back_to(before)


# --- who dies


def test_killed_applies_go_back(applied: Gateway) -> None:
    """kill -9 to all of its processes at any moment. HARDEN_TEST_KILLS says how often; once it was 60."""
    before = applied.held()
    applied.write("policy.yaml", OTHER_POLICY)
    seconds = timed(lambda: applied.try_out(OTHER_POLICY))
    applied.done("rollback")
    chance = random.Random()
    for _ in range(KILLS):
        process = subprocess.Popen(
            applied.argv("apply", "--confirm", LONG, "-q"), cwd=applied.folder, env=applied.variables(),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(chance.uniform(0.2, 1.1) * seconds)
        kill_family(process.pid)
        process.wait(30)
        if applied.trial.exists():
            applied.run_out()
        if applied.watchdogs():
            wait_until(lambda: not applied.trial.exists())
        else:
            applied.done("restore")
        assert applied.held() == before
        applied.kill_watchdogs()


def timed(act: Callable[[], object]) -> float:
    begin = time.monotonic()
    act()
    return time.monotonic() - begin


def kill_family(pid: int) -> None:
    """The process, and whoever it has begotten that is still its child or its child's; not the watchdog."""
    for child in children(pid):
        kill_family(child)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def children(pid: int) -> list[int]:
    try:
        found = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        return [child for child in found if b"\0expire\0" not in Path(f"/proc/{child}/cmdline").read_bytes()]
    except OSError:
        return []


@pytest.mark.parametrize("healer", ["restore", "apply"])
def test_without_a_watchdog_the_next_command_goes_back(tried: Gateway, healer: str) -> None:
    """It says so."""
    tried.kill_watchdogs()
    tried.run_out()
    done = tried.done(healer, *(["--policy", str(tried.write("first.yaml", POLICY))] if healer == "apply" else []))
    assert "were not confirmed: the ones before are back" in done.stderr
    assert tried.done("plan", "--policy", str(tried.write("first.yaml", POLICY))).status == 0
    assert not tried.trial.exists()


@pytest.mark.parametrize("python", ["/bin/false", "/nowhere/python"])
def test_without_a_watchdog_nothing_begins(tried: Gateway, python: str) -> None:
    """A trial that waits goes on, with its own."""
    kernel, files, watchdogs = tried.kernel(), dict(tried.files()), tried.watchdogs()
    tried.write("policy.yaml", THIRD_POLICY)
    broken = f"import sys; sys.executable = {python!r}; from harden.cli import main; main()"
    argv = [HARDEN[0], "-c", broken, "wg", "apply", "--confirm", LONG]
    refused(tried.run(tried.netns.command(*argv)), "watchdog" if python != "/nowhere/python" else python,
            "nothing was changed")  # fmt: skip
    assert tried.kernel() == kernel
    assert tried.files()[str(tried.trial)][1] == files[str(tried.trial)][1]
    time.sleep(1.5)  # in which the watchdog of the trial that waits looks again
    assert tried.watchdogs() == watchdogs


def test_the_state_is_taken_away(tried: Gateway) -> None:
    """Nobody knows any more what to go back to: it says so, and the watchdog goes; an apply begins anew."""
    shutil.rmtree(tried.state)
    refused(tried.wg("confirm"), "nothing waits to be confirmed")
    refused(tried.wg("restore"), "no rules were ever confirmed")
    wait_until(lambda: not tried.watchdogs())
    tried.write("policy.yaml", POLICY)
    tried.done("apply")
    assert tried.done("plan").status == 0


# --- another life


def reborn(gateway: Gateway) -> None:
    """The same gateway after a restart: a namespace of the same name without rules."""
    gateway.kill_watchdogs()
    for action in ("delete", "add"):
        subprocess.run(["ip", "netns", action, gateway.netns.name], check=True, capture_output=True, timeout=30)


def test_after_a_restart_the_confirmed_rules_are_in_force(tried: Gateway) -> None:
    """However much time was left; the trial is over then."""
    reborn(tried)
    done = tried.done("restore")
    assert "were not confirmed" in done.stderr
    assert tried.done("plan", "--policy", str(tried.write("first.yaml", POLICY))).status == 0
    refused(tried.wg("confirm"), "too late")
    tried.try_out(OTHER_POLICY)
    tried.done("confirm")
    reborn(tried)
    tried.done("restore")
    assert tried.done("plan").status == 0


def test_an_apply_after_a_restart_does_not_put_in_force_what_nobody_confirmed(tried: Gateway) -> None:
    """As in PreUp, where the file says what locked everybody out."""
    reborn(tried)
    done = tried.done("apply", "--json")
    assert done.json["confirm"] is None
    assert "apply --confirm SECONDS" in done.stderr
    assert tried.done("plan", "--policy", str(tried.write("first.yaml", POLICY))).status == 0


def test_a_watchdog_whose_namespace_is_gone_ends(tried: Gateway) -> None:
    """Instead of waiting for ever."""
    subprocess.run(["ip", "netns", "delete", tried.netns.name], check=True, capture_output=True, timeout=30)
    wait_until(lambda: not tried.watchdogs())
    subprocess.run(["ip", "netns", "add", tried.netns.name], check=True, capture_output=True, timeout=30)


# --- circumstances


@pytest.mark.parametrize("seconds", ["0", "-5", "9" * 30, "1.5"])
def test_a_time_that_is_none(gateway: Gateway, seconds: str) -> None:
    """Wrong usage, and nothing begins."""
    done = gateway.wg("apply", f"--confirm={seconds}")
    assert (done.status, done.stdout) == (2, ""), done
    assert not gateway.state.exists()


CIRCUMSTANCES = {
    "a relative state": 'exec "$@" --state elsewhere',
    "a folder that was deleted": 'mkdir gone && cd gone && rmdir ../gone && exec "$@" --policy $HARDEN_POLICY',
    "no stream at all": 'exec "$@" <&- >&- 2>&-',
    "a dumb terminal, and hardly any environment": (
        'exec env -i PATH=/usr/bin TERM=dumb "$@" --policy $HARDEN_POLICY --state $HARDEN_STATE'
    ),
}  # fmt: skip


@pytest.mark.parametrize("circumstance", CIRCUMSTANCES)
def test_any_circumstances(applied: Gateway, circumstance: str) -> None:
    """The rules are on trial and go back."""
    before = applied.held()
    if circumstance == "a relative state":
        shutil.move(applied.state, applied.folder / "elsewhere")
        applied.state = applied.folder / "elsewhere"
    applied.write("policy.yaml", OTHER_POLICY)
    argv = applied.argv("apply", "--confirm", LONG)
    done = applied.run(["sh", "-c", CIRCUMSTANCES[circumstance], "sh", *argv])
    assert done.status == 0, done
    assert len(applied.watchdogs()) == 1
    assert applied.held() != before
    applied.run_out()
    applied.goes_back_to(before)


def test_from_without_and_within(applied: Gateway) -> None:
    """By --netns, by nsenter and by `ip netns exec` it is the same trial."""
    name = applied.netns.name
    applied.write("policy.yaml", OTHER_POLICY)
    outside = [*HARDEN, "wg", "apply", "--confirm", LONG, "--netns", name]
    assert applied.run(outside).status == 0
    assert applied.done("status", "--json").json["confirm"] is not None
    executed = ["ip", "netns", "exec", name, *HARDEN, "wg", "confirm", "--force", "--json"]
    assert applied.run(executed).json["changed"] is True
