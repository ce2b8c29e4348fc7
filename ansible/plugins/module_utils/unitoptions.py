# Copyright: the harden authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The options of units, for the module on the host and for the action on the controller."""

from __future__ import annotations

from ansible_collections.harden.toolkit.plugins.module_utils.command import COMMAND_OPTIONS

UNIT_OPTIONS = {
    **COMMAND_OPTIONS,
    "names": {"type": "list", "elements": "str", "choices": ["wg", "rotate", "metrics", "keeper"], "default": []},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "policy": {"type": "path"},
    "inventory": {"type": "path"},
    "interfaces": {"type": "list", "elements": "str", "default": []},
    "textfiles": {"type": "path"},
    "render_on": {"type": "str", "choices": ["gateway", "controller"], "default": "gateway"},
    "controller_executable": {"type": "str", "default": "harden"},
}
