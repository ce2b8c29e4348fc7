"""The argument list of ``ssh``: one key, pinned host keys, and nothing of what a person has set up for himself.

A connection that somebody else has opened (ControlMaster), an agent, or a key in ~/.ssh would let a wrong key in.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

_SECONDS = 10  # until a connection stands
_OPTIONS = (
    "BatchMode=yes",
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "ControlMaster=no",
    "ControlPath=none",
    "PreferredAuthentications=publickey",
    "PubkeyAuthentication=yes",
    "PasswordAuthentication=no",
    "KbdInteractiveAuthentication=no",
    "HostbasedAuthentication=no",
    "StrictHostKeyChecking=yes",
    "GlobalKnownHostsFile=none",
    "UpdateHostKeys=no",
    "VerifyHostKeyDNS=no",
    "CheckHostIP=no",
    "CanonicalizeHostname=no",
    "AddKeysToAgent=no",
    "ForwardAgent=no",
    "ForwardX11=no",
    "PermitLocalCommand=no",
    "RequestTTY=no",
    "EscapeChar=none",
    "ConnectionAttempts=1",
    f"ConnectTimeout={_SECONDS}",
    "ServerAliveInterval=5",
    "ServerAliveCountMax=4",
)
ENVIRONMENT = ("PATH", "HOME", "USER", "LOGNAME")
FIXED_ENVIRONMENT = {"LC_ALL": "C", "SHELL": "/bin/sh"}  # its messages are read; its proxy is run by that shell


@dataclass(frozen=True, slots=True)
class Hop:
    """A host to log in to. ``alias`` is its name in ``known_hosts``, and in what ssh says of its key."""

    host: str
    port: int
    user: str
    alias: str
    known_hosts: str
    identities: tuple[str, ...]


def argv(hops: Sequence[Hop], last: Sequence[str], log: str = "") -> list[str]:
    """The argument list that goes over the hops to the last one. ``last``: what follows there, options or a command.

    ``log`` is the file to which ssh writes what it does, from which is read which key was taken.
    """
    *way, there = hops
    listed = ["ssh", "-F", "none", "-T", *(("-v", "-E", log) if log else ("-oLogLevel=ERROR",))]
    options = [*_OPTIONS, f"HostKeyAlias={there.alias}", f"UserKnownHostsFile={there.known_hosts}"]
    if way:
        options.append(f"ProxyCommand={_proxy(way, there)}")
    listed += [part for option in options for part in ("-o", option)]
    listed += [part for identity in there.identities for part in ("-i", identity)]
    listed += ["-p", str(there.port), "-l", there.user]
    ahead = [part for part in last if part.startswith("-")]
    return [*listed, *ahead, "--", there.host, *(part for part in last if part not in ahead)]


def _proxy(way: Sequence[Hop], there: Hop) -> str:
    """ssh has /bin/sh run it, after it has replaced what begins with a percent sign."""
    through = argv(way, [f"-W[{there.host}]:{there.port}"])
    return shlex.join(through).replace("%", "%%")
