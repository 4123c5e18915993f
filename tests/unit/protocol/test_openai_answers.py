"""What OpenAI's own types read in our chunks, answers, errors and models."""

import json

import pytest
from openai.types import Model
from openai.types.chat import ChatCompletion as TheirCompletion
from openai.types.chat import ChatCompletionChunk

from gateway.domain import Grade, ModelCard
from gateway.errors import PUBLIC_ERRORS, GradeAboveCeiling
from gateway.protocol.openai_answers import (
    AnswerHead,
    ChatCompletion,
    ChatStream,
    error_body,
    model_body,
    models_body,
)
from inference.task import Choice, Part, TokenLogprob, Tokens, ToolCall

HEAD = AnswerHead(request_id="0" * 12 + "a1b2c3d4e5f6a7b8c9d0", model="demo", created=1_780_000_000)
TOKENS = Tokens(input=7, output=5, cached=3, reasoning=2)


def streamed(*parts: Part, include_usage: bool = False) -> list[dict]:
    stream = ChatStream(HEAD, include_usage=include_usage)
    written = [stream.feed(part) for part in parts] + [stream.end()]
    chunks = [json.loads(line) for line in written if line]
    for chunk in chunks:
        ChatCompletionChunk.model_validate(chunk, strict=True)
    return chunks


def whole(*parts: Part) -> dict:
    answer = ChatCompletion(HEAD)
    for part in parts:
        answer.feed(part)
    body = json.loads(answer.end())
    TheirCompletion.model_validate(body)
    return body


def said(*choices: Choice, tokens: Tokens | None = None) -> Part:
    return Part(choices, tokens)


def test_stream_names_the_role_once_per_choice():
    chunks = streamed(
        said(Choice(0, "")),
        said(Choice(0, "가"), Choice(1, "나")),
        said(Choice(1, "다", finish_reason="stop")),
        said(Choice(0, finish_reason="length")),
    )
    assert [
        [(c["index"], c["delta"], c["finish_reason"]) for c in k["choices"]] for k in chunks
    ] == [
        [(0, {"role": "assistant", "content": ""}, None)],
        [(0, {"content": "가"}, None), (1, {"role": "assistant", "content": "나"}, None)],
        [(1, {"content": "다"}, "stop")],
        [(0, {}, "length")],
    ]
    assert {(k["id"], k["object"], k["model"], k["created"]) for k in chunks} == {
        (f"chatcmpl-{HEAD.request_id}", "chat.completion.chunk", "demo", 1_780_000_000)
    }
    assert all("usage" not in chunk for chunk in chunks)


def test_parts_that_say_nothing_give_no_chunk():
    stream = ChatStream(HEAD, include_usage=False)
    assert stream.feed(said(Choice(0, "가")))
    assert stream.feed(said(Choice(0, ""))) == b""
    assert stream.feed(said(Choice(0))) == b""
    assert stream.feed(said(tokens=TOKENS)) == b""
    assert stream.end() == b""


def test_usage_comes_last_and_only_when_asked():
    chunks = streamed(
        said(Choice(0, "가"), tokens=Tokens(7, 1)),
        said(Choice(0, finish_reason="stop")),
        said(tokens=TOKENS),
        include_usage=True,
    )
    assert [chunk["usage"] for chunk in chunks[:-1]] == [None, None]
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"] == {
        "prompt_tokens": 7,
        "completion_tokens": 5,
        "total_tokens": 12,
        "prompt_tokens_details": {"cached_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }


def test_streamed_tool_calls_get_ids_of_ours():
    chunks = streamed(
        said(Choice(0, tool_calls=(ToolCall(0, "engine-id", "find", ""),))),
        said(Choice(0, tool_calls=(ToolCall(0, None, None, '{"a":'),))),
        said(Choice(0, tool_calls=(ToolCall(0, None, None, "1}"), ToolCall(1, "x", "look", "{}")))),
        said(Choice(0, finish_reason="tool_calls")),
    )
    calls = [
        call for chunk in chunks for call in chunk["choices"][0]["delta"].get("tool_calls", ())
    ]
    assert "engine-id" not in json.dumps(chunks)
    first = {"index": 0, "id": HEAD.call_id(0, 0), "type": "function"}
    assert calls == [
        first | {"function": {"name": "find", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"a":'}},
        {"index": 0, "function": {"arguments": "1}"}},
        {
            "index": 1,
            "id": HEAD.call_id(0, 1),
            "type": "function",
            "function": {"name": "look", "arguments": "{}"},
        },
    ]
    assert len(HEAD.call_id(7, 127)) <= 40


def test_reasoning_refusal_and_logprobs_stream():
    entry = TokenLogprob("가", -0.5, (234, 176, 128), (TokenLogprob("나", -1.5),))
    chunks = streamed(
        said(Choice(0, reasoning="생각")),
        said(Choice(0, "가", logprobs=(entry,))),
        said(Choice(0, refusal="못", refusal_logprobs=(TokenLogprob("못", -0.1),))),
    )
    deltas = [chunk["choices"][0] for chunk in chunks]
    assert deltas[0]["delta"]["reasoning_content"] == "생각"
    assert deltas[1]["logprobs"] == {
        "content": [
            {
                "token": "가",
                "logprob": -0.5,
                "bytes": [234, 176, 128],
                "top_logprobs": [{"token": "나", "logprob": -1.5, "bytes": None}],
            }
        ],
        "refusal": None,
    }
    assert deltas[2]["delta"] == {"refusal": "못"}
    assert deltas[2]["logprobs"]["refusal"][0]["token"] == "못"


def test_whole_answer_of_one_part():
    body = whole(said(Choice(0, "가나", reasoning="생각", finish_reason="stop"), tokens=TOKENS))
    assert body["object"] == "chat.completion"
    assert body["choices"] == [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "가나",
                "refusal": None,
                "reasoning_content": "생각",
            },
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert body["usage"]["total_tokens"] == 12


def test_whole_answer_of_several_parts_and_choices():
    body = whole(
        said(Choice(1, "나", finish_reason="stop")),
        said(Choice(0, tool_calls=(ToolCall(0, "e", "find", '{"a"'),))),
        said(Choice(0, tool_calls=(ToolCall(0, None, None, ":1}"),), finish_reason="tool_calls")),
        said(tokens=TOKENS),
    )
    first, second = body["choices"]
    assert first["message"]["content"] is None
    assert first["message"]["tool_calls"] == [
        {
            "id": HEAD.call_id(0, 0),
            "type": "function",
            "function": {"name": "find", "arguments": '{"a":1}'},
        }
    ]
    assert (second["message"]["content"], second["finish_reason"]) == ("나", "stop")


def test_an_empty_answer_is_text_and_not_null():
    assert (
        whole(said(Choice(0, "", finish_reason="stop")))["choices"][0]["message"]["content"] == ""
    )


def test_whole_answer_without_token_counts_says_nothing_of_usage():
    assert "usage" not in whole(said(Choice(0, "가", finish_reason="stop")))


@pytest.mark.parametrize("kind", PUBLIC_ERRORS, ids=lambda kind: kind.__name__)
def test_error_envelope_has_openais_form(kind: type[Exception]):
    shown = PUBLIC_ERRORS[kind]
    error = json.loads(error_body(shown, "abc", "messages[0]"))
    assert error == {
        "error": {
            "message": f"{shown.korean} ({shown.english}) messages[0] [abc]",
            "type": shown.type,
            "param": "messages[0]",
            "code": shown.code,
        }
    }


def test_error_without_a_path_has_a_null_param():
    error = json.loads(error_body(PUBLIC_ERRORS[GradeAboveCeiling], "abc", None))
    assert error["error"]["param"] is None


CARD = ModelCard(
    name="demo",
    aliases=("default",),
    highest_grade=Grade.S,
    zone="on-premises",
    provider="",
    licence="Apache-2.0",
    context_tokens=32_768,
    created_at=1_780_000_000,
)


def test_models_are_listed_in_openais_form():
    listed = json.loads(models_body([CARD]))
    assert listed["object"] == "list"
    assert listed["data"] == [json.loads(model_body(CARD))]
    model = Model.model_validate(listed["data"][0], strict=True)
    assert (model.id, model.object, model.owned_by) == ("demo", "model", "gwanmun")
    assert listed["data"][0]["max_model_len"] == 32_768
    assert listed["data"][0]["gwanmun"]["highest_grade"] == "S"
