"""A small valid instance of a JSON schema, as a model under structured output would write one.

Strings come from `Strings`, which reuses what the prompt held. Covers what structured output is
used with: objects, arrays, enum, const, the scalar types, anyOf/oneOf/allOf, local references.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from inference.task import JsonObject, JsonValue

_DEEPEST = 12
_FORMATS = {
    "date": "2025-01-02",
    "date-time": "2025-01-02T09:00:00+09:00",
    "time": "09:00:00+09:00",
    "email": "rehearsal@example.invalid",
    "uri": "https://example.invalid/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
}
_FILLINGS = ("리허설", "rehearsal", "A", "0", "00", "000", "0000", "2025-01-02", "000-0000-0000")
_HINTS = (
    ("전화", ("phone", "tel", "mobile", "전화", "연락처", "휴대")),
    ("이메일", ("mail", "메일")),
    ("주민등록번호", ("rrn", "resident", "주민")),
    ("사업자", ("business", "brn", "사업자")),
    ("계좌", ("account", "계좌")),
    ("카드", ("card", "카드")),
    # Last: "신청인의 연락처" speaks of a person and means the number.
    ("성명", ("name", "person", "성명", "이름", "민원인", "신청인", "담당자")),
)


@dataclass(slots=True)
class Strings:
    """Gives strings for an instance: surrogates by what their property is called, then in turn."""

    surrogates: Sequence[str]
    _given: int = 0

    def give(self, schema: JsonObject, name: str) -> str:
        """A string for property `name` that satisfies the schema's string keywords, if one does."""
        pattern, wanted = schema.get("pattern"), schema.get("format")
        if isinstance(wanted, str) and wanted in _FORMATS:
            return _FORMATS[wanted]
        least, most = _whole(schema, "minLength", 0), _whole(schema, "maxLength", 1_000_000)
        described = f"{name} {schema.get('title', '')} {schema.get('description', '')}".lower()
        for candidate in (*self._fitting(described), *self._next(), *_FILLINGS):
            padded = candidate.ljust(least, "가") if pattern is None else candidate
            if len(padded) <= most and _matches(pattern, padded):
                return padded
        return "가" * least

    def _fitting(self, described: str) -> list[str]:
        labels = [label for label, words in _HINTS if any(word in described for word in words)]
        return [mark for label in labels for mark in self.surrogates if mark[1:].startswith(label)]

    def _next(self) -> list[str]:
        if not self.surrogates:
            return []
        place = self._given % len(self.surrogates)
        self._given += 1
        return [*self.surrogates[place:], *self.surrogates[:place]]


def instance(schema: JsonObject, strings: Strings) -> JsonValue:
    """A value that `schema` allows; null for what lies too deep."""
    return _instance(schema, schema, strings, name="", depth=0)


def _instance(
    value: JsonValue, root: JsonObject, strings: Strings, *, name: str, depth: int
) -> JsonValue:
    schema = _resolved(value, root)
    if "const" in schema:
        return schema["const"]
    enum = schema.get("enum")
    if isinstance(enum, list) and enum:
        return enum[0]
    if depth > _DEEPEST:
        return None
    kind = _kind(schema)
    if kind == "object":
        return _object(schema, root, strings, depth)
    if kind == "array":
        return _array(schema, root, strings, name=name, depth=depth)
    if kind in ("integer", "number"):
        return _number(schema, whole=kind == "integer")
    if kind == "boolean":
        return True
    return None if kind == "null" else strings.give(schema, name)


def _resolved(value: JsonValue, root: JsonObject) -> JsonObject:
    """The schema without references and alternatives: the first alternative, all of allOf."""
    schema = value if isinstance(value, dict) else {}
    for _ in range(_DEEPEST):
        reference = schema.get("$ref")
        alternatives = schema.get("anyOf") or schema.get("oneOf")
        together = schema.get("allOf")
        rest = {k: v for k, v in schema.items() if k not in ("$ref", "anyOf", "oneOf", "allOf")}
        if isinstance(reference, str):
            schema = {**rest, **_at(root, reference)}
        elif isinstance(alternatives, list) and isinstance(alternatives[0], dict):
            schema = {**rest, **alternatives[0]}
        elif isinstance(together, list):
            schema = rest
            for part in together:
                schema = _merged(schema, _resolved(part, root))
        else:
            return schema
    return schema


def _merged(one: JsonObject, other: JsonObject) -> JsonObject:
    merged = {**one, **other}
    ours, theirs = one.get("properties"), other.get("properties")
    if isinstance(ours, dict) and isinstance(theirs, dict):
        merged["properties"] = {**ours, **theirs}
    wanted, also = one.get("required"), other.get("required")
    if isinstance(wanted, list) and isinstance(also, list):
        merged["required"] = [*wanted, *also]
    return merged


def _at(root: JsonObject, reference: str) -> JsonObject:
    """The schema at a local JSON pointer (RFC 6901); an empty one if there is none."""
    found: JsonValue = root
    for step in reference.removeprefix("#").split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _kind(schema: JsonObject) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((item for item in kind if item != "null"), "null")
    if isinstance(kind, str):
        return kind
    if "properties" in schema or "required" in schema:
        return "object"
    return "array" if "items" in schema else "string"


def _object(
    schema: JsonObject, root: JsonObject, strings: Strings, depth: int
) -> dict[str, JsonValue]:
    """All properties near the top, only the required ones deeper down."""
    properties, required = schema.get("properties"), schema.get("required")
    known = properties if isinstance(properties, dict) else {}
    listed = required if isinstance(required, list) else []
    needed = [name for name in listed if isinstance(name, str)]
    names = [*known, *needed] if depth < 3 else needed
    return {
        name: _instance(known.get(name), root, strings, name=name, depth=depth + 1)
        for name in dict.fromkeys(names)
    }


def _array(
    schema: JsonObject, root: JsonObject, strings: Strings, *, name: str, depth: int
) -> list[JsonValue]:
    prefix, least = schema.get("prefixItems"), _whole(schema, "minItems", 0)
    items = list(prefix) if isinstance(prefix, list) else []
    wanted = min(max(least, 1 if depth < 3 else 0), _whole(schema, "maxItems", 100), 100)
    item = schema.get("items")
    if item is not False:
        items += [item] * (wanted - len(items))
    return [_instance(each, root, strings, name=name, depth=depth + 1) for each in items]


def _number(schema: JsonObject, *, whole: bool) -> int | float:
    step = _limit(schema, "multipleOf") or (1 if whole else 0.5)
    least, above = _limit(schema, "minimum"), _limit(schema, "exclusiveMinimum")
    most, below = _limit(schema, "maximum"), _limit(schema, "exclusiveMaximum")
    number: int | float = 0
    if least is not None or above is not None:
        low = max(bound for bound in (least, above) if bound is not None)
        number = -(-low // step) * step
        if above is not None and number <= above:
            number += step
    elif most is not None or below is not None:
        high = min(bound for bound in (most, below) if bound is not None)
        number = min(0, high // step * step)
        if below is not None and number >= below:
            number -= step
    return int(number) if whole else number


def _limit(schema: JsonObject, key: str) -> int | float | None:
    value = schema.get(key)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(schema: JsonObject, key: str, otherwise: int) -> int:
    value = schema.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise


def _matches(pattern: JsonValue, text: str) -> bool:
    if not isinstance(pattern, str):
        return True
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return False
