"""What passes through real tunnels while rules are on trial, and what a host that systemd runs makes of a trial."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from lab.booted import HARDEN, BootedHost, wait_for
from lab.exchange import RIGHTS, SMB, SYNC, edited
from lab.probe import Echo, attempt, converse
from lab.tunnel import NAS, Site

from tests.wgfw.command_line import OTHER_POLICY, POLICY, WG_CONF
from tests.wgfw.test_tunnel import FAMILIES, command, opened, sent_again, stream, wait_until

NFS, HTTP = 2049, 80


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A gateway and a client with their tunnels up and no rules."""
    made = Site(tmp_path, ("anca", "laptop"), "wireguard-go")
    try:
        made.up()
        yield made
    finally:
        made.close()


def rights(*ports: int) -> str:
    """What anca may."""
    services = ", ".join([f"udp/{SYNC}", *(f"tcp/{port}" for port in ports)])
    return f"allow: [{{to: nas, services: [{services}]}}]"


def test_each_change_of_rules_ends_what_they_forbid_and_nothing_else(site: Site, tmp_path: Path) -> None:
    """The apply ends what the rules on trial forbid, the way back what only they allowed, in both families. What both
    allow goes on without a segment sent twice, and no datagram is lost over either."""
    harden = command(site, tmp_path)
    there = ("--netns", site.gateway.name)
    policy = harden.host.policy
    assert harden("import", str(site.conf), "-o", str(policy)).status == 0
    text = edited(site, policy.read_text())
    policy.write_text(text.replace(RIGHTS, rights(SMB, NFS)))
    anca = site.clients["anca"].netns
    with ExitStack() as stack:
        nas = stack.enter_context(Echo(site.nas, (SMB, NFS, HTTP), (SYNC,)))
        assert harden("apply", *there).status == 0
        stack.callback(harden, "remove", *there)
        site.gateway.run("conntrack", "-F")
        before, both = ([stack.enter_context(opened(anca, NAS[f], port)) for f in FAMILIES] for port in (SMB, NFS))
        assert all(converse(connection, b"before") for connection in (*before, *both))
        with stream(anca, NAS[4], SYNC) as sent:
            policy.write_text(text.replace(RIGHTS, rights(HTTP, NFS)))
            tried = harden("apply", "--confirm", "600", *there)
            assert "ended 2 open connections" in tried.stdout, tried
            assert not any(converse(connection, b"on trial", 0.5) for connection in before)
            tried_only = [stack.enter_context(opened(anca, NAS[family], HTTP)) for family in FAMILIES]
            assert all(converse(connection, b"on trial") for connection in (*tried_only, *both))
            run_out(harden.host.state)
            wait_until(lambda: attempt(anca, NAS[4], HTTP).answer == "refused")
            wait_until(lambda: not list(harden.host.state.rglob("trial")))
            wait_until(lambda: not any(converse(connection, b"back", 0.5) for connection in tried_only))
            assert all(converse(connection, b"back") for connection in both)
        assert [sent_again(connection) for connection in both] == [0, 0]
        assert {attempt(anca, NAS[family], SMB).answer for family in FAMILIES} == {"open"}
        wait_until(lambda: len(nas.datagrams) >= len(sent))
        assert sorted(nas.datagrams.elements()) == sorted(sent)
        assert len(sent) > 50


def run_out(state: Path) -> None:
    """The time of the trial is over."""
    (path,) = state.rglob("trial.json")
    spare = path.with_name("spare")
    spare.write_text(json.dumps({**json.loads(path.read_text()), "deadline": 0.0}))
    spare.rename(path)


# --- under systemd


@pytest.fixture
def host() -> Iterator[BootedHost]:
    """Turned on, with a policy and nothing in the kernel."""
    with BootedHost() as made:
        made.write("/etc/harden/policy.yaml", POLICY)
        made.write("/etc/harden/other.yaml", OTHER_POLICY)
        made.write("/etc/harden/wg0.conf", WG_CONF)
        made.boot()
        yield made


def wg(host: BootedHost, *arguments: str, check: bool = True) -> str:
    """What `harden wg` says there."""
    return host.run(str(HARDEN), "wg", *arguments, check=check).stdout


def in_force(host: BootedHost, policy: str) -> bool:
    """Whether the kernel holds the rules of that policy."""
    return "in sync: nothing" in wg(host, "plan", "--policy", f"/etc/harden/{policy}", check=False)


def test_systemd_starts_a_watchdog_again_that_is_killed(host: BootedHost) -> None:
    """And the rules go back at their time; the unit is gone then. It is gone soon after a confirm, too. After a power
    cut in the middle, what was confirmed is in force."""
    wg(host, "apply")
    wg(host, "apply", "--policy", "/etc/harden/other.yaml", "--confirm", "6")
    (unit,) = units(host)
    killed = host.show(unit, "MainPID")
    host.run("kill", "-9", killed)
    wait_for(lambda: host.show(unit, "MainPID") not in ("0", killed), "another watchdog")
    assert in_force(host, "other.yaml")
    wait_for(lambda: in_force(host, "policy.yaml"), "the rules before")
    wait_for(lambda: not units(host), "the unit's end")
    wg(host, "apply", "--policy", "/etc/harden/other.yaml", "--confirm", "600")
    wg(host, "confirm")
    wait_for(lambda: not units(host), "the unit's end")
    wg(host, "apply", "--confirm", "600")
    host.cut_power()
    host.boot()
    assert "in force" in wg(host, "restore")
    assert in_force(host, "other.yaml")


def units(host: BootedHost) -> list[str]:
    """The watchdogs."""
    listed = host.run("systemctl", "list-units", "--all", "--plain", "--no-legend", "harden-wg-trial-*").stdout
    return [line.split()[0] for line in listed.splitlines()]
