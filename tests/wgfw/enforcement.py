"""What must be true of every gateway that ``lab.exchange`` went through, whichever WireGuard it has."""

import time
from collections import Counter
from typing import Any

from lab.exchange import SENT, SMB, SYNC
from lab.tunnel import NAS

AT_ONCE = 2.0  # seconds, on a busy host; where nothing answers, a client tries for minutes


def holds(found: dict[str, Any], backend: str) -> None:
    """Assert it."""
    statuses = {step: found[step] for step in ("import", "plan before", "apply", "plan after", "remove")}
    assert statuses == {"import": 0, "plan before": 3, "apply": 0, "plan after": 0, "remove": 0}
    assert {trial["answer"] for step in ("before", "after") for trial in found[step]} == {"open"}
    _as_the_policy_says(found["enforced"], found["explained"])
    _counted(found["counted"], found["arrived"])
    assert (found["status"]["in_sync"], found["status"]["backend"]) == (True, backend)
    _told_of_the_device(found["status"]["clients"], *found["device"])


def _as_the_policy_says(trials: list[dict[str, Any]], verdicts: list[str]) -> None:
    """What is allowed passes, what is not is refused at once, and ``explain`` says so."""
    for trial in trials:
        allowed = trial["from"] == "anca" and trial["to"] in NAS.values() and trial["service"] == f"tcp/{SMB}"
        assert trial["answer"] == ("open" if allowed else "refused"), trial
        assert allowed or trial["seconds"] < AT_ONCE, trial
    expected = {"open": "allow", "refused": "deny"}
    assert verdicts == [expected[trial["answer"]] for trial in trials]


def _counted(counted: dict[str, Any], arrived: dict[str, int]) -> None:
    """Each client's counters tell what it sent, to the packet, and what was denied has not arrived."""
    sent = {(name, port): sum(counts.values()) for name, flows in SENT.items() for port, counts in flows.items()}
    accepted, denied = Counter[str](), Counter[str]()
    for (name, port), count in sent.items():
        (accepted if (name, port) == ("anca", SYNC) else denied)[name] += count
    assert counted == {name: {"accepted": accepted[name], "denied": denied[name]} for name in SENT}
    assert arrived == {f"anca {SYNC}": accepted["anca"]}


def _told_of_the_device(clients: list[dict[str, Any]], before: dict[str, Any], after: dict[str, Any]) -> None:
    """``status`` tells what wg(8) tells at the same time."""
    assert {client["name"] for client in clients} == set(SENT)
    for client in clients:
        earlier, later = before[client["name"]], after[client["name"]]
        assert client["addresses"] == [address.partition("/")[0] for address in earlier["addresses"]]
        assert earlier["latest_handshake"] <= client["latest_handshake"] <= later["latest_handshake"]
        assert 0 <= time.time() - client["latest_handshake"] < 600
        for kind in ("rx_bytes", "tx_bytes"):
            assert 0 < earlier[kind] <= client[kind] <= later[kind]
