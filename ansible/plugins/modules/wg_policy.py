#!/usr/bin/python
# Copyright: the harden authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

DOCUMENTATION = r"""
module: wg_policy
short_description: Put a policy for WireGuard clients in force, without locking anyone out
version_added: "0.1.0"
author: the harden authors (@harden)
description:
  - Brings a gateway's kernel and its policy file in line with a policy, by C(harden wg apply).
  - With O(confirm) the new rules are on trial until the controller has come back B(by a new connection). Where it
    cannot, the old rules come back by themselves, also if the controller or the gateway dies meanwhile, and the task
    fails.
  - The policy file is written together with the rules. What the file says is always what was confirmed last.
options:
  policy:
    description:
      - The policy, as a mapping, or as text of several lines such as what a template gives.
      - Or the path of a file with it. A relative one is looked for as the C(src) of M(ansible.builtin.copy) is, in
        C(files) of the role or beside the playbook.
      - YAML in a playbook is of version 1.1, in which C(no) is a boolean and C(22:22) a number. Put quotes around
        such words, or keep the policy in a file of its own.
      - Left out, the one at O(dest) is put in force.
    type: raw
  remote_src:
    description:
      - O(policy) is a path on the gateway.
    type: bool
    default: false
  dest:
    description:
      - Where the policy is kept on the gateway.
    type: path
    default: /etc/harden/policy.yaml
  peers:
    description:
      - The wg-quick files from which the peers are read, where it is not the ones that the policy names; each as
        C(FILE), or as C(INTERFACE=FILE) where the policy is for several interfaces.
      - Paths on the gateway; with O(render_on=controller), on the controller. Their private keys stay where they are.
    type: list
    elements: str
    default: []
  state:
    description:
      - V(present) puts the policy in force.
      - V(absent) takes out every rule of harden and nothing else, and removes the file at O(dest). Nothing of this is
        on trial.
    type: str
    choices: [present, absent]
    default: present
  confirm:
    description:
      - For how many seconds new rules are on trial. Choose more than a connection to the gateway takes at the worst.
      - V(0) keeps them at once, which may lock you out.
    type: int
    default: 0
  render_on:
    description:
      - Where the rules are made. With V(controller) the gateway gets a shell script, and needs no Python package of
        harden.
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
  - harden.toolkit.harden.gateway
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
    details: Who gains and who loses what comes first, then how the file changes.
  platform:
    platforms: linux
seealso:
  - module: harden.toolkit.wg_confirm
  - module: harden.toolkit.wg_facts
"""

EXAMPLES = r"""
- name: Put the policy of this gateway in force, and prove that it lets us in
  harden.toolkit.wg_policy:
    policy: policies/{{ inventory_hostname }}.yaml
    confirm: 60

- name: Keep a small policy in the inventory
  harden.toolkit.wg_policy:
    policy:
      version: 1
      interface: wg0
      peers: /etc/wireguard/wg0.conf
      networks:
        nas: [192.168.1.10]
      clients:
        guest:
          allow:
            - to: nas
              services: [smb, tcp/2283]
    confirm: 60

- name: Fill in a template, and read the peers from where another tool keeps them
  harden.toolkit.wg_policy:
    policy: "{{ lookup('ansible.builtin.template', 'policy.yaml.j2') }}"
    peers:
      - wg0=/etc/wireguard/wg0.conf
    dest: /etc/harden/policy.yaml
    confirm: 30
    backend: nft

- name: Take a policy that is on the gateway already, for a gateway in a network namespace
  harden.toolkit.wg_policy:
    policy: /srv/policy.yaml
    remote_src: true
    netns: vpn
    state_dir: /var/lib/harden
    executable: /opt/harden/bin/harden

- name: Roll out to a gateway that has nothing of harden's installed
  harden.toolkit.wg_policy:
    policy: policies/{{ inventory_hostname }}.yaml
    peers: files/{{ inventory_hostname }}.conf
    render_on: controller
    controller_executable: harden
    confirm: 60

- name: Take out every rule of harden
  harden.toolkit.wg_policy:
    state: absent
"""

RETURN = r"""
ansible_facts:
  description: Those of M(harden.toolkit.wg_facts), as they are when new rules have been confirmed.
  returned: when a trial was confirmed, and the rules were made on the gateway
  type: dict
changes:
  description: What changes, as in C(harden wg plan --json). First those of access, by client, then those of the rules.
  returned: success
  type: list
  elements: dict
  sample:
    - client: guest
      change: loses
      direction: out
      to: [nas]
      services: [tcp/445]
      until: null
access:
  description: The changes of access as sentences, which is what C(--diff) begins with.
  returned: success
  type: list
  elements: str
  sample: ["guest loses nas tcp/445"]
confirm:
  description: The trial of the new rules; null where nothing was on trial.
  returned: success
  type: dict
  contains:
    seconds:
      description: How long the rules were on trial.
      type: int
      returned: always
    until:
      description: When the old ones would have come back.
      type: str
      returned: always
  sample: {seconds: 60, until: "2026-11-24T18:00:00Z"}
interfaces:
  description: Those that the policy is for.
  returned: with O(render_on=controller)
  type: list
  elements: str
  sample: [wg0]
clients:
  description: How many clients the policy is about.
  returned: with O(render_on=controller)
  type: int
  sample: 3
rolled_back:
  description: The rules could not be confirmed, and the gateway has gone back to the old ones and the old file.
  returned: when a trial failed
  type: bool
hints:
  description: What harden suggests to do about a failure.
  returned: failure
  type: list
  elements: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.harden.toolkit.plugins.module_utils.access import OPENED, access_lines, rule_lines
from ansible_collections.harden.toolkit.plugins.module_utils.command import (
    Answer,
    Harden,
    RefusalError,
    fail,
    warn,
)
from ansible_collections.harden.toolkit.plugins.module_utils.policyoptions import POLICY_OPTIONS
from ansible_collections.harden.toolkit.plugins.module_utils.staging import StagedFile
from ansible_collections.harden.toolkit.plugins.module_utils.textdiff import prepared


def main() -> None:
    """What the action plugin of this name runs on the gateway: all but the confirmation."""
    module = AnsibleModule(argument_spec=POLICY_OPTIONS, supports_check_mode=True)
    staged = StagedFile(module.params["dest"])
    try:
        module.exit_json(**(absent if module.params["state"] == "absent" else present)(module, staged))
    except RefusalError as refusal:
        fail(module, refusal)
    except OSError as error:
        module.fail_json(msg=f"{staged.renamed(error.filename)}: {error.strerror}")


def present(module: AnsibleModule, staged: StagedFile) -> dict[str, Any]:
    """The result of bringing the gateway in line with the policy, or of a look at what that would change."""
    data = wanted(module.params, staged)
    before = staged.content_in_place
    staged.refuse_fixed()
    if module.check_mode:
        with staged.draft(data, module.tmpdir) as path:
            answer = apply(module, {path: staged.dest}, path, "--dry-run")
        changed = not answer.document["in_sync"] or data != before
    else:
        with staged.alone():
            answer = try_out(module, staged, data)
            changed = answer.document["changed"]
            if answer.document["confirm"] is None:
                changed = staged.put_in_place(module) or changed
    changes = answer.document["changes"]
    return {
        "changed": changed,
        "changes": changes,
        "access": access_lines(changes),
        "confirm": answer.document["confirm"] if not module.check_mode else None,
        "diff": prepared(access_lines(changes), rule_lines(changes), staged.dest, before, data),
    }


def try_out(module: AnsibleModule, staged: StagedFile, data: bytes) -> Answer:
    """The rules are in force, on trial if that was asked for; the file waits beside its place.

    Where they are refused, what has waited there goes on waiting: its rules may be on trial."""
    waiting = staged.content
    staged.write(data)
    seconds = module.params["confirm"]
    try:
        return apply(module, staged.known_as, staged.path, *(["--confirm", str(seconds)] if seconds else []))
    except BaseException:
        staged.discard()
        if waiting is not None:
            staged.write(waiting)
        raise


def apply(module: AnsibleModule, known_as: dict[str, str], path: str, *options: str) -> Answer:
    """What ``harden wg apply`` answers."""
    peers = [word for option in module.params["peers"] for word in ("--peers", option)]
    backend = ["--backend", module.params["backend"]] if module.params["backend"] != "auto" else []
    answer = harden(module, known_as).ask("wg", "apply", "--policy", path, *peers, *backend, *where(module), *options)
    warn(module, answer)
    return answer


def absent(module: AnsibleModule, staged: StagedFile) -> dict[str, Any]:
    """The result of taking out all rules and the policy file."""
    before = staged.content_in_place
    backend = ["--backend", module.params["backend"]] if module.params["backend"] != "auto" else []
    dry = ["--dry-run"] if module.check_mode else []
    answer = harden(module, {}).ask("wg", "remove", *backend, *where(module), *dry)
    warn(module, answer)
    if not module.check_mode:
        staged.discard()
        staged.remove()
    changes = answer.document["changes"]
    access = [OPENED] if changes else []
    return {
        "changed": bool(changes) or before is not None,
        "changes": [{"change": "rules", "text": text} for text in changes],
        "access": access,
        "confirm": None,
        "diff": prepared(access, changes, staged.dest, before, None),
    }


def wanted(options: dict[str, Any], staged: StagedFile) -> bytes:
    """The policy's bytes. Raises RefusalError where there is none to be had."""
    policy = options["policy"]
    if isinstance(policy, str) and "\n" in policy:
        return policy.encode()
    if policy is not None and not (isinstance(policy, str) and options["remote_src"]):
        raise RefusalError(["policy: neither the text of a policy nor, with remote_src, a path on the gateway"])
    path = policy or staged.dest
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError as error:
        raise RefusalError([f"{path}: {error.strerror}"], ["say what the policy is: policy"]) from None


def harden(module: AnsibleModule, known_as: dict[str, str]) -> Harden:
    """The command, as the options have it."""
    return Harden(module.params["executable"], module.params["state_dir"], known_as)


def where(module: AnsibleModule) -> list[str]:
    """The gateway as options of the command."""
    return ["--netns", module.params["netns"]] if module.params["netns"] else []


if __name__ == "__main__":
    main()
