"""The peers of a policy, from where it says that they are."""

from pathlib import Path

from harden.errors import HardenError
from wgfw.peers.device import read_device
from wgfw.peers.file import read
from wgfw.peers.state import SOURCE
from wgfw.peers.values import InterfacePeers
from wgfw.policy.document import Document, InterfaceEntry


def read_peers(document: Document, netns: str | None = None) -> list[InterfacePeers]:
    """The peers of every interface, from files or from the running interfaces."""
    found: list[InterfacePeers] = []
    messages: list[str] = []
    hints: list[str] = []
    for entry in document.interfaces.values():
        try:
            found.append(_peers_of(entry, document.path, netns))
        except HardenError as error:
            messages.extend(error.messages)
            hints.extend(hint for hint in error.hints if hint not in hints)
    if messages:
        raise HardenError(messages, hints)
    return found


def _peers_of(entry: InterfaceEntry, policy_path: str, netns: str | None) -> InterfacePeers:
    if entry.peers == SOURCE:
        return read_device(entry.name, netns)
    return read(peers_path(entry.peers, policy_path), entry.name)


def peers_path(peers: str, policy_path: str) -> str:
    """The path of a peers file: a relative one is relative to the policy's folder."""
    return str(Path(policy_path).parent / peers)
