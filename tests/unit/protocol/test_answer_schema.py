"""Which answers keep to a caller's schema, and that no schema can hold up the gateway."""

import json

import pytest
from counting import events

from gateway.protocol.answer_schema import AnswerSchema

PERSON = {
    "type": "object",
    "properties": {
        "성명": {"type": "string", "minLength": 2},
        "전화": {"type": "string", "pattern": "^010-"},
        "나이": {"type": "integer", "multipleOf": 1},
        "키": {"type": "number", "multipleOf": 0.1},
        "구분": {"enum": ["가", "나"]},
        "목록": {"type": "array", "uniqueItems": True, "items": {"$ref": "#/$defs/entry"}},
    },
    "patternProperties": {"^x-": {"type": "boolean"}},
    "required": ["성명"],
    "additionalProperties": False,
    "$defs": {"entry": {"type": ["object", "integer"]}},
}


@pytest.mark.parametrize(
    "answer",
    [
        {"성명": "김철수"},
        {"성명": "김철수", "전화": "010-1234-5678", "나이": 3, "키": 0.3, "구분": "나"},
        {"성명": "김철수", "목록": [{"a": 1}, {"a": 2}, 1], "x-ok": True},
    ],
    ids=["least", "most", "lists"],
)
def test_answers_that_fit_are_accepted(answer: dict):
    assert AnswerSchema(PERSON).accepts(json.dumps(answer, ensure_ascii=False))


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({}, id="missing member"),
        pytest.param({"성명": "김"}, id="too short"),
        pytest.param({"성명": "김철수", "전화": "011"}, id="pattern"),
        pytest.param({"성명": "김철수", "나이": 1.5}, id="kind"),
        pytest.param({"성명": "김철수", "키": 0.35}, id="multiple"),
        pytest.param({"성명": "김철수", "구분": "다"}, id="enum"),
        pytest.param({"성명": "김철수", "목록": [{"a": 1}, {"a": 1}]}, id="repeated item"),
        pytest.param({"성명": "김철수", "목록": ["x"]}, id="item"),
        pytest.param({"성명": "김철수", "x-ok": 1}, id="pattern property"),
        pytest.param({"성명": "김철수", "더": 1}, id="additional member"),
        pytest.param([], id="other kind"),
    ],
)
def test_answers_that_do_not_fit_are_not(answer: object):
    assert not AnswerSchema(PERSON).accepts(json.dumps(answer, ensure_ascii=False))


@pytest.mark.parametrize("text", ["", "{", "네, 여기 있습니다: {}", '{"성명": NaN}'])
def test_text_that_is_no_json_is_not_accepted(text: str):
    assert not AnswerSchema({}).accepts(text)


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({"$ref": "#"}, id="refers to itself"),
        pytest.param({"$ref": "#/nowhere"}, id="refers to nothing"),
        pytest.param({"$ref": "https://x.invalid/schema"}, id="refers to a stranger"),
        pytest.param({"$ref": "#/title", "title": "no schema"}, id="refers to a text"),
        pytest.param({"type": "person"}, id="unknown type"),
        pytest.param({"pattern": "(?=a)b"}, id="no linear pattern"),
        pytest.param({"minLength": "x"}, id="wrong kind"),
    ],
)
def test_a_schema_that_cannot_be_followed_accepts_nothing(schema: dict):
    assert not AnswerSchema(schema).accepts('"text"')


def doubling(levels: int) -> dict:
    """A schema of a few kilobytes that takes 2 to the `levels` looks."""
    steps = {f"s{n}": {"allOf": [{"$ref": f"#/$defs/s{n + 1}"}] * 2} for n in range(levels)}
    return {"$defs": steps | {f"s{levels}": {}}, "$ref": "#/$defs/s0"}


EXPENSIVE = {
    "doubling references": (doubling(40), "x"),
    "backtracking pattern": ({"pattern": "^(a+)+$"}, "a" * 100_000 + "!"),
    "pattern that thrashes": (
        {"allOf": [{"not": {"pattern": f"a[ab]{{{n}}}c"}} for n in range(12, 400)]},
        "abba" * 50_000,
    ),
    "wide": ({"items": {"anyOf": [{"const": n} for n in range(500)]}}, [-1] * 5_000),
    "many items": ({"uniqueItems": True}, [[n] for n in range(200_000)]),
    "many patterns": (
        {"patternProperties": {f"^{n}$": False for n in range(500)}},
        {f"k{n}": 0 for n in range(5_000)},
    ),
    "required": (
        {"items": {"required": [f"v{n}" for n in range(1_900)]}},
        [{f"v{n}": 0 for n in range(1_900)}] * 1_000,
    ),
    "dependents": (
        {"items": {"dependentRequired": {"a": ["a"] * 1_900}}},
        [{"a": 0}] * 1_500,
    ),
    "contains": ({"allOf": [{"contains": {"const": 1}}] * 100}, [0] * 10_000 + [1]),
    "errors that quote": ({"anyOf": [{"type": "string"}] * 9_000}, [[0] * 10] * 1_000),
    "unevaluated": (
        {"allOf": [{"properties": {"k": True}}] * 100, "unevaluatedProperties": {"type": "null"}},
        {f"k{n}": None for n in range(5_000)},
    ),
    "deep lists compared": (
        {
            "$defs": {"a": {"uniqueItems": True, "items": {"$ref": "#/$defs/a"}}},
            "$ref": "#/$defs/a",
        },
        [[[[0] * 30_000] * 9] * 9],
    ),
    "long anchors": (
        {"$defs": {"x": {"enum": [0] * 400_000}}, "$ref": "#nowhere"},
        0,
    ),
}


@pytest.mark.parametrize(("schema", "answer"), EXPENSIVE.values(), ids=EXPENSIVE.keys())
def test_checking_takes_bounded_work(schema: dict, answer: object):
    text = json.dumps(answer)
    checked = AnswerSchema(schema)
    assert events(lambda: checked.accepts(text), most=6_000_000)


CHEAP = {
    "long enum": ({"items": {"enum": [0] * 27_999 + [7]}}, [7] * 1_500),
    "long enum of words": ({"items": {"enum": [f"v{n}" for n in range(1_900)]}}, ["v1899"] * 5_000),
    "unique items": ({"uniqueItems": True}, [{"a": [n]} for n in range(5_000)]),
    "long text": ({"allOf": [{"const": "가" * 200_000}] * 500}, "가" * 200_000),
}


@pytest.mark.parametrize(("schema", "answer"), CHEAP.values(), ids=CHEAP.keys())
def test_a_value_is_compared_once_and_not_with_each(schema: dict, answer: object):
    text = json.dumps(answer)
    checked = AnswerSchema(schema)
    accepted = []
    events(lambda: accepted.append(checked.accepts(text)), most=600_000)
    assert accepted == [True]


def test_all_choices_of_a_call_share_one_budget():
    checked = AnswerSchema({"items": {"type": "integer"}})
    text = json.dumps([0] * 60_000)
    assert [checked.accepts(text) for _ in range(4)] == [True, False, False, False]
    assert AnswerSchema({"items": {"type": "integer"}}).accepts(text)


def test_a_long_ordinary_answer_is_accepted():
    members = {f"m{n}": {"type": "string", "description": "x"} for n in range(20)}
    schema = {
        "type": "array",
        "items": {"type": "object", "properties": members, "required": ["m0"]},
    }
    answer = [{f"m{n}": "글" for n in range(20)} for _ in range(1_000)]
    assert AnswerSchema(schema).accepts(json.dumps(answer))
