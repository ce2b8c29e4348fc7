#!/usr/bin/python
# Copyright: the harden authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

DOCUMENTATION = r"""
module: secret_rotation
short_description: Give secrets new keys and prove that the old ones are refused
version_added: "0.1.0"
author: the harden authors (@harden)
description:
  - Runs C(harden secrets rotate) on the rotator host, and then C(harden secrets status).
  - A new key is made, stored in Vault, installed beside the old one and tried, then delivered. After the overlap the
    old one is taken out, tried, and has to be refused.
  - What fails leaves both keys good. The next run goes on from there, on any host.
  - No value is ever in an argument, in the answer, in a log or in a difference.
requirements:
  - harden, as the role P(harden.toolkit.rotator#role) installs it
extends_documentation_fragment:
  - harden.toolkit.harden
options:
  names:
    description:
      - Secrets of the inventory.
      - One that is named is rotated at once, whatever its schedule says, and anew by each run of the task. To have only
        those rotated whose time has come, add O(due).
    type: list
    elements: str
    default: []
  due:
    description:
      - Those whose time has come, and every rotation that is not finished. With O(names), those of them.
    type: bool
    default: false
  force:
    description:
      - Wait neither for the end of the overlap nor for whoever uses the old key, as after a leak. No proof is left out.
    type: bool
    default: false
  abandon:
    description:
      - Take the new keys of O(names) out again and keep the old ones. Possible until a new one has become the newest
        version in Vault.
    type: bool
    default: false
  inventory:
    description:
      - The inventory of secrets, a file on the host. Left out, E(HARDEN_INVENTORY) or C(/etc/harden/secrets.yaml).
      - It says how harden logs in to Vault. There is no option for a token on purpose; name its file there.
    type: path
  inventory_text:
    description:
      - Instead of O(inventory) its text, for this run only. In check mode it shows what a new inventory would bring.
    type: str
  vault_address:
    description: The URL of Vault, where another one holds than in the inventory.
    type: str
  vault_namespace:
    description: The namespace of Vault Enterprise or OpenBao, where another one holds than in the inventory.
    type: str
  vault_cacert:
    description: The authority of Vault's certificate, a PEM file on the host.
    type: path
  kubeconfig:
    description: How the host reaches the cluster for deliveries. Left out, E(KUBECONFIG) or that of its user.
    type: path
  context:
    description: The context of O(kubeconfig).
    type: str
  timeout:
    description: The longest that the rotation may take, in seconds. What it cuts off, the next run goes on with.
    type: int
    default: 3600
attributes:
  check_mode:
    support: full
    description: Looks at every target, says each step with its times, and changes nothing.
  diff_mode:
    support: full
    description: Shows the steps that are taken now and those that have to wait.
seealso:
  - module: harden.toolkit.secret_scan
"""

EXAMPLES = r"""
- name: Rotate what is due, and go on with what was begun
  harden.toolkit.secret_rotation:
    due: true

- name: Rotate two secrets now, by another inventory
  harden.toolkit.secret_rotation:
    names: [openclaw-ssh, infra-git-crypt]
    inventory: /etc/harden/secrets.yaml
    state_dir: /var/lib/harden

- name: Rotate a key that has leaked, without waiting for whoever uses it
  harden.toolkit.secret_rotation:
    names: [openclaw-ssh]
    force: true

- name: Give up a rotation that has not come to the switch
  harden.toolkit.secret_rotation:
    names: [openclaw-ssh]
    abandon: true

- name: See what a new inventory would bring
  harden.toolkit.secret_rotation:
    due: true
    inventory_text: "{{ lookup('ansible.builtin.file', 'secrets.yaml') }}"
  check_mode: true
  diff: true

- name: Use the Vault of another site and another cluster
  harden.toolkit.secret_rotation:
    due: true
    vault_address: https://vault.example:8200
    vault_namespace: site-2
    vault_cacert: /etc/ssl/certs/vault.pem
    kubeconfig: /root/.kube/config
    context: site-2
    executable: /opt/harden/bin/harden
    timeout: 600
"""

RETURN = r"""
rotated:
  description:
    - Secrets whose rotation is done, the new key in use and the old one refused.
    - In check mode, those for which it could be done in one run.
  returned: always
  type: list
  elements: str
  sample: [openclaw-ssh]
waiting:
  description: Secrets whose rotation waits, for the end of the overlap or for whoever still uses the old key.
  returned: always
  type: list
  elements: str
  sample: []
abandoned:
  description: Secrets of which the new key was taken out again.
  returned: always
  type: list
  elements: str
  sample: []
untouched:
  description: Secrets of the inventory, or of O(names), with which there was nothing to do.
  returned: success
  type: list
  elements: str
  sample: [infra-git-crypt]
failed_names:
  description: Secrets with which something went wrong.
  returned: always
  type: list
  elements: str
  sample: []
secrets:
  description: What happened to each secret that was looked at.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Its name in the inventory.
      type: str
    result:
      description: V(rotated), V(waiting), V(abandoned), V(failed) or V(none).
      type: str
    words:
      description: The same for people.
      type: str
    steps:
      description: The steps that were taken, each with RV(ignore:phase), RV(ignore:target) and RV(ignore:words).
      type: list
      elements: dict
report:
  description: What remains for people to do, as the kind of key tells it.
  returned: always
  type: list
  elements: dict
status:
  description: Version, age, due time and rotation of each secret, as C(harden secrets status --json) prints them.
  returned: success
  type: list
  elements: dict
in_order:
  description: Whether no secret is overdue and no rotation is stuck.
  returned: success
  type: bool
hints:
  description: What the command advises.
  returned: failure
  type: list
  elements: str
rc:
  description: The exit status of the command.
  returned: failure
  type: int
"""

import os
import tempfile
from datetime import datetime, timezone
from typing import Any, Mapping

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.harden.toolkit.plugins.module_utils.command import COMMAND_OPTIONS, RefusalError, fail, warn
from ansible_collections.harden.toolkit.plugins.module_utils.rotation import LISTS, Rotation, diff, outcomes, summary

OPTIONS: dict[str, Any] = {
    **COMMAND_OPTIONS,
    "names": {"type": "list", "elements": "str", "default": []},
    "due": {"type": "bool", "default": False},
    "force": {"type": "bool", "default": False},
    "abandon": {"type": "bool", "default": False},
    "inventory": {"type": "path"},
    "inventory_text": {"type": "str"},
    "vault_address": {"type": "str"},
    "vault_namespace": {"type": "str"},
    "vault_cacert": {"type": "path"},
    "kubeconfig": {"type": "path"},
    "context": {"type": "str"},
    "timeout": {"type": "int", "default": 3600},
}
# Where Vault is may be told by the environment: none of it is secret.
VARIABLES = {"vault_address": "VAULT_ADDR", "vault_namespace": "VAULT_NAMESPACE", "vault_cacert": "VAULT_CACERT"}


def main() -> None:
    """Rotates, or says what a rotation would do."""
    alternatives = [("inventory", "inventory_text")]
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True, mutually_exclusive=alternatives)
    given = module.params
    os.environ.update({VARIABLES[name]: given[name] for name in VARIABLES if given[name]})
    known_as = {}
    if given["inventory_text"] is not None:
        given["inventory"] = passing_file(module, given["inventory_text"])
        known_as = {given["inventory"]: "inventory"}
    try:
        run(module, Rotation(given["executable"], given["state_dir"], known_as, time_limit=given["timeout"]))
    except RefusalError as refusal:
        fail(module, refusal)


def passing_file(module: AnsibleModule, text: str) -> str:
    """The path of a file that nobody else can read and that is gone when the module ends."""
    descriptor, path = tempfile.mkstemp(prefix="inventory", suffix=".yaml", dir=module.tmpdir)
    module.add_cleanup_file(path)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def run(module: AnsibleModule, harden: Rotation) -> None:
    """One rotation and its answer. Raises RefusalError where nothing of it could be begun."""
    given = module.params
    shown = {}
    if module.check_mode or module._diff:
        would = harden.rotate("--dry-run", *arguments(given), named=given["names"])
        shown = {"diff": diff(outcomes(would.events, _now()))} if module._diff else {}
    told = would if module.check_mode else harden.rotate(*arguments(given), named=given["names"])
    result = {**summary(told, _now()), **shown}
    if told.refusal is not None:
        fail(module, told.refusal, **result)
    for remark in told.spoken.warnings + told.spoken.other:
        module.warn(remark)
    module.exit_json(**result, **status(module, harden, result))


def arguments(given: Mapping[str, Any]) -> list[str]:
    """The command line of what was asked for."""
    flags = [f"--{flag}" for flag in ("due", "force", "abandon") if given[flag]]
    places = [f"--{name}={given[name]}" for name in ("inventory", "kubeconfig", "context") if given[name]]
    return [*flags, *places]


def status(module: AnsibleModule, harden: Rotation, result: Mapping[str, Any]) -> dict[str, Any]:
    """How the secrets fare now, and which of them were left alone."""
    inventory = [f"--inventory={module.params['inventory']}"] if module.params["inventory"] else []
    answer = harden.ask("secrets", "status", *inventory, named=module.params["names"])
    warn(module, answer)
    told = {name for key in LISTS for name in result[key]}
    names = [one["name"] for one in answer.document["secrets"]]
    return {
        "status": answer.document["secrets"],
        "in_order": answer.document["in_order"],
        "untouched": [name for name in names if name not in told],
    }


def _now() -> datetime:
    return datetime.now(timezone.utc)


if __name__ == "__main__":
    main()
