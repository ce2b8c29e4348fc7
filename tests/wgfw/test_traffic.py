"""Packets that flow while rules change: none is let through that must not be, none is lost that must pass."""

import itertools
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import packet as wire
from lab.iptables import BACKENDS, Iptables
from lab.packet import Packet
from lab.tun import Lab

from tests.wgfw.command_line import Host, only_ours
from wgfw.kernel.state import StateDirectory

APPLIES = 200
RATE = 1000  # packets a second
GROUP_KILLS = 12
TREE_KILLS = 9
WG1_CONF = """\
[Interface]
Address = 10.9.0.1/24, fd00:9::1/64

# friendly_name = guest
[Peer]
PublicKey = aGFyZGVuIGxhYiBwdWJsaWMga2V5IDAwMDAwMDAwMDM=
AllowedIPs = 10.9.0.2/32, fd00:9::2/128
"""
NETWORKS = 'networks: {nas: [192.168.1.10, "fd00:1::10"]}\n'
FEW = f"""\
version: 1
interface: wg0
peers: wg0.conf
{NETWORKS}\
clients:
  anca: {{allow: [{{to: nas, services: [ssh]}}]}}
  laptop: {{profile: quarantine, inbound: [{{from: nas, services: [ssh]}}]}}
"""
MANY = f"""\
version: 1
interfaces: {{wg0: {{peers: wg0.conf}}, wg1: {{peers: wg1.conf}}}}
{NETWORKS}\
clients:
  anca:
    allow:
      - {{to: nas, services: [smb, ssh, dns]}}
      - {{to: internet, services: [https]}}
    deny: [{{to: 192.168.1.11, services: [any]}}]
  laptop: {{profile: internet-only, inbound: [{{from: nas, services: [any]}}]}}
  guest: {{profile: internet-only}}
"""
NAS = ("192.168.1.10", "fd00:1::10")
ANCA, LAPTOP, NOBODY = ("10.8.0.2", "fd00:8::2"), ("10.8.0.3", "fd00:8::3"), ("10.8.0.99", "fd00:8::99")
ALWAYS = [
    *(("wg0", src, dst, wire.TCP, 22) for src, dst in zip(ANCA, NAS, strict=True)),
    *(("lan0", src, dst, wire.TCP, 22) for src, dst in zip(NAS, LAPTOP, strict=True)),
]
NEVER = [
    *(("wg0", src, dst, wire.TCP, 23) for src, dst in zip(ANCA, NAS, strict=True)),
    *(("wg0", src, dst, wire.TCP, 22) for src, dst in zip(LAPTOP, NAS, strict=True)),
    *(("wg0", src, dst, wire.UDP, 53) for src, dst in zip(NOBODY, NAS, strict=True)),
    *(("wg0", src, dst, wire.TCP, 22) for src, dst in zip(LAPTOP, ("192.168.1.1", "fd00:1::1"), strict=True)),
    *(("lan0", src, dst, wire.TCP, 22) for src, dst in zip(NAS, ANCA, strict=True)),
]


class Traffic:
    """Packets without a pause while the block runs; afterwards, how many of each kind met a wrong fate."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.sent = 0
        self.wrong: Counter[str] = Counter()
        self._ports = itertools.cycle(range(20000, 60000))
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Traffic":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._failure:
            raise self._failure

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                begin, before = time.monotonic(), self.sent
                self._round()
                self._stop.wait(max(0, begin + (self.sent - before) / RATE - time.monotonic()))
        except BaseException as failure:  # noqa: BLE001 - raised by the thread that waits
            self._failure = failure

    def _round(self) -> None:
        probes = [(probe, True) for probe in ALWAYS] + [(probe, False) for probe in NEVER]
        packets = [
            (via, Packet(src, dst, protocol, port, next(self._ports))) for (via, src, dst, protocol, port), _ in probes
        ]
        for (_, wanted), (_, packet), outcome in zip(probes, packets, self.lab.send_all(packets), strict=True):
            self.sent += 1
            if outcome.passed != wanted:
                self.wrong[f"{'lost' if wanted else 'let through'}: {packet.src} {packet.dst} {packet.detail}"] += 1
        if self.sent % 5000 < len(probes):
            self.lab.flush_conntrack()  # or the kernel's table fills up

    def proves(self, changes: int) -> None:
        """Nothing was wrong, and enough was sent during so many changes for that to mean something."""
        assert not self.wrong, self.wrong
        assert self.sent > 20 * changes


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab() as made:
        yield made


@pytest.fixture(params=BACKENDS)
def gateway(lab: Lab, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    """Two policies on disk, the first in force."""
    made = Host(lab.netns, tmp_path)
    made.write("wg1.conf", WG1_CONF)
    made.write("few.yaml", FEW)
    made.write("many.yaml", MANY)
    made.done("apply", "--backend", request.param, "--policy", "few.yaml")
    yield made
    for backend in BACKENDS:
        Iptables(lab, backend).clear()


def often(host: Host, count: int, *policies: str) -> "subprocess.Popen[str]":
    """A process that applies these in turn."""
    return subprocess.Popen(
        host.netns.command(sys.executable, "-m", "tests.wgfw.often", str(count), *policies),
        cwd=host.folder, env=host.variables(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def applied(process: "subprocess.Popen[str]") -> int:
    """How many applies of a process that ended well have changed something."""
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    return sum(json.loads(line)["changed"] for line in out.splitlines())


def backend_of(host: Host) -> str:
    return str(host.wg("status", "--policy", "few.yaml", "--json").json["backend"])


def test_no_packet_meets_a_wrong_fate_while_rules_change(gateway: Host, lab: Lab) -> None:
    """Two policies in turn, interfaces come and go; a thousand packets a second that must or must not pass."""
    with Traffic(lab) as traffic:
        changed = applied(often(gateway, APPLIES, "many.yaml", "few.yaml"))
    assert changed == APPLIES
    traffic.proves(changed)


def test_two_that_apply_at_once_end_in_one_of_the_two(gateway: Host, lab: Lab) -> None:
    """Whole, in both families, and nothing wrong meanwhile."""
    with Traffic(lab) as traffic:
        running = [often(gateway, 20, "many.yaml", "few.yaml"), often(gateway, 20, "few.yaml", "many.yaml")]
        changed = sum(map(applied, running))
    traffic.proves(changed)
    assert sorted(gateway.wg("plan", "--policy", name).status for name in ("few.yaml", "many.yaml")) == [0, 3]


def test_killed_at_any_moment_it_is_old_or_new(gateway: Host, lab: Lab) -> None:
    """kill -9: to the command and all of its group, or to every descendant it has.

    The first leaves the old rules or the new ones, in both families. The second may cut between two tables, each
    of which is old or new. Nothing wrong passes in any of these states, and the next apply repairs.
    """
    backend = backend_of(gateway)
    whole = {}
    for name in ("many.yaml", "few.yaml"):
        begin = time.monotonic()
        gateway.done("apply", "--policy", name)
        duration = time.monotonic() - begin
        whole[name] = only_ours(gateway.rules(backend))
    seen: Counter[str] = Counter()
    with Traffic(lab) as traffic:
        for number in range(GROUP_KILLS + TREE_KILLS):
            old, new = ("many.yaml", "few.yaml") if number % 2 else ("few.yaml", "many.yaml")
            process = subprocess.Popen(
                gateway.argv("apply", "--policy", new), cwd=gateway.folder, env=gateway.variables(),
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
            time.sleep(random.uniform(0.3, 1.1) * duration)
            if number < GROUP_KILLS:
                os.killpg(process.pid, 9)
            else:
                kill_tree(process.pid)
            process.wait(60)
            with StateDirectory(gateway.state, gateway.netns.name).lock(60):  # whoever still writes holds it
                found = only_ours(gateway.rules(backend))
            if number < GROUP_KILLS:
                assert found in (whole[old], whole[new])
            assert all(line in whole[old][family] + whole[new][family] for family in (4, 6) for line in found[family])
            seen["old" if found == whole[old] else "new" if found == whole[new] else "between"] += 1
            gateway.done("apply", "--policy", new)
            assert only_ours(gateway.rules(backend)) == whole[new]
    traffic.proves(GROUP_KILLS + TREE_KILLS)
    assert seen["old"] > 0


def kill_tree(pid: int) -> None:
    """The process and all of its descendants, with no time for any of them to notice."""
    try:
        os.kill(pid, 19)
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for child in children:
            kill_tree(int(child))
        os.kill(pid, 9)
    except (FileNotFoundError, ProcessLookupError):
        return
