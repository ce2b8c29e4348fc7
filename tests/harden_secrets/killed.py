"""The command harden, killed by SIGKILL right after its n-th change: of the cluster, of Vault, or of its journal.

    python killed.py NUMBER secrets migrate plan.json

0 never kills. The lock over the cluster does not count.
"""

import itertools
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from harden.cli import main
from harden_secrets.cluster.client import KubernetesCluster
from harden_secrets.migrate import journal
from harden_secrets.vault.kv import KeyValue


def counted(number: int) -> None:
    """Let every change count, and the n-th be the last."""
    count = itertools.count(1)

    def after(call: Callable[..., Any]) -> Callable[..., Any]:
        def surrounded(*args: Any, **options: Any) -> Any:
            answer = call(*args, **options)
            if not is_lock(args) and next(count) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return surrounded

    for method in ("create", "replace", "patch", "delete"):
        setattr(KubernetesCluster, method, after(getattr(KubernetesCluster, method)))
    for method in ("write", "delete", "destroy"):
        setattr(KeyValue, method, after(getattr(KeyValue, method)))
    journal.append_line = after(journal.append_line)  # type: ignore[attr-defined]


def is_lock(args: tuple[Any, ...]) -> bool:
    """Whether a call is about the Lease."""
    return any(getattr(one, "kind", None) == "Lease" or (isinstance(one, dict) and one.get("kind") == "Lease")
               for one in args)  # fmt: skip


if __name__ == "__main__":
    counted(int(sys.argv.pop(1)))
    main()
