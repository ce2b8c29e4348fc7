"""A gateway with the kernel's own WireGuard, in a virtual machine: this host's kernel may have none."""

import json
import os
import sys
from pathlib import Path

import pytest

from tests.vm import machine
from tests.wgfw.enforcement import holds

pytestmark = pytest.mark.kernel

BACKENDS = ("nft", "legacy")
TIME_LIMIT = 180.0  # seconds; it takes 40 where nothing else runs
# The kernel of the machine loads nothing by itself: WireGuard and cables, then what rules are made of.
MODULES = (
    "wireguard", "veth", "nf_conntrack", "nf_conntrack_netlink", "ip_tables", "ip6_tables", "nf_tables", "nft_compat",
    *(f"{family}table_{table}" for family in ("ip", "ip6") for table in ("filter", "mangle", "security")),
    *(f"xt_{match}" for match in ("addrtype", "comment", "conntrack", "mark", "multiport", "tcpudp", "time")),
    "ipt_REJECT", "ip6t_REJECT",
)  # fmt: skip


def test_a_policy_is_enforced_on_what_comes_through_the_kernels_tunnels(tmp_path: Path) -> None:
    """With `peers: kernel`, netlink tells who the peers are and how they fare, as wg(8) tells it, and packets through
    the kernel's tunnels fare as the policy says, with either backend."""
    assert machine.missing() == [], f"run: {machine.INSTALL}"
    paths = os.pathsep.join(path for path in sys.path if path)
    settings = (f"PYTHONPATH={paths}", "PYTHONDONTWRITEBYTECODE=1", "TMPDIR=/run", "TERM=dumb", f"PATH={os.defpath}")
    command = ("env", "-i", *settings, sys.executable, "-m", "tests.vm.gateway", *BACKENDS)
    ended = machine.run(command, MODULES, tmp_path, TIME_LIMIT)
    answer = tmp_path / "found.json"
    assert ended.in_time, ended.console
    assert answer.exists(), ended.console
    found = json.loads(answer.read_text())
    assert list(found) == list(BACKENDS)
    for backend in BACKENDS:
        holds(found[backend], backend)
