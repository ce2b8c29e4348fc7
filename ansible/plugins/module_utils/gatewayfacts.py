# Copyright: the harden authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is installed on a gateway, what runs there, and how its clients fare."""

from __future__ import annotations

import glob
import os
from typing import Any, Sequence

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.harden.toolkit.plugins.module_utils.command import Harden, RefusalError

FACTS = ["version", "units", "status"]
UNIT_FOLDER = "/etc/systemd/system"
PACKAGE_NOTE = "harden-package"  # beside bin; the role `install` writes it


def facts(module: AnsibleModule, gather: Sequence[str]) -> dict[str, Any]:
    """Those that are asked for. The module has the options of the command, and dest, netns and perhaps backend."""
    found: dict[str, Any] = {"executable": None, "version": None, "package": None}
    try:
        harden = Harden(module.params["executable"], module.params["state_dir"])
        found.update(executable=harden.path, version=harden.version(), package=package(harden.path))
    except RefusalError as refusal:
        harden = None
        if "status" in gather:
            found.update(status=None, problem=str(refusal))
    if harden is not None and "status" in gather:
        found.update(status(module, harden))
    if "units" in gather:
        found["units"] = units(module)
    return found


def package(executable: str) -> str | None:
    """What the role has noted down about what it installed."""
    prefix = os.path.dirname(os.path.dirname(executable))
    try:
        with open(os.path.join(prefix, PACKAGE_NOTE), encoding="utf-8") as stream:
            return stream.read().strip()
    except OSError:
        return None


def status(module: AnsibleModule, harden: Harden) -> dict[str, Any]:
    """What the gateway says of itself."""
    dest = module.params["dest"]
    if not os.path.exists(dest):
        return {"status": None, "problem": f"{dest}: no such file"}
    netns = ["--netns", module.params["netns"]] if module.params["netns"] else []
    chosen = module.params.get("backend") or "auto"
    backend = ["--backend", chosen] if chosen != "auto" else []
    try:
        return {"status": harden.ask("wg", "status", "--policy", dest, *netns, *backend).document}
    except RefusalError as refusal:
        return {"status": None, "problem": str(refusal)}


def units(module: AnsibleModule) -> list[dict[str, Any]]:
    """The units of harden on this host. Whether they are active is not to be told where systemd does not run."""
    found = sorted(
        os.path.basename(path) for end in ("service", "timer") for path in glob.glob(f"{UNIT_FOLDER}/harden-*.{end}")
    )
    active: list[str | None] = [None] * len(found)
    systemctl = module.get_bin_path("systemctl")
    if found and systemctl and os.path.isdir("/run/systemd/system"):
        # Its exit status says no more than its lines do.
        active = list(module.run_command([systemctl, "is-active", *found], expand_user_and_vars=False)[1].splitlines())
    return [
        {"name": name, "enabled": bool(glob.glob(f"{UNIT_FOLDER}/*.*/{name}")), "active": state}
        for name, state in zip(found, active)
    ]
