#!/usr/bin/python
# Copyright: the harden authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

DOCUMENTATION = r"""
module: unit_files
short_description: Install units of systemd that were made elsewhere
version_added: "0.1.0"
author: the harden authors (@harden)
description:
  - Puts units that C(harden install-units --root) has made to a host that has no harden, enables them, and starts the
    timers among them.
  - M(harden.toolkit.units) uses it with O(harden.toolkit.units#module:render_on=controller), which is what to write in
    a playbook.
options:
  units:
    description:
      - The text of each unit, by its name. With O(state=absent), the texts do not matter.
    type: dict
    required: true
  state:
    description:
      - V(absent) takes them away, if they are harden's.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  platform:
    platforms: linux
seealso:
  - module: harden.toolkit.units
"""

EXAMPLES = r"""
- name: Install the unit that was made for an image
  harden.toolkit.unit_files:
    units:
      harden-wg-keeper.service: "{{ lookup('ansible.builtin.file', 'harden-wg-keeper.service') }}\n"

- name: Take it away
  harden.toolkit.unit_files:
    units: {harden-wg-keeper.service: ""}
    state: absent
"""

RETURN = r"""
units:
  description: What became of each unit.
  returned: success
  type: list
  elements: dict
  sample: [{name: harden-wg-keeper.service, change: made}]
hints:
  description: What to do about a failure.
  returned: failure
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.harden.toolkit.plugins.module_utils.command import RefusalError, fail
from ansible_collections.harden.toolkit.plugins.module_utils.unitfiles import changed_units, install, ours, remove

OPTIONS = {
    "units": {"type": "dict", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def main() -> None:
    """Installs them or takes them away."""
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    texts = {str(name): str(text) for name, text in module.params["units"].items()}
    try:
        changes = done(module, texts)
    except RefusalError as refusal:
        fail(module, refusal)
    except OSError as error:
        module.fail_json(msg=f"{error.filename}: {error.strerror}")
    units = [{"name": name, "change": change} for name, change in changes.items()]
    module.exit_json(changed=any(change != "unchanged" for change in changes.values()), units=units)


def done(module: AnsibleModule, texts: dict[str, str]) -> dict[str, str]:
    """What became, or would become, of each."""
    if module.params["state"] == "absent":
        there = ours(list(texts))
        if there and not module.check_mode:
            remove(module, there)
        return dict.fromkeys(there, "removed")
    changes = changed_units(texts)
    if not module.check_mode and any(change != "unchanged" for change in changes.values()):
        install(module, texts)
    return changes


if __name__ == "__main__":
    main()
