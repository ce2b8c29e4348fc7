"""Every command of `harden wg` as a user runs it: a process, a real kernel, an exit status, two streams."""

import base64
import json
import os
import pty
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab.netns import Netns

from tests.wgfw.command_line import (
    BACKENDS,
    FAMILIES,
    HARDEN,
    OTHER_POLICY,
    POLICY,
    WG_CONF,
    Host,
    only_ours,
    program,
)

DIFFERENT = 3
NAS = "192.168.1.10"


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Host]:
    """A host with a policy on disk and nothing in the kernel."""
    with Netns("hcmd") as netns:
        yield Host(netns, tmp_path)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """The same for all tests that change nothing on it."""
    with Netns("hcmd") as netns:
        yield Host(netns, tmp_path_factory.mktemp("bare"))


@pytest.fixture
def applied(gateway: Host) -> Host:
    """A host whose kernel holds the policy."""
    gateway.done("apply")
    return gateway


# --- the way through


def test_from_wg_conf_to_closed_and_back(gateway: Host) -> None:
    """Import, edit, check, plan, apply, ask, go back, take out: each says what it did and exits as it should."""
    gateway.policy.unlink()
    imported = gateway.done("import", "wg0.conf", "-o", "policy.yaml")
    assert imported.stdout == ""
    assert "2 clients, all in quarantine" in imported.stderr
    assert f"peers: {gateway.folder / 'wg0.conf'}\n" in gateway.policy.read_text()
    assert "policy.yaml: valid, 2 clients" in gateway.done("check").stdout

    plan = gateway.wg("plan")
    assert (plan.status, plan.stdout, plan.stderr) == (DIFFERENT, "anca and laptop lose everything\n", "")
    assert gateway.wg("status").status == DIFFERENT
    applied = gateway.done("apply")
    assert applied.stdout == "anca and laptop lose everything\nthe kernel matches the policy now\n"
    assert gateway.done("plan").stdout == "in sync: nothing to change\n"
    assert "in sync (nft)" in gateway.done("status").stdout

    gateway.write("policy.yaml", POLICY)
    plan = gateway.wg("plan")
    assert (plan.status, plan.stderr) == (DIFFERENT, "")
    assert re.search(r"^anca gains nas .*tcp/22", plan.stdout)
    gateway.done("apply")
    assert gateway.done("rollback").stdout == "the rules before are back\n"
    assert gateway.wg("plan").stdout == plan.stdout
    assert gateway.done("remove").stdout == "no rule of harden is left\n"
    assert only_ours(gateway.rules("nft")) == {4: [], 6: []}


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_backend_and_auto_finds_it_again(gateway: Host, backend: str) -> None:
    """What was applied to one backend is found by `auto`, and nothing is in the other one."""
    gateway.done("apply", "--backend", backend)
    other = next(name for name in BACKENDS if name != backend)
    assert "HARDEN-WG-GUARD" in gateway.rules(backend)[6]
    assert "HARDEN" not in "".join(gateway.rules(other).values())
    assert gateway.done("plan").stdout == "in sync: nothing to change\n"
    assert gateway.done("status", "--json").json["backend"] == backend
    assert gateway.wg("plan", "--backend", other).status == DIFFERENT
    gateway.done("remove")
    assert "HARDEN" not in "".join(gateway.rules(backend).values())


def test_rules_of_ours_in_both_backends_are_refused_with_a_way_out(gateway: Host) -> None:
    """And the hint works."""
    gateway.done("apply", "--backend", "nft")
    assert "harden wg remove --backend nft" in gateway.done("apply", "--backend", "legacy").stderr
    refused = gateway.wg("apply")
    assert refused.status == 1
    assert "both backends" in refused.errors[0]
    assert "harden wg remove --backend legacy" in refused.hints[0]
    gateway.done("remove", "--backend", "legacy")
    gateway.done("apply")


def test_netns_by_name_is_the_same_as_inside(gateway: Host) -> None:
    """The rules and the memory of them: applied from outside, in sync seen from inside."""
    argv = [*HARDEN, "wg", "apply", "--netns", gateway.netns.name]
    done = gateway.run(argv)
    assert done.status == 0, done
    assert gateway.done("plan").status == 0
    assert "HARDEN-WG-GUARD" in gateway.rules("nft")[4]
    assert gateway.run([*HARDEN, "wg", "rollback", "--netns", gateway.netns.name]).status == 0
    assert gateway.wg("plan").status == DIFFERENT


def test_the_interface_need_not_be_there(gateway: Host) -> None:
    """As in PreUp: the rules are there first; the interface that comes up later changes nothing in them."""
    gateway.done("apply", "-q")
    kernel = gateway.kernel()
    gateway.netns.run("ip", "tuntap", "add", "wg0", "mode", "tun")
    gateway.netns.run("ip", "addr", "add", "10.8.0.1/24", "dev", "wg0")
    gateway.netns.run("ip", "link", "set", "wg0", "up")
    assert gateway.done("plan").stdout == "in sync: nothing to change\n"
    assert gateway.done("apply").stdout == "in sync: nothing to change\n"
    assert gateway.kernel() == kernel


# --- import


def test_import_to_stdout_is_what_it_writes(gateway: Host) -> None:
    """stdout holds the policy and nothing else."""
    printed = gateway.done("import", "wg0.conf")
    gateway.done("import", "wg0.conf", "-o", "new.yaml", "-q")
    assert printed.stdout == (gateway.folder / "new.yaml").read_text()
    assert printed.stderr == ""


def test_import_keeps_a_file_that_is_there(gateway: Host) -> None:
    """The same again changes nothing; an edited one is never overwritten."""
    gateway.done("import", "wg0.conf", "-o", "new.yaml")
    files = gateway.files()
    again = gateway.done("import", "wg0.conf", "-o", "new.yaml")
    assert "already" in again.stderr
    assert gateway.files() == files
    gateway.write("new.yaml", POLICY)
    files = gateway.files()
    for arguments in ((), ("--dry-run",)):
        refused = gateway.wg("import", "wg0.conf", "-o", "new.yaml", *arguments)
        assert refused.status == 1
        assert refused.errors[0].startswith("new.yaml: is there already")
        assert refused.stdout == ""
    assert gateway.files() == files


def test_import_dry_run_writes_nothing(gateway: Host) -> None:
    """It says what it would write."""
    files = gateway.files()
    done = gateway.done("import", "wg0.conf", "-o", "new.yaml", "--dry-run")
    assert done.stdout == "would write new.yaml: 2 clients, all in quarantine\n"
    assert gateway.files() == files


@pytest.mark.parametrize(
    ("where", "message"),
    [("missing/new.yaml", "No such file or directory"), (".", "Is a directory"), ("wg0.conf/new.yaml", "Not a dir")],
)
def test_import_says_where_it_cannot_write(gateway: Host, where: str, message: str) -> None:
    """And leaves nothing behind."""
    files = gateway.files()
    done = gateway.wg("import", "wg0.conf", "-o", where)
    assert done.status == 1
    assert message in done.errors[0]
    assert gateway.files() == files


# --- one JSON document

CHANGE = {"client", "change"}
ANSWER = {"from", "client", "to", "service", "verdict", "rule"}
CLIENT = {"name", "profiles", "addresses", "latest_handshake", "rx_bytes", "tx_bytes", "accepted", "denied"}
DOCUMENTS = {
    "check": (0, {"ok", "clients", "warnings", "tests"}),
    "plan": (DIFFERENT, {"in_sync", "changes"}),
    "apply": (0, {"in_sync", "changes", "changed", "ended_connections"}),
    "apply --dry-run": (0, {"in_sync", "changes", "changed", "ended_connections"}),
    "status": (DIFFERENT, {"in_sync", "backend", "clients"}),
    f"explain --from anca --to {NAS} --service ssh": (0, ANSWER),
    f"explain --from 8.8.8.8 --to {NAS}": (0, ANSWER),
    "remove": (0, {"changed", "in_sync", "changes"}),
    "remove --dry-run": (0, {"changed", "in_sync", "changes"}),
    "render": (0, {"digest", "format", "text"}),
    "render --format script": (0, {"digest", "format", "text"}),
    "render --family 6": (0, {"digest", "format", "text"}),
}


@pytest.mark.parametrize("command", DOCUMENTS)
def test_json_is_one_document_with_the_promised_keys(gateway: Host, command: str) -> None:
    """On stdout, on one line, and nothing beside it."""
    status, keys = DOCUMENTS[command]
    done = gateway.wg(*command.split(), "--json")
    assert done.status == status, done
    assert done.stdout.count("\n") == 1
    assert keys <= set(done.json)


def test_json_of_plan_and_apply(gateway: Host) -> None:
    """in_sync is the state that was found; changes name the client and what it loses and gains."""
    plan, applied, again = (gateway.wg(command, "--json").json for command in ("plan", "apply", "apply"))
    assert plan == {"in_sync": False, "changes": applied["changes"]}
    assert (applied["in_sync"], applied["changed"], applied["ended_connections"]) == (False, True, 0)
    assert again == {"in_sync": True, "changes": [], "changed": False, "ended_connections": 0, "confirm": None}
    access = [change for change in plan["changes"] if CHANGE <= set(change)]
    assert {(change["client"], change["change"]) for change in access} >= {("anca", "loses"), ("laptop", "loses")}
    assert any(change["change"] == "rules" and "missing" in change["text"] for change in plan["changes"])


def test_json_of_rollback(applied: Host) -> None:
    """Changed the first time, in sync the second."""
    first, second = (applied.done("rollback", "--json").json for _ in range(2))
    assert (first["changed"], first["in_sync"], bool(first["changes"])) == (True, False, True)
    assert (second["changed"], second["in_sync"], second["changes"]) == (False, True, [])


def test_json_of_status(applied: Host) -> None:
    """One entry a client, with null for what is not known while the interface is not up."""
    document = applied.done("status", "--json").json
    assert (document["in_sync"], document["backend"]) == (True, "nft")
    anca, laptop = document["clients"]
    assert set(anca) >= CLIENT
    assert (anca["name"], anca["profiles"], anca["addresses"]) == ("anca", [], ["10.8.0.2", "fd00:8::2"])
    assert (laptop["profiles"], laptop["latest_handshake"], laptop["rx_bytes"]) == (["internet-only"], None, None)
    assert (laptop["accepted"], laptop["denied"]) == (0, 0)


def test_json_of_explain_names_the_line(bare: Host) -> None:
    """File, line and text of the rule that decides; null where none does."""
    allowed = bare.done("explain", "--from", "anca", "--to", NAS, "--service", "ssh", "--json").json
    assert {key: allowed[key] for key in ("from", "client", "to", "service", "verdict")} == {
        "from": "anca", "client": "anca", "to": NAS, "service": "ssh", "verdict": "allow",
    }  # fmt: skip
    line = POLICY.splitlines().index("      - {to: nas, services: [smb, ssh]}") + 1
    assert (allowed["rule"]["file"], allowed["rule"]["line"]) == (str(bare.policy), line)
    assert "nas" in allowed["rule"]["text"]
    denied = bare.done("explain", "--from", "anca", "--to", "8.8.8.8", "--service", "dns", "--json").json
    assert (denied["verdict"], denied["rule"]) == ("deny", None)


# --- explain


def test_explain_in_words(bare: Host) -> None:
    """The verdict first; for a denial the line that would allow it."""
    allowed = bare.done("explain", "--from", "anca", "--to", NAS, "--service", "ssh").stdout
    assert allowed.startswith(f"allowed: anca (10.8.0.2) to {NAS} ssh\n")
    assert "policy.yaml:9" in allowed
    denied = bare.done("explain", "--from", "anca", "--to", NAS, "--service", "tcp/2049").stdout
    assert denied.startswith(f"denied: anca (10.8.0.2) to {NAS} tcp/2049\n")
    assert "to allow it:\n" in denied
    assert "{to: nas, services: [tcp/2049]}" in denied


def test_explain_takes_another_source_of_the_client(bare: Host) -> None:
    """One that is not the client's is denied: WireGuard drops it."""
    done = bare.done("explain", "--from", "anca", "--source", "fd00:8::2", "--to", "fd00:1::10", "--service", "ssh")
    assert done.stdout.startswith("allowed: anca (fd00:8::2) to fd00:1::10 ssh\n")
    wrong = bare.done("explain", "--from", "anca", "--source", "10.8.0.3", "--to", NAS, "--service", "ssh")
    assert wrong.stdout.startswith("denied: anca (10.8.0.3)")
    assert "10.8.0.3 is not an address of this client" in wrong.stdout


def test_explain_batch_answers_one_json_object_a_line(gateway: Host) -> None:
    """In the order of the questions, each as --json gives it alone."""
    questions = [
        {"from": "anca", "to": NAS, "service": "ssh"},
        {"from": "laptop", "to": "8.8.8.8", "service": "https"},
        {"from": "10.8.0.3", "to": NAS, "service": "smb"},
        {"from": "laptop", "to": "fd00:1::10"},
    ]
    gateway.write("questions", "\n".join(map(json.dumps, questions)))
    lines = gateway.done("explain", "--batch", "questions").stdout.splitlines()
    answers = [json.loads(line) for line in lines]
    assert [answer["verdict"] for answer in answers] == ["allow", "allow", "deny", "deny"]
    assert all(set(answer) >= ANSWER for answer in answers)
    alone = gateway.done("explain", "--from", "anca", "--to", NAS, "--service", "ssh", "--json")
    assert answers[0] == alone.json
    assert gateway.done("explain", "--batch", "questions", "--json").stdout.splitlines() == lines


def test_explain_batch_names_the_bad_lines(gateway: Host) -> None:
    """All of them, with nothing on stdout."""
    gateway.write("questions", '{"from": "anca", "to": "10.0.0.1"}\n{"from": "anka", "to": "10.0.0.1"}\n[]\n')
    done = gateway.wg("explain", "--batch", "questions")
    assert (done.status, done.stdout) == (1, "")
    assert [error.split(": ")[0] for error in done.errors] == ["questions:2", "questions:3"]


# --- words, colours, streams


def test_quiet_and_verbose(gateway: Host) -> None:
    """-q takes the notes away and leaves the answer, -v adds the chains."""
    usual, quiet, verbose = (gateway.wg("status", *option) for option in ((), ("-q",), ("-v",)))
    assert "no handshakes of wg0" in usual.stderr
    assert quiet.stderr == ""
    assert quiet.stdout == usual.stdout
    assert "IPv6 security HARDEN-WG-GUARD: missing" in verbose.stderr
    plain, detailed = gateway.wg("plan"), gateway.wg("plan", "-v")
    assert "HARDEN-WG-" not in plain.stdout
    assert "IPv4 mangle FORWARD: our rules are missing" in detailed.stdout
    assert gateway.done("import", "wg0.conf", "-o", "new.yaml", "-q").stderr == ""


def test_warnings_go_to_stderr_even_when_quiet(gateway: Host) -> None:
    """And not into the answer."""
    gateway.write("policy.yaml", POLICY.replace("  laptop: {profile: internet-only}\n", "  # laptop has none\n"))
    done = gateway.done("check", "-q")
    assert re.search(r"^harden: warning: .*laptop", done.stderr, re.MULTILINE)
    assert "warning:" not in done.stdout
    assert any("laptop" in warning for warning in gateway.done("check", "--json").json["warnings"])


def on_a_terminal(host: Host, *arguments: str, **variables: str) -> str:
    """What a person's terminal gets."""
    leader, follower = pty.openpty()
    environment = {**host.variables(), "TERM": "xterm-256color", "COLUMNS": "200", **variables}
    process = subprocess.Popen(
        host.argv(*arguments), stdin=follower, stdout=follower, stderr=subprocess.DEVNULL, env=environment,
        cwd=host.folder,
    )  # fmt: skip
    os.close(follower)
    shown = b""
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:  # EIO: everybody else has closed it
            break
        if not part:
            break
        shown += part
    os.close(leader)
    process.wait(60)
    return shown.decode()


COLOUR = re.compile(r"\x1b\[[0-9;]*(?:3[0-9]|9[0-7])[0-9;]*m")


def test_colour_only_on_a_terminal_and_not_with_no_color(applied: Host) -> None:
    """A denied count is red where it may be."""
    deny_once(applied)
    assert COLOUR.search(on_a_terminal(applied, "status"))
    assert not COLOUR.search(on_a_terminal(applied, "status", NO_COLOR="1"))
    assert "\x1b" not in on_a_terminal(applied, "status", TERM="dumb")
    assert "\x1b" not in applied.done("status").stdout


def deny_once(host: Host) -> None:
    """One packet of anca's to where it may not go: the kernel of the host gets it from a device called wg0."""
    script = (
        "import fcntl, os, socket, struct, time\n"
        "tun = os.open('/dev/net/tun', os.O_RDWR)\n"
        "fcntl.ioctl(tun, 0x400454ca, struct.pack('16sH22x', b'wg0', 0x1001))\n"
        "os.system('ip addr add 10.8.0.1/24 dev wg0 && ip link set wg0 up')\n"
        "head = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 28, 0, 0, 64, 17, 0,"
        " socket.inet_aton('10.8.0.2'), socket.inet_aton('10.8.0.1'))\n"
        "words = struct.unpack('!10H', head); total = sum(words)\n"
        "total = (total & 0xffff) + (total >> 16)\n"
        "head = head[:10] + struct.pack('!H', ~total & 0xffff) + head[12:]\n"
        "os.write(tun, head + struct.pack('!HHHH', 40000, 9999, 8, 0))\n"
        "time.sleep(0.05)\n"
    )
    host.netns.run(HARDEN[0], "-c", script)
    (anca, _) = host.done("status", "--json").json["clients"]
    assert (anca["accepted"], anca["denied"]) == (0, 1)


def test_a_reader_that_has_gone_is_no_error(gateway: Host) -> None:
    """`harden … | head -1`: no complaint, the status of SIGPIPE."""
    command = " ".join(["exec 3>&1;", "{", *map(repr, HARDEN), "wg", "render", "2>&3;", "echo", "$? >&3;", "}", "| :"])
    done = gateway.run(gateway.netns.command("sh", "-c", command))
    assert done.stdout in ("141\n", "0\n")  # 0 if it was done before the reader went


@pytest.mark.parametrize("language", ["C", "C.UTF-8"])
def test_any_locale(gateway: Host, language: str) -> None:
    """Names beyond ASCII are spelled out where the terminal has no letters for them."""
    gateway.write("wg0.conf", WG_CONF.replace("= anca", "= Ștefan"))
    gateway.write("policy.yaml", POLICY.replace("anca", "Ștefan"))
    gateway.environment |= {"LC_ALL": language, "PYTHONIOENCODING": "ascii" if language == "C" else "utf-8"}
    shown = gateway.wg("plan").stdout
    assert ("\\u0218tefan" if language == "C" else "Ștefan") in shown


# --- where things are


def test_an_option_wins_over_the_environment(gateway: Host) -> None:
    """--policy over HARDEN_POLICY, --state over HARDEN_STATE."""
    gateway.write("other.yaml", OTHER_POLICY)
    gateway.environment |= {"HARDEN_POLICY": str(gateway.folder / "missing.yaml")}
    assert "missing.yaml" in gateway.wg("check").errors[0]
    assert "other.yaml: valid" in gateway.done("check", "--policy", "other.yaml").stdout
    gateway.done("apply", "--policy", "policy.yaml", "--state", "elsewhere")
    assert not gateway.state.exists()
    assert oct((gateway.folder / "elsewhere").stat().st_mode & 0o777) == "0o700"
    assert gateway.wg("rollback").status == 1  # HARDEN_STATE knows of no rules before
    gateway.done("rollback", "--state", "elsewhere")


def test_without_policy_or_variable_the_default_is_named(bare: Host) -> None:
    """And how to begin one."""
    hidden = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs none /etc && exec "$@"', "sh", *HARDEN, "wg", "check"]
    done = bare.run(bare.netns.command(*hidden), without="HARDEN_POLICY")
    assert done.status == 1
    assert done.errors == ["/etc/harden/policy.yaml: no such file"]
    assert "--policy FILE" in done.hints[0]
    assert "harden wg import" in done.hints[0]


def test_relative_peers_are_beside_the_policy(bare: Host) -> None:
    """Wherever the command is run."""
    done = bare.run(["sh", "-c", 'cd / && exec "$@"', "sh", *bare.argv("check")])
    assert done.status == 0, done


# --- nothing changes where nothing should


@pytest.mark.parametrize("command", ["apply", "rollback", "remove"])
def test_dry_run_changes_nothing(gateway: Host, command: str) -> None:
    """Not a rule, not a byte on disk; it says what would be."""
    gateway.done("apply")
    gateway.write("policy.yaml", OTHER_POLICY)
    kernel, files = gateway.kernel(), gateway.files()
    done = gateway.done(command, "--dry-run")
    assert "dry run" in done.stdout
    assert gateway.done(command, "--dry-run", "--json").json["changed"] is False
    assert gateway.kernel() == kernel
    assert gateway.files() == files


def test_commands_that_only_look_leave_no_trace(bare: Host) -> None:
    """Not even a folder for state, or an empty table."""
    kernel, files = bare.kernel(), bare.files()
    for command in ("check", "plan", "status", "render", "schema", "apply --dry-run", "remove --dry-run", "remove"):
        bare.wg(*command.split())
    assert bare.kernel() == kernel
    assert bare.files() == files


@pytest.mark.parametrize("command", ["apply", "rollback", "remove"])
def test_the_second_run_changes_nothing(applied: Host, command: str) -> None:
    """Neither in the kernel nor on disk."""
    applied.write("policy.yaml", OTHER_POLICY)
    applied.done(command)
    kernel, files = applied.kernel(), applied.files()
    again = applied.done(command)
    assert again.stdout in ("in sync: nothing to change\n", "nothing to do\n")
    assert applied.kernel() == kernel
    assert applied.files() == files


# --- drift

HOOK_OF_OTHERS = ["-I", "FORWARD", "-m", "comment", "--comment", "of others", "-j", "ACCEPT"]


def delete_rule(host: Host, backend: str, family: int) -> None:
    """A rule of ours, in the middle."""
    host.netns.run(program(family, backend), "-t", "filter", "-D", "HARDEN-WG-REFUSE", "3")


def alter_rule(host: Host, backend: str, family: int) -> None:
    """A drop becomes an accept, by save, sed and restore: our comments and counts stay."""
    text = host.netns.run(program(family, backend, "-save"), "-t", "security").stdout
    altered = text.replace("-A HARDEN-WG-GUARD -i wg0 -j DROP", "-A HARDEN-WG-GUARD -i wg0 -j ACCEPT")
    assert altered != text
    host.netns.run(program(family, backend, "-restore"), text=altered)


def push_hook_down(host: Host, backend: str, family: int) -> None:
    """Somebody's rule before ours."""
    host.netns.run(program(family, backend), "-t", "mangle", *HOOK_OF_OTHERS)


def delete_hook(host: Host, backend: str, family: int) -> None:
    """One of the jumps to ours."""
    host.netns.run(program(family, backend), "-t", "mangle", "-D", "INPUT", "1")


def flush_all(host: Host, backend: str, family: int) -> None:
    """What a firewall that starts late does."""
    for table in ("mangle", "filter", "security"):
        host.netns.run(program(family, backend), "-t", table, "-F")
        host.netns.run(program(family, backend), "-t", table, "-X")


DRIFT = [delete_rule, alter_rule, push_hook_down, delete_hook, flush_all]


@pytest.mark.parametrize(("backend", "family"), [("nft", 4), ("legacy", 6)])
@pytest.mark.parametrize("drift", DRIFT)
def test_drift_is_found_by_plan_and_status_and_repaired_by_apply(
    gateway: Host, drift: Callable[[Host, str, int], None], backend: str, family: int
) -> None:
    """Exit 3 of both, in words; after apply the rules are as they were, and what others did stays."""
    gateway.done("apply", "--backend", backend)
    ours = only_ours(gateway.rules(backend))
    drift(gateway, backend, family)
    plan = gateway.wg("plan")
    assert plan.status == DIFFERENT
    assert plan.stdout.startswith("nobody's access changes by policy; the kernel's rules differ from it:\n")
    assert f"IPv{family} " in plan.stdout
    assert f"IPv{10 - family} " not in plan.stdout
    status = gateway.wg("status")
    assert status.status == DIFFERENT
    assert "NOT in sync" in status.stdout
    gateway.done("apply")
    assert only_ours(gateway.rules(backend)) == ours
    assert ("of others" in gateway.rules(backend)[family]) == (drift is push_hook_down)
    assert "\nin sync" in gateway.done("status").stdout


def test_readdressing_alone_is_no_alarm(applied: Host) -> None:
    """An address that an interface of the gateway got since: in sync, with a note; apply takes it in."""
    applied.netns.run("ip", "tuntap", "add", "lan0", "mode", "tun")
    applied.netns.run("ip", "addr", "add", "192.168.77.1/24", "dev", "lan0")
    applied.write("policy.yaml", POLICY.replace("[smb, ssh]}", "[smb, ssh]}\n      - {to: gateway, services: [dns]}"))
    assert applied.wg("status").status == DIFFERENT  # that one is a change of the policy
    applied.done("apply")
    applied.netns.run("ip", "addr", "add", "192.168.78.1/24", "dev", "lan0")
    for command in ("status", "plan"):
        done = applied.done(command)
        assert "in sync" in done.stdout
        assert "the gateway's own addresses have changed" in done.stderr
        assert applied.done(command, "--json").json["in_sync"] is True
    kernel = applied.kernel()
    assert applied.done("apply", "--json").json["changed"] is True
    assert "addresses have changed" not in applied.done("status").stderr
    assert applied.kernel() != kernel


# --- tests of the policy

FAILING = POLICY + "  - {from: laptop, to: 192.168.1.10, service: tcp/445, expect: allow}\n"


def test_check_runs_the_tests(gateway: Host) -> None:
    """Exit 3 and the line of the test that fails."""
    assert "1 of 1 tests passed" in gateway.done("check").stdout
    assert "passed" in gateway.done("check", "-v").stdout
    gateway.write("policy.yaml", FAILING)
    failed = gateway.wg("check")
    assert failed.status == DIFFERENT
    assert re.search(r"^FAILED .*policy\.yaml:13: laptop to 192.168.1.10 tcp/445: expected allow, got deny",
                     failed.stdout, re.MULTILINE)  # fmt: skip
    document = gateway.wg("check", "--json").json
    assert (document["ok"], [test["passed"] for test in document["tests"]]) == (False, [True, False])


def test_apply_refuses_a_policy_whose_tests_fail(gateway: Host) -> None:
    """Kernel and state as before; --no-tests applies it all the same."""
    kernel, files = gateway.kernel(), gateway.files()
    gateway.write("policy.yaml", FAILING)
    for arguments in ((), ("--dry-run",), ("--json",)):
        refused = gateway.wg("apply", *arguments)
        assert (refused.status, refused.stdout) == (1, "")
        assert "policy.yaml:13" in refused.errors[0]
        assert "--no-tests" in refused.hints[0]
    assert gateway.kernel() == kernel
    assert gateway.files().keys() == files.keys()
    gateway.done("apply", "--no-tests")


# --- names are data

NAMES = [
    "\x1b[2J\x1b]0;owned\x07",
    "$(touch pwned)",
    "`touch pwned`; touch pwned #",
    "a\nb",
    "emoji 🦊 \u202eevil",
    "x" * 300,
    "' \" \\ % {{ x }} ${HOME} %{ if }",
    "-j DNAT",
    "no",
    "\x9b31m",
]
UNSAFE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]")


def with_strange_clients(host: Host, names: list[str], comments: bool) -> None:
    """Peers whose names are these, from the comments of the peers file or from the policy."""
    peers, clients = WG_CONF, POLICY.replace("tests:\n", "")
    for number, name in enumerate(names):
        key = base64.b64encode(f"peer {number:27}".encode()).decode()
        comment = f"# friendly_name = {name}\n" if comments else ""
        peers += f"\n{comment}[Peer]\nPublicKey = {key}\nAllowedIPs = 10.8.1.{number}/32\n"
        quoted = json.dumps(name, ensure_ascii=False).replace("\x9b", "\\x9b")  # YAML takes it only so
        clients = clients.replace("  laptop:", f"  {quoted}: {{public_key: {key}, profile: internet-only}}\n  laptop:")
    host.write("wg0.conf", peers)
    if not comments:
        host.write("policy.yaml", "\n".join(line for line in clients.splitlines() if "- {from" not in line) + "\n")


@pytest.fixture
def strange(gateway: Host) -> Host:
    """A host whose clients have strange names, given in the policy."""
    with_strange_clients(gateway, NAMES, comments=False)
    return gateway


def test_names_stay_data_in_what_people_read(strange: Host) -> None:
    """No control character reaches a terminal or a log, and a name adds no line."""
    commands = ("check -v", "plan -v", "apply -v", "status -v", "status --format prometheus", "status --json",
                "rollback -v", "plan --json", "explain --json --from laptop --to 10.8.1.0")  # fmt: skip
    shown = {command: strange.wg(*command.split()) for command in commands}
    assert [done.status for done in shown.values()] == [0, 3, 0, 0, 0, 0, 0, 3, 0], shown
    for name in NAMES[:4]:
        shown[name] = strange.done("explain", f"--from={name}", "--to", NAS, "--service", "tcp/1")
        assert len(shown[name].stdout.splitlines()) == 4
    shown["unknown"] = strange.wg("explain", f"--from={NAMES[0]}x", "--to", NAS)
    assert shown["unknown"].status == 1
    for done in shown.values():
        assert not UNSAFE.search(done.stdout + done.stderr)
    assert len(shown["status -v"].stdout.splitlines()) == 1 + len(NAMES) + 2 + 1
    assert not (strange.folder / "pwned").exists()


def test_names_are_in_no_rule_and_no_script(strange: Host) -> None:
    """Nor in the kernel."""
    texts = [strange.done("render").stdout, strange.done("render", "--format", "script").stdout]
    strange.done("apply")
    texts += strange.kernel().values()
    for name in NAMES:
        assert name == "no" or not any(name in text for text in texts)


def test_json_gives_names_back_unaltered(strange: Host) -> None:
    """For programs they are exactly what they are."""
    names = [client["name"] for client in strange.wg("status", "--json").json["clients"]]
    assert names == ["anca", "laptop", *NAMES]
    strange.write("questions", "".join(json.dumps({"from": name, "to": "8.8.8.8"}) + "\n" for name in NAMES))
    lines = strange.done("explain", "--batch", "questions").stdout.splitlines()
    assert [json.loads(line)["client"] for line in lines] == NAMES


def test_names_survive_import(gateway: Host) -> None:
    """From comments to a policy that loads, with the same names."""
    names = [name for name in NAMES if "\n" not in name]
    with_strange_clients(gateway, names, comments=True)
    gateway.done("import", "wg0.conf", "-o", "new.yaml", "-q")
    assert gateway.done("check", "--policy", "new.yaml", "--json").json["clients"] == len(names) + 2
    clients = gateway.wg("status", "--policy", "new.yaml", "--json").json["clients"]
    assert [client["name"] for client in clients] == ["anca", "laptop", *names]


# --- metrics, rules, schema


def test_prometheus_escapes_names(applied: Host) -> None:
    """Each sample on one line: a name, labels in quotes with what must be escaped escaped, a number."""
    sample = re.compile(r'[a-z_]+\{([a-z]+="(?:[^"\\\n]|\\["\\n])*",?)*\} \d+')
    nasty = 'a"b\\c'
    applied.write("policy.yaml", POLICY.replace("  anca:\n", f"  {json.dumps(nasty)}:\n    public_key: "
                  "aGFyZGVuIGxhYiBwdWJsaWMga2V5IDAwMDAwMDAwMDE=\n").replace("from: anca", "from: laptop").replace(
                  "expect: allow", "expect: deny"))  # fmt: skip
    lines = applied.done("status", "--format", "prometheus").stdout.splitlines()
    assert 'harden_wg_in_sync{backend="nft"} 1' in lines
    samples = [line for line in lines if not line.startswith("#")]
    assert all(sample.fullmatch(line) for line in samples)
    assert any(r'client="a\"b\\c"' in line for line in samples)
    for name in {line.split("{")[0] for line in samples}:
        assert f"# TYPE {name} " in "\n".join(lines)


def test_prometheus_says_when_out_of_sync(bare: Host) -> None:
    """The metric and the exit status, and no counters of rules that are not there."""
    done = bare.wg("status", "--format", "prometheus")
    assert done.status == DIFFERENT
    assert 'harden_wg_in_sync{backend="nft"} 0' in done.stdout
    assert "denied_packets_total{" not in done.stdout


@pytest.mark.parametrize("backend", BACKENDS)
def test_rendered_rules_are_what_apply_makes(gateway: Host, backend: str) -> None:
    """Loaded by iptables-restore they are in sync; both families, or one by --family."""
    for family in FAMILIES:
        text = gateway.done("render", "--family", str(family)).stdout
        gateway.netns.run(program(family, backend, "-restore"), "-w", "--noflush", text=text)
    assert gateway.done("plan", "--backend", backend).stdout == "in sync: nothing to change\n"
    rendered = only_ours(gateway.rules(backend))
    gateway.done("remove", "--backend", backend)
    gateway.done("apply", "--backend", backend)
    assert only_ours(gateway.rules(backend)) == rendered
    both = gateway.done("render").stdout
    assert both.index("# IPv4") < both.index("# IPv6")


def test_render_json_holds_the_same_text(bare: Host) -> None:
    """By family, or the script."""
    document = bare.done("render", "--json").json
    assert document["text"]["6"] == bare.done("render", "--family", "6").stdout
    script = bare.done("render", "--format", "script")
    assert bare.done("render", "--format", "script", "--json").json["text"] == {"script": script.stdout}


def test_schema_is_a_json_schema(gateway: Host) -> None:
    """On stdout, needing no policy."""
    gateway.policy.unlink()
    schema = gateway.done("schema").json
    assert "version" in schema["properties"]
    assert schema["$schema"].startswith("https://json-schema.org/")


# --- wrong usage


LATER = "verify,suggest,report,doctor,verify --json,report --html x,suggest --client a"


@pytest.mark.parametrize("command", LATER.split(","))
def test_what_a_later_release_brings_is_refused_clearly(bare: Host, command: str) -> None:
    """Exit 2, its name, and what to use instead; nothing is touched."""
    kernel, files = bare.kernel(), bare.files()
    done = bare.wg(*command.split())
    assert (done.status, done.stdout) == (2, "")
    assert "is not in this release" in done.errors[0]
    assert command.split(maxsplit=1)[0] in done.errors[0]
    assert done.hints
    assert bare.kernel() == kernel
    assert bare.files() == files


WRONG = {
    "frobnicate": "frobnicate",
    "plan --frobnicate": "--frobnicate",
    "plan extra": "extra",
    "plan --backend iptables": "'iptables'",
    "import": "WG_CONF",
    "render --family 5": "'5'",
    "render --format script --family 4": "both families",
    "explain": "--from and --to",
    "explain --from anca": "--from and --to",
    "explain --batch x --from anca": "--batch",
    "plan --netns nowhere": "nowhere",
    "explain --netns nowhere --from anca --to 1.2.3.4": "nowhere",
    "check --netns ../x": "../x",
}


@pytest.mark.parametrize("command", WRONG)
def test_wrong_usage_is_exit_2(bare: Host, command: str) -> None:
    """With the word that is wrong, a hint, and nothing on stdout."""
    done = bare.wg(*command.split())
    assert (done.status, done.stdout) == (2, ""), done
    assert WRONG[command] in done.errors[0]
    assert done.hints


def test_help_of_every_command(bare: Host) -> None:
    """Exit 0, on stdout; the commands of a later release are not offered."""
    listed = bare.done("--help").stdout
    for command in ("import", "check", "render", "plan", "apply", "rollback", "remove", "status", "explain", "schema"):
        assert f"\n  {command} " in listed
        assert bare.done(command, "--help").stderr == ""
    assert "\n  verify" not in listed


# --- a device that lives


def test_status_of_a_running_interface(gateway: Host) -> None:
    """Handshakes and bytes come from it; a client that never came has `never`."""
    name = f"hc{os.getpid()}"
    gateway.write("policy.yaml", POLICY.replace("interface: wg0", f"interface: {name}"))
    gateway.environment |= {"WG_PROCESS_FOREGROUND": "1"}
    running = subprocess.Popen(
        gateway.netns.command("wireguard-go", "--foreground", name), stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for(Path(f"/run/wireguard/{name}.sock"))
        stripped = re.sub(r"^(Address|#).*\n", "", WG_CONF, flags=re.MULTILINE)
        gateway.netns.run("wg", "setconf", name, str(gateway.write("stripped.conf", stripped)))
        gateway.done("apply")
        anca = gateway.done("status", "--json").json["clients"][0]
        assert (anca["latest_handshake"], anca["rx_bytes"], anca["tx_bytes"]) == (0, 0, 0)
        assert re.search(r"^anca .* never ", gateway.done("status").stdout, re.MULTILINE)
        metrics = gateway.done("status", "--format", "prometheus").stdout
        assert f'harden_wg_latest_handshake_seconds{{client="anca",interface="{name}",profiles=""}} 0' in metrics
    finally:
        running.terminate()
        running.wait(10)


def wait_for(path: Path) -> None:
    """Until it is there."""
    end = time.monotonic() + 10
    while not path.exists():
        assert time.monotonic() < end, path
        time.sleep(0.02)
