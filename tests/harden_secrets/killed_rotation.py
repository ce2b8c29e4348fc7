"""The command harden, killed by SIGKILL at the n-th boundary of a rotation: before or after a step, or after a change.

    python killed_rotation.py NUMBER secrets rotate NAME

0 never kills. Writes of the lock do not count.
"""

import itertools
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from harden.cli import main
from harden_secrets.rotate.paths import LOCKS
from harden_secrets.rotate.steps import Steps
from harden_secrets.vault.kv import KeyValue


def counted(number: int) -> None:
    """Let every boundary count, and the n-th be the last."""
    count = itertools.count(1)

    def pass_one() -> None:
        if next(count) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(call: Callable[..., Any], *, before: bool) -> Callable[..., Any]:
        def surrounded(*args: Any, **options: Any) -> Any:
            counts = not str(args[1]).startswith(LOCKS)
            if before and counts:
                pass_one()
            answer = call(*args, **options)
            if counts:
                pass_one()
            return answer

        return surrounded

    for method in ("write", "delete", "destroy"):
        setattr(KeyValue, method, around(getattr(KeyValue, method), before=False))
    Steps.take = around(Steps.take, before=True)  # type: ignore[method-assign]


if __name__ == "__main__":
    counted(int(sys.argv.pop(1)))
    main()
