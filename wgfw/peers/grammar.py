"""The keys of a wg-quick file and which values wireguard-tools takes for them (``src/config.c``)."""

import re
from dataclasses import dataclass

# `wg setconf` knows the first two groups, wg-quick keeps the third for itself: wg(8), wg-quick(8).
INTERFACE_KEYS = ("PrivateKey", "ListenPort", "FwMark")
PEER_KEYS = ("PublicKey", "PresharedKey", "AllowedIPs", "Endpoint", "PersistentKeepalive")
QUICK_KEYS = ("Address", "DNS", "MTU", "Table", "PreUp", "PostUp", "PreDown", "PostDown", "SaveConfig")
QUICK = frozenset(name.lower().encode() for name in QUICK_KEYS)
HOOKS = frozenset((b"preup", b"postup", b"predown", b"postdown"))

LONGEST_INTERFACE = 15  # IFNAMSIZ of linux/if.h, without the end of the string
# Refused by the kernel, always taken, or the name of something else in /proc/sys/net or in a policy.
NO_INTERFACES = frozenset((".", "..", "all", "any", "default", "lo"))
_INTERFACE_NAME = re.compile(rf"(?!-)[A-Za-z0-9_=+.-]{{1,{LONGEST_INTERFACE}}}(?<!\+)\Z")
# The 43rd character carries two bits that 32 bytes do not have: they are zero, or wg refuses the key.
_KEY = re.compile(rb"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=\Z")


def valid_interface_name(name: str) -> bool:
    """Whether the kernel and wg-quick take this name, and iptables takes it for this interface alone.

    A final ``+`` is a wildcard to iptables, ``-`` in front an option to every program.
    """
    return _INTERFACE_NAME.match(name) is not None and name not in NO_INTERFACES


def is_key(value: bytes) -> bool:
    """Whether this is the base64 of 32 bytes, as ``wg`` takes it."""
    return _KEY.match(value) is not None


@dataclass(frozen=True, slots=True)
class Setting:
    """A key of a section, the form of its values (blanks removed), and the largest number where it may be one."""

    name: str
    form: re.Pattern[bytes]
    limit: int | None = None

    def fault(self, value: bytes) -> str | None:
        """What is wrong with a value, without showing it: it may be a secret."""
        if self.form is _KEY and not _KEY.match(value):
            return f"{self.name} is no key"
        if not self.form.match(value):
            return f"{self.name} has a value that WireGuard does not take"
        if self.limit is not None and value.isdigit() and (len(value) > 20 or int(value) > self.limit):
            return f"{self.name} is too large: at most {self.limit}"
        return None


def _section(*settings: Setting) -> dict[bytes, Setting]:
    return {setting.name.lower().encode(): setting for setting in settings}


_ANY = re.compile(b"")
# By section, then by key in lower case. PublicKey, PrivateKey and AllowedIPs are looked at by the reader itself.
SETTINGS = {
    "Interface": _section(
        Setting("PrivateKey", _KEY),
        Setting("ListenPort", re.compile(rb"[A-Za-z0-9][A-Za-z0-9-]*\Z"), 65535),
        Setting("FwMark", re.compile(rb"(?:[oO][fF][fF]|\d+|0x[0-9a-fA-F]{1,8})\Z"), 0xFFFFFFFF),
    ),
    "Peer": _section(
        Setting("PublicKey", _KEY),
        Setting("PresharedKey", _KEY),
        Setting("AllowedIPs", _ANY),
        Setting("Endpoint", re.compile(rb"\[[^]]*\]:.+\Z|[^[].*:[^:]+\Z|:[^:]+\Z")),
        Setting("PersistentKeepalive", re.compile(rb"(?:[oO][fF][fF]|\d+)\Z"), 65535),
    ),
}
