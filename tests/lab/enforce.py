"""From files to rules in the lab's kernel, by the readers and the compiler under test."""

from pathlib import Path

from lab.generate import Scenario
from lab.iptables import Iptables
from lab.tun import GATEWAY

from wgfw.addresses import AddressSet
from wgfw.compiler import compile_policy
from wgfw.peers.file import read
from wgfw.policy.loader import load
from wgfw.policy.model import Policy
from wgfw.policy.resolve import resolve
from wgfw.render import restore_text

LAB_ADDRESSES = AddressSet.parse(*(a for addresses in GATEWAY.values() for a in addresses))


def read_policy(case: Scenario, folder: Path, known: AddressSet = LAB_ADDRESSES) -> Policy:
    """The policy of a scenario, its files written to the folder."""
    return policy_of({"policy.yaml": case.policy, **case.peers_files}, folder, known)


def policy_of(files: dict[str, str], folder: Path, known: AddressSet = LAB_ADDRESSES) -> Policy:
    """The policy in ``policy.yaml`` beside its peers files, read where these addresses are known for the gateway's."""
    for name, text in files.items():
        (folder / name).write_text(text)
    document = load(str(folder / "policy.yaml"))
    peers = [read(str(folder / entry.peers), name) for name, entry in document.interfaces.items()]
    return resolve(document, peers, known)


def install(iptables: Iptables, policy: Policy, forget: bool = True) -> None:
    """Load the policy's rules for both families, and start with no connections unless they shall live on."""
    rules = compile_policy(policy)
    for family in (4, 6):
        iptables.restore(family, restore_text(rules.family(family)))
    if forget:
        iptables.lab.flush_conntrack()
