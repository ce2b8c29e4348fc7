"""Patches for the sources of objects that somebody else owns: they are really applied."""

import subprocess
from pathlib import Path

import pytest

from harden_secrets.cluster.port import ObjectName
from harden_secrets.plan.moves import Move, Moves
from harden_secrets.plan.sourcepatch import for_entry, for_object

RUNNER = ObjectName("apps/v1", "Deployment", "agent", "runner")
MAP = ObjectName("v1", "ConfigMap", "agent", "key")
MOVES = Moves({("ConfigMap", "key"): Move("ConfigMap", "key", "key-vault", {"key": "key"})})
TERRAFORM = b"""\
# the runner
resource "kubernetes_config_map" "key" {
  metadata {
    name      = "key"
    namespace = "agent"
  }
  data = {
    key   = filebase64("${path.module}/infra.key") # exported
    other = <<EOT
}}} not a brace
EOT
  }
}

resource "kubernetes_deployment_v1" "runner" {
  metadata {
    name      = "runner"
    namespace = "agent"
  }
  spec {
    template {
      spec {
        container {
          name = "c"
          env_from {
            config_map_ref {
              name = "key"
            }
          }
        }
        volume {
          name = "v"
          config_map {
            name         = "key" # mounted
            default_mode = "0400"
          }
        }
      }
    }
  }
}
"""
YAML = b"""\
apiVersion: apps/v1
kind: Deployment
metadata: {name: runner}
spec:
  template:
    spec:
      volumes:
      - name: v
        configMap: {name: key, defaultMode: 0400} # mounted
"""


@pytest.mark.parametrize("command", [["git", "apply", "-p1"], ["patch", "-p1"]], ids=["git", "patch"])
@pytest.mark.parametrize(("name", "content"), [("infra/main.tf", TERRAFORM), ("app/runner.yaml", YAML)])
def test_a_patch_of_the_source_applies(name: str, content: bytes, command: list[str], tmp_path: Path) -> None:
    """Only the words of the references change."""
    (tmp_path / name).parent.mkdir()
    (tmp_path / name).write_bytes(content)
    (patch,) = for_object(RUNNER, MOVES, {name: content, "other.yaml": b"a: [", "x.tf": b"}"})
    subprocess.run(command, cwd=tmp_path, input=patch.diff.encode(), check=True, timeout=60, capture_output=True)
    expected = (
        content.replace(
            b'config_map_ref {\n              name = "key"', b'secret_ref {\n              name = "key-vault"'
        )
        .replace(
            b'config_map {\n            name         = "key"',
            b'secret {\n            secret_name         = "key-vault"',
        )
        .replace(b"configMap: {name: key,", b"secret: {secretName: key-vault,")
    )
    assert (tmp_path / name).read_bytes() == expected


def test_what_moves_in_part_is_left_to_the_person() -> None:
    """A volume of two sources is written in another way in every estate."""
    partly = Moves({("ConfigMap", "key"): Move("ConfigMap", "key", "key", {"key": "key"}, kept=("other",))})
    (patch,) = for_object(RUNNER, partly, {"main.tf": TERRAFORM})
    assert (patch.diff, patch.line) == ("", 15)
    assert "by hand: secret key instead of configmap key" in patch.words


def test_an_entry_from_a_file_is_taken_out_by_a_patch(tmp_path: Path) -> None:
    """It shows the file's name, no value."""
    (patch,) = for_entry(MAP, "key", {"main.tf": TERRAFORM})
    (tmp_path / "main.tf").write_bytes(TERRAFORM)
    subprocess.run(
        ["patch", "-p1"], cwd=tmp_path, input=patch.diff.encode(), check=True, timeout=60, capture_output=True
    )
    line = b'    key   = filebase64("${path.module}/infra.key") # exported\n'
    assert (tmp_path / "main.tf").read_bytes() == TERRAFORM.replace(line, b"")
    assert patch.line == 8


def test_a_literal_entry_is_told_by_its_lines() -> None:
    """A diff would show the value."""
    (patch,) = for_entry(MAP, "other", {"main.tf": TERRAFORM})
    assert (patch.diff, patch.line) == ("", 9)
    assert "lines 9 to 11" in patch.words


def test_another_object_of_the_name_is_none() -> None:
    """Of another namespace, or of another kind."""
    elsewhere = ObjectName("apps/v1", "Deployment", "other", "runner")
    assert for_object(elsewhere, MOVES, {"main.tf": TERRAFORM}) == []
    assert for_object(ObjectName("apps/v1", "DaemonSet", "agent", "runner"), MOVES, {"main.tf": TERRAFORM}) == []
