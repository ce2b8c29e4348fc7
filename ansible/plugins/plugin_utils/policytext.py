# Copyright: the harden authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A policy that stands in a playbook or an inventory, as the text of a policy file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timezone
from typing import Any

import yaml
from ansible.module_utils.common.text.converters import to_text

# What every version of YAML takes for a string, quotes or not.
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_NO_STRINGS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})


class _Writer(yaml.SafeDumper):
    """Block style, with quotes around all strings that some YAML takes for something else."""

    def ignore_aliases(self, data: Any) -> bool:
        """A value that stands twice is written twice."""
        return True


def _write_text(writer: _Writer, text: str) -> yaml.Node:
    plain = _PLAIN.fullmatch(text) and text.lower() not in _NO_STRINGS
    return writer.represent_scalar("tag:yaml.org,2002:str", text, None if plain else '"')


_Writer.add_representer(str, _write_text)


def policy_text(policy: Mapping[Any, Any]) -> str:
    """The policy file that says this. A time without a zone is in UTC, as YAML has it."""
    return yaml.dump(
        _plain(policy), Dumper=_Writer, sort_keys=False, allow_unicode=True, width=120, default_flow_style=False
    )


def _plain(value: Any) -> Any:
    """The value as the plain types that YAML knows: Ansible's carry where they come from and more."""
    if isinstance(value, Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [_plain(item) for item in value]
    return _plain_scalar(value)


def _plain_scalar(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
        return aware.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    for kind in (int, float):
        if isinstance(value, kind):
            return kind(value)
    return to_text(value).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
