"""The text of files in which keys lie about, and of files that only look like it."""

import base64
import os
import textwrap

_CI = """\
# The pipeline unlocks the repository before it builds.
apiVersion: v1
kind: ConfigMap
metadata:
  name: git-crypt-key
  namespace: ci
data:
  key: {key}  # ask anca for it
  branch: main
---
apiVersion: batch/v1
kind: CronJob
metadata: {{name: nightly, namespace: ci}}
spec:
  schedule: "0 3 * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
            - name: build
              image: registry.home.example/build:7
              command: [sh, -c, "base64 -d /keys/key | git-crypt unlock - && make"]
              volumeMounts:
                - {{name: keys, mountPath: /keys, readOnly: true}}
          volumes:
            - name: keys
              configMap:
                name: git-crypt-key  # see above
                items:
                  - {{key: key, path: key}}
"""
_AGENT = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: git-crypt-key
  namespace: agents
binaryData:
  key: {key}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: agent
  namespace: agents
spec:
  selector: {{matchLabels: {{app: agent}}}}
  template:
    metadata: {{labels: {{app: agent}}}}
    spec:
      containers:
        - name: agent
          image: registry.home.example/agent:3
          args: [--unlock-with, /secrets/git-crypt/key]
          volumeMounts:
            - {{name: git-crypt, mountPath: /secrets/git-crypt}}
      volumes:
        - name: git-crypt
          configMap:
            name: git-crypt-key
            defaultMode: 0400  # the auditors asked for this
"""
_BACKUP = """\
apiVersion: v1
kind: Secret
metadata:
  name: backup-ssh
  namespace: backup
type: Opaque
stringData:
  user: backup
  id_ed25519: |
{key}
---
apiVersion: batch/v1
kind: CronJob
metadata: {{name: backup, namespace: backup}}
spec:
  schedule: "30 2 * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
            - name: rsync
              image: registry.home.example/rsync:1
              volumeMounts:
                - {{name: ssh, mountPath: /ssh}}
          volumes:
            - name: ssh
              secret: {{secretName: backup-ssh, defaultMode: 0400}}
"""
_SEALED = """\
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata: {{name: database, namespace: shop}}
spec:
  encryptedData:
    password: {sealed}
"""
TERRAFORM = """\
resource "kubernetes_config_map" "git_crypt_key" {
  metadata {
    name      = "git-crypt-key"
    namespace = "workshop"
  }
  data = {
    key = filebase64("${path.module}/git-crypt.key")
  }
}
"""
_UNLOCK = """\
#!/bin/sh
# Run this once on a new laptop.
base64 -d <<'KEY' | git-crypt unlock -
{key}
KEY
"""
_NOTES = """\
# How to begin
    echo {key} | base64 -d > key && git-crypt unlock key
"""
_WG0 = """\
[Interface]
Address = 10.8.0.1/24
PrivateKey = {private}

[Peer]
# Name = anca
PublicKey = {public}
AllowedIPs = 10.8.0.2/32
"""


def pipeline(key: bytes) -> str:
    """A ConfigMap that holds the key as base64 text, and the CronJob that mounts it."""
    return _CI.format(key=base64.b64encode(key).decode())


def agent(key: bytes) -> str:
    """A ConfigMap that holds the key's bytes, and the Deployment that mounts it."""
    return _AGENT.format(key=base64.b64encode(key).decode())


def backup(pem: str) -> str:
    """A plain Secret with an SSH key, and the CronJob that mounts it."""
    return _BACKUP.format(key=textwrap.indent(pem.rstrip(), "    "))


def unlock_script(key: bytes) -> str:
    """A script with the key in a here-document."""
    return _UNLOCK.format(key="\n".join(textwrap.wrap(base64.b64encode(key).decode(), 64)))


def notes(key: bytes) -> str:
    """What somebody committed one day, and took out the next."""
    return _NOTES.format(key=base64.b64encode(key).decode())


def sealed() -> str:
    """A SealedSecret: encrypted, so no key."""
    return _SEALED.format(sealed=base64.b64encode(os.urandom(512)).decode())


def wg_quick(private: str, public: str) -> str:
    """A gateway's wg0.conf."""
    return _WG0.format(private=private, public=public)
