"""A process of its own that applies a rule set made by hand: something to run at the same time, and to kill.

Arguments: backend, namespace, state folder, ports with commas between them.
"""

import os
import sys
from pathlib import Path

from tests.wgfw.made_rules import rule_set
from wgfw.kernel.opening import Opening

if __name__ == "__main__":
    backend, netns, state, ports = sys.argv[1:]
    opening = Opening(backend, netns, Path(state))  # type: ignore[arg-type]
    reconciler = opening.reconciler()
    plan = reconciler.plan(rule_set(*map(int, ports.split(","))))
    os.write(1, b"planned\n")
    reconciler.apply(plan)
    os.write(1, b"applied\n")
