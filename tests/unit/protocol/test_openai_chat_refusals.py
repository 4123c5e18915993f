"""What a chat request must not hold: the class of the refusal and the path that it names."""

import json

import pytest

from gateway.errors import BadRequest, InvalidParameter, Unredactable, UnsupportedParameter
from gateway.protocol.openai_chat import read_chat
from gateway.settings import BoundSettings

USER = {"role": "user", "content": "안녕하세요"}
SECRET = "900101-1234567"
TOOL = {"type": "function", "function": {"name": "find"}}
CALLED = {"id": "a", "type": "function", "function": {"name": "find", "arguments": "{}"}}


def refuse(members: dict) -> BadRequest:
    body = {"model": "demo", "messages": [USER]} | members
    with pytest.raises(BadRequest) as refused:
        read_chat(json.dumps(body).encode(), BoundSettings())
    error = refused.value
    assert SECRET not in repr(error) + str(error)
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__
    return error


def part(**members: object) -> dict:
    return {"messages": [USER, {"role": "user", "content": [members]}]}


PART = "messages[1].content[0].type"


@pytest.mark.parametrize(
    ("members", "param"),
    [
        pytest.param(
            part(type="image_url", image_url={"url": "https://x.example"}), PART, id="image"
        ),
        pytest.param(part(type="input_audio", input_audio={"data": SECRET}), PART, id="audio"),
        pytest.param(part(type="file", file={"file_id": SECRET}), PART, id="file"),
        pytest.param(part(type="video_url", video_url={"url": "x"}), PART, id="video"),
        pytest.param(part(type="prompt_embeds", data="x"), PART, id="embeddings"),
        pytest.param(part(type=SECRET), PART, id="unknown kind"),
        pytest.param({"stop_token_ids": [1]}, "stop_token_ids", id="stop tokens"),
        pytest.param({"allowed_token_ids": [1]}, "allowed_token_ids", id="allowed tokens"),
        pytest.param({"logit_bias": {"1": 2}}, "logit_bias", id="bias"),
        pytest.param({"modalities": ["text", "audio"]}, "modalities", id="modalities"),
        pytest.param({"audio": {"voice": "x"}}, "audio", id="spoken answer"),
        pytest.param({"prompt_embeds": "x"}, "prompt_embeds", id="prompt embeddings"),
        pytest.param(
            {"messages": [USER, {"role": "assistant", "audio": {"id": SECRET}}]},
            "messages[1].audio",
            id="spoken message",
        ),
    ],
)
def test_what_cannot_be_read_is_unredactable(members: dict, param: str):
    error = refuse(members)
    assert type(error) is Unredactable
    assert error.param == param


def schema(body: dict) -> dict:
    asked = {"name": "s", "schema": body}
    return {"response_format": {"type": "json_schema", "json_schema": asked}}


SCHEMA = "response_format.json_schema.schema"


@pytest.mark.parametrize(
    ("members", "param"),
    [
        pytest.param({"temprature": 1}, "temprature", id="misspelt"),
        pytest.param({SECRET: 1}, None, id="data as a name"),
        pytest.param({"n900101": 1}, None, id="digits in a name"),
        pytest.param({"cache_salt": "x"}, "cache_salt", id="cache salt"),
        pytest.param({"priority": 1}, "priority", id="priority"),
        pytest.param({"chat_template": "{{ x }}"}, "chat_template", id="template"),
        pytest.param({"documents": [{"text": SECRET}]}, "documents", id="documents"),
        pytest.param({"functions": [{"name": "x"}]}, "functions", id="legacy functions"),
        pytest.param({"structured_outputs": {"regex": "x"}}, "structured_outputs", id="grammar"),
        pytest.param({"messages": [USER | {SECRET: 1}]}, "messages[0]", id="in a message"),
        pytest.param(
            part(type="text", text="x", cache_control={}), "messages[1].content[0]", id="in a part"
        ),
        pytest.param(
            {"messages": [USER, {"role": "assistant", "function_call": {"name": "x"}}]},
            "messages[1].function_call",
            id="legacy call",
        ),
        pytest.param(
            {"chat_template_kwargs": {"text": SECRET}}, "chat_template_kwargs", id="template text"
        ),
        pytest.param({"tools": [TOOL | {"defer_loading": True}]}, "tools[0]", id="in a tool"),
        pytest.param(schema({"$ref": "https://x.example/s"}), SCHEMA, id="remote schema"),
        pytest.param(
            schema({"properties": {"a": {"items": {"pattern": "(?=a)b"}}}}), SCHEMA, id="lookahead"
        ),
        pytest.param(schema({"patternProperties": {"(a)\\1": {}}}), SCHEMA, id="backreference"),
        pytest.param(
            {
                "tools": [
                    {
                        "type": "function",
                        "function": {"name": "f", "parameters": {"not": {"$ref": "other.json"}}},
                    }
                ]
            },
            "tools[0].function.parameters",
            id="remote parameters",
        ),
    ],
)
def test_what_is_not_known_is_unsupported(members: dict, param: str | None):
    error = refuse(members)
    assert type(error) is UnsupportedParameter
    assert error.param == param


@pytest.mark.parametrize(
    ("members", "param"),
    [
        pytest.param({"model": None}, "model", id="no model"),
        pytest.param({"model": ""}, "model", id="empty model"),
        pytest.param({"model": 5}, "model", id="model a number"),
        pytest.param({"messages": []}, "messages", id="no messages"),
        pytest.param({"messages": "hello"}, "messages", id="messages a string"),
        pytest.param({"messages": [USER, "hello"]}, "messages[1].role", id="message a string"),
        pytest.param({"messages": [{"role": SECRET}]}, "messages[0].role", id="unknown role"),
        pytest.param({"messages": [{"role": ["user"]}]}, "messages[0].role", id="role a list"),
        pytest.param({"messages": [{"role": "user"}]}, "messages[0].content", id="no content"),
        pytest.param({"messages": [USER | {"content": 1}]}, "messages[0].content", id="a number"),
        pytest.param({"messages": [USER | {"content": []}]}, "messages[0].content", id="no parts"),
        pytest.param(
            {"messages": [USER | {"content": ["x"]}]}, "messages[0].content[0]", id="bare part"
        ),
        pytest.param(part(type="text"), "messages[1].content[0].text", id="part without text"),
        pytest.param({"messages": [USER | {"name": "김철수"}]}, "messages[0].name", id="name"),
        pytest.param({"temperature": "0.5"}, "temperature", id="number in quotes"),
        pytest.param({"temperature": True}, "temperature", id="temperature a truth value"),
        pytest.param({"temperature": 2.5}, "temperature", id="too hot"),
        pytest.param({"top_p": 0}, "top_p", id="top_p 0"),
        pytest.param({"n": 9}, "n", id="too many choices"),
        pytest.param({"n": 1.5}, "n", id="half a choice"),
        pytest.param({"seed": 2**63}, "seed", id="seed too large"),
        pytest.param({"max_tokens": 0}, "max_tokens", id="no tokens"),
        pytest.param({"logprobs": True, "top_logprobs": 21}, "top_logprobs", id="alternatives"),
        pytest.param({"top_logprobs": 1}, "top_logprobs", id="alternatives without logprobs"),
        pytest.param({"stop": ["a"] * 5}, "stop", id="five stops"),
        pytest.param({"stop": [""]}, "stop[0]", id="empty stop"),
        pytest.param({"stream": "yes"}, "stream", id="stream a word"),
        pytest.param({"stream_options": {}}, "stream_options", id="options without stream"),
        pytest.param({"reasoning_effort": SECRET}, "reasoning_effort", id="effort"),
        pytest.param({"tools": [{"type": "x"}]}, "tools[0].type", id="unknown kind of tool"),
        pytest.param(
            {"tools": [{"function": {"name": "이름"}}]}, "tools[0].function.name", id="tool's name"
        ),
        pytest.param({"tools": [TOOL, TOOL]}, "tools", id="one name twice"),
        pytest.param({"tools": [TOOL] * 129}, "tools", id="too many tools"),
        pytest.param({"tool_choice": SECRET}, "tool_choice", id="unknown choice"),
        pytest.param({"tool_choice": "required"}, "tool_choice", id="required without tools"),
        pytest.param(
            {"tool_choice": TOOL}, "tool_choice.function.name", id="choice without its tool"
        ),
        pytest.param(
            {"messages": [USER, {"role": "assistant", "tool_calls": [CALLED | {"id": 5}]}]},
            "messages[1].tool_calls[0].id",
            id="call id a number",
        ),
        pytest.param({"response_format": {"type": SECRET}}, "response_format.type", id="format"),
        pytest.param(
            {"response_format": {"type": "json_schema"}},
            "response_format.json_schema",
            id="no schema",
        ),
        pytest.param(schema({"type": SECRET}), SCHEMA, id="unknown type"),
        pytest.param(schema({"properties": []}), SCHEMA, id="properties a list"),
        pytest.param(schema({"items": [{"minLength": "x"}]}), SCHEMA, id="items a list"),
        pytest.param(schema({"allOf": [{"multipleOf": 0}]}), SCHEMA, id="multiple of zero"),
        pytest.param(schema({"pattern": 5}), SCHEMA, id="pattern a number"),
    ],
)
def test_wrong_values_are_invalid(members: dict, param: str):
    error = refuse(members)
    assert type(error) is InvalidParameter
    assert error.param == param


def test_nulls_count_as_not_given():
    nothing = dict.fromkeys(
        (
            "temperature",
            "tools",
            "tool_choice",
            "stop",
            "n",
            "response_format",
            "logit_bias",
            "stream",
        )
    )
    body = {"model": "demo", "messages": [USER], **nothing}
    read = read_chat(json.dumps(body).encode(), BoundSettings())
    assert read.compose(["안녕하세요"]) == {"messages": [USER]}


def test_what_openais_client_echoes_is_taken():
    echoed = {
        "role": "assistant",
        "content": "답",
        "refusal": None,
        "annotations": [],
        "audio": None,
        "function_call": None,
        "tool_calls": [CALLED | {"index": 0}],
        "parsed": None,
        "reasoning_content": "생각",
    }
    echoed["tool_calls"][0]["function"] = CALLED["function"] | {"parsed_arguments": {"a": SECRET}}
    body = {"model": "demo", "messages": [USER, echoed]}
    read = read_chat(json.dumps(body).encode(), BoundSettings())
    sent = read.compose([item.text for item in read.fields])["messages"][1]
    assert sent == {
        "role": "assistant",
        "reasoning": "생각",
        "content": "답",
        "tool_calls": [CALLED | {"id": "call00001"}],
    }
