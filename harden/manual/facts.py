"""What holds for every command: exit statuses, files, variables of the environment."""

from collections.abc import Mapping

EXIT_STATUSES: Mapping[int, str] = {
    0: "done, or nothing to do; the answer is yes",
    1: "failed, with nothing half-done",
    2: "the command line makes no sense",
    3: "the answer is no: there is something to change, a test failed, not in sync, keys were found, the Vault "
    "does not run",
    130: "interrupted",
    141: "whoever read the answer has gone (`… | head`)",
}

FILES: Mapping[str, str] = {
    "/etc/harden/policy.yaml": "the policy of `harden wg`",
    "/etc/harden/secrets.yaml": "the inventory of `harden secrets`",
    "/var/lib/harden": "the state: the rules before, journals, the audit log, the local Vault; only for its owner",
    "~/.local/state/harden": "the state of `harden secrets` and `harden vault` for a user other than root; under "
    "`XDG_STATE_HOME` where that is set",
}

VARIABLES: Mapping[str, str] = {
    "HARDEN_POLICY": "the policy, where `--policy` does not name it",
    "HARDEN_INVENTORY": "the inventory, where `--inventory` does not name it",
    "HARDEN_STATE": "the folder of the state, where `--state` does not name it",
    "HARDEN_DEBUG": "where it is set, a defect shows where it comes from",
    "KUBECONFIG": "how to reach the cluster, where `--kubeconfig` does not say it",
    "VAULT_ADDR, VAULT_TOKEN, VAULT_NAMESPACE, VAULT_CACERT": "which Vault and how to log in, where the inventory does "
    "not say it",
    "NO_COLOR": "where it is set, terminals get no colours",
}
