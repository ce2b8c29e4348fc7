"""Runs all benchmarks, or those named: ``.venv/bin/python -m benchmarks [NAME…]``.

The names are new_flow, apply, command, rekey, scan and rollout.
"""

import sys
import tempfile
from pathlib import Path

from benchmarks import apply, command, new_flow, rekey, rollout, scan

ALL = {
    "new_flow": new_flow.run,
    "apply": apply.run,
    "command": command.run,
    "rekey": rekey.run,
    "scan": scan.run,
    "rollout": rollout.run,
}


def main() -> int:
    """Prints the table; the exit status is 1 if a limit is not kept."""
    kept = True
    print("| measure | figure | limit | kept | how |\n| --- | --- | --- | --- | --- |")
    for name in sys.argv[1:] or ALL:
        with tempfile.TemporaryDirectory(prefix="harden-benchmark-") as folder:
            for figure in ALL[name](Path(folder)):
                kept = kept and figure.value <= figure.limit
                print(figure.row(), flush=True)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
