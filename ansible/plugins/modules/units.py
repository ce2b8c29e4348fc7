#!/usr/bin/python
# Copyright: the harden authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

DOCUMENTATION = r"""
module: units
short_description: Install the units of systemd that keep a host as it is
version_added: "0.1.0"
author: the harden authors (@harden)
description:
  - Runs C(harden install-units). The rules are there before the interface comes up, what others change in them is put
    right, secrets are rotated when they are due, and metrics are written for node_exporter.
  - Units of others are never touched, and no interface is started or stopped.
options:
  names:
    description:
      - Which sets of units. Left out, those that the host has a configuration for.
    type: list
    elements: str
    choices: [wg, rotate, metrics, keeper]
    default: []
  state:
    description:
      - V(absent) takes away what was installed, and disables it.
    type: str
    choices: [present, absent]
    default: present
  policy:
    description:
      - The policy of the gateway. Left out, E(HARDEN_POLICY) or C(/etc/harden/policy.yaml).
    type: path
  inventory:
    description:
      - The inventory of secrets. Left out, E(HARDEN_INVENTORY) or C(/etc/harden/secrets.yaml).
    type: path
  interfaces:
    description:
      - What needs the rules first, instead of the interfaces that the policy has.
    type: list
    elements: str
    default: []
  textfiles:
    description:
      - The folder of node_exporter's textfile collector.
    type: path
  render_on:
    description:
      - Where the units are made. V(controller) is for O(names=keeper), the units of a gateway to which
        M(harden.toolkit.wg_policy) has brought rules that were made there, too.
    type: str
    choices: [gateway, controller]
    default: gateway
  controller_executable:
    description:
      - The command on the controller, for O(render_on=controller). A name is looked for beside the Python that runs
        Ansible, and then on E(PATH).
    type: str
    default: harden
extends_documentation_fragment:
  - harden.toolkit.harden
  - ansible.builtin.action_common_attributes
  - ansible.builtin.action_common_attributes.flow
attributes:
  action:
    support: full
  async:
    support: none
  bypass_host_loop:
    support: none
  check_mode:
    support: full
  diff_mode:
    support: full
  platform:
    platforms: linux
"""

EXAMPLES = r"""
- name: Have the rules in force before the interface comes up
  harden.toolkit.units:
    names: [wg]

- name: Install all that a host with a policy and an inventory can use
  harden.toolkit.units:
    names: [wg, rotate, metrics]
    policy: /etc/harden/policy.yaml
    inventory: /etc/harden/secrets.yaml
    interfaces: [wg0]
    textfiles: /var/lib/prometheus/node-exporter
    executable: harden
    state_dir: /var/lib/harden

- name: Keep rules in force on a gateway without harden
  harden.toolkit.units:
    names: [keeper]
    interfaces: [wg0]
    render_on: controller
    controller_executable: harden

- name: Take the units away again
  harden.toolkit.units:
    state: absent
"""

RETURN = r"""
units:
  description: What became of each unit. Nothing is said in check mode as long as there is no policy that says for what.
  returned: success
  type: list
  elements: dict
  sample: [{name: harden-wg.service, change: made}]
hints:
  description: What harden suggests to do about a failure.
  returned: failure
  type: list
  elements: str
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.harden.toolkit.plugins.module_utils.command import (
    Harden,
    RefusalError,
    fail,
    warn,
)
from ansible_collections.harden.toolkit.plugins.module_utils.unitoptions import UNIT_OPTIONS


def main() -> None:
    """Installs the units or takes them away."""
    module = AnsibleModule(argument_spec=UNIT_OPTIONS, supports_check_mode=True)
    if module.check_mode and awaits_policy(module.params):
        line = f"units for {', '.join(module.params['names'])}, of the interfaces in {module.params['policy']}\n"
        module.exit_json(changed=True, units=[], diff={"prepared": line})
    try:
        harden = Harden(module.params["executable"], module.params["state_dir"])
        answer = harden.ask("install-units", *module.params["names"], *switches(module.params, module.check_mode))
    except RefusalError as refusal:
        fail(module, refusal)
    warn(module, answer)
    lines = answer.document.get("diff", [])
    module.exit_json(
        changed=answer.document["changed"],
        units=answer.document["units"],
        diff={"prepared": "".join(f"{line}\n" for line in lines)},
    )


def awaits_policy(options: dict[str, Any]) -> bool:
    """Whether the policy, which says what the units are for, would have been written by a task before this one."""
    path = options["policy"]
    return bool(path) and options["state"] == "present" and not options["interfaces"] and not os.path.exists(path)


def switches(options: dict[str, Any], dry_run: bool) -> list[str]:
    """The options of the command."""
    named = [("--policy", options["policy"]), ("--inventory", options["inventory"])]
    named += [("--interface", name) for name in options["interfaces"]]
    named += [("--textfiles", options["textfiles"])]
    words = [word for name, value in named if value for word in (name, value)]
    return [*words, *(["--remove"] if options["state"] == "absent" else []), *(["--dry-run"] if dry_run else [])]


if __name__ == "__main__":
    main()
