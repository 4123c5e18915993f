"""Our bounded reading of JSON Schema says what the jsonschema library says, where that ends."""

import json

from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from gateway.protocol.answer_schema import AnswerSchema

NAMES = st.sampled_from(["a", "b", "성명", "ab"])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.sampled_from([0.0, 1.0, 0.5]),
    st.text("ab성", max_size=3),
)
ANSWERS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=6,
)
COUNTS = st.integers(0, 3)
WORDS = st.sampled_from(["array", "boolean", "integer", "null", "number", "object", "string"])
PATTERNS = st.sampled_from(["^a", "b$", "성", "a|b"])


def objects(**members: st.SearchStrategy) -> st.SearchStrategy[dict]:
    """An object with a few of the members."""
    names = st.lists(st.sampled_from(sorted(members)), max_size=3, unique=True)
    return names.flatmap(
        lambda chosen: st.fixed_dictionaries({name: members[name] for name in chosen})
    )


def keywords(inner: st.SearchStrategy) -> st.SearchStrategy:
    several = st.lists(inner, min_size=1, max_size=3)
    named = st.dictionaries(NAMES, inner, max_size=3)
    schema = objects(
        **{
            "$ref": st.sampled_from(["#/$defs/x", "#/$defs/y", "#named"]),
            "$dynamicRef": st.just("#named"),
            "additionalProperties": inner,
            "allOf": several,
            "anyOf": several,
            "oneOf": several,
            "not": inner,
            "if": inner,
            "then": inner,
            "else": inner,
            "const": ANSWERS,
            "enum": st.lists(ANSWERS, max_size=3),
            "contains": inner,
            "minContains": COUNTS,
            "maxContains": COUNTS,
            "dependentRequired": st.dictionaries(NAMES, st.lists(NAMES, max_size=2), max_size=2),
            "dependentSchemas": named,
            "exclusiveMaximum": COUNTS,
            "exclusiveMinimum": COUNTS,
            "maximum": COUNTS,
            "minimum": COUNTS,
            "items": inner,
            "prefixItems": several,
            "maxItems": COUNTS,
            "minItems": COUNTS,
            "maxLength": COUNTS,
            "minLength": COUNTS,
            "maxProperties": COUNTS,
            "minProperties": COUNTS,
            "multipleOf": st.sampled_from([1, 2, 0.5]),
            "pattern": PATTERNS,
            "patternProperties": st.dictionaries(PATTERNS, inner, max_size=2),
            "properties": named,
            "propertyNames": inner,
            "required": st.lists(NAMES, max_size=2),
            "type": st.one_of(WORDS, st.lists(WORDS, min_size=1, max_size=3)),
            "unevaluatedItems": inner,
            "unevaluatedProperties": inner,
            "uniqueItems": st.booleans(),
            "title": st.text(max_size=3),
        }
    )
    return st.one_of(st.booleans(), schema, schema, schema)


PLAIN = st.one_of(
    st.booleans(),
    st.fixed_dictionaries({"type": WORDS}),
    st.fixed_dictionaries({"const": SCALARS}),
    st.fixed_dictionaries({"minLength": COUNTS}),
)
SCHEMAS = st.recursive(PLAIN, keywords, max_leaves=8).filter(
    lambda schema: isinstance(schema, dict)
)
# References lead only to schemas that hold none themselves: the library has no end of circles.
DEFINITIONS = st.fixed_dictionaries(
    {"x": PLAIN, "y": PLAIN, "z": st.fixed_dictionaries({"$anchor": st.just("named")})}
)


@example({"const": False}, {}, [[None, False]])
@example({"const": 0}, {}, [[False, 0], [0, 1, 0]])
@given(SCHEMAS, DEFINITIONS, st.lists(ANSWERS, min_size=1, max_size=4))
def test_answers_are_judged_as_the_standard_says(schema, definitions, answers):
    schema = {**schema, "$defs": definitions}
    library = Draft202012Validator(schema)
    checked = AnswerSchema(schema)
    for answer in answers:
        assert checked.accepts(json.dumps(answer)) == library.is_valid(answer)
