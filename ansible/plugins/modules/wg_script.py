#!/usr/bin/python
# Copyright: the harden authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

DOCUMENTATION = r"""
module: wg_script
short_description: Put rules that were rendered elsewhere in force
version_added: "0.1.0"
author: the harden authors (@harden)
description:
  - Hands a script of C(harden wg render --format script) to the program of C(harden wg render --format keeper), which
    keeps it in force, and goes back if need be. The gateway needs nothing else of harden.
  - M(harden.toolkit.wg_policy) uses it with O(harden.toolkit.wg_policy#module:render_on=controller), which is what
    to write in a playbook. This module is for scripts that come from elsewhere.
  - With O(confirm) the rules are on trial until M(harden.toolkit.wg_confirm) comes by a new connection.
options:
  script:
    description:
      - The script, its text. Needed for O(state=present).
    type: str
  keeper:
    description:
      - The keeper, its text. It is put to C(/usr/local/lib/harden/keeper), and has to be there if it is left out.
    type: str
  snapshot:
    description:
      - What the rules mean, as C(harden wg render --format policy) prints it. It is kept on the gateway, and comes
        back as RV(snapshot) the next time.
    type: str
  state:
    description:
      - V(absent) takes out every rule of harden and nothing else.
    type: str
    choices: [present, absent]
    default: present
  confirm:
    description:
      - For how many seconds new rules are on trial. V(0) keeps them at once.
    type: int
    default: 0
  state_dir:
    description:
      - Where the keeper keeps its state on the gateway. Left out, E(HARDEN_STATE) or C(/var/lib/harden).
    type: path
requirements:
  - Python 3.8 or newer, a POSIX shell and flock on the gateway
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
  - module: harden.toolkit.wg_policy
  - module: harden.toolkit.wg_confirm
"""

EXAMPLES = r"""
- name: Put a script on trial
  harden.toolkit.wg_script:
    script: "{{ lookup('ansible.builtin.file', 'firewall.sh') }}"
    keeper: "{{ lookup('ansible.builtin.file', 'keeper') }}"
    snapshot: "{{ lookup('ansible.builtin.file', 'policy.json') }}"
    confirm: 60
    state_dir: /var/lib/harden

- name: Have a new connection
  ansible.builtin.meta: reset_connection

- name: Keep it
  harden.toolkit.wg_confirm:
    render_on: controller

- name: Take the rules out
  harden.toolkit.wg_script:
    state: absent
"""

RETURN = r"""
in_sync:
  description: Whether the kernel had these rules before.
  returned: success
  type: bool
confirm:
  description: The trial of the new rules; null where nothing is on trial.
  returned: success
  type: dict
  sample: {seconds: 60, until: "2026-11-24T18:00:00Z"}
snapshot:
  description: What the rules meant that were in force before; null if it is not known.
  returned: when there is something to change
  type: str
hints:
  description: What the keeper suggests to do about a failure.
  returned: failure
  type: list
  elements: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.harden.toolkit.plugins.module_utils.command import Answer, RefusalError, fail, warn
from ansible_collections.harden.toolkit.plugins.module_utils.keeper import KEEPER, Keeper, snapshot_file
from ansible_collections.harden.toolkit.plugins.module_utils.staging import StagedFile, passing_file
from ansible_collections.harden.toolkit.plugins.module_utils.unitfiles import ours

UNIT = "harden-wg-keeper.service"

OPTIONS = {
    "script": {"type": "str"},
    "keeper": {"type": "str"},
    "snapshot": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "confirm": {"type": "int", "default": 0},
    "state_dir": {"type": "path"},
}


def main() -> None:
    """Hands the script on, or takes the rules out."""
    module = AnsibleModule(
        argument_spec=OPTIONS, supports_check_mode=True, required_if=[("state", "present", ["script"])]
    )
    try:
        module.exit_json(**(absent if module.params["state"] == "absent" else present)(module))
    except RefusalError as refusal:
        fail(module, refusal)
    except OSError as error:
        module.fail_json(msg=f"{error.filename}: {error.strerror}")


def present(module: AnsibleModule) -> dict[str, Any]:
    """The result of putting the script in force."""
    staged = snapshot_file(module.params["state_dir"])
    if module.check_mode:
        return put_in_force(module, staged)
    with staged.alone():
        return put_in_force(module, staged)


def put_in_force(module: AnsibleModule, staged: StagedFile) -> dict[str, Any]:
    """The same, while nobody else does it. Where the script is refused, a snapshot that has waited goes on waiting."""
    before, waiting = staged.content_in_place, staged.content
    brought = bring_keeper(module)
    snapshot = (module.params["snapshot"] or "").encode()
    if snapshot and not module.check_mode:
        staged.write(snapshot)
    try:
        answer = apply(module)
    except BaseException:
        if snapshot and not module.check_mode:
            staged.discard()
            if waiting is not None:
                staged.write(waiting)
        raise
    if answer is None:  # nothing of ours has ever been here
        return {"changed": True, "in_sync": False, "confirm": None, "snapshot": None}
    document = answer.document
    if not module.check_mode and document["confirm"] is None and snapshot:
        staged.put_in_place(module)
    changed = brought or (not document["in_sync"] if module.check_mode else document["changed"])
    told = {} if document["in_sync"] else {"snapshot": before.decode("utf-8", "replace") if before else None}
    confirm = None if module.check_mode else document["confirm"]
    return {"changed": changed, "in_sync": document["in_sync"], "confirm": confirm, **told}


def apply(module: AnsibleModule) -> Answer | None:
    """What the keeper answers; None where it is not there yet, as in check mode."""
    switches = ["--dry-run"] if module.check_mode else []
    if module.params["confirm"]:
        switches += ["--confirm", str(module.params["confirm"])]
    there = StagedFile(KEEPER).content_in_place is not None
    if module.check_mode and not there and module.params["keeper"]:
        return None
    with passing_file(module.params["script"].encode(), module.tmpdir) as path:
        answer = Keeper(KEEPER, module.params["state_dir"], {path: "the script"}).ask("apply", path, *switches)
    warn(module, answer)
    return answer


def bring_keeper(module: AnsibleModule) -> bool:
    """The keeper is in its place; whether it was not."""
    file = StagedFile(KEEPER, 0o755)
    text = module.params["keeper"]
    if text is None or file.content_in_place == text.encode():
        return False
    if not module.check_mode:
        file.write(text.encode())
        file.put_in_place(module)
    return True


def absent(module: AnsibleModule) -> dict[str, Any]:
    """The result of taking everything out."""
    staged = snapshot_file(module.params["state_dir"])
    before = staged.content_in_place
    try:
        keeper = Keeper(KEEPER, module.params["state_dir"])
    except RefusalError:
        return {"changed": False, "in_sync": True, "confirm": None}
    answer = keeper.ask("remove", *(["--dry-run"] if module.check_mode else []))
    warn(module, answer)
    needed = bool(ours([UNIT]))  # interfaces do not come up if it fails
    if not module.check_mode:
        staged.discard()
        staged.remove()
        if not needed:
            StagedFile(KEEPER).remove()
    told = before.decode("utf-8", "replace") if before else None
    changed = not needed or before is not None or not answer.document["in_sync"]
    return {"changed": changed, "in_sync": answer.document["in_sync"], "confirm": None, "snapshot": told}


if __name__ == "__main__":
    main()
