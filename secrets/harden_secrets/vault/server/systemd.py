"""A unit for systemd that keeps the server running, and starting it where that unit is installed."""

import subprocess
from pathlib import Path

from harden.errors import HardenError
from harden.systemdtext import specifiers_escaped, word
from harden_secrets.vault.server.place import Place
from harden_secrets.vault.server.process import arguments

NAME = "harden-vault.service"
UNIT_FILE = Path("/etc/systemd/system") / NAME
RUNNING = Path("/run/systemd/system")  # sd_booted(3)
_SECONDS = 120


def unit_text(program: Path, place: Place) -> str:
    """The unit. It has no capability, no network but loopback, and writes nowhere but in its own folder.

    Its memory is not swapped out and not dumped: OpenBao no longer locks it (docs/adr/0008-embedded-vault.md).
    """
    command = " ".join(map(word, arguments(program, place)))
    return f"""# Made by `harden vault unit`. Install it as {UNIT_FILE}, then:
#   systemctl daemon-reload && systemctl enable --now {NAME}
[Unit]
Description=Local Vault of harden (OpenBao)
Documentation=https://openbao.org/docs/
ConditionPathExists={specifiers_escaped(str(place.record))}

[Service]
ExecStart={command}
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=2
TimeoutStopSec=30
WorkingDirectory={specifiers_escaped(str(place.folder))}
UMask=0077
LimitCORE=0
MemorySwapMax=0
CapabilityBoundingSet=
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths={word(str(place.folder))}
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
IPAddressDeny=any
IPAddressAllow=localhost
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""


def start(place: Place) -> bool:
    """Start the server by systemd where the unit for this very server is installed; False where it is not."""
    if not is_installed(place):
        return False
    command = ["systemctl", "start", NAME]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HardenError(f"{' '.join(command)}: {type(error).__name__}", f"see: systemctl status {NAME}") from error
    if done.returncode != 0:
        raise HardenError(f"{' '.join(command)}: {done.stderr.strip()}", f"see: journalctl -u {NAME}")
    return True


def is_installed(place: Place) -> bool:
    """Whether systemd runs this host and has our unit."""
    try:
        return RUNNING.is_dir() and str(place.configuration) in UNIT_FILE.read_text()
    except OSError:
        return False
