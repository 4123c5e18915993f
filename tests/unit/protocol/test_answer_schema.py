"""Which answers keep to a caller's schema, and that no schema can hold up the gateway."""

import json
import time

import pytest

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


@pytest.mark.parametrize(
    ("schema", "answer"),
    [
        pytest.param(doubling(40), "x", id="doubling references"),
        pytest.param({"pattern": "^(a+)+$"}, "a" * 100_000 + "!", id="backtracking pattern"),
        pytest.param(
            {"items": {"anyOf": [{"const": n} for n in range(500)]}}, [-1] * 5_000, id="wide"
        ),
        pytest.param({"uniqueItems": True}, [[n] for n in range(20_000)] + [[0]], id="many items"),
        pytest.param(
            {"patternProperties": {f"^{n}$": False for n in range(500)}},
            {f"k{n}": 0 for n in range(5_000)},
            id="many patterns",
        ),
    ],
)
def test_checking_takes_bounded_time(schema: dict, answer: object):
    started = time.perf_counter()
    assert not AnswerSchema(schema).accepts(json.dumps(answer))
    assert time.perf_counter() - started < 3.0  # 0.4 s at most on an idle core


def test_a_long_ordinary_answer_is_accepted():
    members = {f"m{n}": {"type": "string", "description": "x"} for n in range(20)}
    schema = {
        "type": "array",
        "items": {"type": "object", "properties": members, "required": ["m0"]},
    }
    answer = [{f"m{n}": "글" for n in range(20)} for _ in range(1_000)]
    assert AnswerSchema(schema).accepts(json.dumps(answer))
