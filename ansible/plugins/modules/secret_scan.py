#!/usr/bin/python
# Copyright: the harden authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

DOCUMENTATION = r"""
module: secret_scan
short_description: Find key material in files, in a repository's history and in a cluster
version_added: "0.1.0"
author: the harden authors (@harden)
description:
  - Runs C(harden secrets scan) on the host and hands its findings on. Nothing is changed.
  - No value is in the answer. What is one key has one fingerprint, wherever and however encoded it lies.
  - The first scan on a host makes the key of those fingerprints in O(state_dir), unless O(fingerprint_key) names one;
    check mode makes none.
requirements:
  - harden, as the role P(harden.toolkit.rotator#role) installs it
extends_documentation_fragment:
  - harden.toolkit.harden
options:
  paths:
    description: Files and folders on the host.
    type: list
    elements: path
    default: []
  git:
    description: A repository on the host; its whole history is looked at, and what is lost and not pruned yet.
    type: path
  cluster:
    description: Whether every object of a live cluster is looked at that may be listed.
    type: bool
    default: false
  namespace:
    description: Only this namespace of the cluster.
    type: str
  kubeconfig:
    description: How the host reaches the cluster. Left out, E(KUBECONFIG) or that of its user.
    type: path
  context:
    description: The context of O(kubeconfig).
    type: str
  baseline:
    description: A file on the host, as C(harden secrets scan --write-baseline) writes it; what it knows is left out.
    type: path
  fingerprint_key:
    description: A file on the host with 32 bytes on which all fingerprints depend, to compare those of several hosts.
    type: path
  fail_on:
    description:
      - Whether the task fails when there are findings.
      - What could not be looked at makes it fail where nothing else was found, and is a warning where something was.
    type: str
    choices: [findings, none]
    default: findings
  timeout:
    description: The longest that the scan may take, in seconds.
    type: int
    default: 3600
attributes:
  check_mode:
    support: full
    description: It changes nothing in any case.
  diff_mode:
    support: none
    description: There is nothing to differ.
seealso:
  - module: harden.toolkit.secret_rotation
"""

EXAMPLES = r"""
- name: Fail if there is a key in what is rolled out
  harden.toolkit.secret_scan:
    paths: [/srv/infra, /etc/harden]

- name: Look at all that a repository has ever held, beyond what is known
  harden.toolkit.secret_scan:
    git: /srv/infra
    baseline: /srv/infra/known-findings.json
    fingerprint_key: /etc/harden/fingerprint.key
    state_dir: /var/lib/harden
    timeout: 600

- name: List what lies in a namespace of a cluster
  harden.toolkit.secret_scan:
    cluster: true
    namespace: openclaw
    kubeconfig: /root/.kube/config
    context: site-2
    executable: /opt/harden/bin/harden
    fail_on: none
  register: scan
"""

RETURN = r"""
findings:
  description: What was found, as C(harden secrets scan --json) prints it.
  returned: where it could be looked at
  type: list
  elements: dict
  contains:
    material:
      description: What it is, such as V(ssh-private-key).
      type: str
    fingerprint:
      description: The same for all copies of one key. It gives no help in guessing it.
      type: str
    severity:
      description: How much it matters.
      type: str
    protected:
      description: Whether a passphrase is on it.
      type: bool
    source:
      description: The path as given, the commit and path, or the object of the cluster.
      type: str
    line:
      description: Where the value begins, from 1.
      type: int
    object:
      description: Kind, namespace, name and field in the cluster.
      type: dict
    encodings:
      description: What wraps it there, the outermost first.
      type: list
      elements: str
known:
  description: How many findings O(baseline) has left out.
  returned: where it could be looked at
  type: int
  sample: 0
allowed:
  description: What a remark beside it allows to be there, each with its reason.
  returned: where it could be looked at
  type: list
  elements: dict
unseen:
  description: What was asked for and could not be looked at, each with its source and reason.
  returned: where it could be looked at
  type: list
  elements: dict
hints:
  description: What the command advises.
  returned: failure
  type: list
  elements: str
"""

from typing import Any, Mapping, Sequence

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.harden.toolkit.plugins.module_utils.command import (
    COMMAND_OPTIONS,
    Harden,
    RefusalError,
    fail,
    warn,
)

OPTIONS: dict[str, Any] = {
    **COMMAND_OPTIONS,
    "paths": {"type": "list", "elements": "path", "default": []},
    "git": {"type": "path"},
    "cluster": {"type": "bool", "default": False},
    "namespace": {"type": "str"},
    "kubeconfig": {"type": "path"},
    "context": {"type": "str"},
    "baseline": {"type": "path"},
    "fingerprint_key": {"type": "path", "no_log": False},  # a path
    "fail_on": {"type": "str", "choices": ["findings", "none"], "default": "findings"},
    "timeout": {"type": "int", "default": 3600},
}
TOLD = 10  # findings in the message; all of them are in the answer


def main() -> None:
    """Looks, and tells what is there."""
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    given = module.params
    try:
        harden = Harden(given["executable"], given["state_dir"], time_limit=given["timeout"])
        answer = harden.ask("secrets", "scan", *arguments(given, module.check_mode), named=given["paths"])
    except RefusalError as refusal:
        fail(module, refusal)
    warn(module, answer)
    result = as_result(answer.document)
    if result["findings"] and given["fail_on"] == "findings":
        module.fail_json(msg="\n".join(told(result["findings"])), hints=[_HINT], **result)
    module.exit_json(**result)


def arguments(given: Mapping[str, Any], check_mode: bool) -> list[str]:
    """The command line of what was asked for, without the paths."""
    names = ("git", "namespace", "kubeconfig", "context", "baseline", "fingerprint_key")
    options = [f"--{name.replace('_', '-')}={given[name]}" for name in names if given[name]]
    cluster = ["--cluster"] if given["cluster"] else []
    return [*cluster, *options, *(["--dry-run"] if check_mode else [])]


def as_result(document: Mapping[str, Any]) -> dict[str, Any]:
    """What the module answers of the command's document."""
    unseen = [one for one in document["skipped"] if one["incomplete"]]
    kept = {key: document[key] for key in ("findings", "known", "allowed")}
    return {"changed": False, **kept, "unseen": unseen}


def told(findings: Sequence[Mapping[str, Any]]) -> list[str]:
    """The findings for people: how many, and where the first ones are."""
    count = f"{len(findings)} finding{'' if len(findings) == 1 else 's'}"
    lines = [f"{one['source']}:{one['line'] or '-'}: {one['material']} ({one['severity']})" for one in findings[:TOLD]]
    more = [f"and {len(findings) - TOLD} more"] if len(findings) > TOLD else []
    return [count, *lines, *more]


_HINT = "move it with harden secrets migrate, or say beside it why it may be there: # harden: allow KIND -- REASON"


if __name__ == "__main__":
    main()
