"""Policies for the gateways of a fleet, and plays that put them in force."""

from collections.abc import Mapping, Sequence
from typing import Any

WG_POLICY = "harden.toolkit.wg_policy"


def policy(guest: Sequence[str] = ("smb",), operator: Sequence[str] = ("ssh",), **more: Any) -> dict[str, Any]:
    """What the guest may do at any NAS, and the operator at the gateway itself.

    Without ``ssh`` for the operator, a controller that comes through the VPN is locked out.
    """
    return {
        "version": 1,
        "interface": "wg0",
        "peers": "/etc/wireguard/wg0.conf",
        "networks": {"nas": ["192.168.0.0/16"]},
        "clients": {
            "guest": {"allow": [{"to": "nas", "services": list(guest)}]},
            "operator": {"allow": [{"to": "gateway", "services": [*operator, "ping"]}]},
        },
        **more,
    }


def play(options: Mapping[str, Any], *, module: str = WG_POLICY, **keywords: Any) -> dict[str, Any]:
    """A play for all gateways with that one task; ``keywords`` are the play's."""
    task = {"name": "The task", module: dict(options)}
    return {"hosts": "harden_gateways", "gather_facts": False, **keywords, "tasks": [task]}
