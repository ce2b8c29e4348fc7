"""What YAML parsers say about a broken file, in words that help to mend it."""

from typing import Any

import yaml

# Part of libyaml's or PyYAML's message → what to say; {line} is where the surrounding construct begins.
_WORDS = (
    ("mapping values are not allowed", 'a ":" where none can be: check the indentation, or put the text in quotes'),
    ("could not find expected ':'", 'a key without ":"'),
    ("while scanning a simple key", 'a key without ":"'),
    ("did not find expected ',' or '}'", 'a "," is missing, or the "}}" of the "{{" in line {line}'),
    ("expected ',' or '}'", 'a "," is missing, or the "}}" of the "{{" in line {line}'),
    ("did not find expected ',' or ']'", 'a "," is missing, or the "]" of the "[" in line {line}'),
    ("expected ',' or ']'", 'a "," is missing, or the "]" of the "[" in line {line}'),
    ("did not find expected key", "wrong indentation: this is no key of the mapping that begins in line {line}"),
    ("expected <block end>", "wrong indentation: this does not belong to what begins in line {line}"),
    ("did not find expected '-' indicator", "wrong indentation: this is no item of the list of line {line}"),
    ("found unexpected ':'", 'a text that ends with ":" needs quotes here'),
    ("did not find expected node content", 'a value is missing here, or a "-" stands between brackets'),
    ("did not find expected <document start>", "something follows the end of the document"),
)


def explain(error: yaml.YAMLError, text: str) -> tuple[int, str]:
    """``(line, message)`` for the person who wrote the file."""
    mark: Any = getattr(error, "problem_mark", None)
    if mark is None:
        return 1, "is not valid YAML"
    problem = str(getattr(error, "problem", "") or "")
    context = str(getattr(error, "context", "") or "")
    began: Any = getattr(error, "context_mark", None) or mark
    if "quoted scalar" in context and "end of stream" in problem:
        return began.line + 1, "the quote that opens here is never closed"
    if "quoted scalar" in context:
        return mark.line + 1, 'no such escape between double quotes; a backslash is "\\\\" there'
    if "cannot start any token" in problem:
        return mark.line + 1, _stray(text[mark.index : mark.index + 1])
    for part, words in _WORDS:
        if part in problem or part in context:
            return _line_of(part, mark, began, text), words.format(line=began.line + 1)
    return mark.line + 1, f"is not valid YAML: {problem or context}"


def _line_of(part: str, mark: Any, began: Any, text: str) -> int:
    """A missing colon is missed where the key began; a missing bracket at the end of the file, where it opened."""
    at_end = mark.index >= len(text.rstrip())
    return int(began.line if "':'" in part or "simple key" in part or at_end else mark.line) + 1


def _stray(char: str) -> str:
    if char == "\t":
        return "a tab in the indentation: YAML wants spaces"
    return f"a word cannot begin with {char}: put the text in quotes"
