"""Values written as YAML in every style that people use."""

import json
from typing import Any

from hypothesis import strategies as st


@st.composite
def manifests(draw: st.DrawFn, value: Any) -> str:
    """A value as YAML in a mixture of styles, with comments behind and between; what it means is always the same."""
    return "".join(f"{line}\n" for line in _Writer(draw).block(value))


class _Writer:
    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self._step = draw(st.sampled_from([2, 4]))
        self._lists = draw(st.sampled_from([0, 2]))
        self._pad = draw(st.sampled_from(["", " "]))
        self._tail = draw(st.sampled_from(["", ","]))
        self._comments = 0

    def block(self, value: Any) -> list[str]:
        """A collection as lines of its own."""
        if isinstance(value, dict):
            return [line for key, inner in value.items() for line in self._entry(key, inner)]
        return [line for inner in value for line in self._item(inner)]

    def _entry(self, key: str, value: Any) -> list[str]:
        if not self._is_block(value):
            return [f"{self._scalar(key)}: {self._flow(value)}{self._behind()}"]
        deeper = " " * (self._step if isinstance(value, dict) else self._lists)
        lines = [deeper + line for line in self.block(value)]
        return [f"{self._scalar(key)}:{self._behind()}", *self._above(deeper), *lines]

    def _item(self, value: Any) -> list[str]:
        if not self._is_block(value):
            return [f"- {self._flow(value)}{self._behind()}"]
        first, *rest = self.block(value)
        return [f"- {first}", *(f"  {line}" for line in rest)]

    def _is_block(self, value: Any) -> bool:
        return isinstance(value, dict | list) and bool(value) and self._draw(st.booleans())

    def _flow(self, value: Any) -> str:
        if not isinstance(value, dict | list):
            return self._scalar(value)
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        parts = [f"{self._scalar(key)}: {self._flow(inner)}" for key, inner in value.items()] if isinstance(
            value, dict
        ) else [self._flow(inner) for inner in value]  # fmt: skip
        inside = ", ".join(parts)
        return f"{opening}{self._pad}{inside}{self._tail if inside else ''}{self._pad}{closing}"

    def _scalar(self, value: Any) -> str:
        if not isinstance(value, str):
            return json.dumps(value)
        if not value.replace(".", "").replace("-", "").replace("_", "").isalnum():
            return json.dumps(value)
        return str(self._draw(st.sampled_from([value, value, f"'{value}'", f'"{value}"'])))

    def _behind(self) -> str:
        return f"  {self._comment()}" if self._draw(st.booleans()) else ""

    def _above(self, indent: str) -> list[str]:
        return [indent + self._comment()] if self._draw(st.integers(0, 4)) == 0 else []

    def _comment(self) -> str:
        self._comments += 1
        return f"# remark {self._comments}"
