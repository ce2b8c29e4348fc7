# Copyright: the harden authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the modules of this collection have in common."""

from __future__ import annotations


class ModuleDocFragment:
    """Options and attributes, by the names under which modules extend their documentation."""

    DOCUMENTATION = r"""
options:
  executable:
    description:
      - The command on the host, as a name or a path. A name is looked for in C(/opt/harden/bin), where the roles of
        this collection install it, in C(/usr/local/bin), and then on E(PATH).
    type: str
    default: harden
  state_dir:
    description:
      - Where harden keeps its state on the host. Left out, E(HARDEN_STATE) or C(/var/lib/harden).
    type: path
requirements:
  - Python 3.8 or newer on the host
notes:
  - What C(harden) remarks without failing becomes a warning of the task. Where it fails, RV(ignore:msg) is what it
    said, and
    RV(ignore:hints) what it suggests to do.
"""

    GATEWAY = r"""
options:
  netns:
    description:
      - The network namespace of the gateway, a name of C(ip netns), where it is another one than the host's own.
    type: str
  backend:
    description:
      - Which iptables. V(auto) takes the one that holds the host's rules already.
    type: str
    choices: [auto, nft, legacy]
    default: auto
"""
