"""Does a restored answer keep to the JSON schema that its caller asked for?

JSON Schema 2020-12 by the jsonschema library, offline and bounded: no reference is ever fetched,
patterns run on RE2 (linear time), and every keyword that is looked at is counted, for a small
schema can be written so that checking it takes for ever.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import orjson
import re2
from jsonschema import Draft202012Validator
from jsonschema.exceptions import UndefinedTypeCheck, UnknownType, ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

from gateway.protocol.json_schema import linear_pattern
from inference.task import JsonObject, JsonValue

# Looks at one keyword of a schema for one value of an answer. The dearest (`$ref`) take 7 us on one
# core, 0.35 s together; an answer of 1,000 objects with 20 members of known types takes 23,000.
MOST_LOOKS = 50_000

_Keyword = Callable[[Any, Any, Any, Any], Iterator[ValidationError] | None]


class _Descends(Protocol):
    """What a keyword asks of the validator that it runs in."""

    def descend(self, instance: object, schema: object) -> Iterator[ValidationError]: ...


class AnswerSchema:
    """The caller's own schema, originals and all: held in memory for its request only."""

    def __init__(self, schema: JsonObject) -> None:
        self._schema = schema

    def accepts(self, text: str) -> bool:
        """Whether `text` is JSON that keeps to the schema; a schema nobody can read accepts none.

        Takes up to about 0.35 s; beyond that the answer counts as wrong.
        """
        try:
            answer = orjson.loads(text)
        except orjson.JSONDecodeError:
            return False
        try:
            return bool(_Check().validator(self._schema).is_valid(answer))
        except (_TooManyLooks, Unresolvable, UnknownType, UndefinedTypeCheck, RecursionError):
            return False
        except (AttributeError, LookupError, TypeError, ValueError, ArithmeticError):
            return False  # a reference led to something that is no schema


class _TooManyLooks(Exception):
    pass


class _Check:
    """The keywords of one check of one answer: counts the looks, remembers compiled patterns."""

    def __init__(self) -> None:
        self._looks_left = MOST_LOOKS
        self._patterns: dict[str, re2.Set] = {}

    def validator(self, schema: JsonObject) -> Any:  # noqa: ANN401 a class made at run time
        """The library's validator with every keyword counted, and ours where its are not safe."""
        keywords: dict[str, _Keyword] = {
            **Draft202012Validator.VALIDATORS,
            "additionalProperties": self._additional_properties,
            "multipleOf": _multiple_of,
            "pattern": self._pattern,
            "patternProperties": self._pattern_properties,
            "uniqueItems": _unique_items,
        }
        counted = {name: self._counted(keyword) for name, keyword in keywords.items()}
        kind = extend(Draft202012Validator, counted)  # type: ignore[no-untyped-call]
        return kind(schema, registry=Registry())

    def _counted(self, keyword: _Keyword) -> _Keyword:
        def look(
            validator: object, value: object, instance: object, part: object
        ) -> Iterator[ValidationError]:
            self._look()
            yield from keyword(validator, value, instance, part) or ()

        return look

    def _look(self) -> None:
        self._looks_left -= 1
        if self._looks_left < 0:
            raise _TooManyLooks

    def _matches(self, pattern: str, text: str) -> bool:
        self._look()
        compiled = self._patterns.get(pattern) or linear_pattern(pattern)
        if compiled is None:
            raise ValueError
        self._patterns[pattern] = compiled
        return bool(compiled.Match(text))

    def _pattern(
        self, _validator: object, pattern: str, instance: object, _part: object
    ) -> Iterator[ValidationError]:
        if isinstance(instance, str) and not self._matches(pattern, instance):
            yield ValidationError("pattern")

    def _pattern_properties(
        self, validator: _Descends, patterns: JsonObject, instance: object, _part: object
    ) -> Iterator[ValidationError]:
        if not isinstance(instance, dict):
            return
        for pattern, schema in patterns.items():
            for key, value in instance.items():
                if self._matches(pattern, key):
                    yield from validator.descend(value, schema)

    def _additional_properties(
        self, validator: _Descends, schema: JsonValue, instance: object, part: JsonObject
    ) -> Iterator[ValidationError]:
        if not isinstance(instance, dict):
            return
        named, patterns = _members(part, "properties"), _members(part, "patternProperties")
        for key, value in instance.items():
            if key not in named and not any(self._matches(pattern, key) for pattern in patterns):
                yield from validator.descend(value, schema)


def _members(part: JsonObject, keyword: str) -> JsonObject:
    members = part.get(keyword)
    return members if isinstance(members, dict) else {}


def _unique_items(
    _validator: object, wanted: bool, instance: object, _part: object
) -> Iterator[ValidationError]:
    """In linear time: equal JSON values have equal sorted texts."""
    if wanted and isinstance(instance, list):
        texts = {orjson.dumps(item, option=orjson.OPT_SORT_KEYS) for item in instance}
        if len(texts) != len(instance):
            yield ValidationError("uniqueItems")


def _multiple_of(
    _validator: object, factor: float, instance: object, _part: object
) -> Iterator[ValidationError]:
    """With the tolerance of binary fractions: 0.3 is a multiple of 0.1."""
    if isinstance(instance, int | float) and not isinstance(instance, bool):
        quotient = instance / factor
        if not math.isclose(quotient, round(quotient), rel_tol=1e-9, abs_tol=1e-9):
            yield ValidationError("multipleOf")
