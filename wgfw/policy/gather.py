"""The policy in force, from the file and from where it says the peers are."""

from pathlib import Path

from harden.errors import HardenError
from wgfw.addresses import AddressSet
from wgfw.peers.file import read
from wgfw.peers.values import InterfacePeers
from wgfw.policy.document import Document, InterfaceEntry
from wgfw.policy.loader import load
from wgfw.policy.model import Policy
from wgfw.policy.resolve import resolve

KERNEL = "kernel"


def gather(
    policy_path: str, netns: str | None = None, *, profiles_dir: Path | None = None, own_addresses: bool = True
) -> Policy:
    """The policy at ``policy_path`` for the peers that it names.

    ``netns`` is the network namespace of the interfaces, None for the one we are in. ``own_addresses`` is
    false where this host is not the gateway: then only the peers files' ``Address`` lines are the gateway's.
    Raises HardenError with all that is wrong in the policy, in the peers, or between them.
    """
    document = load(policy_path, profiles_dir)
    return resolve(document, read_peers(document, netns), local_addresses(netns) if own_addresses else AddressSet())


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
    if entry.peers == KERNEL:
        # netlink is a second of imports that a policy with files does not need.
        from wgfw.peers.device import read_device  # noqa: PLC0415

        return read_device(entry.name, netns)
    return read(peers_path(entry.peers, policy_path), entry.name)


def peers_path(peers: str, policy_path: str) -> str:
    """The path of a peers file: a relative one is relative to the policy's folder."""
    return str(Path(policy_path).parent / peers)


def local_addresses(netns: str | None) -> AddressSet:
    """What the interfaces of this host, or of that network namespace, carry."""
    from wgfw.peers.device import local_addresses as addresses  # noqa: PLC0415

    return addresses(netns)
