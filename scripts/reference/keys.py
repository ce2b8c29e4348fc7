"""Which keys a file of harden's has: tables from its JSON Schema, one for each mapping in it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reference.markdown import code, table

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Mapped:
    """A mapping of the schema: where it stands, and of which kind it is where there are several."""

    place: str
    kind: str
    schema: Schema


def keys_page(schemas: Sequence[Schema]) -> Iterator[str]:
    """The page of all keys. A part in capitals of a place is any name; ``[]`` is each of a list."""
    yield from (
        "# Keys",
        "",
        "This page is made from the JSON Schemas that `harden wg schema` and `harden secrets schema` print. What the",
        "keys mean is told in [policy.md](policy.md) and [inventory.md](inventory.md). `NAME` in a heading is any",
        "name, `[]` each of a list.",
    )
    for schema in schemas:
        yield from ("", f"# {schema['title']}", "", schema["description"])
        for lines, places in _tables(schema).items():
            yield from ("", f"## {', '.join(code(place) if place else 'Top level' for place in places)}", "", *lines)


def _tables(schema: Schema) -> Mapping[tuple[str, ...], list[str]]:
    """Each table once, with all the places that it is for."""
    mapped = list(_mappings(schema, schema, "", ""))
    found: dict[tuple[str, ...], list[str]] = {}
    for place in dict.fromkeys(one.place for one in mapped):
        found.setdefault(tuple(_table(schema, [one for one in mapped if one.place == place])), []).append(place)
    return found


def _mappings(root: Schema, schema: Schema, place: str, kind: str) -> Iterator[Mapped]:
    schema = _resolved(root, schema)
    properties = schema.get("properties", {})
    if properties:
        kind = next((f"{key}: {value['const']}" for key, value in properties.items() if _tells_kind(value)), kind)
        yield Mapped(place, kind, schema)
    for key, value in properties.items():
        yield from _mappings(root, value, f"{place}.{key}" if place else key, kind)
    for choice in (*schema.get("oneOf", ()), *schema.get("anyOf", ())):
        yield from _mappings(root, choice, place, kind)
    if isinstance(schema.get("items"), dict):
        yield from _mappings(root, schema["items"], f"{place}[]", kind)
    if isinstance(schema.get("additionalProperties"), dict):
        yield from _mappings(root, schema["additionalProperties"], f"{place}.NAME", kind)


def _table(root: Schema, mapped: Sequence[Mapped]) -> Iterator[str]:
    keys = dict.fromkeys(key for one in mapped for key in one.schema["properties"])
    return table(("key", "value", "means"), (_row(root, key, mapped) for key in keys))


def _row(root: Schema, key: str, mapped: Sequence[Mapped]) -> tuple[str, str, str]:
    having = [one for one in mapped if key in one.schema["properties"]]
    values = [_resolved(root, one.schema["properties"][key]) for one in having]
    words = [next(filter(None, map(_description, values)), "")]
    kinds, every = (list(dict.fromkeys(one.kind for one in ones)) for ones in (having, mapped))
    if all(key in one.schema.get("required", ()) for one in having):
        words.append("Required.")
    if kinds != every and not all(_tells_kind(value) for value in values):
        words.append(f"Only with {', '.join(code(kind) for kind in kinds)}.")
    if "default" in values[0]:
        words.append(f"Default: {code(_yaml(values[0]['default']))}.")
    shapes = dict.fromkeys(_shape(root, value) for value in values)
    return code(key), " or ".join(shapes), " ".join(filter(None, words))


def _description(schema: Schema) -> str:
    """What the schema says about the value, or else about the first of the forms that the value may have."""
    words: str = schema.get("description") or next(map(_description, schema.get("anyOf", ())), "")
    return words


def _yaml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shape(root: Schema, schema: Schema) -> str:
    """What a value looks like, in a few words."""
    schema = _resolved(root, schema)
    given = (schema["const"],) if "const" in schema else schema.get("enum", ())
    choices = (*schema.get("oneOf", ()), *schema.get("anyOf", ()))
    if given:
        words = ", ".join(code(str(value)) for value in given)
    elif choices and "properties" not in schema:
        plain = [choice for choice in choices if "enum" not in choice]  # any text: the names are only some of it
        words = " or ".join(dict.fromkeys(_shape(root, choice) for choice in plain))
    elif "items" in schema:
        words = f"list of {_shape(root, schema['items'])}"
    elif "minimum" in schema and "maximum" in schema:
        words = f"{schema['minimum']} to {schema['maximum']}"
    else:
        words = _type(schema)
    return words


def _type(schema: Schema) -> str:
    types = schema.get("type", "text")
    names = {"string": "text", "boolean": "`true`, `false`", "object": "mapping"}
    known = [one for one in ([types] if isinstance(types, str) else types) if one != "null"]
    return " or ".join(names.get(one, one) for one in known)


def _resolved(root: Schema, schema: Schema) -> Schema:
    """The schema with what it refers to; what it says itself wins."""
    if "$ref" not in schema:
        return schema
    referred: Schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    return {**_resolved(root, referred), **{key: value for key, value in schema.items() if key != "$ref"}}


def _tells_kind(schema: Schema) -> bool:
    return isinstance(schema.get("const"), str)
