"""The kernel's own WireGuard by generic netlink, through pyroute2 (``include/uapi/linux/wireguard.h``)."""

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from harden.errors import HardenError
from wgfw.addresses import Prefix
from wgfw.kernel.namespace import inside
from wgfw.peers.state import DevicePeer
from wgfw.peers.values import AllowedIP

_INTERRUPTED = 0x10  # NLM_F_DUMP_INTR: the device was changed while it was told
_TRIES = 10


def peers(interface: str, netns: str | None = None) -> tuple[DevicePeer, ...]:
    """The peers of a kernel interface. Raises HardenError where the kernel has none of that name, or refuses."""
    # A tenth of a second of imports, which a policy with files does not need.
    from pyroute2 import WireGuard  # noqa: PLC0415
    from pyroute2.netlink.exceptions import NetlinkError  # noqa: PLC0415

    try:
        with inside(netns), WireGuard() as wireguard:
            return _of_one_moment(lambda: wireguard.info(interface), interface)
    except NetlinkError as error:
        hint = f"`wg show {interface}` asks the same; it takes root, and the kernel's wireguard module"
        raise HardenError(
            f"{interface}: the kernel does not tell its peers: {os.strerror(error.code)}", hint
        ) from error
    except OSError as error:
        raise HardenError(f"{interface}: the kernel does not tell its peers: {error.strerror or error}") from error


def _of_one_moment(ask: Callable[[], Iterable[Any]], interface: str) -> tuple[DevicePeer, ...]:
    """The peers as they were together, asked for again while they change."""
    for _ in range(_TRIES):
        messages = list(ask())
        if not any(message["header"]["flags"] & _INTERRUPTED for message in messages):
            return decode(messages)
    raise HardenError(f"{interface}: its peers change too fast to be read", "try again")


def decode(messages: Iterable[Any]) -> tuple[DevicePeer, ...]:
    """The peers in the messages of one WG_CMD_GET_DEVICE dump.

    A device with many peers takes several messages, and a peer with many allowed IPs goes on in the next one, where
    only its public key and the rest of its allowed IPs are told.
    """
    found: dict[str, DevicePeer] = {}
    for message in messages:
        for raw in message.get_attr("WGDEVICE_A_PEERS") or ():
            key = raw.get_attr("WGPEER_A_PUBLIC_KEY").decode()
            allowed = tuple(
                AllowedIP(Prefix.parse(one["addr"]), 0) for one in raw.get_attr("WGPEER_A_ALLOWEDIPS") or ()
            )
            before = found.get(key)
            if before is None:
                found[key] = _peer(key, raw, allowed)
            else:
                found[key] = replace(before, allowed_ips=before.allowed_ips + allowed)
    return tuple(found.values())


def _peer(key: str, raw: Any, allowed: tuple[AllowedIP, ...]) -> DevicePeer:
    handshake = raw.get_attr("WGPEER_A_LAST_HANDSHAKE_TIME")
    seconds = handshake["tv_sec"] if handshake else 0
    received, sent = (raw.get_attr(f"WGPEER_A_{direction}_BYTES") or 0 for direction in ("RX", "TX"))
    return DevicePeer(key, None, allowed, 0, seconds, received, sent)
