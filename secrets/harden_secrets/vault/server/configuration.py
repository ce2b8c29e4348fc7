"""The server's configuration file, as text.

Storage is raft: it is on the disk when a write is answered. Sealed by a key file (``seal "static"``), so that it comes
back after a reboot without a person. On the very first start the server makes itself ready (``initialize``): it mounts
the store, writes the policy and the role, and revokes its root token, which nobody ever sees.
"""

import json

from harden_secrets.vault.policy import Grant, render
from harden_secrets.vault.server.place import Place

HOST = "127.0.0.1"
MOUNT = "secret"
ROLE = "harden"
LARGEST_ENTRY = 4 * 1024 * 1024  # a Secret may have 1 MiB; base64 makes 1.4 of it

EVERYTHING = Grant("*")


def server_text(place: Place, port: int, cluster_port: int) -> str:
    """For every start."""
    return f"""# Written by harden; changes are overwritten by `harden vault up`.
ui = false
api_addr = {_text(f"https://{HOST}:{port}")}
cluster_addr = {_text(f"https://{HOST}:{cluster_port}")}
log_level = "info"

storage "raft" {{
  path = {_text(str(place.data))}
  node_id = "harden"
  performance_multiplier = "1"
  max_entry_size = "{LARGEST_ENTRY}"
}}

listener "tcp" {{
  address = {_text(f"{HOST}:{port}")}
  cluster_address = {_text(f"{HOST}:{cluster_port}")}
  tls_cert_file = {_text(str(place.certificate))}
  tls_key_file = {_text(str(place.certificate))}
  tls_min_version = "tls13"
}}

seal "static" {{
  current_key_id = "1"
  current_key = {_text(f"file://{place.seal_key}")}
}}
"""


def first_text(place: Place, port: int, cluster_port: int, role_id: str) -> str:
    """For the first start: what is in it besides is done once, when the storage is empty."""
    return f"""{server_text(place, port, cluster_port)}
initialize "harden" {{
  request "store" {{
    operation = "update"
    path = "sys/mounts/{MOUNT}"
    data = {{ type = "kv", options = {{ version = "2" }}, description = "Secrets that harden keeps" }}
  }}
  request "policy" {{
    operation = "update"
    path = "sys/policies/acl/{ROLE}"
    data = {{ policy = {_text(render([EVERYTHING], MOUNT))} }}
  }}
  request "method" {{
    operation = "update"
    path = "sys/auth/approle"
    data = {{ type = "approle", description = "harden itself" }}
  }}
  request "role" {{
    operation = "update"
    path = "auth/approle/role/{ROLE}"
    data = {{
      role_id = {_text(role_id)}
      token_policies = ["{ROLE}"]
      token_ttl = "1h"
      token_max_ttl = "24h"
      token_bound_cidrs = ["{HOST}/32"]
    }}
  }}
  request "secret-id" {{
    operation = "update"
    path = "auth/approle/role/{ROLE}/custom-secret-id"
    data = {{
      secret_id = {{ eval_type = "string", eval_source = "file", path = {_text(str(place.secret_id))} }}
    }}
  }}
}}
"""


def _text(value: str) -> str:
    """A text as HCL has it, which escapes as JSON does."""
    return json.dumps(value, ensure_ascii=False)
