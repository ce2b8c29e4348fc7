"""What ``status`` says of packets that somebody else's ACCEPT lets through, and the guard does not."""

from pathlib import Path

import pytest
from lab.estate import opening
from lab.iptables import BACKENDS, Iptables
from lab.tun import Lab

from tests.wgfw.command_line import Host


@pytest.mark.parametrize("backend", BACKENDS)
def test_status_counts_what_the_guard_drops(tmp_path: Path, backend: str) -> None:
    """A denied packet that is accepted before our rules is dropped, told of, and in the metrics."""
    with Lab() as lab:
        host = Host(lab.netns, tmp_path)
        iptables = Iptables(lab, backend)
        host.done("apply", "-q", "--backend", backend)
        assert host.done("status", "--json").json["dropped_by_guard"] == 0
        iptables.both("-I", "FORWARD", "-j", "ACCEPT")
        for source, target in (("10.8.0.2", "192.168.1.20"), ("fd00:8::2", "fd00:1::20")):
            assert not lab.send("wg0", opening(source, target, "tcp/9999")).passed
        iptables.both("-D", "FORWARD", "-j", "ACCEPT")
        assert host.done("status", "--json").json["dropped_by_guard"] == 2
        assert "2 packets that others' rules let through were dropped" in host.done("status").stderr
        assert (
            f'harden_wg_guard_dropped_packets_total{{backend="{backend}"}} 2'
            in host.done("status", "--format", "prometheus").stdout
        )
