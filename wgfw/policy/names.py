"""Which names an interface, a network, a service and a profile may have."""

from harden.document.wording import quote
from wgfw.peers.grammar import LONGEST_INTERFACE, NO_INTERFACES, valid_interface_name
from wgfw.policy.terms import KEYWORDS, looks_like_address

LONGEST = 64


def interface_fault(name: str) -> str | None:
    """Why this cannot be a WireGuard interface's name, or None."""
    if valid_interface_name(name):
        return None
    if len(name) > LONGEST_INTERFACE:
        return f"interface name {quote(name)} is longer than {LONGEST_INTERFACE} characters"
    if name in NO_INTERFACES:
        return f"{quote(name)} is no WireGuard interface"
    if name.endswith("+"):
        return f"interface name {quote(name)}: iptables takes a + at the end as a wildcard; one interface, one name"
    return f"bad interface name {quote(name)}: letters, digits and _ = + . - only, and no - in front"


def _plain_fault(kind: str, name: str) -> str | None:
    if len(name) > LONGEST:
        return f"{kind} name {quote(name)} is longer than {LONGEST} characters"
    if not name.isprintable() or name != name.strip():
        return f"{kind} name {quote(name)} has spaces around it or characters that cannot be seen"
    return None


def network_fault(name: str) -> str | None:
    """Why this cannot be a network's name, or None."""
    if name in KEYWORDS:
        return f"network name {quote(name)} is reserved"
    if looks_like_address(name):
        return f"network name {quote(name)} reads as an address"
    if ":" in name or "/" in name:
        return f"network name {quote(name)} has a : or /, as addresses and client:NAME do"
    return _plain_fault("network", name)


def service_fault(name: str) -> str | None:
    """Why this cannot be a service's name, or None."""
    if name == "any":
        return 'service name "any" is reserved'
    if "/" in name:
        return f"service name {quote(name)} has a /, as notations like tcp/443 do"
    return _plain_fault("service", name)


def profile_fault(name: str) -> str | None:
    """Why this cannot be a profile's name, or None."""
    return _plain_fault("profile", name)
