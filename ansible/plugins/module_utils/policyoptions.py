# Copyright: the harden authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The options of wg_policy, for the module on the gateway and for the action on the controller."""

from __future__ import annotations

from ansible_collections.harden.toolkit.plugins.module_utils.command import COMMAND_OPTIONS

POLICY_OPTIONS = {
    **COMMAND_OPTIONS,
    "policy": {"type": "raw"},
    "remote_src": {"type": "bool", "default": False},
    "dest": {"type": "path", "default": "/etc/harden/policy.yaml"},
    "peers": {"type": "list", "elements": "str", "default": []},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "confirm": {"type": "int", "default": 0},
    "netns": {"type": "str"},
    "backend": {"type": "str", "choices": ["auto", "nft", "legacy"], "default": "auto"},
    "render_on": {"type": "str", "choices": ["gateway", "controller"], "default": "gateway"},
    "controller_executable": {"type": "str", "default": "harden"},
}
