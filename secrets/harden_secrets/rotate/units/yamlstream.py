"""Objects as a stream of YAML documents that a person can read: texts of several lines as they are. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        """No anchors: each document is to be read by itself."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def stream(objects: Sequence[Mapping[str, Any]]) -> str:
    """All of them, for ``kubectl apply -f -``."""
    made = (yaml.dump(dict(one), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120) for one in objects)
    return "---\n".join(made)
