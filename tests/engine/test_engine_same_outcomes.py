"""Gateway before vLLM against vLLM alone, at temperature 0: the same outcomes.

Nothing in these requests is a personal datum, so the gateway must change nothing. Both sides are
asked by OpenAI's own client. What differs on purpose is asserted here, and told in docs/engines.md.
"""

import json
from pathlib import Path
from typing import Any

import openai
import pytest
from engine_line import HITS, MODEL, EngineLine, ask, same_entries, spoken
from parts.tiny_model_says import SAYS
from parts.vllm import SERVED_MODEL

pytestmark = pytest.mark.asyncio(loop_scope="session")

DATA = Path(__file__).parents[1] / "data"
PROPERTIES = DATA / "vllm-0.32.0-chat-properties.json"


def user(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


def function(name: str, properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    parameters = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {"type": "function", "function": {"name": name, "parameters": parameters, **more}}


WEATHER = function("weather", {"도시": {"type": "string", "enum": ["서울특별시"]}}, strict=True)
TRAIN = function("train", {"역": {"type": "string", "enum": ["부산역", "서울역"]}}, strict=True)
SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "notice",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {
                "구분": {"type": "string", "enum": ["접수 안내", "처리 결과"]},
                "단계": {"type": "integer", "minimum": 1, "maximum": 9},
                "끝": {"type": "boolean"},
            },
            "required": ["구분", "단계", "끝"],
            "additionalProperties": False,
        },
    },
}
CALLED = [
    *user("서울 날씨를 알려 줘"),
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": "call_a",
                "type": "function",
                "function": {"name": "weather", "arguments": '{"도시":"서울특별시"}'},
            }
        ],
    },
    {"role": "tool", "tool_call_id": "call_a", "content": '{"기온":3,"하늘":"맑음"}'},
]
SAME: list[Any] = [
    pytest.param({"messages": user("안내문을 써 줘")}, id="chat"),
    pytest.param({"messages": user("세어 줘 #6")}, id="chat that ends by itself"),
    pytest.param({"messages": user("글자 #7")}, id="characters of several tokens"),
    pytest.param({"messages": user("세어 줘 #6"), "max_tokens": 7}, id="length"),
    pytest.param(
        {"messages": user("세어 줘 #6"), "max_tokens": None, "max_completion_tokens": 5},
        id="max_completion_tokens",
    ),
    pytest.param(
        {
            "messages": [
                {"role": "system", "content": "짧게 답하십시오."},
                *user("세어 줘 #6"),
                {"role": "assistant", "content": SAYS["#6"]},
                {"role": "user", "content": [{"type": "text", "text": "한 번 더 #6"}]},
            ]
        },
        id="several turns and parts",
    ),
    pytest.param({"messages": user("세어 줘 #6"), "stop": "다섯"}, id="stop"),
    pytest.param({"messages": user("세어 줘 #6"), "stop": ["없는 말", ", 넷"]}, id="stops"),
    pytest.param({"messages": user("세어 줘 #6"), "n": 3, "temperature": 0.01, "seed": 1}, id="n"),
    pytest.param({"messages": user("세어 줘 #6"), "temperature": 1.5, "seed": 7}, id="seed"),
    pytest.param(
        {"messages": user("안내문"), "temperature": 1.2, "seed": 11, "n": 2, "max_tokens": 12},
        id="seed and n",
    ),
    pytest.param(
        {"messages": user("세어 줘 #6"), "presence_penalty": 2.0, "frequency_penalty": 1.5},
        id="penalties",
    ),
    pytest.param(
        {
            "messages": user("안내문"),
            "temperature": 1.0,
            "seed": 3,
            "top_p": 0.9,
            "extra_body": {"top_k": 20, "min_p": 0.01, "repetition_penalty": 1.3, "min_tokens": 3},
        },
        id="vLLM's own sampling",
    ),
    pytest.param({"messages": user("안내"), "response_format": SCHEMA}, id="json_schema"),
    pytest.param(
        {"messages": user("안내"), "response_format": {"type": "json_object"}, "max_tokens": 12},
        id="json_object cut short",
    ),
    pytest.param(
        {"messages": user("날씨"), "tools": [WEATHER], "tool_choice": "required"},
        id="tool required",
    ),
    pytest.param(
        {
            "messages": user("날씨"),
            "tools": [WEATHER, TRAIN],
            "tool_choice": {"type": "function", "function": {"name": "train"}},
        },
        id="tool named",
    ),
    pytest.param({"messages": user("전화 #4"), "tools": [WEATHER]}, id="tool called by itself"),
    pytest.param({"messages": user("안내문 #6"), "tools": [WEATHER]}, id="tool not called"),
    pytest.param(
        {"messages": user("안내문 #6"), "tools": [WEATHER], "tool_choice": "none"}, id="tool none"
    ),
    pytest.param({"messages": CALLED, "tools": [WEATHER]}, id="tool's result"),
]
LOGGED: list[Any] = [
    pytest.param({"messages": user("세어 줘 #6")}, id="end of turn"),
    pytest.param({"messages": user("세어 줘 #6"), "max_tokens": 7}, id="length"),
    pytest.param({"messages": user("세어 줘 #6"), "stop": "다섯"}, id="stop"),
    pytest.param({"messages": user("세어 줘 #6"), "stop": ["없는 말", ", 넷"]}, id="stops"),
    pytest.param({"messages": user("세어 줘 #6"), "n": 2, "temperature": 0.01, "seed": 1}, id="n"),
    pytest.param({"messages": user("글자 #7"), "max_tokens": 12}, id="characters of tokens"),
    pytest.param({"messages": user("안내"), "response_format": SCHEMA}, id="json_schema"),
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("asked", SAME)
async def test_outcomes_and_usage_are_the_same(
    line: EngineLine, direct: openai.AsyncOpenAI, asked: dict[str, Any], stream: bool
) -> None:
    if stream:
        asked = {**asked, "stream": True, "stream_options": {"include_usage": True}}
    theirs = await ask(direct, SERVED_MODEL, **asked)
    ours = await ask(line.client, MODEL, **asked)
    assert sorted(ours.choices) == sorted(theirs.choices) == list(range(asked.get("n", 1)))
    for number, said in theirs.choices.items():
        assert ours.choices[number].outcome() == said.outcome()
        assert said.finish_reason
    assert ours.usage == theirs.usage
    assert ours.usage is not None


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("asked", LOGGED)
async def test_logprobs_are_the_same_for_what_became_text(
    line: EngineLine, direct: openai.AsyncOpenAI, asked: dict[str, Any], stream: bool
) -> None:
    asked = {**asked, "stream": stream, "logprobs": True, "top_logprobs": 3}
    theirs = await ask(direct, SERVED_MODEL, **asked)
    ours = await ask(line.client, MODEL, **asked)
    for number, said in theirs.choices.items():
        our = ours.choices[number]
        assert our.outcome() == said.outcome()
        assert "".join(entry.token for entry in our.entries) == said.content
        wanted = spoken(said.entries, said.content)
        same_entries(our.entries[: len(wanted)], wanted)
        if not any("\ufffd" in entry.token for entry in said.entries):  # whole characters all
            assert len(our.entries) <= len(wanted) + 1  # a token that a stop string has cut
        assert any(entry.top_logprobs for entry in our.entries)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_tokens_of_a_tool_call_have_no_entries(
    line: EngineLine, direct: openai.AsyncOpenAI, stream: bool
) -> None:
    """vLLM streams them: they would spell the arguments before anybody has restored them."""
    asked = {
        "messages": user("날씨"),
        "tools": [WEATHER],
        "tool_choice": "required",
        "stream": stream,
        "logprobs": True,
    }
    theirs = await ask(direct, SERVED_MODEL, **asked)
    ours = await ask(line.client, MODEL, **asked)
    assert ours.only.outcome() == theirs.only.outcome()
    assert ours.only.entries == []


async def test_same_conversation_is_found_in_the_prefix_cache(line: EngineLine) -> None:
    text = "처리 절차를 알려 주십시오. " * 20
    first = await ask(line.client, MODEL, messages=user(text), max_tokens=4)
    hits = await line.count(HITS)
    turns = [*user(text), {"role": "assistant", "content": first.only.content}, *user("계속")]
    second = await ask(line.client, MODEL, messages=turns, max_tokens=4)
    assert second.cached > 0.5 * second.usage[0]  # type: ignore[index]
    assert await line.count(HITS) - hits == second.cached
    # Another person's request does not find it: the time it takes would tell what he had asked.
    other = line.client.with_options(api_key=line.issuer.token(sub="somebody-else"))
    third = await ask(other, MODEL, messages=turns, max_tokens=4)
    assert third.cached == 0


ERRORS: list[Any] = [
    pytest.param({"messages": user("가 나 " * 3_000)}, "context_length_exceeded", id="prompt"),
    pytest.param(
        {"messages": user("x"), "max_tokens": 5_000}, "context_length_exceeded", id="max_tokens"
    ),
    pytest.param(
        {
            "messages": user("x"),
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "n", "schema": {"$ref": "#/$defs/none"}},
            },
        },
        "engine_rejected",
        id="schema that is no grammar",
    ),
    pytest.param({"messages": user("x"), "n": 0}, "invalid_parameter", id="n"),
    pytest.param({"messages": []}, "invalid_parameter", id="no messages"),
    pytest.param({"messages": user("x"), "temperature": -1}, "invalid_parameter", id="temperature"),
    pytest.param(
        {"messages": user("x"), "logprobs": True, "top_logprobs": 25},
        "invalid_parameter",
        id="top_logprobs",
    ),
    pytest.param({"messages": user("x"), "top_logprobs": 2}, "invalid_parameter", id="no logprobs"),
    pytest.param(
        {"messages": user("x"), "tool_choice": "required"}, "invalid_parameter", id="no tools"
    ),
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("asked", "code"), ERRORS)
async def test_what_vllm_calls_wrong_is_400_here_in_our_words(
    line: EngineLine,
    direct: openai.AsyncOpenAI,
    asked: dict[str, Any],
    code: str,
    stream: bool,
) -> None:
    asked = {**asked, "stream": stream}
    # vLLM compiles a grammar after it has said 200: its stream then begins with an error.
    with pytest.raises(openai.APIError) as theirs:
        await ask(direct, SERVED_MODEL, **asked)
    with pytest.raises(openai.BadRequestError) as ours:
        await ask(line.client, MODEL, **asked)
    assert ours.value.code == code
    assert ours.value.type == "invalid_request_error"
    assert str(ours.value.request_id) in ours.value.message
    told = theirs.value.message
    for word in ("max_model_len", "input tokens", "Grammar", "vllm", SERVED_MODEL + " "):
        assert word not in ours.value.message, told


async def test_unknown_model_is_404_without_the_engines_names(line: EngineLine) -> None:
    with pytest.raises(openai.NotFoundError) as ours:
        await ask(line.client, SERVED_MODEL, messages=user("x"))
    assert ours.value.code == "model_not_found"


async def test_nothing_that_the_engine_says_of_itself_is_passed_on(line: EngineLine) -> None:
    for stream in (False, True):
        got = await line.running.client.post(
            "/v1/chat/completions",
            json={"model": MODEL, "messages": user("x"), "max_tokens": 3, "stream": stream},
        )
        assert got.status_code == 200
        assert "vllm" not in got.text
        assert f'"{SERVED_MODEL}"' not in got.text
        assert "vllm" not in json.dumps(dict(got.headers))


async def test_every_property_of_the_running_vllm_is_known(line: EngineLine) -> None:
    """The list that unit tests compare with our models is what this server really says."""
    document = (await line.metrics.get("/openapi.json")).json()
    known = json.loads(PROPERTIES.read_text(encoding="utf-8"))["schemas"]
    said = {}
    for name, schema in document["components"]["schemas"].items():
        # Two classes of one name stand there under their modules; vLLM's own counts.
        module, _, own = name.rpartition("__")
        if not module or module.startswith("vllm"):
            said[own] = sorted(schema.get("properties", ()))
    assert {name: said.get(name) for name in known} == known
