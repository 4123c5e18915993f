"""JSON schemas that a caller sends: their texts for the tree, and what a surrogate could break.

Knows where a schema holds schemas and where it holds data, so that a property that happens to be
named `pattern` is not taken for the keyword. Keywords and types are words of the standard and not
texts of a caller.
"""

from collections.abc import Iterator
from typing import NamedTuple

import re2

from gateway.errors import InvalidParameter, UnsupportedParameter
from gateway.protocol.text_tree import Constraint, Node, Pairs, Texts
from inference.task import JsonObject, JsonValue
from redaction.entity import Origin

# JSON Schema draft 2020-12 (core section 10, validation sections 6 to 9), and the older spellings
# `definitions` and `dependencies` that generators still write.
_HOLDS_SCHEMA = frozenset(
    {
        "additionalProperties",
        "contains",
        "contentSchema",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
_HOLDS_SCHEMAS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_HOLDS_NAMED_SCHEMAS = frozenset(
    {"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"}
)
_HOLDS_KEYS = frozenset({"dependentRequired", "required"})
# Keywords for which a surrogate in place of the real word may be a wrong value.
_CONSTRAINTS = frozenset({"format", "maxLength", "minLength", "pattern"})
_HOLDS_DATA = frozenset(
    {
        "$anchor",
        "$comment",
        "$id",
        "$ref",
        "$schema",
        "const",
        "contentEncoding",
        "contentMediaType",
        "default",
        "dependencies",
        "deprecated",
        "description",
        "enum",
        "examples",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "maxContains",
        "maxItems",
        "maxProperties",
        "maximum",
        "minContains",
        "minItems",
        "minProperties",
        "minimum",
        "multipleOf",
        "nullable",
        "readOnly",
        "title",
        "type",
        "uniqueItems",
        "writeOnly",
    }
)
KEYWORDS = (
    _HOLDS_SCHEMA | _HOLDS_SCHEMAS | _HOLDS_NAMED_SCHEMAS | _HOLDS_KEYS | _CONSTRAINTS | _HOLDS_DATA
)
# Validation section 6.1.1 and 7.3.
WORDS = frozenset(
    {
        *("array", "boolean", "integer", "null", "number", "object", "string"),
        *("date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6"),
        *("json-pointer", "regex", "time", "uri", "uri-reference", "uuid"),
    }
)
_HOLDS_WORDS = frozenset({"format", "type"})
# What stands under these is a value of the property and not a word about it.
_HOLDS_VALUES = frozenset({"const", "default", "enum", "examples"})
# RE2 builds a program in up to 1 us an instruction: at most 2 ms for one, 40 ms for a schema's.
_PATTERN_MEMORY = 1 << 18  # bytes
_MOST_INSTRUCTIONS = 40_000
_TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
_REFERENCES = frozenset({"$ref", "$dynamicRef", "$recursiveRef"})
_TEXTUAL = frozenset({"$ref", "$dynamicRef", "$recursiveRef", "pattern", "$id", "$anchor"})
_NUMERIC = frozenset(
    {
        "exclusiveMaximum",
        "exclusiveMinimum",
        "maxContains",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minContains",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
    }
)


def schema_node(schema: JsonValue, texts: Texts, label: str = "") -> Node:
    """The tree of a schema; every text in it is a definition's.

    `label` is the name of the property that the schema describes.
    """
    if not isinstance(schema, dict):
        return texts.json(schema, Origin.DEFINITION, label)
    pairs: list[tuple[Node, Node]] = []
    for key, value in schema.items():
        if key in KEYWORDS:
            pairs.append((key, _keyword(key, value, texts, label)))
        else:
            name = texts.key(key, Origin.DEFINITION)
            pairs.append((name, texts.json(value, Origin.DEFINITION, key)))
    return Pairs(tuple(pairs))


def _keyword(key: str, value: JsonValue, texts: Texts, label: str) -> Node:
    if key in _HOLDS_SCHEMA and isinstance(value, dict):
        return schema_node(value, texts, label)
    if (key in _HOLDS_SCHEMAS or key in _HOLDS_SCHEMA) and isinstance(value, list):
        return [schema_node(item, texts, label) for item in value]
    if key in _HOLDS_NAMED_SCHEMAS and isinstance(value, dict):
        return Pairs(
            tuple(
                (texts.key(name, Origin.DEFINITION), schema_node(item, texts, name))
                for name, item in value.items()
            )
        )
    if key in _HOLDS_KEYS and isinstance(value, list):
        return [_key(item, texts) for item in value]
    if key in _HOLDS_WORDS:
        words = _words(value, texts)
        return Constraint(words) if key in _CONSTRAINTS else words
    node = texts.json(value, Origin.DEFINITION, label if key in _HOLDS_VALUES else "")
    return Constraint(node) if key in _CONSTRAINTS else node


def _key(value: JsonValue, texts: Texts) -> Node:
    if isinstance(value, str):
        return texts.key(value, Origin.DEFINITION)
    return texts.json(value, Origin.DEFINITION)


def _words(value: JsonValue, texts: Texts) -> Node:
    if isinstance(value, list):
        return [_words(item, texts) for item in value]
    if isinstance(value, str) and value in WORDS:
        return value
    return texts.json(value, Origin.DEFINITION)


def check_schema(schema: JsonObject, param: str, *, validated: bool) -> None:
    """Turns away what this gateway would not follow, or could not check in bounded time.

    `validated` says that the answer will be checked against the schema here: its keywords must
    then have the right kinds, and its patterns must run on a linear-time engine.

    Raises:
        UnsupportedParameter: a reference to another document, or a pattern that RE2 cannot run.
        InvalidParameter: a keyword whose value has the wrong kind.
    """
    instructions = 0
    for part in _subschemas(schema):
        for key in _REFERENCES & part.keys():
            if not str(part[key]).startswith("#"):
                raise UnsupportedParameter(param)
        if validated:
            _check_kinds(part, param)
            instructions += _pattern_sizes(part, param)
            if instructions > _MOST_INSTRUCTIONS:
                raise UnsupportedParameter(param)


def _subschemas(schema: JsonObject) -> Iterator[JsonObject]:
    """The schema and every schema inside it."""
    waiting: list[JsonValue] = [schema]
    while waiting:
        part = waiting.pop()
        if not isinstance(part, dict):
            continue
        yield part
        for key, value in part.items():
            if key in _HOLDS_NAMED_SCHEMAS and isinstance(value, dict):
                waiting.extend(value.values())
            elif key in _HOLDS_SCHEMA:
                waiting.append(value)
            elif key in _HOLDS_SCHEMAS and isinstance(value, list):
                waiting.extend(value)


def _check_kinds(part: JsonObject, param: str) -> None:
    for key, value in part.items():
        if key in _HOLDS_SCHEMA:
            fits = isinstance(value, dict | bool)
        elif key in _HOLDS_SCHEMAS | _HOLDS_KEYS - {"dependentRequired"} | {"enum", "examples"}:
            fits = isinstance(value, list)
        elif key in _HOLDS_NAMED_SCHEMAS | {"dependentRequired"}:
            fits = isinstance(value, dict)
        elif key in _NUMERIC:
            fits = isinstance(value, int | float) and not isinstance(value, bool)
        elif key in _TEXTUAL:
            fits = isinstance(value, str)
        elif key == "type":
            words = value if isinstance(value, list) else [value]
            fits = all(isinstance(word, str) and word in _TYPES for word in words)
        else:
            continue
        if not fits or (key == "multipleOf" and not value):
            raise InvalidParameter(param)


def _pattern_sizes(part: JsonObject, param: str) -> int:
    """The instructions of a subschema's patterns together; refuses what RE2 cannot run."""
    named = part.get("patternProperties")
    size = 0
    for pattern in (part.get("pattern"), *(named if isinstance(named, dict) else ())):
        if isinstance(pattern, str):
            compiled = linear_pattern(pattern)
            if compiled is None or size > _MOST_INSTRUCTIONS:
                raise UnsupportedParameter(param)
            size += compiled.size
    return size


class Pattern(NamedTuple):
    """A pattern for RE2's linear-time search; `size` counts its program's instructions."""

    compiled: re2.Set
    size: int

    def matches(self, text: str) -> bool:
        """Whether the pattern is found anywhere in the text."""
        return bool(self.compiled.Match(text))


def linear_pattern(pattern: str) -> Pattern | None:
    """The pattern, or None if RE2 cannot run it, or only with a program that takes long to build.

    A set of one: only it refuses rather than search slowly where memory runs out.
    """
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _PATTERN_MEMORY
    patterns = re2.Set.SearchSet(options)
    try:
        patterns.Add(pattern)
        patterns.Compile()
        return Pattern(patterns, re2.compile(pattern, options).programsize)
    except re2.error:
        return None
    finally:
        re2.purge()  # the library would remember a caller's text beyond its request


def is_widenable(node: Node) -> bool:
    """Whether a widened schema would differ from the caller's."""
    match node:
        case Constraint():
            return True
        case Pairs(pairs):
            return any(is_widenable(value) for _, value in pairs)
        case list():
            return any(map(is_widenable, node))
        case dict():
            return any(map(is_widenable, node.values()))
        case _:
            return False
