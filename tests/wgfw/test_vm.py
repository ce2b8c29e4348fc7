"""A gateway with the kernel's own WireGuard, in a virtual machine: this host's kernel may have none."""

import json
import os
import sys
from typing import Any

import pytest

from tests.vm import machine
from tests.wgfw.enforcement import holds

pytestmark = pytest.mark.kernel

BACKENDS = ("nft", "legacy")
Found = dict[str, Any]  # by backend what ``lab.exchange`` observed, and ``many``
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TIME_LIMIT = 180.0  # seconds; it takes 40 where nothing else runs
# The kernel of the machine loads nothing by itself: WireGuard and cables, then what rules are made of.
MODULES = (
    "wireguard", "veth", "nf_conntrack", "nf_conntrack_netlink", "ip_tables", "ip6_tables", "nf_tables", "nft_compat",
    *(f"{family}table_{table}" for family in ("ip", "ip6") for table in ("filter", "mangle", "security")),
    *(f"xt_{match}" for match in ("addrtype", "comment", "conntrack", "mark", "multiport", "tcpudp", "time")),
    "ipt_REJECT", "ip6t_REJECT",
)  # fmt: skip


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """What ``tests.vm.gateway`` found in the machine, which starts once for all tests here."""
    assert machine.missing() == [], f"run: {machine.INSTALL}"
    exchange = tmp_path_factory.mktemp("exchange")
    paths = os.pathsep.join(path for path in sys.path if path)
    settings = (f"PYTHONPATH={paths}", "PYTHONDONTWRITEBYTECODE=1", "TMPDIR=/run", "TERM=dumb", f"PATH={PATH}")
    command = ("env", "-i", *settings, sys.executable, "-m", "tests.vm.gateway", *BACKENDS)
    ended = machine.run(command, MODULES, exchange, TIME_LIMIT)
    answer = exchange / "found.json"
    assert ended.in_time, ended.console
    assert answer.exists(), ended.console
    document: Found = json.loads(answer.read_text())
    return document


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_policy_is_enforced_on_what_comes_through_the_kernels_tunnels(found: Found, backend: str) -> None:
    """With `peers: kernel`, netlink tells who the peers are and how they fare, as wg(8) tells it, and packets through
    the kernel's tunnels fare as the policy says."""
    holds(found[backend], backend)


def test_all_peers_and_allowed_ips_are_read_however_many_messages_they_take(found: Found) -> None:
    """For eighty peers, one of them with more networks than go into one message, netlink is read as wg(8) reads it."""
    many = found["many"]
    assert many["messages"] > 1
    assert many["harden"] == many["wg"]
    assert sorted(map(len, many["harden"].values())) == [2] * 79 + [1301]
