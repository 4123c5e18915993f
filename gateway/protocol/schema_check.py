"""Reads a value by a JSON schema, and pays for every step of it.

JSON Schema 2020-12, offline: a reference leads within the schema, patterns run on RE2 (linear
time). Written here and not left to a library, because this runs on the event loop: a small schema
can be written so that checking it takes for ever, and what a library does besides (its messages
quote whole values, its comparisons begin anew each time) cannot be counted. Here every look, every
value compared and every character searched is paid from one budget for all choices of a call.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import unquote

from gateway.protocol.json_schema import Pattern, linear_pattern
from inference.task import JsonObject, JsonValue

# Of all choices together, in steps of up to 0.5 us on one core: 0.1 s. An answer of 1,000 objects
# with 20 members of known types takes 46,000.
MOST_STEPS = 200_000

_LOOKUPS = 8  # names that are looked up in a hash table in one step
_ENTERED = 3  # steps for entering a value into one
# RE2 searches a character in one step; where it must build its automaton anew for each (patterns
# such as a[ab]{200}c do that to it), in one more for so many of the program's instructions.
_INSTRUCTIONS = 100

# What a keyword's value is, or a value of an answer. Keywords read theirs as the standard says; a
# value of another kind raises, which `accepts` takes for a schema that nobody can read.
_Json: TypeAlias = Any


class TooManySteps(Exception):
    """The budget is used up."""


class Unreadable(Exception):
    """A reference leads nowhere, or a pattern is none."""


class _Place(NamedTuple):
    """A subschema, and the schema that its references start from."""

    part: JsonObject
    root: JsonObject


class _Forms:
    """Gives equal JSON values (validation section 4.2.3: 1 equals 1.0) one number, and others not.

    Each list, object and text is read once; it is kept, so that its identity stays its own.
    """

    def __init__(self, spend: Callable[[int], None]) -> None:
        self._spend = spend
        self._numbers: dict[object, int] = {}
        self._read: dict[int, tuple[object, int]] = {}

    def of(self, value: JsonValue) -> int:
        """The number of a value."""
        if value is None or isinstance(value, bool | int | float):
            self._spend(1)
            return self._number((isinstance(value, bool), value))
        known = self._read.get(id(value))
        if known is not None:
            self._spend(1)
            return known[1]
        form: object = value
        if isinstance(value, list):
            self._spend(_ENTERED + len(value) // _LOOKUPS)
            form = (list, *map(self.of, value))  # its kind first: two numbers may equal a scalar
        elif isinstance(value, dict):
            self._spend(_ENTERED * (1 + len(value)))
            form = frozenset((key, self.of(item)) for key, item in value.items())
        else:
            self._spend(_ENTERED)
        number = self._number(form)
        self._read[id(value)] = value, number
        return number

    def _number(self, form: object) -> int:
        return self._numbers.setdefault(form, len(self._numbers))


class Check:
    """Reads one schema; holds what is left of the budget, and what need not be read again."""

    def __init__(self) -> None:
        self._left = MOST_STEPS
        self._forms = _Forms(self._spend)
        self._enums: dict[int, frozenset[int]] = {}
        self._patterns: dict[str, Pattern] = {}
        self._targets: dict[tuple[int, str], _Place | bool] = {}

    def valid(self, schema: JsonValue, instance: JsonValue, root: JsonObject) -> bool:
        """Whether a value keeps to a schema.

        Raises:
            TooManySteps: the budget is spent.
            Unreadable: what stands in a schema's place is none.
        """
        self._spend(1)
        if isinstance(schema, bool):
            return schema
        place = _place(schema, root)
        for keyword, value in place.part.items():
            look = _LOOKS.get(keyword)
            if look is not None:
                self._spend(1)
                if not look(self, value, instance, place):
                    return False
        return True

    def _spend(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise TooManySteps

    def _all(self, schema: JsonValue, instances: Iterable[JsonValue], place: _Place) -> bool:
        return all(self.valid(schema, instance, place.root) for instance in instances)

    def _matches(self, pattern: str, text: str) -> bool:
        compiled = self._patterns.get(pattern)
        if compiled is None:
            compiled = linear_pattern(pattern)
            if compiled is None:
                raise Unreadable
            self._patterns[pattern] = compiled
            self._spend(compiled.size)
        self._spend(len(text) * (1 + compiled.size // _INSTRUCTIONS) + 1)
        return compiled.matches(text)

    # Any value (validation section 6.1).

    def type(self, names: _Json, instance: _Json, _place: _Place) -> bool:
        if isinstance(names, str):
            return _is_type(names, instance)
        self._spend(len(names))
        return any(_is_type(name, instance) for name in names)

    def enum(self, values: _Json, instance: _Json, _place: _Place) -> bool:
        forms = self._enums.get(id(values))
        if forms is None:
            forms = self._enums[id(values)] = frozenset(map(self._forms.of, values))
        return self._forms.of(instance) in forms

    def const(self, value: _Json, instance: _Json, _place: _Place) -> bool:
        return self._forms.of(value) == self._forms.of(instance)

    def pattern(self, pattern: _Json, instance: _Json, _place: _Place) -> bool:
        return not isinstance(instance, str) or self._matches(pattern, instance)

    # Objects (core section 10.3.2, validation section 6.5).

    def properties(self, schemas: _Json, instance: _Json, place: _Place) -> bool:
        if not isinstance(instance, dict):
            return True
        self._spend(min(len(schemas), len(instance)) // _LOOKUPS)
        names = schemas if len(schemas) < len(instance) else instance
        other = instance if names is schemas else schemas
        return all(
            self.valid(schemas[name], instance[name], place.root) for name in names if name in other
        )

    def pattern_properties(self, schemas: _Json, instance: _Json, place: _Place) -> bool:
        return not isinstance(instance, dict) or all(
            self.valid(schema, value, place.root)
            for pattern, schema in schemas.items()
            for name, value in instance.items()
            if self._matches(pattern, name)
        )

    def additional_properties(self, schema: _Json, instance: _Json, place: _Place) -> bool:
        return not isinstance(instance, dict) or self._all(
            schema, (instance[name] for name in self._additional(instance, place.part)), place
        )

    def _additional(self, instance: JsonObject, part: JsonObject) -> Iterator[str]:
        """The names that neither `properties` nor `patternProperties` speak of."""
        self._spend(len(instance) // _LOOKUPS)
        named, patterns = _members(part, "properties"), _members(part, "patternProperties")
        for name in instance:
            if name not in named and not any(self._matches(pattern, name) for pattern in patterns):
                yield name

    def property_names(self, schema: _Json, instance: _Json, place: _Place) -> bool:
        return not isinstance(instance, dict) or self._all(schema, instance, place)

    def required(self, names: _Json, instance: _Json, _place: _Place) -> bool:
        if not isinstance(instance, dict):
            return True
        self._spend(len(names) // _LOOKUPS)
        return all(name in instance for name in names)

    def dependent_required(self, dependents: _Json, instance: _Json, place: _Place) -> bool:
        if not isinstance(instance, dict):
            return True
        self._spend(len(dependents) // _LOOKUPS)
        return all(
            self.required(names, instance, place)
            for name, names in dependents.items()
            if name in instance
        )

    def dependent_schemas(self, schemas: _Json, instance: _Json, place: _Place) -> bool:
        if not isinstance(instance, dict):
            return True
        self._spend(len(schemas) // _LOOKUPS)
        return all(
            self.valid(schema, instance, place.root)
            for name, schema in schemas.items()
            if name in instance
        )

    # Lists (core section 10.3.1, validation section 6.4).

    def prefix_items(self, schemas: _Json, instance: _Json, place: _Place) -> bool:
        return not isinstance(instance, list) or all(
            self.valid(schema, value, place.root)
            for schema, value in zip(schemas, instance, strict=False)
        )

    def items(self, schema: _Json, instance: _Json, place: _Place) -> bool:
        if not isinstance(instance, list):
            return True
        first = len(_listed(place.part, "prefixItems"))
        return self._all(schema, (instance[index] for index in range(first, len(instance))), place)

    def contains(self, schema: _Json, instance: _Json, place: _Place) -> bool:
        if not isinstance(instance, list):
            return True
        found = len(self._contained(schema, instance, place))
        least: Any = place.part.get("minContains", 1)
        most: Any = place.part.get("maxContains", found)
        return bool(least <= found <= most)

    def _contained(self, schema: JsonValue, instance: list[JsonValue], place: _Place) -> set[int]:
        return {
            index for index, value in enumerate(instance) if self.valid(schema, value, place.root)
        }

    def unique_items(self, wanted: _Json, instance: _Json, _place: _Place) -> bool:
        if not wanted or not isinstance(instance, list):
            return True
        return len(set(map(self._forms.of, instance))) == len(instance)

    # The same value (core sections 8.2.3 and 10.2).

    def reference(self, reference: _Json, instance: _Json, place: _Place) -> bool:
        target = self._target(reference, place.root)
        if isinstance(target, bool):
            return target
        return self.valid(target.part, instance, target.root)

    def _target(self, reference: str, root: JsonObject) -> _Place | bool:
        known = self._targets.get((id(root), reference))
        if known is None:
            fragment = unquote(reference.removeprefix("#"), errors="strict")
            if not reference.startswith("#"):
                raise Unreadable  # another document
            if fragment and not fragment.startswith("/"):
                known = self._anchored(fragment, root)
            else:
                known = self._pointed(fragment, root)
            self._targets[id(root), reference] = known
        return known

    def _pointed(self, pointer: str, root: JsonObject) -> _Place | bool:
        """What a JSON Pointer (RFC 6901) leads to."""
        steps = pointer.split("/")[1:]
        self._spend(len(steps))
        target: JsonValue = root
        for step in steps:
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(target, dict):
                target = target[name]
                root = _place(target, root).root if isinstance(target, dict) else root
            elif isinstance(target, list):
                target = target[int(name)]
            else:
                raise Unreadable
        return target if isinstance(target, bool) else _place(target, root)

    def _anchored(self, anchor: str, root: JsonObject) -> _Place:
        """What a name leads to. In one document, a dynamic name leads where a plain one does."""
        waiting: list[JsonValue] = [root]
        while waiting:
            self._spend(1)
            part = waiting.pop()
            if isinstance(part, dict):
                if anchor in (part.get("$anchor"), part.get("$dynamicAnchor")):
                    return _Place(part, root)
                waiting.extend(part.values())
            elif isinstance(part, list):
                waiting.extend(part)
        raise Unreadable

    def all_of(self, schemas: _Json, instance: _Json, place: _Place) -> bool:
        return all(self.valid(schema, instance, place.root) for schema in schemas)

    def any_of(self, schemas: _Json, instance: _Json, place: _Place) -> bool:
        return any(self.valid(schema, instance, place.root) for schema in schemas)

    def one_of(self, schemas: _Json, instance: _Json, place: _Place) -> bool:
        fitting = (schema for schema in schemas if self.valid(schema, instance, place.root))
        return next(fitting, None) is not None and next(fitting, None) is None

    def is_not(self, schema: _Json, instance: _Json, place: _Place) -> bool:
        return not self.valid(schema, instance, place.root)

    def condition(self, schema: _Json, instance: _Json, place: _Place) -> bool:
        branch = "then" if self.valid(schema, instance, place.root) else "else"
        return branch not in place.part or self.valid(place.part[branch], instance, place.root)

    # What no other keyword looked at (core section 11).

    def unevaluated_properties(self, schema: _Json, instance: _Json, place: _Place) -> bool:
        if not isinstance(instance, dict):
            return True
        seen = self._evaluated(_without(place, "unevaluatedProperties"), instance)
        return self._all(schema, (instance[name] for name in instance if name not in seen), place)

    def unevaluated_items(self, schema: _Json, instance: _Json, place: _Place) -> bool:
        if not isinstance(instance, list):
            return True
        seen = self._evaluated(_without(place, "unevaluatedItems"), instance)
        rest = (value for index, value in enumerate(instance) if index not in seen)
        return self._all(schema, rest, place)

    def _evaluated(self, place: _Place, instance: _Json) -> set[str | int]:
        """The names or indices that a schema, which the value keeps to, speaks of."""
        self._spend(len(instance) + len(place.part) + 1)
        seen: set[str | int] = set()
        if isinstance(instance, dict):
            seen.update(self._named(place.part, instance))
        else:
            seen.update(self._indexed(place, instance))
        for schema in self._beside(place, instance):
            branch = self._target(schema, place.root) if isinstance(schema, str) else schema
            if isinstance(branch, dict):
                branch = _place(branch, place.root)
            if isinstance(branch, _Place):
                seen |= self._evaluated(branch, instance)
        return seen

    def _named(self, part: JsonObject, instance: JsonObject) -> Iterable[str]:
        if "additionalProperties" in part or "unevaluatedProperties" in part:
            return instance
        return instance.keys() - set(self._additional(instance, part))

    def _indexed(self, place: _Place, instance: list[JsonValue]) -> Iterable[int]:
        if "items" in place.part or "unevaluatedItems" in place.part:
            return range(len(instance))
        first = range(min(len(_listed(place.part, "prefixItems")), len(instance)))
        if "contains" not in place.part:
            return first
        return self._contained(place.part["contains"], instance, place).union(first)

    def _beside(self, place: _Place, instance: JsonValue) -> Iterator[Any]:
        """The subschemas (or references to them) that the same value keeps to."""
        part, root = place
        yield from (part[word] for word in ("$ref", "$dynamicRef") if word in part)
        yield from _listed(part, "allOf")
        for word in ("anyOf", "oneOf"):
            for schema in _listed(part, word):
                if self.valid(schema, instance, root):
                    yield schema
        if "if" in part:
            holds = self.valid(part["if"], instance, root)
            yield from (
                part[word] for word in (("if", "then") if holds else ("else",)) if word in part
            )
        if isinstance(instance, dict):
            schemas = _members(part, "dependentSchemas")
            yield from (schema for name, schema in schemas.items() if name in instance)


def _place(schema: JsonValue, root: JsonObject) -> _Place:
    """A subschema as a place; one with a name of its own is what its references start from."""
    if not isinstance(schema, dict):
        raise Unreadable
    own = schema.get("$id")
    return _Place(schema, schema if isinstance(own, str) and not own.startswith("#") else root)


def _without(place: _Place, keyword: str) -> _Place:
    part = {word: value for word, value in place.part.items() if word != keyword}
    return place._replace(part=part)


def _members(part: JsonObject, keyword: str) -> JsonObject:
    members = part.get(keyword)
    return members if isinstance(members, dict) else {}


def _listed(part: JsonObject, keyword: str) -> list[JsonValue]:
    listed = part.get(keyword)
    return listed if isinstance(listed, list) else []


def _is_type(name: str, instance: JsonValue) -> bool:
    if isinstance(instance, bool):
        return name == "boolean"
    if name == "integer" and isinstance(instance, float):
        return instance.is_integer()
    return isinstance(instance, _TYPES[name])


def _is_number(instance: object) -> bool:
    return isinstance(instance, int | float) and not isinstance(instance, bool)


def _multiple(instance: float, factor: float) -> bool:
    """With the tolerance of binary fractions: 0.3 is a multiple of 0.1."""
    quotient = instance / factor
    return math.isclose(quotient, round(quotient), rel_tol=1e-9, abs_tol=1e-9)


_Look = Callable[[Check, Any, Any, _Place], bool]


def _number(fits: Callable[[Any, Any], bool]) -> _Look:
    """A keyword that speaks of numbers."""
    return lambda _check, limit, instance, _place: not _is_number(instance) or fits(instance, limit)


def _size(
    kind: type[str | list[JsonValue] | JsonObject], fits: Callable[[Any, Any], bool]
) -> _Look:
    """A keyword that speaks of how long texts, lists or objects are."""
    return lambda _check, limit, instance, _place: (
        not isinstance(instance, kind) or fits(len(instance), limit)
    )


_TYPES: Mapping[str, Any] = MappingProxyType(
    {
        "array": list,
        "boolean": bool,
        "integer": int,
        "null": type(None),
        "number": int | float,
        "object": dict,
        "string": str,
    }
)
_LOOKS: Mapping[str, _Look] = MappingProxyType(
    {
        "$ref": Check.reference,
        "$dynamicRef": Check.reference,
        "additionalProperties": Check.additional_properties,
        "allOf": Check.all_of,
        "anyOf": Check.any_of,
        "const": Check.const,
        "contains": Check.contains,
        "dependentRequired": Check.dependent_required,
        "dependentSchemas": Check.dependent_schemas,
        "enum": Check.enum,
        "exclusiveMaximum": _number(lambda value, limit: value < limit),
        "exclusiveMinimum": _number(lambda value, limit: value > limit),
        "if": Check.condition,
        "items": Check.items,
        "maxItems": _size(list, lambda size, limit: size <= limit),
        "maxLength": _size(str, lambda size, limit: size <= limit),
        "maxProperties": _size(dict, lambda size, limit: size <= limit),
        "maximum": _number(lambda value, limit: value <= limit),
        "minItems": _size(list, lambda size, limit: size >= limit),
        "minLength": _size(str, lambda size, limit: size >= limit),
        "minProperties": _size(dict, lambda size, limit: size >= limit),
        "minimum": _number(lambda value, limit: value >= limit),
        "multipleOf": _number(_multiple),
        "not": Check.is_not,
        "oneOf": Check.one_of,
        "pattern": Check.pattern,
        "patternProperties": Check.pattern_properties,
        "prefixItems": Check.prefix_items,
        "properties": Check.properties,
        "propertyNames": Check.property_names,
        "required": Check.required,
        "type": Check.type,
        "unevaluatedItems": Check.unevaluated_items,
        "unevaluatedProperties": Check.unevaluated_properties,
        "uniqueItems": Check.unique_items,
    }
)
