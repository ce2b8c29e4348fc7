#!/usr/bin/python
# Copyright: the harden authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

DOCUMENTATION = r"""
module: wg_facts
short_description: What is installed on a gateway, what runs there, and what each client may do
version_added: "0.1.0"
author: the harden authors (@harden)
description:
  - Facts about harden on a host, under C(ansible_facts.harden). Changes nothing.
  - What is not there is null or empty, and no failure.
options:
  gather:
    description:
      - Which facts. C(status) takes a look at the kernel, and needs root.
    type: list
    elements: str
    choices: [version, units, status]
    default: [version, units, status]
  dest:
    description:
      - The policy with which C(status) compares the kernel.
    type: path
    default: /etc/harden/policy.yaml
extends_documentation_fragment:
  - harden.toolkit.harden
  - harden.toolkit.harden.gateway
  - ansible.builtin.action_common_attributes
  - ansible.builtin.action_common_attributes.facts
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  facts:
    support: full
  platform:
    platforms: linux
seealso:
  - module: harden.toolkit.wg_policy
"""

EXAMPLES = r"""
- name: Look at a gateway
  harden.toolkit.wg_facts:

- name: Say who may not do what the policy says
  ansible.builtin.debug:
    msg: "out of sync: {{ inventory_hostname }}"
  when: not ansible_facts.harden.status.in_sync

- name: Look only whether harden is installed
  harden.toolkit.wg_facts:
    gather: [version]

- name: Look at a gateway in a network namespace
  harden.toolkit.wg_facts:
    gather: [version, status]
    dest: /etc/harden/policy.yaml
    executable: /opt/harden/bin/harden
    netns: vpn
    backend: nft
    state_dir: /var/lib/harden
"""

RETURN = r"""
ansible_facts:
  description: The facts.
  returned: always
  type: dict
  contains:
    harden:
      description: Those about harden.
      returned: always
      type: dict
      contains:
        executable:
          description: The path of the command; null if there is none.
          type: str
          returned: always
        version:
          description: Its version.
          type: str
          returned: always
        package:
          description: What the role installed, as it notes it down; null if something else did.
          type: str
          returned: always
        units:
          description: The systemd units of harden.
          type: list
          elements: dict
          returned: when asked for
          sample: [{name: harden-wg.service, enabled: true, active: active}]
        status:
          description: What C(harden wg status --json) says; null where there is no policy, or no rules can be seen.
          type: dict
          returned: when asked for
        problem:
          description: Why there is no status.
          type: str
          returned: when there is none
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.harden.toolkit.plugins.module_utils.command import COMMAND_OPTIONS
from ansible_collections.harden.toolkit.plugins.module_utils.gatewayfacts import FACTS, facts

OPTIONS = {
    **COMMAND_OPTIONS,
    "gather": {
        "type": "list",
        "elements": "str",
        "choices": FACTS,
        "default": FACTS,
    },
    "dest": {"type": "path", "default": "/etc/harden/policy.yaml"},
    "netns": {"type": "str"},
    "backend": {"type": "str", "choices": ["auto", "nft", "legacy"], "default": "auto"},
}


def main() -> None:
    """Gathers what was asked for."""
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    module.exit_json(changed=False, ansible_facts={"harden": facts(module, module.params["gather"])})


if __name__ == "__main__":
    main()
