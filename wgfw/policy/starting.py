"""The policy that ``harden wg import`` begins with: every peer a client in quarantine."""

from collections import Counter
from collections.abc import Iterator
from pathlib import PurePath

from harden.document.yamlscalar import yaml_scalar
from wgfw.peers.state import SOURCE
from wgfw.peers.values import InterfacePeers, Peer
from wgfw.policy.matching import made_up_name

# A key must end within 1024 characters to do without a question mark (YAML 1.2, 7.4.2).
_LONGEST_KEY = 1000
_MAX_SHOWN = 3

_GUIDE = """\
#
# 1. Give each client below the profile that fits it:
#      quarantine      nothing
#      dns-only        name lookups
#      internet-only   the public internet
#      guest           the public internet and name lookups
#      media           films, music and file shares
#      developer       the cluster and the internet
#      admin           everything
#    A client may have several, and rules of its own:
#      laptop: {profiles: [guest, media], allow: [{to: 192.168.1.20, services: [ssh]}]}
# 2. Say under "networks" where the things are that those profiles name.
# 3. See what it means, then put it in force; `harden wg rollback` goes back to the rules before:
#      harden wg check
#      harden wg plan
#      harden wg apply
#    Each takes --policy FILE if this file is not /etc/harden/policy.yaml.
"""
_NETWORKS = """\
# networks:
#   dns: [192.168.1.1]
#   nas: [192.168.1.10, "fd00:1::10"]
#   media: [192.168.1.11]
#   cluster: [10.32.0.0/12]
"""


def starting_policy(peers: InterfacePeers, peers_path: str) -> str:
    """The text of a policy in which every peer is a client of ``quarantine``; it loads as it is.

    ``peers_path`` is the absolute path of the peers' file, or ``kernel``. A client is found again by its peer's
    name, or by its public key where the peer has no name, or one that is not its own.
    """
    interface = yaml_scalar(peers.interface)
    lines = [
        f"# A starting policy for {interface}: every client is in quarantine and reaches nothing.",
        _GUIDE.rstrip(),
        "version: 1",
        f"interface: {interface}{_doubt(peers, peers_path)}",
        f"peers: {yaml_scalar(peers_path)}",
        "",
        _NETWORKS,
        "clients:" if peers.peers else "clients: {}  # no peers yet",
        *_clients(peers),
    ]
    return "\n".join(lines) + "\n"


def _doubt(peers: InterfacePeers, peers_path: str) -> str:
    """A remark where the file's name does not say which interface it is for."""
    known = peers_path == SOURCE or PurePath(peers_path).stem == peers.interface
    return "" if known else "  # is it? the peers file is called otherwise"


def _clients(peers: InterfacePeers) -> Iterator[str]:
    called = [peer.name or made_up_name(peer) for peer in peers.peers]
    count = Counter(called)
    taken = set(called)
    for peer, name in zip(peers.peers, called, strict=True):
        # The loader takes wg0/anca for the anca of wg0, so a peer that is really called so needs its key.
        own = peer.name is not None and count[name] == 1 and not name.startswith(f"{peers.interface}/")
        key = name if count[name] == 1 else _unused(name, taken)
        value = "{profile: quarantine}" if own else f'{{profile: quarantine, public_key: "{peer.public_key}"}}'
        yield _entry(yaml_scalar(key), f"{value}  # {_addresses(peer)}")


def _unused(name: str, taken: set[str]) -> str:
    """A key for one of several peers of that name."""
    number = 1
    while (key := f"{name}-{number}") in taken:
        number += 1
    taken.add(key)
    return key


def _entry(key: str, value: str) -> str:
    return f"  {key}: {value}" if len(key) <= _LONGEST_KEY else f"  ? {key}\n  : {value}"


def _addresses(peer: Peer) -> str:
    """The first allowed IPs, for the reader."""
    shown = [allowed.prefix.bare for allowed in peer.allowed_ips]
    more = f" and {len(shown) - _MAX_SHOWN} more" if len(shown) > _MAX_SHOWN else ""
    return (", ".join(shown[:_MAX_SHOWN]) or "no address") + more
