"""The JSON Schema of the policy file, against the loader."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from harden.document.problems import Problems
from harden.document.yamltree import Mapping, Node, Sequence, parse
from harden.errors import HardenError
from wgfw.policy.loader import load
from wgfw.policy.schema import policy_schema

BROKEN = Path(__file__).parent.parent / "golden" / "broken"
# Faults that only the loader can know: names that do not exist, what a notation means, which moments there are.
BEYOND = {
    *("unknown-profile", "service-by-itself", "unknown-network", "defaults-mark", "network-by-dns-name"),
    *("network-host-bits", "network-of-names", "unknown-service", "until-at-the-epoch"),
}

FULL = """\
version: 1
interfaces: {wg0: {peers: kernel, profile: guest}}
networks: {nas: 192.168.1.10, lan: [10.0.0.0/8, "fd00::/8"]}
services: {immich: [tcp/2283], web: https}
profiles:
  own: {description: x, allow: [{to: nas, services: [immich, any], until: "2026-12-24T18:00:00+01:00"}], deny: []}
clients:
  anca: {profile: own, mode: enforce}
  wg0/laptop:
    profiles: [own, guest]
    public_key: AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=
    deny: [{to: internet, services: [tcp/25]}]
    inbound: [{from: "client:anca", services: [ssh]}]
defaults: {profile: quarantine, on_allow: return, mark: "0x0c000000"}
tests: [{from: anca, to: 10.0.0.1, service: tcp/443, expect: deny}]
"""


def plain(node: Node) -> Any:
    """The tree as an editor that knows YAML 1.2 sees it."""
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    if isinstance(node, Mapping):
        return {name: plain(value) for name, (_, value) in node.pairs.items()}
    values = {"null": None, "boolean": node.value.lower() == "true", "string": node.value}
    return values[node.kind] if node.kind in values else json.loads(node.value)


def faults(text: str) -> list[str]:
    """What the schema says against a policy. Raises HardenError for what is no YAML."""
    problems = Problems("policy.yaml")
    document = plain(parse(text.encode(), problems).root)
    problems.raise_if_any()
    validator = jsonschema.Draft202012Validator(policy_schema())
    return [error.message for error in validator.iter_errors(document)]


def test_the_schema_is_one() -> None:
    """It is valid itself, in the draft that it names."""
    schema = policy_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_schema_takes_what_the_loader_takes(tmp_path: Path) -> None:
    """A policy with every key, and the least one."""
    for text in (FULL, "version: 1\ninterface: wg0\npeers: /etc/wireguard/wg0.conf\n"):
        (tmp_path / "policy.yaml").write_text(text)
        assert load(str(tmp_path / "policy.yaml")).path
        assert faults(text) == []


def misshapen() -> list[str]:
    """The broken policies that are YAML and that the loader refuses."""
    names = []
    for case in sorted(BROKEN.iterdir()):
        data = (case / "policy.yaml").read_bytes()
        problems = Problems(case.name)
        try:
            parse(data, problems)
        except HardenError:
            continue
        try:
            load(str(case / "policy.yaml"))
        except HardenError:
            names += [] if problems else [case.name]
    return names


@pytest.mark.parametrize("case", misshapen())
def test_the_schema_refuses_what_is_of_the_wrong_shape(case: str) -> None:
    """All of the broken policies but those whose fault only the loader can know."""
    found = faults((BROKEN / case / "policy.yaml").read_text())
    assert bool(found) == (case not in BEYOND), found
