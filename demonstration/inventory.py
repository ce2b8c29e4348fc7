"""What the user of the demonstration writes into the inventory, so that keys can be rotated."""

import re
from collections.abc import Mapping

_LINES = """\
version: 1
secrets:
  git-crypt-key:
    kind: git-crypt
    path: shared/git-crypt-key
    repository: {{path: {repository}, branches: [main]}}
    rotate: {{every: 90d}}
  backup-ssh:
    kind: ssh-key
    path: backup/backup-ssh
    deliver:
      - {{to: file, path: {file}, keys: {{id_ed25519: private_key}}}}
    targets: [{{host: {address}, port: {port}, user: {user}, host_key: "{host_key}"}}]
    rotate: {{every: 30d, overlap: {overlap}s}}
  wg0:
    kind: wireguard
    path: files/wg0
"""
SSH, GIT_CRYPT = "backup-ssh", "git-crypt-key"
SSH_PATH, GIT_CRYPT_PATH = "backup/backup-ssh", "shared/git-crypt-key"
_HOST_KEY = re.compile(r"(ssh-ed25519 AAAA)[^\"]*")


def written(values: Mapping[str, object]) -> str:
    """The inventory, with where the repository, the job's file and the host are, and how long the overlap is."""
    return _LINES.format(**values)


def shortened(line: str) -> str:
    """A line of it with the host's key cut short, for people."""
    return _HOST_KEY.sub(r"\1…", line)
