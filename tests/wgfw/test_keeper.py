"""The keeper: rendered rules put in force, kept, tried and taken back on a gateway without harden."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lab.netns import Netns

from tests.wgfw.command_line import FAMILIES, HARDEN, program
from tests.wgfw.keeper_host import BUSYBOX, DASH, KEEPER, KeptHost, until

pytestmark = pytest.mark.kernel

REFUSE = "echo 'iptables-restore: line 1 failed' >&2; exit 1"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
LONG = "600"  # seconds; longer than any test


@pytest.fixture
def host(tmp_path: Path) -> Iterator[KeptHost]:
    """With nothing in the kernel and nothing remembered."""
    with Netns() as netns:
        made = KeptHost(netns, tmp_path)
        yield made
        made.close()


def refuse_once(host: KeptHost) -> None:
    """The kernel refuses IPv6 rules, the first time that it is given any."""
    mark = host.folder / "refused"
    for name in ("ip6tables-restore", "ip6tables-nft-restore"):
        host.fake(name, f'if [ ! -e {mark} ]; then : >{mark}; {REFUSE}; fi; exec /usr/sbin/ip6tables-nft-restore "$@"')


def slow(host: KeptHost, seconds: int) -> Path:
    """The kernel takes its time with IPv6 rules, the first time; what is there from then on."""
    begun = host.folder / "begun"
    text = f'if [ ! -e {begun} ]; then : >{begun}; sleep {seconds}; fi; exec /usr/sbin/ip6tables-nft-restore "$@"'
    host.fake("ip6tables-nft-restore", text)
    return begun


# --- the text


def test_shells_and_shellcheck_have_nothing_to_say() -> None:
    """And the command prints it as it is, without a policy."""
    for judge in (["dash", "-n"], ["bash", "--posix", "-n"], ["busybox", "sh", "-n"], ["shellcheck", "-S", "style"]):
        done = subprocess.run([*judge, str(KEEPER)], capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    command = [*HARDEN, "wg", "render", "--format", "keeper", "--policy", "/nowhere"]
    printed = subprocess.run(command, capture_output=True, timeout=60, check=True).stdout
    assert printed == KEEPER.read_bytes()


@pytest.mark.parametrize(
    "arguments",
    [
        (), ("stop",), ("apply",), ("apply", "a", "b"), ("confirm", "now"), ("apply", "a", "--force"),
        ("apply", "a", "--confirm"), ("apply", "a", "--confirm", "0"), ("apply", "a", "--confirm", "1m"),
        ("apply", "a", "--confirm", "86401"), ("apply", "a", "--confirm=-5"), ("status", "--dry-run"),
        ("status", "--state"), ("expire", "../x"), ("confirm", "--confirm", "5"),
    ],
)  # fmt: skip
def test_a_wrong_command_line_changes_nothing(host: KeptHost, arguments: tuple[str, ...]) -> None:
    """Exit 2, before anything is looked at."""
    done = host.run(*arguments)
    assert (done.status, done.stdout) == (2, "")
    assert done.errors
    assert not host.state.exists()


# --- rules in force


@pytest.mark.parametrize("shell", [DASH, BUSYBOX], ids=lambda shell: shell[0])
def test_a_life_of_rules(host: KeptHost, shell: tuple[str, ...]) -> None:
    """Every verb in a row, in either shell, on a small image too: what it says and what is in the kernel."""
    if shell == BUSYBOX:
        host.only_busybox()

    def done(*arguments: str) -> Any:
        return host.done(*arguments, shell=shell)

    assert done("status") == {"in_sync": True, "digest": None, "confirm": None}
    assert done("apply", "one.sh") == {"changed": True, "in_sync": False, "confirm": None}
    assert host.in_force() == host.one
    assert done("apply", "one.sh") == {"changed": False, "in_sync": True, "confirm": None}
    tried = done("apply", "other.sh", "--confirm", LONG)
    assert (tried["changed"], tried["confirm"]["seconds"]) == (True, 600)
    assert MOMENT.fullmatch(tried["confirm"]["until"])
    assert host.in_force() == host.other
    assert done("status")["confirm"] == tried["confirm"]
    kept = done("confirm")
    assert kept["changed"] is True
    assert done("confirm")["changed"] is False
    assert done("status")["confirm"] is None
    assert done("restore") == {"changed": False, "in_sync": True, "confirm": None}
    assert done("rollback") == {"changed": True, "in_sync": False}
    assert host.in_force() == host.one
    assert done("rollback") == {"changed": False, "in_sync": True}
    assert done("remove") == {"changed": True, "in_sync": False}
    assert host.in_force() is None
    assert done("remove") == {"changed": False, "in_sync": True}
    assert done("restore") == {"changed": False, "in_sync": True, "confirm": None}
    assert done("rollback") == {"changed": True, "in_sync": False}
    assert host.in_force() == host.one


def test_a_second_run_changes_nothing(host: KeptHost) -> None:
    """Neither in the kernel, counters included, nor in what is remembered."""
    host.done("apply", "one.sh")
    before = host.files(), host.netns.run("nft", "list", "ruleset").stdout
    for verb in (("apply", "one.sh"), ("restore",), ("status",), ("apply", "one.sh", "--confirm", LONG)):
        assert host.done(*verb)["confirm"] is None
    assert (host.files(), host.netns.run("nft", "list", "ruleset").stdout) == before
    assert host.watchdogs() == []


def test_dry_runs_change_nothing(host: KeptHost) -> None:
    """They say what would be done."""
    host.done("apply", "one.sh")
    host.done("apply", "other.sh")
    before = host.files(), host.rules()
    for verb in (("apply", "one.sh"), ("apply", "one.sh", "--confirm", LONG), ("rollback",), ("remove",), ("restore",)):
        assert host.done(*verb, "--dry-run")["changed"] is False
        assert (host.files(), host.rules()) == before
    assert "would be put in force" in host.run("apply", "one.sh", "--dry-run").stdout
    assert "dry run" in host.run("rollback", "--dry-run").stdout


def test_the_script_may_come_by_standard_input(host: KeptHost) -> None:
    """As in ``ssh gateway harden-wg-keeper apply - <rules.sh``."""
    host.done("apply", "-", text=host.one.read_text())
    assert host.in_force() == host.one


BROKEN = {
    "nowhere.sh": (None, "no such file"),
    "empty.sh": (lambda text: "", "is no script of"),
    "else.sh": (lambda text: "#!/bin/sh\necho hello\n", "is no script of"),
    "half.sh": (lambda text: text[: len(text) // 2], "its end is missing"),
    "quote.sh": (lambda text: text.replace("set -u\n", "set -u\n'\n", 1), "the shell does not understand it"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_whole_script_is_not_run(host: KeptHost, name: str) -> None:
    """Exit 1, and the rules stay: a copy that was cut off would leave the gateway open without a word."""
    change, message = BROKEN[name]
    host.done("apply", "other.sh")
    if change is not None:
        (host.folder / name).write_text(change(host.one.read_text()))
    before = host.files()
    done = host.run("apply", name)
    assert done.status == 1
    assert message in done.errors[0]
    assert host.files() == before
    assert host.in_force() == host.other


def test_the_rules_before_are_back_if_the_new_ones_are_refused(host: KeptHost) -> None:
    """In both families, though IPv4 had the new ones already."""
    host.done("apply", "one.sh")
    before = host.files()
    refuse_once(host)
    done = host.run("apply", "other.sh")
    assert done.status == 1
    assert done.errors[-1] == "the new rules were refused; the ones before are in force"
    assert host.in_force() == host.one
    assert host.files() == before


def test_no_rules_are_there_if_the_first_ones_are_refused(host: KeptHost) -> None:
    """As before: not a closed gateway that nobody knows how to open."""
    refuse_once(host)
    done = host.run("apply", "one.sh")
    assert done.status == 1
    assert host.in_force() is None
    assert host.run("restore").status == 1


def test_two_applies_at_once_end_well(host: KeptHost) -> None:
    """One after the other; what is in force is what is remembered."""
    pair = [subprocess.Popen(host.argv("apply", name), env=host.environment(), cwd=host.folder, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            for name in ("one.sh", "other.sh")]  # fmt: skip
    for process in pair:
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 0, said
    assert host.done("status")["in_sync"] is True
    assert host.done("rollback")["changed"] is True


def test_rules_that_somebody_else_put_in_force(host: KeptHost) -> None:
    """Taken over without a change if they are just these; not put at stake if they are others."""
    subprocess.run(host.netns.command("dash", str(host.one)), check=True, capture_output=True, timeout=60)
    done = host.run("apply", "other.sh", "--confirm", LONG)
    assert done.status == 1
    assert "it could not bring them back" in done.errors[0]
    assert host.in_force() == host.one
    before = host.rules()
    assert host.done("apply", "one.sh", "--confirm", LONG) == {"changed": True, "in_sync": True, "confirm": None}
    assert host.rules() == before
    host.done("apply", "other.sh", "--confirm", LONG)
    host.done("rollback")
    assert host.in_force() == host.one


def test_unknown_rules_leave_a_closed_gateway_behind(host: KeptHost) -> None:
    """Where those before are nobody's to bring back, closed is better than open."""
    subprocess.run(host.netns.command("dash", str(host.one)), check=True, capture_output=True, timeout=60)
    refuse_once(host)
    done = host.run("apply", "other.sh")
    assert (done.status, done.errors[-1]) == (
        1,
        "the rules before are not known here: the gateway stays as the script has left it",
    )
    assert any("HARDEN-WG-CLOSED" in line for line in host.ours())


# --- repair


def test_restore_repairs_what_others_changed(host: KeptHost) -> None:
    """A missing rule, one exchanged for another, all of them; status says so, exit 3."""
    host.done("apply", "one.sh")
    rules = host.rules()
    chain = re.findall(r"^:(HARDEN-WG-P-\S+)", rules[4], re.MULTILINE)[0]
    last = str(sum(line.startswith(f"-A {chain} ") for line in rules[4].splitlines()))
    ipt = [program(4, "nft"), "-t", "mangle"]
    damages = (
        [[*ipt, "-D", chain, last]],
        [[*ipt, "-R", chain, last, "-s", "10.0.0.0/8", "-j", "HARDEN-WG-ALLOWED"]],
        [["nft", "flush", "ruleset"]],
    )
    for damage in damages:
        for command in damage:
            host.netns.run(*command)
        assert host.run("status").status == 3
        assert host.done("restore") == {"changed": True, "in_sync": False, "confirm": None}
        assert host.in_force() == host.one
        assert host.done("status")["in_sync"] is True


def test_restore_does_not_close_a_gateway_that_works(host: KeptHost) -> None:
    """Where somebody's nft rule keeps iptables from showing a table: exit 1, and the rules stay as they are. Where
    they are not in force since boot, closed it is."""
    host.done("apply", "one.sh")
    host.netns.run("nft", "add rule ip filter FORWARD meta skuid 3 accept")
    before = host.netns.run("nft", "-s", "list", "ruleset").stdout
    for verb in ("restore", "status", "remove"):
        assert host.run(verb).status == 1
    assert host.run("apply", "other.sh").status == 1
    assert host.netns.run("nft", "-s", "list", "ruleset").stdout == before
    assert host.run("restore", before=another_boot(host)).status == 1
    assert "HARDEN-WG-CLOSED" in host.netns.run("nft", "list", "ruleset").stdout


# --- trials


def test_without_a_confirmation_the_confirmed_rules_come_back(host: KeptHost) -> None:
    """By themselves, not before the time is over; a confirm is too late then."""
    host.done("apply", "one.sh")
    begin = time.monotonic()
    host.done("apply", "other.sh", "--confirm", "2")
    assert host.files()["confirmed"] == host.one.read_bytes()
    until(lambda: "open" not in host.files())
    assert time.monotonic() - begin >= 2
    assert host.in_force() == host.one
    until(lambda: host.watchdogs() == [])
    done = host.run("confirm")
    assert done.status == 1
    assert done.errors[0].startswith("too late: ")
    assert done.hints == ["apply SCRIPT --confirm SECONDS tries them again"]


def test_the_time_begins_when_the_rules_are_written(host: KeptHost) -> None:
    """A watchdog that came too early waits again."""
    host.done("apply", "one.sh")
    slow(host, 3)
    host.done("apply", "other.sh", "--confirm", "1")
    assert len(host.watchdogs()) >= 1
    until(lambda: "open" not in host.files())
    assert host.in_force() == host.one


def test_the_first_rules_on_trial_go_without_a_trace(host: KeptHost) -> None:
    """Nothing was there before, so nothing is afterwards."""
    host.done("apply", "one.sh", "--confirm", "1")
    until(lambda: "open" not in host.files())
    assert host.in_force() is None
    assert host.run("restore").status == 1


def test_nothing_waits(host: KeptHost) -> None:
    """Exit 1: who confirms believes that something does."""
    assert host.run("confirm").errors == ["nothing waits to be confirmed"]


def test_only_a_trial_replaces_a_trial(host: KeptHost) -> None:
    """A plain apply is refused; another trial has its own time, and what comes back was confirmed."""
    host.done("apply", "one.sh")
    host.done("apply", "other.sh", "--confirm", LONG)
    done = host.run("apply", "one.sh")
    assert done.status == 1
    assert done.errors[0].startswith("rules are on trial until ")
    assert host.in_force() == host.other
    assert host.done("apply", "other.sh", "--confirm", "5")["confirm"]["seconds"] == 600
    assert host.done("apply", "other.sh")["changed"] is False
    third = host.folder / "third.sh"
    third.write_text(host.other.read_text().replace("(rule set ", "(rule set 0"))
    assert host.done("apply", "third.sh", "--confirm", "1")["confirm"]["seconds"] == 1
    until(lambda: "open" not in host.files())
    assert host.in_force() == host.one
    until(lambda: host.watchdogs() == [])


def test_a_trial_goes_on_if_the_next_one_is_refused(host: KeptHost) -> None:
    """With its rules, its time and its watchdog."""
    host.done("apply", "one.sh")
    waits = host.done("apply", "other.sh", "--confirm", LONG)["confirm"]
    third = host.folder / "third.sh"
    third.write_text(host.other.read_text().replace("(rule set ", "(rule set 0").replace("--dports", "--sports"))
    refuse_once(host)
    assert host.run("apply", "third.sh", "--confirm", "300").status == 1
    assert host.done("status")["confirm"] == waits
    assert host.in_force() == host.other
    host.time_over()
    assert host.in_force() == host.one


def test_a_trial_that_is_refused_is_none(host: KeptHost) -> None:
    """The rules before at once, and nothing waits."""
    host.done("apply", "one.sh")
    refuse_once(host)
    before = host.files()
    assert host.run("apply", "other.sh", "--confirm", LONG).status == 1
    assert host.in_force() == host.one
    assert host.files() == before
    until(lambda: host.watchdogs() == [])


def test_rollback_gives_a_trial_up_and_remove_ends_it(host: KeptHost) -> None:
    """At once; the watchdog goes, and a confirm is too late."""
    host.done("apply", "one.sh")
    host.done("apply", "other.sh", "--confirm", LONG)
    host.done("rollback")
    assert host.in_force() == host.one
    assert "given up" in host.run("confirm").errors[0]
    host.done("apply", "other.sh", "--confirm", LONG)
    host.done("remove")
    assert host.in_force() is None
    assert "removed" in host.run("confirm").errors[0]
    host.done("rollback")
    assert host.in_force() == host.one
    until(lambda: host.watchdogs() == [])


def test_restore_in_the_window_changes_nothing(host: KeptHost) -> None:
    """A timer that repairs must not end a trial."""
    host.done("apply", "one.sh")
    waits = host.done("apply", "other.sh", "--confirm", LONG)["confirm"]
    assert host.done("restore") == {"changed": False, "in_sync": True, "confirm": waits}
    assert host.in_force() == host.other


def another_boot(host: KeptHost) -> str:
    """What the keeper's mount namespace needs for that the machine seems to have been started again."""
    (host.folder / "boot_id").write_text("01234567-89ab-cdef-0123-456789abcdef\n")
    return f"mount --bind {host.folder}/boot_id /proc/sys/kernel/random/boot_id"


@pytest.mark.parametrize("verb", ["restore", "confirm"])
def test_what_boots_is_what_was_confirmed(host: KeptHost, verb: str) -> None:
    """Whatever the time is: a trial does not outlive the machine's run."""
    host.done("apply", "one.sh")
    host.done("apply", "other.sh", "--confirm", LONG)
    host.netns.run("nft", "flush", "ruleset")
    host.close()  # as power does
    done = host.run(verb, before=another_boot(host))
    assert done.status == (0 if verb == "restore" else 1), done
    assert host.in_force() == host.one
    assert "open" not in host.files()


def test_any_verb_settles_what_a_dead_watchdog_left(host: KeptHost) -> None:
    """The repair timer, for instance; the rules before, and a warning."""
    host.done("apply", "one.sh")
    host.done("apply", "other.sh", "--confirm", "3")
    host.close()
    until(lambda: host.done("restore")["changed"])
    assert host.in_force() == host.one


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGHUP, signal.SIGTERM], ids=lambda how: how.name)
def test_an_apply_that_is_killed_ends_in_the_rules_before(host: KeptHost, how: signal.Signals) -> None:
    """With all that it has started: in the middle of the writing, and its whole session gone."""
    host.done("apply", "one.sh")
    begun = slow(host, 1)
    apply = subprocess.Popen(host.argv("apply", "other.sh", "--confirm", "2"), env=host.environment(), cwd=host.folder,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)  # fmt: skip
    until(begun.exists)
    os.killpg(apply.pid, how)
    apply.wait(60)
    until(lambda: "open" not in host.files())
    assert host.in_force() == host.one
    assert host.done("status")["in_sync"] is True


def test_what_was_cut_off_cannot_be_confirmed(host: KeptHost) -> None:
    """Nobody knows which rules are in force, and which connections are new; --force does not help."""
    host.done("apply", "one.sh")
    host.done("apply", "other.sh", "--confirm", LONG)
    (next(host.kept.glob("trial-*")) / "known").unlink()
    done = host.run("confirm")
    assert done.status == 1
    assert done.errors[0].startswith("the apply was cut off before it was done")
    assert host.run("confirm", "--force").errors == done.errors


@pytest.mark.parametrize("name", ["TMUX", "STY"])
def test_tmux_and_screen_are_no_console(host: KeptHost, name: str) -> None:
    """Also where sudo has taken the name of the connection away."""
    host.done("apply", "one.sh")
    host.done("apply", "other.sh", "--confirm", LONG)
    done = host.run("confirm", more={name: "/tmp/x,1,0"})
    assert "came by a connection that is not to be found any more" in done.errors[0]
    assert host.done("confirm")["changed"] is True


def test_no_rule_is_written_if_the_watchdog_does_not_run(host: KeptHost) -> None:
    """Or if the keeper is not there for it to run."""
    host.done("apply", "one.sh")
    before = host.files(), host.rules()
    host.fake("setsid", "exit 1")
    host.fake("sleep", "exit 0")
    done = host.run("apply", "other.sh", "--confirm", LONG)
    assert (done.status, done.errors) == (1, ["the watchdog does not start", "nothing was changed"])
    assert (host.files(), host.rules()) == before
    host.real("setsid")
    text = host.keeper.read_text()
    argv = ["dash", "-s", "apply", str(host.other), "--confirm", LONG]
    piped = subprocess.run(host.netns.command(*argv), input=text, text=True, capture_output=True, timeout=60,
                           check=False, env=host.environment())  # fmt: skip
    assert piped.returncode == 1
    assert "the keeper was not read from a file" in piped.stderr
    assert (host.files(), host.rules()) == before


# --- where things are kept


def test_a_full_disk_changes_nothing(host: KeptHost) -> None:
    """It is noticed before a rule is written, and what was remembered is whole."""
    size = host.one.stat().st_size
    host.state.mkdir()
    mount = f"mount -t tmpfs -o size={size * 3 // 2 // 4096 * 4096} none {host.state}"
    done = host.run("apply", "one.sh", before=mount)
    assert done.status == 1
    assert any("cannot be written to" in error for error in done.errors)
    assert host.in_force() is None


def test_only_root_may_have_written_what_root_runs(host: KeptHost) -> None:
    """A folder of somebody else's, or a link to one, is refused; one of ours is closed to others."""
    host.state.mkdir(mode=0o777)
    host.kept.mkdir(mode=0o755)
    host.done("status")
    assert host.kept.stat().st_mode & 0o777 == 0o700
    os.chown(host.kept, 61001, 61001)
    assert "is not a folder of root's own" in host.run("apply", "one.sh").errors[0]
    elsewhere = host.folder / "elsewhere"
    host.kept.rename(elsewhere)
    os.chown(elsewhere, 0, 0)
    host.kept.symlink_to(elsewhere)
    assert "is not a folder of root's own" in host.run("apply", "one.sh").errors[0]
    assert host.in_force() is None


def test_rules_are_for_root(host: KeptHost) -> None:
    """Exit 1, in words."""
    enter = 'mount -t tmpfs none /run && cp "$1" /run/keeper && chmod 755 /run /run/keeper && shift && exec "$@"'
    nobody = ["setpriv", "--reuid=61001", "--clear-groups", "dash", "/run/keeper", "status", "--state", "/run/state"]
    argv = host.netns.command("unshare", "-m", "sh", "-c", enter, "sh", str(host.keeper), *nobody)
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("harden: error: rules are for root to change\n")


def test_the_legacy_backend_is_kept_likewise(host: KeptHost) -> None:
    """Where the rules are in it, they stay in it."""
    for family in FAMILIES:
        for action in ("", "-save", "-restore"):
            name = program(family, "legacy", action)
            (host.programs / name.replace("-legacy", "")).symlink_to(f"/usr/sbin/{name}")
    host.done("apply", "one.sh")
    host.done("apply", "other.sh", "--confirm", "1")
    until(lambda: "open" not in host.files())
    assert host.done("status")["in_sync"] is True
    for family in FAMILIES:
        assert "HARDEN-WG-" in host.netns.run(program(family, "legacy", "-save")).stdout
    assert host.ours() == []
