"""What the virtual machine runs: the gateway of ``lab.exchange`` with the kernel's own WireGuard.

Started as ``python -m tests.vm.gateway BACKEND…`` among the host's files; /run is empty and can be written to. Leaves
``found.json`` in the folder that it shares with the host: what was found for each backend, and of many peers.
"""

import base64
import importlib
import io
import json
import os
import sys
import tempfile
import time
from collections import Counter
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.exchange import observe
from lab.netns import Netns
from lab.tunnel import Site
from pyroute2 import WireGuard

from tests.vm.machine import EXCHANGE
from wgfw.kernel.namespace import inside
from wgfw.peers import netlink

# Emulated, imports take longer than the rest of a command: the commands below start with all there.
IMPORTED = ("harden.cli", "wgfw.cli", "wgfw.commands.applying", "wgfw.commands.asking", "wgfw.commands.importing",
            "wgfw.commands.reporting")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended and what it said."""

    status: int
    stdout: str
    stderr: str


def harden(*arguments: str) -> Said:
    """``harden wg ARGUMENTS`` in a process of its own, which is a copy of this one."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            _become(arguments, out.fileno(), err.fileno())
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        out.seek(0)
        err.seek(0)
        said = Said(status, out.read(), err.read())
    sys.stderr.write(f"{time.monotonic():.1f} s: harden wg {' '.join(arguments)}: {status}\n{said.stderr}")
    return said


def _warm_up() -> None:
    """Import what commands import, some of it only when the first one runs."""
    for module in IMPORTED:
        importlib.import_module(module)
    sys.argv = ["harden", "wg", "plan", "--help"]
    with suppress(SystemExit), redirect_stdout(io.StringIO()):
        sys.modules["harden.cli"].main()


def _become(arguments: tuple[str, ...], out: int, err: int) -> None:
    """Be the command, and end."""
    status = 70
    try:
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.argv = ["harden", "wg", *arguments]
        sys.modules["harden.cli"].main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def many(netns: Netns) -> dict[str, Any]:
    """The allowed IPs of many peers, one of which takes several messages: as wg(8) tells them, and as we read them.

    ``messages`` is how many there were of the peer that had most. A message has at most 32 KiB (netlink_dump in the
    kernel's af_netlink.c), an allowed IP takes 28 bytes.
    """
    networks = [[f"10.{peer}.{part}.0/24" for part in range(2)] for peer in range(80)]
    networks[9] = [f"10.9.{part // 16}.{part % 16 * 16}/28" for part in range(1300)] + ["fd00:9::/48"]
    conf = (
        f"[Peer]\nPublicKey = {base64.b64encode(os.urandom(32)).decode()}\nAllowedIPs = {', '.join(own)}\n"
        for own in networks
    )
    netns.run("ip", "link", "add", "wgmany", "type", "wireguard")
    netns.run("wg", "setconf", "wgmany", "/dev/stdin", text="".join(conf))
    told = [line.split("\t") for line in netns.run("wg", "show", "wgmany", "allowed-ips").stdout.splitlines()]
    with inside(netns.name), WireGuard() as wireguard:
        messages = list(wireguard.info("wgmany"))
    parts = Counter(
        peer.get_attr("WGPEER_A_PUBLIC_KEY") for message in messages for peer in message.get_attr("WGDEVICE_A_PEERS")
    )
    peers = netlink.decode(messages)
    return {
        "messages": max(parts.values()),
        "wg": {key: sorted(allowed.split(" ")) for key, allowed in told},
        "harden": {peer.public_key: sorted(str(one.prefix) for one in peer.allowed_ips) for peer in peers},
    }


def main(backends: list[str]) -> None:
    """Go through it all, once for each backend."""
    _warm_up()
    folder = Path(tempfile.mkdtemp(dir="/run"))
    found: dict[str, Any] = {}
    site = Site(folder, ("anca", "laptop"), "kernel")
    site.up()
    for backend in backends:
        policy = folder / f"{backend}.yaml"
        os.environ |= {"HARDEN_POLICY": str(policy), "HARDEN_STATE": str(folder / f"state-{backend}")}
        found[backend] = observe(site, harden, policy, "kernel", backend)
    found["many"] = many(site.gateway)
    site.close()
    (EXCHANGE / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
