"""What becomes of the clients of an interface that the policy manages no longer, or only now."""

from tests.wgfw.handmade import NOW, Peer, build
from wgfw.access import diff_access

WG0 = {"anca": Peer(ips=["10.8.0.2/32"]), "laptop": Peer(ips=["10.8.0.3/32"], allow=[("any", "ssh")])}
WG1 = {"guest": Peer(ips=["10.9.0.2/32"], interface="wg1")}


def test_another_policy_for_another_interface_opens_the_first_and_says_so() -> None:
    """A rule set has the interfaces of one policy; what comes from any other is judged by nobody."""
    changes = diff_access(build(WG0)[0], build(WG1)[0], NOW)
    assert [str(change) for change in changes] == [
        "guest loses everything",
        "anca and laptop gain everything: wg0 is not in this policy",
    ]
    gained = [document for change in changes for document in change.documents() if document["client"] == "anca"]
    everything = {"to": ["any"], "services": ["any"], "until": None}
    assert gained == [{"client": "anca", "change": "gains", "direction": "out", **everything}]


def test_an_interface_that_joins_the_policy_loses_what_was_open() -> None:
    changes = diff_access(build(WG0)[0], build(WG0 | WG1)[0], NOW)
    assert [str(change) for change in changes] == ["guest loses everything"]


def test_a_client_that_leaves_a_managed_interface_is_gone() -> None:
    changes = diff_access(build(WG0)[0], build({"anca": WG0["anca"]})[0], NOW)
    assert [str(change) for change in changes] == ["laptop is gone, with all access"]
