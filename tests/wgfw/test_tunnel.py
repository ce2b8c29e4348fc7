"""A gateway with real tunnels, by wireguard-go: from its wg0.conf to what passes through them."""

import shlex
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from lab.exchange import CHAT, RIGHTS, SMB, SYNC, edited, observe
from lab.netns import Netns
from lab.probe import Echo, attempt, connect, converse, throw
from lab.tunnel import NAS, Site

from tests.wgfw.command_line import HARDEN, Done, Host
from tests.wgfw.enforcement import holds

FAMILIES = (4, 6)
NFS = 2049
PATIENCE = 20.0  # seconds


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A gateway and two clients with their tunnels up and no rules."""
    site = Site(tmp_path_factory.mktemp("site"), ("anca", "laptop"), "wireguard-go")
    try:
        site.up()
        yield site
    finally:
        site.close()


@dataclass
class Command:
    """``harden wg`` outside of the gateway's namespace, for which ``--netns`` is there."""

    host: Host

    def __call__(self, *arguments: str) -> Done:
        return self.host.run([*HARDEN, "wg", *arguments])


def command(site: Site, folder: Path) -> Command:
    """A command whose policy is not there yet."""
    host = Host(site.gateway, folder)
    host.policy.unlink()
    return Command(host)


@pytest.mark.parametrize(("peers", "backend"), [("file", "nft"), ("kernel", "nft"), ("file", "legacy")])
def test_a_policy_is_enforced_on_what_comes_through_tunnels(
    site: Site, tmp_path: Path, peers: Literal["file", "kernel"], backend: str
) -> None:
    """Before, everyone reaches everything. From apply to remove, what is allowed passes and the rest is refused at
    once; explain agrees, and status tells handshakes, bytes, and the very number of packets accepted and denied."""
    harden = command(site, tmp_path)
    holds(observe(site, harden, harden.host.policy, peers, backend), backend)


def test_a_right_that_is_taken_away_ends_what_was_open_and_nothing_else(site: Site, tmp_path: Path) -> None:
    """An apply cuts the connection that has lost its right, in either family; another of the same client goes on
    without a segment sent twice, and so does a stream of datagrams."""
    harden = command(site, tmp_path)
    policy, there = harden.host.policy, ("--netns", site.gateway.name)
    rights = RIGHTS.replace(f"tcp/{SMB}", f"tcp/{SMB}, tcp/{NFS}")
    assert harden("import", str(site.conf), "-o", str(policy)).status == 0
    policy.write_text(edited(site, policy.read_text(), rights))
    anca = site.clients["anca"].netns
    with ExitStack() as stack:
        nas = stack.enter_context(Echo(site.nas, (SMB, NFS), (SYNC,)))
        assert harden("apply", *there).status == 0
        stack.callback(harden, "remove", *there)
        site.gateway.run("conntrack", "-F")  # what other tests have left is not to be counted
        lost, kept = ([stack.enter_context(opened(anca, NAS[f], port)) for f in FAMILIES] for port in (SMB, NFS))
        assert all(converse(connection, b"before") for connection in (*lost, *kept))
        with stream(anca, NAS[4], SYNC) as sent:
            policy.write_text(policy.read_text().replace(f"tcp/{SMB}, ", ""))
            done = harden("apply", *there)
            assert not any(converse(connection, b"after", 0.5) for connection in lost)
            assert all(converse(connection, b"after") for connection in kept)
        assert "ended 2 open connections" in done.stdout
        assert [sent_again(connection) for connection in kept] == [0, 0]
        assert {attempt(anca, NAS[family], SMB).answer for family in FAMILIES} == {"refused"}
        wait_until(lambda: len(nas.datagrams) >= len(sent))
        assert sorted(nas.datagrams.elements()) == sorted(sent)
        assert len(sent) > 50


def test_deny_in_pre_up_leaves_no_open_moment(tmp_path: Path) -> None:
    """With `harden wg apply` in PreUp, wg-quick brings a tunnel up through which nothing forbidden ever passes, though
    clients send without pause; without it, it does."""
    site = Site(tmp_path, ("anca", "laptop"), "wireguard-go")
    try:
        harden = command(site, tmp_path)
        policy = harden.host.policy
        assert harden("import", str(site.conf), "-o", str(policy)).status == 0
        policy.write_text(edited(site, policy.read_text()))
        site.clients_up()
        with Echo(site.nas, (), (SYNC, CHAT)) as nas:
            seen = nas.datagrams
            with up(site, harden), flood(site, b"open"):
                wait_until(lambda: min(seen[b"open 4"], seen[b"open 6"]) > 20)
            apply = shlex.join([*HARDEN, "wg", "apply", "--netns", site.gateway.name])
            site.write_conf(f"PreUp = {apply}", f"PreUp = ip link show {site.interface} >&2 || echo not there >&2")
            with flood(site, b"denied"), up(site, harden) as said:
                wait_until(lambda: min(seen[b"allowed 4"], seen[b"allowed 6"]) > 20)
                assert harden("plan", "--netns", site.gateway.name).status == 0
        assert "not there" in said
        assert {text for text in seen if text.startswith(b"denied")} == set()
    finally:
        site.close()


@contextmanager
def opened(netns: Netns, address: str, port: int) -> Iterator[socket.socket]:
    """An open TCP connection."""
    connection, tried = connect(netns, address, port)
    with connection:
        assert tried.answer == "open", (address, port, tried)
        yield connection


def sent_again(connection: socket.socket) -> int:
    """How many segments had to be sent twice (tcpi_total_retrans of struct tcp_info)."""
    return int.from_bytes(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)[100:104], "little")


@contextmanager
def stream(netns: Netns, address: str, port: int) -> Iterator[list[bytes]]:
    """Datagrams sent all the while, each with a number of its own."""
    sent: list[bytes] = []
    ended = threading.Event()

    def send() -> None:
        with netns.call(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender:
            while not ended.wait(0.004):
                sent.append(str(len(sent)).encode())
                sender.sendto(sent[-1], (address, port))

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield sent
    finally:
        ended.set()
        thread.join()


@contextmanager
def flood(site: Site, forbidden: bytes) -> Iterator[None]:
    """Allowed and forbidden datagrams of a client, all the while, as new flows."""
    ended = threading.Event()
    netns = site.clients["anca"].netns

    def send() -> None:
        while not ended.wait(0.004):
            for family in FAMILIES:
                throw(netns, NAS[family], CHAT, b"%s %d" % (forbidden, family), 1)
                throw(netns, NAS[family], SYNC, b"allowed %d" % family, 1)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def up(site: Site, harden: Command) -> Iterator[str]:
    """The gateway's tunnel, by wg-quick(8); what that said."""

    def quick(action: str) -> str:
        argv = site.gateway.command("wg-quick", action, str(site.conf))
        variables = harden.host.variables()
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, env=variables)
        assert done.returncode == 0, done.stderr
        return done.stderr

    said = quick("up")
    try:
        yield said
    finally:
        quick("down")


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until it is true, for so long as is decent."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"not so after {PATIENCE:.0f} s"
        time.sleep(0.02)
