#!/usr/bin/python
# Copyright: the harden authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

DOCUMENTATION = r"""
module: wg_confirm
short_description: Keep the policy that is on trial on a gateway
version_added: "0.1.0"
author: the harden authors (@harden)
description:
  - Keeps the rules that C(harden wg apply --confirm) has put on trial, and puts the policy file that waits in its
    place.
  - M(harden.toolkit.wg_policy) does this by itself, by a new connection. This module is for those who would rather
    look first.
  - It is refused through a connection that is older than the rules, because that proves nothing. After C(meta&colon;
    reset_connection) there is a new one.
options:
  dest:
    description:
      - Where the policy is kept on the gateway.
    type: path
    default: /etc/harden/policy.yaml
  checksum:
    description:
      - The SHA-256 of what is expected to be on trial, in hexadecimal digits; that of the policy, or of the snapshot.
      - Where it is another, nothing is kept.
    type: str
  last:
    description:
      - This is the last attempt. If the policy cannot be kept, the file that waits is thrown away.
    type: bool
    default: false
  netns:
    description:
      - The network namespace of the gateway, a name of C(ip netns), where it is another one than the host's own.
    type: str
  gather:
    description:
      - Which facts to bring along, as M(harden.toolkit.wg_facts) does, once the policy is kept.
    type: list
    elements: str
    choices: [version, units, status]
    default: []
  render_on:
    description:
      - Where the rules were made, as in M(harden.toolkit.wg_policy). With V(controller), O(dest), O(netns) and
        O(executable) do not matter.
    type: str
    choices: [gateway, controller]
    default: gateway
extends_documentation_fragment:
  - harden.toolkit.harden
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  platform:
    platforms: linux
seealso:
  - module: harden.toolkit.wg_policy
"""

EXAMPLES = r"""
- name: Keep what was put on trial by hand
  harden.toolkit.wg_confirm:

- name: Keep a policy on a gateway in a network namespace, if it is the one that was looked at
  harden.toolkit.wg_confirm:
    dest: /etc/harden/policy.yaml
    checksum: "{{ lookup('ansible.builtin.file', 'policy.yaml', rstrip=false) | hash('sha256') }}"
    last: true
    netns: vpn
    executable: harden
    state_dir: /var/lib/harden
    gather: [version, status]

- name: Keep the script that is on trial on a gateway without harden
  harden.toolkit.wg_confirm:
    render_on: controller
"""

RETURN = r"""
ansible_facts:
  description: Those of M(harden.toolkit.wg_facts).
  returned: when asked for
  type: dict
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
    COMMAND_OPTIONS,
    Answer,
    Harden,
    RefusalError,
    fail,
    warn,
)
from ansible_collections.harden.toolkit.plugins.module_utils.gatewayfacts import FACTS, facts
from ansible_collections.harden.toolkit.plugins.module_utils.keeper import KEEPER, Keeper, snapshot_file
from ansible_collections.harden.toolkit.plugins.module_utils.staging import StagedFile, checksum

OPTIONS = {
    **COMMAND_OPTIONS,
    "dest": {"type": "path", "default": "/etc/harden/policy.yaml"},
    "checksum": {"type": "str"},
    "last": {"type": "bool", "default": False},
    "netns": {"type": "str"},
    "gather": {"type": "list", "elements": "str", "choices": FACTS, "default": []},
    "render_on": {"type": "str", "choices": ["gateway", "controller"], "default": "gateway"},
}
TIME_LIMIT = 120


def main() -> None:
    """Keeps the trial, or says why it cannot be kept."""
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    staged = waiting(module.params)
    try:
        result = kept_alone(module, staged)
    except RefusalError as refusal:
        if module.params["last"] and not module.check_mode and is_ours(staged, module.params["checksum"]):
            staged.discard()
        fail(module, refusal)
    except OSError as error:
        module.fail_json(msg=f"{staged.renamed(error.filename)}: {error.strerror}")
    gather = module.params["gather"]
    module.exit_json(**result, **({"ansible_facts": {"harden": facts(module, gather)}} if gather else {}))


def kept_alone(module: AnsibleModule, staged: StagedFile) -> dict[str, Any]:
    """The same as :func:`kept`, while nobody else puts a policy there."""
    if module.check_mode or not os.path.isdir(staged.folder):
        return kept(module, staged)
    with staged.alone():
        return kept(module, staged)


def kept(module: AnsibleModule, staged: StagedFile) -> dict[str, Any]:
    """The result of keeping it. Raises RefusalError where that is not possible."""
    if is_done(staged, module.params["checksum"]):
        return {"changed": False}
    answer = confirm(module.params, staged, ["--dry-run"] if module.check_mode else [])
    warn(module, answer)
    if module.check_mode:
        return {"changed": staged.content is not None}
    changed = bool(answer.document["changed"])
    # Without a checksum, what lies there may be left from a trial that failed long ago.
    if staged.content is not None and (changed or module.params["checksum"]):
        changed = staged.put_in_place(module) or changed
    return {"changed": changed}


def waiting(options: dict[str, Any]) -> StagedFile:
    """The file that is kept together with the rules."""
    return snapshot_file(options["state_dir"]) if options["render_on"] == "controller" else StagedFile(options["dest"])


def confirm(options: dict[str, Any], staged: StagedFile, switches: list[str]) -> Answer:
    """What whoever holds the trial answers."""
    state_dir = options["state_dir"]
    if options["render_on"] == "controller":
        return Keeper(KEEPER, state_dir, time_limit=TIME_LIMIT).ask("confirm", *switches)
    netns = ["--netns", options["netns"]] if options["netns"] else []
    return Harden(options["executable"], state_dir, staged.known_as, TIME_LIMIT).ask("wg", "confirm", *netns, *switches)


def is_ours(staged: StagedFile, expected: str | None) -> bool:
    """Whether what waits is what was put on trial here, and not by somebody else since."""
    return staged.content is not None and expected in (None, checksum(staged.content))


def is_done(staged: StagedFile, expected: str | None) -> bool:
    """Whether the policy that is expected stands in its place already. Raises RefusalError if another one waits."""
    if expected is None:
        return False
    if staged.content is None:
        if staged.content_in_place is not None and checksum(staged.content_in_place) == expected:
            return True
        raise RefusalError([f"{staged.dest}: the policy that was put on trial is not there any more"])
    if checksum(staged.content) != expected:
        raise RefusalError([f"{staged.dest}: another policy has been put on trial since"])
    return False


if __name__ == "__main__":
    main()
