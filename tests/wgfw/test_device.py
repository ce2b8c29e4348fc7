"""Running interfaces: the answers of netlink and of the userspace socket, decoded, and the real thing asked."""

import base64
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lab.netns import Netns
from pyroute2.netlink.generic.wireguard import wgmsg

from harden.errors import HardenError
from tests.wgfw.kernel_view import kernel_view
from tests.wgfw.wgtexts import KEYS
from wgfw.peers import links, netlink, uapi
from wgfw.peers.device import DevicePeer, read_device
from wgfw.peers.links import local_addresses
from wgfw.peers.wgquick import parse

A, B = KEYS[1], KEYS[2]
SECRET = "5e" * 32


def told(peer: DevicePeer) -> tuple[str, list[str], int, int, int]:
    prefixes = [str(allowed.prefix) for allowed in peer.allowed_ips]
    return peer.public_key, prefixes, peer.latest_handshake, peer.rx_bytes, peer.tx_bytes


# -- userspace --------------------------------------------------------------------------------------------------------

ANSWER = (
    f"private_key={SECRET}\nlisten_port=51820\npublic_key={base64.b64decode(A).hex()}\npreshared_key={SECRET}\n"
    "protocol_version=1\nendpoint=192.0.2.7:4500\nlast_handshake_time_sec=1700000000\nlast_handshake_time_nsec=5\n"
    "tx_bytes=20\nrx_bytes=10\npersistent_keepalive_interval=25\nallowed_ip=10.0.0.1/32\nallowed_ip=fd00::/64\n"
    f"public_key={base64.b64decode(B).hex()}\nlast_handshake_time_sec=0\nerrno=0\n\n"
).encode()


class Device:
    """A userspace device that gives one answer, in pieces, and hangs up."""

    def __init__(self, path: Path, answer: bytes) -> None:
        self.answer = answer
        self.asked = b""
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        connection, _ = self.listener.accept()
        with connection, self.listener:
            self.asked = connection.recv(100)
            for start in range(0, len(self.answer), 97):
                connection.sendall(self.answer[start : start + 97])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(uapi, "FOLDER", str(tmp_path))
    return tmp_path


def test_a_userspace_device_tells_its_peers_in_pieces(folder: Path) -> None:
    device = Device(folder / "wg0.sock", ANSWER)
    peers = uapi.peers("wg0")
    assert [told(peer) for peer in peers] == [
        (A, ["10.0.0.1/32", "fd00::/64"], 1700000000, 10, 20),
        (B, [], 0, 0, 0),
    ]
    device.thread.join(5)
    assert device.asked == b"get=1\n\n"
    assert SECRET not in repr(peers)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (ANSWER[:-30], "the answer breaks off"),
        (b"", "the answer breaks off"),
        (b"errno=1\n\n", "Operation not permitted"),
        (b"public_key=00\nerrno=0\n\n", "a public key has not 32 bytes"),
        (b"public_key=zz\nerrno=0\n\n", "non-hexadecimal"),
        (b"listen_port=1\n\n", "no errno line"),
        (ANSWER.replace(b"fd00::/64", b"fd00::/640"), "no prefix length"),
    ],
)
def test_a_userspace_device_that_talks_nonsense_is_an_error_for_a_person(
    folder: Path, answer: bytes, said: str
) -> None:
    Device(folder / "wg0.sock", answer)
    with pytest.raises(HardenError, match=said) as caught:
        uapi.peers("wg0")
    assert caught.value.messages[0].startswith(f"{folder}/wg0.sock: ")
    assert SECRET not in str(caught.value)


def test_a_socket_that_nobody_listens_on_is_an_error_for_a_person(folder: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(folder / "wg0.sock"))
    left.close()
    with pytest.raises(HardenError, match="Connection refused"):
        uapi.peers("wg0")
    with pytest.raises(HardenError, match="No such file"):
        uapi.peers("wg1")


def test_a_userspace_device_that_never_answers_is_not_waited_for_for_ever(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uapi, "_TIMEOUT", 0.2)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(folder / "wg0.sock"))
        silent.listen()
        with pytest.raises(HardenError, match="timed out"):
            uapi.peers("wg0")


@given(st.lists(st.binary(max_size=60), max_size=12))
@settings(max_examples=200)
def test_any_lines_of_an_answer_give_peers_or_a_plain_error(lines: list[bytes]) -> None:
    assert all(len(peer.public_key) == 44 for peer in decoded([*lines, b"errno=0"]))


def decoded(lines: list[bytes]) -> tuple[DevicePeer, ...]:
    """The peers, none for the plain error that `uapi.peers` has the words for."""
    try:
        return uapi.decode(lines)
    except ValueError:
        return ()


# -- netlink: messages laid out as drivers/net/wireguard/netlink.c does ------------------------------------------------


def attribute(kind: int, value: bytes) -> bytes:
    length = 4 + len(value)
    return struct.pack("=HH", length, kind) + value + bytes(-length % 4)


def nested(kind: int, *values: bytes) -> bytes:
    return attribute(kind | 0x8000, b"".join(values))


def allowed_ip(text: str, length: int) -> bytes:
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    address = socket.inet_pton(family, text)
    return nested(
        0, attribute(3, struct.pack("=B", length)), attribute(1, struct.pack("=H", family)), attribute(2, address)
    )


def peer_attributes(key: str, *allowed: bytes, whole: bool = True) -> bytes:
    values = [attribute(1, base64.b64decode(key))]
    if whole:
        values += [
            attribute(2, bytes.fromhex(SECRET)),
            attribute(6, struct.pack("=qq", 1700000000, 9)),
            attribute(5, struct.pack("=H", 25)),
            attribute(8, struct.pack("=Q", 20)),
            attribute(7, struct.pack("=Q", 1 << 40)),
            attribute(10, struct.pack("=I", 1)),
            attribute(4, struct.pack("=H2s4s8x", socket.AF_INET, b"\xca\x6c", bytes((192, 0, 2, 1)))),
        ]
    if allowed:
        values.append(nested(9, *allowed))
    return nested(0, *values)


def message(*peers: bytes, flags: int = 2) -> wgmsg:
    body = attribute(1, struct.pack("=I", 7)) + attribute(2, b"wg0\0") + attribute(3, bytes.fromhex(SECRET))
    if peers:
        body += nested(8, *peers)
    decoded = wgmsg(struct.pack("=IHHIIBBH", 20 + len(body), 30, flags, 1, 1, 0, 1, 0) + body)
    decoded.decode()
    return decoded


def test_the_peers_of_a_kernel_device_are_decoded() -> None:
    peers = netlink.decode(
        [message(peer_attributes(A, allowed_ip("10.0.0.1", 32), allowed_ip("fd00::", 64)), peer_attributes(B))]
    )
    assert [told(peer) for peer in peers] == [
        (A, ["10.0.0.1/32", "fd00::/64"], 1700000000, 1 << 40, 20),
        (B, [], 1700000000, 1 << 40, 20),
    ]
    assert SECRET not in repr(peers)
    assert base64.b64encode(bytes.fromhex(SECRET)).decode() not in repr(peers)


def test_a_peer_that_goes_on_in_the_next_message_is_one_peer() -> None:
    first = message(peer_attributes(A, allowed_ip("10.0.0.1", 32)))
    second = message(
        peer_attributes(A, allowed_ip("10.0.0.2", 32), whole=False), peer_attributes(B, allowed_ip("::", 0))
    )
    assert [told(peer)[:3] for peer in netlink.decode([first, second, message()])] == [
        (A, ["10.0.0.1/32", "10.0.0.2/32"], 1700000000),
        (B, ["::/0"], 1700000000),
    ]


def test_a_device_without_peers_has_none() -> None:
    assert netlink.decode([message()]) == ()


def test_a_dump_that_was_interrupted_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [[message(flags=0x12)], [message(peer_attributes(A)), message(flags=0x12)], [message(peer_attributes(B))]]
    monkeypatch.setattr("pyroute2.WireGuard", lambda: Answering(answers))
    assert [peer.public_key for peer in netlink.peers("wg0")] == [B]
    monkeypatch.setattr("pyroute2.WireGuard", lambda: Answering([[message(flags=0x12)]] * 99))
    with pytest.raises(HardenError, match="change too fast"):
        netlink.peers("wg0")


class Answering:
    """A netlink socket with these answers."""

    def __init__(self, answers: list[list[wgmsg]]) -> None:
        self.answers = iter(answers)

    def __enter__(self) -> "Answering":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def info(self, _: str) -> list[wgmsg]:
        return next(self.answers)


# -- interfaces and addresses ------------------------------------------------------------------------------------------


def test_the_kind_of_an_interface_is_decoded() -> None:
    body = struct.pack("=BxHiII", 0, 65534, 7, 1, 0)
    body += attribute(3, b"wg0\0") + nested(18, attribute(1, b"wireguard\0"))
    assert links.decode_link(body) == links.Link(7, "wg0", "wireguard")
    assert links.decode_link(struct.pack("=BxHiII", 0, 1, 2, 1, 0) + attribute(3, b"eth0\0")).kind == ""


def test_on_a_point_to_point_interface_the_near_end_is_the_address() -> None:
    head = struct.pack("=BBBBi", socket.AF_INET, 32, 0, 0, 7)
    body = head + attribute(1, bytes((10, 0, 0, 2))) + attribute(2, bytes((10, 0, 0, 1)))
    assert links.decode_address(body) == links.Address(7, 4, (10 << 24) + 1, 32)
    assert links.decode_address(head) is None
    assert links.decode_address(struct.pack("=BBBBi", 28, 0, 0, 0, 1) + attribute(1, b"x")) is None


def test_our_own_addresses_are_told_without_pyroute2() -> None:
    script = (
        "import sys; from wgfw.peers.links import local_addresses; print(local_addresses(None));"
        "assert 'pyroute2' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert "127.0.0.0/8" in done.stdout


@pytest.fixture
def namespace() -> Iterator[Netns]:
    with Netns("hdev") as made:
        yield made


def test_the_addresses_of_a_namespace_are_its_own_and_not_ours(namespace: Netns) -> None:
    namespace.run("ip", "tuntap", "add", "dum0", "mode", "tun")
    namespace.run("ip", "address", "add", "198.51.100.9/24", "dev", "dum0")
    namespace.run("ip", "address", "add", "198.51.100.77", "peer", "198.51.100.78", "dev", "dum0")
    namespace.run("ip", "address", "add", "2001:db8::9/64", "dev", "dum0")
    namespace.run("ip", "address", "add", "192.0.2.0/29", "dev", "lo")
    found = local_addresses(namespace.name)
    own = ["127.0.0.0/8", "192.0.2.0/29", "198.51.100.9", "198.51.100.77", "198.51.100.255"]
    assert [p.bare for p in found.prefixes(4)] == own
    assert [p.bare for p in found.prefixes(6)] == ["::1", "2001:db8::", "2001:db8::9"]
    assert not local_addresses(None).holds(6, int.from_bytes(socket.inet_pton(socket.AF_INET6, "2001:db8::9"), "big"))


def test_thousands_of_addresses_are_all_told(namespace: Netns) -> None:
    namespace.run("ip", "tuntap", "add", "dum0", "mode", "tun")
    wanted = [f"10.{n >> 8}.{n & 255}.1" for n in range(3000)]
    namespace.run("ip", "-batch", "-", text="".join(f"address add {one}/32 dev dum0\n" for one in wanted))
    assert {str(p).partition("/")[0] for p in local_addresses(namespace.name).prefixes(4)} >= set(wanted)


def test_what_is_no_wireguard_interface_is_an_error_for_a_person(namespace: Netns) -> None:
    namespace.run("ip", "tuntap", "add", "dum0", "mode", "tun")
    with pytest.raises(HardenError, match="dum0 is no WireGuard interface: it is of the kind tun"):
        read_device("dum0", namespace.name)
    with pytest.raises(HardenError, match=f"there is no interface wg9 in the namespace {namespace.name}"):
        read_device("wg9", namespace.name)
    with pytest.raises(HardenError, match="there is no network namespace"):
        read_device("wg9", "no-such-namespace")
    with pytest.raises(HardenError, match="no name of an interface"):
        read_device("../wg0")


@pytest.fixture
def userspace(namespace: Netns) -> Iterator[tuple[Netns, str]]:
    """A real wireguard-go in the namespace, and the name of its interface."""
    interface = f"hd{os.getpid()}"[:15]
    log = subprocess.DEVNULL
    environment = {**os.environ, "WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD": "1"}
    command = namespace.command("wireguard-go", "-f", interface)
    with subprocess.Popen(command, stdout=log, stderr=log, stdin=log, env=environment) as daemon:
        try:
            until = time.monotonic() + 20
            while not os.path.exists(uapi.socket_path(interface)) and time.monotonic() < until:
                time.sleep(0.02)
            namespace.run("ip", "address", "add", "10.9.0.1/24", "dev", interface)
            namespace.run("ip", "link", "set", interface, "up")
            yield namespace, interface
        finally:
            daemon.terminate()
            daemon.wait(20)


def test_real_userspace_wireguard_holds_what_we_read_from_the_file(
    userspace: tuple[Netns, str], tmp_path: Path
) -> None:
    """A key in two sections, a prefix that moves to another peer and back, host bits: the device decides."""
    namespace, interface = userspace
    sections = [(A, "10.0.0.1, 10.0.0.2"), (B, "10.0.0.1, 10.0.0.3, fd00::1/64"), (A, "10.0.0.3/32, 10.1.2.3/16"),
                (KEYS[3], "10.0.0.3/32")]  # fmt: skip
    text = f"[Interface]\nPrivateKey = {KEYS[4]}\n"
    text += "".join(f"[Peer]\nPublicKey = {key}\nAllowedIPs = {prefixes}\n" for key, prefixes in sections)
    path = tmp_path / f"{interface}.conf"
    path.write_text(text)
    path.chmod(0o600)
    namespace.run("wg", "setconf", interface, str(path))

    state = read_device(interface, namespace.name)

    assert state.source == "kernel"
    assert "10.9.0.1/32" in [str(address) for address in state.addresses]
    assert kernel_view(parse(text.encode(), "f", "wg0").peers) == kernel_view(state.peers)
    assert {peer.public_key for peer in state.peers} == {A, B, KEYS[3]}
    assert [peer.latest_handshake for peer in state.peers] == [0, 0, 0]
    assert KEYS[4] not in repr(state)


def test_a_socket_of_the_same_name_does_not_stand_in_for_an_interface_that_is_not_there(
    userspace: tuple[Netns, str],
) -> None:
    _, interface = userspace
    with Netns("hdev") as other, pytest.raises(HardenError, match="there is no interface"):
        read_device(interface, other.name)
