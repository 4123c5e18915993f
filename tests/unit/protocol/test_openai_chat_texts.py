"""Which texts a chat request holds, in which order and of which origin, and what is sent."""

import json

import pytest

from gateway.errors import InvalidParameter, TooComplex, Unredactable
from gateway.protocol.openai_chat import Chat, read_chat
from gateway.settings import BoundSettings
from redaction.entity import Origin

BOUNDS = BoundSettings()
USER = {"role": "user", "content": "안녕하세요"}


def chat(**members: object) -> Chat:
    body = {"model": "demo", "messages": [USER]} | members
    return read_chat(json.dumps(body).encode(), BOUNDS)


def texts(read: Chat) -> list[str]:
    return [item.text for item in read.fields]


def replaced(read: Chat, **changes: str) -> dict:
    """The engine's body when fields with these texts are replaced."""
    return read.compose([changes.get(item.text, item.text) for item in read.fields])


def call(arguments: str, name: str = "find", ident: str = "a") -> dict:
    function = {"name": name, "arguments": arguments}
    return {"id": ident, "type": "function", "function": function}


EVERY_PLACE = [
    {
        "type": "function",
        "function": {
            "name": "find",
            "description": "찾기",
            "parameters": {
                "type": "object",
                "properties": {
                    "키": {
                        "type": "string",
                        "description": "설명",
                        "enum": ["가"],
                        "default": "나",
                        "examples": ["다"],
                        "pattern": "라",
                        "const": "마",
                        "title": "바",
                        "x-note": {"사": 9001011},
                    }
                },
                "required": ["키"],
            },
        },
    }
]


def test_texts_come_in_rendering_order_with_their_origins():
    read = chat(
        stop=["끝"],
        messages=[
            {"role": "system", "content": "지침", "name": "ops"},
            {"role": "developer", "content": "규칙"},
            {
                "role": "user",
                "content": [{"type": "text", "text": "앞"}, {"type": "text", "text": "뒤"}],
            },
            {
                "role": "assistant",
                "reasoning": "생각",
                "content": "답",
                "tool_calls": [call('{"이름": "값"}')],
            },
            {"role": "tool", "tool_call_id": "a", "content": '{"결과": ["하나", 123456]}'},
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "거절"}]},
        ],
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "shape", "description": "모양", "schema": {"title": "제목"}},
        },
        tools=EVERY_PLACE,
    )
    seen = [(item.text, item.origin.value) for item in read.fields]
    definitions = [
        "ops",
        "find",
        "찾기",
        "키",
        "설명",
        "가",
        "나",
        "다",
        "라",
        "마",
        "바",
        "x-note",
        "사",
    ]
    definitions += ["9001011", "shape", "모양", "제목"]
    assert seen == [
        *((text, "definition") for text in definitions),
        ("지침", "system"),
        ("규칙", "developer"),
        ("앞", "user"),
        ("뒤", "user"),
        ("생각", "assistant"),
        ("답", "assistant"),
        ("find", "assistant"),
        ("이름", "assistant"),
        ("값", "assistant"),
        ("결과", "tool"),
        ("하나", "tool"),
        ("123456", "tool"),
        ("거절", "assistant"),
        ("끝", "definition"),
    ]


def test_adjacent_contents_join_and_nothing_else_does():
    read = chat(
        messages=[
            {"role": "system", "content": "a"},
            {
                "role": "user",
                "name": "kim",
                "content": [{"type": "text", "text": "b"}, {"type": "text", "text": "c"}],
            },
            {"role": "user", "content": ""},
            {"role": "user", "content": "d"},
            {"role": "assistant", "tool_calls": [call("{}")]},
            {"role": "tool", "tool_call_id": "a", "content": "e"},
            {"role": "user", "content": "f"},
        ],
        stop="g",
    )
    assert [(item.text, item.joins_previous) for item in read.fields] == [
        ("kim", False),
        ("a", False),
        ("b", True),
        ("c", True),
        ("d", True),
        ("find", False),
        ("e", False),
        ("f", True),
        ("g", False),
    ]


def test_unchanged_texts_give_the_request_again():
    messages = [
        {"role": "system", "content": "지침"},
        {"role": "user", "content": [{"type": "text", "text": "앞"}], "name": "kim"},
        {"role": "assistant", "content": "답", "reasoning": "생각"},
    ]
    tools = [
        {
            "type": "function",
            "function": {
                "name": "find",
                "description": "",
                "parameters": {
                    "type": "object",
                    "properties": {"a": {"minimum": 1.5, "enum": [1, None]}},
                },
                "strict": True,
            },
        }
    ]
    extra = {
        "tools": tools,
        "tool_choice": "auto",
        "parallel_tool_calls": False,
        "temperature": 0.7,
        "n": 2,
        "seed": -1,
        "max_completion_tokens": 5,
        "chat_template_kwargs": {"enable_thinking": False},
        "reasoning_effort": "low",
        "response_format": {"type": "json_object"},
        "stop": ["끝"],
    }
    read = chat(messages=messages, stream=True, stream_options={"include_usage": True}, **extra)
    assert read.compose(texts(read)) == {"messages": messages, **extra}
    assert (read.model, read.stream, read.include_usage) == ("demo", True, True)


def test_dropped_members_are_neither_texts_nor_sent():
    read = chat(
        user="kim@example.org",
        metadata={"who": "900101-1234567"},
        store=True,
        safety_identifier="x",
        prompt_cache_key="y",
        service_tier="auto",
        logit_bias={},
        modalities=["text"],
        functions=None,
    )
    assert texts(read) == ["안녕하세요"]
    assert read.compose(["안녕하세요"]) == {"messages": [USER]}


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        pytest.param('{ "a" : 1.0, "b":1e5 }', '{"a":1.0,"b":1e5}', id="numbers stay as written"),
        pytest.param('{"n": 123456789012345678901234567890}', None, id="big integer"),
        pytest.param('{"a": "\\uae40\\ucca0\\uc218"}', '{"a":"김철수"}', id="escapes are undone"),
        pytest.param('{"a": 1, "a": "x"}', '{"a":1,"a":"x"}', id="repeated names are kept"),
        pytest.param(
            '{"a": NaN, "b": -Infinity}', '{"a":NaN,"b":-Infinity}', id="what Python reads"
        ),
        pytest.param('{"a": "\\ud800"}', '{"a":"\ufffd"}', id="lone surrogate"),
        pytest.param('{"a": true, "b": null, "c": []}', '{"a":true,"b":null,"c":[]}', id="words"),
        pytest.param('"\\uae40"', '"김"', id="a bare string"),
        pytest.param("{not json", "{not json", id="no JSON"),
        pytest.param("", "", id="empty"),
    ],
)
def test_tool_call_arguments_are_read_as_json_and_written_anew(written: str, sent: str | None):
    read = chat(messages=[USER, {"role": "assistant", "tool_calls": [call(written)]}])
    body = read.compose(texts(read))
    out = body["messages"][1]["tool_calls"][0]["function"]["arguments"]
    assert out == (sent if sent is not None else written.replace(" ", ""))


def test_numbers_in_json_become_strings_only_where_replaced():
    arguments = '{"rrn": 9001011234567, "other": 9001011234568, "year": 2026}'
    read = chat(messages=[USER, {"role": "assistant", "tool_calls": [call(arguments)]}])
    assert "2026" not in texts(read)
    body = replaced(read, **{"9001011234567": "[주민등록번호_1]"})
    out = body["messages"][1]["tool_calls"][0]["function"]["arguments"]
    assert out == '{"rrn":"[주민등록번호_1]","other":9001011234568,"year":2026}'


def test_surrogates_in_documents_are_escaped_as_json():
    read = chat(
        messages=[
            USER,
            {"role": "assistant", "tool_calls": [call("{}")]},
            {
                "role": "tool",
                "tool_call_id": "a",
                "content": '[{"성명": "김철수"}, {"성명": "이"}]',
            },
        ]
    )
    assert texts(read).count("성명") == 1  # rows repeat their names, each is read once
    body = replaced(read, 김철수='a"b\\', 성명="[키_1]")
    assert json.loads(body["messages"][2]["content"]) == [{"[키_1]": 'a"b\\'}, {"[키_1]": "이"}]


def test_a_result_that_is_no_json_container_is_text():
    read = chat(
        messages=[
            USER,
            {"role": "assistant", "tool_calls": [call("{}")]},
            {"role": "tool", "tool_call_id": "a", "content": '"김철수" 님 {'},
        ]
    )
    assert texts(read)[-1] == '"김철수" 님 {'


def test_tool_call_ids_are_ours_and_consistent():
    read = chat(
        messages=[
            USER,
            {
                "role": "assistant",
                "tool_calls": [call("{}", ident="900101-1234567"), call("{}", ident="b")],
            },
            {"role": "tool", "tool_call_id": "b", "content": "x"},
            {"role": "tool", "tool_call_id": "900101-1234567", "content": "y"},
            {"role": "assistant", "tool_calls": [call("{}", ident="b")]},
            {"role": "tool", "tool_call_id": "b", "content": "z"},
        ]
    )
    messages = read.compose(texts(read))["messages"]
    ids = [c["id"] for m in messages for c in m.get("tool_calls", ())]
    assert ids == ["call00001", "call00002", "call00003"]
    answers = [m["tool_call_id"] for m in messages if m["role"] == "tool"]
    assert answers == ["call00002", "call00001", "call00003"]
    assert "900101" not in json.dumps(messages)


def test_a_result_without_its_call_is_refused():
    with pytest.raises(InvalidParameter) as refused:
        chat(messages=[USER, {"role": "tool", "tool_call_id": "x", "content": "y"}])
    assert refused.value.param == "messages[1].tool_call_id"


@pytest.mark.parametrize(
    ("members", "name", "param"),
    [
        ({"messages": [USER | {"name": "p9001011234567"}]}, "p9001011234567", "messages[0].name"),
        (
            {"tools": [{"type": "function", "function": {"name": "t01012345678"}}]},
            "t01012345678",
            "tools[0].function.name",
        ),
        (
            {"messages": [USER, {"role": "assistant", "tool_calls": [call("{}", name="t010")]}]},
            "t010",
            "messages[1].tool_calls[0].function.name",
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "s010"}}},
            "s010",
            "response_format.json_schema.name",
        ),
    ],
    ids=["participant", "tool", "call", "schema"],
)
def test_a_name_that_would_be_replaced_is_refused(members: dict, name: str, param: str):
    read = chat(**members)
    read.compose(texts(read))
    with pytest.raises(Unredactable) as refused:
        replaced(read, **{name: "[전화_1]"})
    assert refused.value.param == param


def test_a_named_tool_choice_is_the_tools_own_name():
    read = chat(
        tools=[{"type": "function", "function": {"name": "find"}}],
        tool_choice={"type": "function", "function": {"name": "find"}},
    )
    assert texts(read).count("find") == 1
    chosen = read.compose(texts(read))["tool_choice"]
    assert chosen == {"type": "function", "function": {"name": "find"}}


def schema_format(schema: dict) -> dict:
    return {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}}


CONSTRAINED = {
    "type": "object",
    "properties": {
        "pattern": {"type": "string", "pattern": "^010", "minLength": 3, "maxLength": 9},
        "when": {"type": ["string", "null"], "format": "date"},
        "items": {"type": "array", "items": {"format": "email"}, "maxItems": 3},
        "any": {"anyOf": [{"pattern": "x"}, {"enum": ["김철수"]}]},
    },
    "$defs": {"format": {"minLength": 1}},
    "default": {"pattern": "stays"},
}


def test_schema_is_widened_only_where_a_surrogate_could_break_it():
    read = chat(response_format=schema_format(CONSTRAINED))
    assert read.widenable
    assert read.expected.is_json
    assert read.expected.schema == CONSTRAINED
    same = read.compose(texts(read))["response_format"]
    assert same == schema_format(CONSTRAINED)
    widened = replaced(read, 김철수="[성명_1]")["response_format"]["json_schema"]["schema"]
    assert widened == {
        "type": "object",
        "properties": {
            "pattern": {"type": "string"},
            "when": {"type": ["string", "null"]},
            "items": {"type": "array", "items": {}, "maxItems": 3},
            "any": {"anyOf": [{}, {"enum": ["[성명_1]"]}]},
        },
        "$defs": {"format": {}},
        "default": {"pattern": "stays"},
    }


def test_tool_parameters_are_widened_too():
    function = {"name": "dial", "parameters": {"properties": {"no": {"pattern": "^010"}}}}
    read = chat(tools=[{"type": "function", "function": function}])
    body = replaced(read, 안녕하세요="[성명_1]")
    assert body["tools"][0]["function"]["parameters"] == {"properties": {"no": {}}}


def test_schema_without_constraints_is_not_widenable():
    read = chat(response_format=schema_format({"properties": {"pattern": {"type": "string"}}}))
    assert not read.widenable


def test_names_that_become_the_same_are_refused_not_lost():
    schema = {"properties": {"900101-1234567": {}, "900102-1234567": {}}}
    read = chat(response_format=schema_format(schema))
    masked = "******-*******"
    with pytest.raises(Unredactable):
        replaced(read, **{"900101-1234567": masked, "900102-1234567": masked})


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({"messages": [USER] * 2001}, id="messages"),
        pytest.param({"messages": [{"role": "user", "content": ""}] * 10_000}, id="empty messages"),
        pytest.param(
            {"messages": [{"role": "user", "content": "가" * 1_000_001}]}, id="characters"
        ),
        pytest.param(
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "가"}] * 2001}]},
            id="parts",
        ),
        pytest.param(
            {"messages": [USER, {"role": "assistant", "tool_calls": [call("[" * 33 + "]" * 33)]}]},
            id="deep arguments",
        ),
        pytest.param(
            {"messages": [USER, {"role": "assistant", "tool_calls": [call("[" * 100_000)]}]},
            id="very deep arguments",
        ),
        pytest.param(
            {
                "messages": [
                    USER,
                    {"role": "assistant", "tool_calls": [call("[" + "0," * 40_000 + "0]")]},
                ]
            },
            id="bulky arguments",
        ),
        pytest.param(
            {
                "messages": [
                    USER,
                    {"role": "assistant", "tool_calls": [call("[]" + " " * 1_000_001)]},
                ]
            },
            id="long arguments",
        ),
    ],
)
def test_too_many_texts_or_characters_are_refused(members: dict):
    with pytest.raises(TooComplex):
        chat(**members)


def test_the_bounds_themselves_are_allowed():
    bounds = BoundSettings(texts=3, characters=6)
    body = {"model": "m", "messages": [{"role": "user", "content": "가나"}] * 3}
    assert len(read_chat(json.dumps(body).encode(), bounds).fields) == 3


def test_texts_must_answer_the_fields():
    read = chat()
    with pytest.raises(ValueError, match="zip"):
        read.compose([])


def test_repr_holds_no_text():
    read = chat(
        messages=[{"role": "user", "content": "김철수"}],
        response_format=schema_format({"title": "이영희"}),
    )
    assert "김철수" not in repr(read)
    assert "이영희" not in repr(read)


def test_fields_of_origin_definition_never_come_from_messages():
    read = chat(messages=[USER, {"role": "assistant", "tool_calls": [call('{"a": "b"}')]}])
    assert Origin.DEFINITION not in {item.origin for item in read.fields}


def test_values_in_json_carry_the_name_that_they_stand_under():
    arguments = '{"성명": "김철수", "전화": [1012345678, "b"], "담당": {"이름": {"성": "c"}}}'
    schema = {"properties": {"성명": {"description": "d", "items": {"enum": ["e"]}}}}
    read = chat(
        messages=[USER, {"role": "assistant", "tool_calls": [call(arguments)]}],
        tools=[{"type": "function", "function": {"name": "find", "parameters": schema}}],
    )
    labels = {item.text: item.label for item in read.fields if item.label}
    assert labels == {
        "e": "성명",
        "김철수": "성명",
        "1012345678": "전화",
        "b": "전화",
        "c": "성",
    }
    assert "성명" not in repr(read.fields)
