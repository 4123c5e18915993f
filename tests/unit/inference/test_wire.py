"""What is asked of an engine, and what an answer may say: an allow-list with bounds."""

import json

import orjson
import pytest

from inference.errors import EngineFailed, EngineRejected, Rejection
from inference.replica import EngineKind, Replica
from inference.task import Choice, Part, Task, TokenLogprob, Tokens, ToolCall
from inference.wire import AnswerReader, rejection, request_body, wanted_choices

REPLICA = Replica(name="e", url="http://engine", served_model="served")


def make_task(*, stream=True, cache_salt="salt", **body):
    return Task(
        model="public",
        path="/v1/chat/completions",
        body=body,
        stream=stream,
        deadline=0.0,
        request_id="r",
        cache_salt=cache_salt,
    )


def read(answer, *, choices=1):
    return AnswerReader(choices).chunk(json.dumps(answer))


def delta(**said):
    return {"choices": [{"index": 0, "delta": said}]}


def test_wire_the_replicas_own_name_overrides_the_body():
    body = orjson.loads(request_body(make_task(model="x", stream=False, messages=[]), REPLICA))
    assert body == {
        "messages": [],
        "model": "served",
        "stream": False,
        "cache_salt": "salt",
    }


@pytest.mark.parametrize("kind", list(EngineKind))
def test_wire_cache_salt_goes_to_vllm_only(kind):
    replica = Replica(name="e", url="http://engine", served_model="m", kind=kind)
    assert ("cache_salt" in orjson.loads(request_body(make_task(), replica))) is (
        kind is EngineKind.VLLM
    )


def test_wire_an_empty_cache_salt_is_not_sent():
    assert "cache_salt" not in orjson.loads(request_body(make_task(cache_salt=""), REPLICA))


@pytest.mark.parametrize(
    "value", [pytest.param("\ud800", id="unpaired surrogate"), pytest.param(2**70, id="number")]
)
def test_wire_a_body_that_cannot_be_written_is_rejected(value):
    with pytest.raises(EngineRejected) as caught:
        request_body(make_task(stop=value), REPLICA)
    assert caught.value.reason is Rejection.INVALID
    assert caught.value.__context__ is None


@pytest.mark.parametrize(("n", "choices"), [(None, 1), (3, 3), (0, 1), ("3", 1)])
def test_wire_wanted_choices_follow_n(n, choices):
    assert wanted_choices(make_task(n=n)) == choices


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"error":{"message":"This model\'s maximum context length is 9 tokens."}}', "too_long"),
        (b'{"error":{"message":"longer than the maximum model length of 9"}}', "too_long"),
        (
            b'{"error":{"message":"max_tokens=9 cannot be greater than max_model_len=2"}}',
            "too_long",
        ),
        (b'{"error":{"message":"bad grammar"}}', "invalid"),
        (b'{"error":"maximum context length"}', "invalid"),
        (b'{"error":{"message":5}}', "invalid"),
        (b"[]", "invalid"),
        (b"<html>", "invalid"),
        (b"", "invalid"),
    ],
)
def test_wire_rejection_is_one_of_a_closed_set(body, reason):
    assert rejection(body) == reason


def test_wire_a_chunk_keeps_what_is_allowed_and_drops_the_rest():
    part = read(
        {
            "id": "chatcmpl-secret",
            "model": "/models/secret",
            "system_fingerprint": "secret",
            "prompt_token_ids": [1],
            "choices": [
                {
                    "index": 0,
                    "delta": {"role": "assistant", "content": "가", "annotations": ["secret"]},
                    "token_ids": [1],
                    "stop_reason": "secret",
                    "finish_reason": "stop",
                    "logprobs": {
                        "content": [
                            {
                                "token": "가",
                                "logprob": -0.5,
                                "bytes": [234, 176, 128],
                                "top_logprobs": [{"token": "나", "logprob": -2}],
                            }
                        ]
                    },
                }
            ],
            "usage": {
                "prompt_tokens": 3,
                "completion_tokens": 1,
                "total_tokens": 4,
                "prompt_tokens_details": {"cached_tokens": 2},
                "completion_tokens_details": {"reasoning_tokens": 1},
            },
        }
    )
    logprob = TokenLogprob("가", -0.5, (234, 176, 128), (TokenLogprob("나", -2.0),))
    assert part == Part(
        (Choice(0, content="가", finish_reason="stop", logprobs=(logprob,)),),
        Tokens(input=3, output=1, cached=2, reasoning=1),
    )
    assert "secret" not in repr(part)


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        pytest.param(delta(role="assistant", content=""), None, id="role chunk"),
        pytest.param({"choices": []}, None, id="nothing"),
        pytest.param({}, None, id="empty"),
        pytest.param(
            {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 7}},
            Part((), Tokens(5, 7)),
            id="usage",
        ),
        pytest.param(
            {"usage": {"prompt_tokens": 5, "completion_tokens": None}},
            Part((), Tokens(5, 0)),
            id="usage with null",
        ),
        pytest.param(delta(reasoning="생각"), Part((Choice(0, reasoning="생각"),)), id="reasoning"),
        pytest.param(
            delta(reasoning_content="생각"),
            Part((Choice(0, reasoning="생각"),)),
            id="reasoning of old",
        ),
        pytest.param(delta(refusal="거절"), Part((Choice(0, refusal="거절"),)), id="refusal"),
        pytest.param(
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]},
            Part((Choice(0, finish_reason="length"),)),
            id="finish alone",
        ),
        pytest.param(
            delta(
                tool_calls=[
                    {"index": 1, "id": "c", "type": "function", "function": {"name": "f"}},
                    {"index": 1, "function": {"arguments": '{"'}},
                ]
            ),
            Part(
                (Choice(0, tool_calls=(ToolCall(1, "c", "f", ""), ToolCall(1, None, None, '{"'))),)
            ),
            id="tool calls",
        ),
    ],
)
def test_wire_chunks_say(answer, part):
    assert read(answer) == part


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param([], id="a list"),
        pytest.param("x", id="a string"),
        pytest.param(None, id="null"),
        pytest.param({"error": {"message": "m", "code": 500}}, id="error"),
        pytest.param({"error": "Unauthorized"}, id="error string"),
        pytest.param({"object": "error", "message": "m"}, id="error of old"),
        pytest.param({"choices": {}}, id="choices type"),
        pytest.param({"choices": ["x"]}, id="choice type"),
        pytest.param({"choices": [{"index": 0}]}, id="no delta"),
        pytest.param({"choices": [{"delta": {"content": "x"}}]}, id="no index"),
        pytest.param({"choices": [{"index": 1, "delta": {"content": "x"}}]}, id="index too large"),
        pytest.param({"choices": [{"index": -1, "delta": {"content": "x"}}]}, id="index negative"),
        pytest.param({"choices": [{"index": True, "delta": {"content": "x"}}]}, id="index bool"),
        pytest.param({"choices": [{"index": 0, "delta": {"content": "x"}}] * 2}, id="too many"),
        pytest.param(delta(content=5), id="content type"),
        pytest.param(delta(content=[{"type": "text"}]), id="content parts"),
        pytest.param(delta(reasoning={}), id="reasoning type"),
        pytest.param(delta(tool_calls={}), id="tool calls type"),
        pytest.param(delta(tool_calls=[{"index": 0}] * 129), id="too many tool calls"),
        pytest.param(delta(tool_calls=[{"index": 128, "function": {}}]), id="tool index"),
        pytest.param(delta(tool_calls=[{"function": {}}]), id="tool without index"),
        pytest.param(
            delta(tool_calls=[{"index": 0, "function": {"name": "f" * 257}}]), id="long tool name"
        ),
        pytest.param(delta(tool_calls=[{"index": 0, "type": "custom"}]), id="tool type"),
        pytest.param(
            delta(tool_calls=[{"index": 0, "function": {"arguments": {}}}]), id="arguments type"
        ),
        pytest.param(
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "abort"}]}, id="finish unknown"
        ),
        pytest.param(
            {"choices": [{"index": 0, "delta": {}, "finish_reason": 1}]}, id="finish type"
        ),
        pytest.param(
            {"choices": [{"index": 0, "delta": {}, "logprobs": {"content": [{"token": "x"}]}}]},
            id="logprob missing",
        ),
        pytest.param(
            {
                "choices": [
                    {
                        "index": 0,
                        "delta": {},
                        "logprobs": {"content": [{"token": "x", "logprob": 0, "bytes": [256]}]},
                    }
                ]
            },
            id="not a byte",
        ),
        pytest.param({"usage": 5}, id="usage type"),
        pytest.param({"usage": {"prompt_tokens": -1}}, id="usage negative"),
        pytest.param({"usage": {"prompt_tokens": 10**12}}, id="usage absurd"),
        pytest.param({"usage": {"prompt_tokens": 1.5}}, id="usage float"),
    ],
)
def test_wire_what_an_answer_cannot_say_is_an_engine_failure(answer):
    with pytest.raises(EngineFailed) as caught:
        read(answer)
    assert caught.value.args == ()


@pytest.mark.parametrize("data", ["", "{", '{"choices":[NaN]}', "[" * 3000, "\u2028"])
def test_wire_nonsense_leaves_no_words_in_the_exception(data):
    with pytest.raises(EngineFailed) as caught:
        AnswerReader(1).chunk(data)
    assert caught.value.args == ()
    assert caught.value.__context__ is None


@pytest.mark.parametrize("code", [400, 422])
def test_wire_an_error_event_may_call_the_request_wrong_before_any_choice(code):
    error = json.dumps({"error": {"message": "Grammar error", "code": code}})
    with pytest.raises(EngineRejected):
        AnswerReader(1).chunk(error)
    begun = AnswerReader(1)
    begun.chunk('{"choices":[{"index":0,"delta":{"content":"a"}}]}')
    with pytest.raises(EngineFailed) as caught:
        begun.chunk(error)
    assert not caught.value.unfit


def test_wire_nothing_comes_after_a_choice_has_finished():
    answer = AnswerReader(2)
    answer.chunk('{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}')
    answer.chunk('{"choices":[{"index":1,"delta":{"content":"a"}}]}')
    assert not answer.complete
    with pytest.raises(EngineFailed):
        answer.chunk('{"choices":[{"index":0,"delta":{"content":"b"}}]}')


def test_wire_an_answer_is_complete_when_all_that_began_have_finished():
    answer = AnswerReader(2)
    assert not answer.complete
    for number in (0, 1):
        answer.chunk(json.dumps({"choices": [{"index": number, "delta": {"content": "a"}}]}))
        assert not answer.complete
    for number in (0, 1):
        choice = {"index": number, "delta": {}, "finish_reason": "stop"}
        answer.chunk(json.dumps({"choices": [choice]}))
    assert answer.complete


def test_wire_a_whole_answer_numbers_its_tool_calls():
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call, call]}
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
    part = AnswerReader(1).whole(json.dumps(body).encode())
    assert part.choices[0].tool_calls == (ToolCall(0, "c", "f", "{}"), ToolCall(1, "c", "f", "{}"))


@pytest.mark.parametrize(
    "body",
    [
        {"choices": []},
        {"choices": [{"index": 0, "message": {"content": "x"}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": "stop"}]},
        {"choices": [], "usage": {"prompt_tokens": 1}},
    ],
    ids=["no choices", "unfinished", "delta", "usage only"],
)
def test_wire_a_whole_answer_must_be_whole(body):
    with pytest.raises(EngineFailed):
        AnswerReader(1).whole(json.dumps(body).encode())
