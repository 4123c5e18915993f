"""The rehearsal engine's structured output: valid for the schema, and made of what came in."""

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.demo.engine_schema import Strings, instance

MARKS = ["[성명_1]", "[전화번호_1]", "[주민등록번호_1]"]

SCHEMAS = {
    "object": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 3}},
        "required": ["name", "age"],
        "additionalProperties": False,
    },
    "enum": {"type": "string", "enum": ["[성명_1]은 연락 바랍니다", "b"]},
    "const": {"const": {"a": [1]}},
    "array": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 3},
    "empty array": {"type": "array", "items": {"type": "string"}, "maxItems": 0},
    "tuple": {
        "type": "array",
        "prefixItems": [{"type": "string"}, {"type": "boolean"}],
        "items": False,
        "minItems": 2,
    },
    "nullable": {"type": ["null", "string"]},
    "any of": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    "all of": {
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
            {"type": "object", "properties": {"b": {"type": "null"}}, "required": ["b"]},
        ]
    },
    "references": {
        "$defs": {"person": {"type": "object", "properties": {"name": {"type": "string"}}}},
        "type": "object",
        "properties": {"who": {"$ref": "#/$defs/person"}},
        "required": ["who"],
    },
    "recursive": {
        "$defs": {
            "node": {
                "type": "object",
                "properties": {
                    "value": {"type": "string"},
                    "next": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                },
                "required": ["value", "next"],
            }
        },
        "$ref": "#/$defs/node",
    },
    "formats": {
        "type": "object",
        "properties": {
            "day": {"type": "string", "format": "date"},
            "mail": {"type": "string", "format": "email"},
        },
    },
    "lengths": {"type": "string", "minLength": 30, "maxLength": 31},
    "short": {"type": "string", "maxLength": 3},
    "pattern of digits": {"type": "string", "pattern": r"^\d{3}$"},
    "numbers": {
        "type": "object",
        "properties": {
            "a": {"type": "integer", "exclusiveMinimum": 4, "multipleOf": 5},
            "b": {"type": "number", "maximum": -2.5},
            "c": {"type": "integer", "exclusiveMaximum": 0},
        },
        "required": ["a", "b", "c"],
    },
    "no type": {"properties": {"a": {}}, "required": ["a"]},
}


@pytest.mark.parametrize("marks", [MARKS, []], ids=["marks", "no marks"])
@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_engine_schema_instances_are_valid(schema, marks):
    jsonschema.validate(instance(schema, Strings(marks)), schema)


def test_engine_schema_strings_reuse_the_mark_that_fits_the_property():
    properties = {
        "contact": {"type": "string", "description": "신청인의 휴대 전화"},
        "성명": {"type": "string"},
    }
    value = instance({"type": "object", "properties": properties}, Strings(MARKS))
    assert value == {"contact": "[전화번호_1]", "성명": "[성명_1]"}


def test_engine_schema_strings_obey_a_pattern_of_marks():
    assert instance({"pattern": r"^\[성명_\d+\]$"}, Strings([*reversed(MARKS)])) == "[성명_1]"


def test_engine_schema_strings_use_every_mark_in_turn():
    schema = {"type": "object", "properties": {key: {"type": "string"} for key in "abcd"}}
    assert list(instance(schema, Strings(MARKS)).values()) == [*MARKS, MARKS[0]]


JUNK = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 3),
        st.sampled_from(["object", "array", "string", "#", "#/a", "(", "number"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["type", "properties", "required", "items", "anyOf", "allOf", "$ref", "enum",
                 "minItems", "minLength", "pattern", "minimum", "multipleOf", "a"]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["type", "properties", "items", "anyOf", "a"]), JUNK))
def test_engine_schema_survives_any_schema(schema):
    instance(schema, Strings(MARKS))
