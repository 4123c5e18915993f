"""OpenAI's own Python client against a running gateway: it works unchanged, errors included.

What these tests ask for holds personal data, and the answers must read as if the model had seen it.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import openai
import pytest
from line import NAME, PHONE, PROMPT, Line
from openai.types.chat import ChatCompletionMessageParam
from pydantic import BaseModel, Field

from gateway.demo.engine_script import Script

pytestmark = pytest.mark.asyncio(loop_scope="session")

SAYS = ("민원인 [성", "명_1]은 ", "010-", "으로 연락 바랍", "니다.")
MESSAGES: list[ChatCompletionMessageParam] = [{"role": "user", "content": PROMPT}]
DIAL: Any = {
    "type": "function",
    "function": {
        "name": "dial",
        "description": "민원인에게 전화를 겁니다.",
        "parameters": {
            "type": "object",
            "properties": {"성명": {"type": "string"}, "전화": {"type": "string"}},
            "required": ["성명", "전화"],
        },
    },
}


@asynccontextmanager
async def client_of(line: Line, key: str | None = None) -> AsyncIterator[openai.AsyncOpenAI]:
    """The official client, as its users make it; without retries, so that errors show at once."""
    token = line.client.headers["authorization"].removeprefix("Bearer ")
    async with openai.AsyncOpenAI(
        base_url=f"{str(line.client.base_url).rstrip('/')}/v1",
        api_key=token if key is None else key,
        max_retries=0,
    ) as client:
        yield client


async def test_chat_reads_as_if_the_model_had_seen_the_name(a_line):
    line = await a_line(Script(pieces=SAYS))
    async with client_of(line) as client:
        answer = await client.chat.completions.create(
            model="default", messages=MESSAGES, temperature=0.5, seed=7, max_tokens=200, user="kim"
        )
    (choice,) = answer.choices
    assert choice.message.content == f"민원인 {NAME}는 010-으로 연락 바랍니다."
    assert (choice.finish_reason, choice.message.role) == ("stop", "assistant")
    assert answer.model == "default"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer._request_id  # the header x-request-id
    assert answer.id == f"chatcmpl-{answer._request_id}"
    seen = json.loads(line.engines[0].seen[0])
    assert (seen["temperature"], seen["seed"], seen["max_tokens"]) == (0.5, 7, 200)
    assert "user" not in seen


async def test_stream_gives_the_same_text_and_counts_of_tokens(a_line):
    line = await a_line(Script(pieces=SAYS))
    async with client_of(line) as client:
        stream = await client.chat.completions.create(
            model="rehearsal",
            messages=MESSAGES,
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
    text = "".join(c.delta.content or "" for chunk in chunks for c in chunk.choices)
    assert text == f"민원인 {NAME}는 010-으로 연락 바랍니다."
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.finish_reason for chunk in chunks for c in chunk.choices][-1] == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 0
    assert len({chunk.id for chunk in chunks}) == 1


async def test_several_choices_and_logprobs(a_line):
    line = await a_line(Script(pieces=SAYS))
    async with client_of(line) as client:
        answer = await client.chat.completions.create(
            model="rehearsal", messages=MESSAGES, n=2, logprobs=True, top_logprobs=2
        )
    assert [choice.index for choice in answer.choices] == [0, 1]
    for choice in answer.choices:
        assert choice.logprobs is not None
        assert choice.logprobs.content is not None
        tokens = [entry.token for entry in choice.logprobs.content]
        assert "".join(tokens) == choice.message.content
        assert NAME in "".join(tokens)
        assert not any(token.startswith("[성") for token in tokens)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_tools_are_called_with_real_words_and_take_results_back(a_line, stream):
    line = await a_line(Script())
    async with client_of(line) as client:
        if stream:
            async with client.chat.completions.stream(
                model="rehearsal", messages=MESSAGES, tools=[DIAL], tool_choice="required"
            ) as events:
                first: Any = await events.get_final_completion()
        else:
            first = await client.chat.completions.create(
                model="rehearsal", messages=MESSAGES, tools=[DIAL], tool_choice="required"
            )
        message = first.choices[0].message
        (call,) = message.tool_calls
        assert call.function.name == "dial"
        assert json.loads(call.function.arguments) == {"성명": NAME, "전화": PHONE}
        result = {"결과": "연결됨", "상대": NAME}
        second = await client.chat.completions.create(
            model="rehearsal",
            messages=[
                *MESSAGES,
                message,  # as the client's documentation does: the message object itself
                {
                    "role": "tool",
                    "tool_call_id": call.id,
                    "content": json.dumps(result),  # with \\u escapes, Python's default
                },
            ],
            tools=[DIAL],
        )
    assert NAME in (second.choices[0].message.content or "")
    for seen in line.engines[0].seen:
        assert not any(secret in seen.decode() for secret in line.secrets)
        assert not any(json.dumps(secret)[1:-1] in seen.decode() for secret in line.secrets)
    sent = json.loads(line.engines[0].seen[1])["messages"]
    assert sent[1]["tool_calls"][0]["id"] == sent[2]["tool_call_id"]
    assert call.id not in json.dumps(sent)


class Notice(BaseModel):
    """An answer in the caller's own form."""

    성명: str
    전화: str = Field(pattern=r"^010-\d{4}-\d{4}$")
    구분: Literal["안내", "거절"]


async def test_parse_gives_the_callers_own_type(a_line):
    line = await a_line(Script())
    async with client_of(line) as client:
        answer = await client.chat.completions.parse(
            model="rehearsal", messages=MESSAGES, response_format=Notice
        )
    parsed = answer.choices[0].message.parsed
    assert isinstance(parsed, Notice)
    assert (parsed.성명, parsed.전화) == (NAME, PHONE)
    seen = json.loads(line.engines[0].seen[0])["response_format"]["json_schema"]["schema"]
    assert "pattern" not in seen["properties"]["전화"]  # widened: a surrogate stands there


async def test_header_says_that_the_engines_schema_was_widened(a_line):
    line = await a_line(Script())
    schema = {"name": "notice", "schema": Notice.model_json_schema()}
    asked: Any = {
        "model": "rehearsal",
        "response_format": {"type": "json_schema", "json_schema": schema},
    }
    without: Any = [{"role": "user", "content": "안내문 양식을 채워 줘"}]
    async with client_of(line) as client:
        raw = client.chat.completions.with_raw_response
        got = await raw.create(messages=MESSAGES, **asked)
        assert got.headers["x-gwanmun-schema"] == "widened"
        with pytest.raises(openai.InternalServerError):  # the rehearsal knows no telephone
            got = await raw.create(messages=without, **asked)
    seen = [json.loads(body)["response_format"]["json_schema"] for body in line.engines[0].seen]
    assert "pattern" not in json.dumps(seen[0])
    assert seen[1]["schema"] == schema["schema"]


async def test_an_answer_that_breaks_the_callers_schema_is_an_error(a_line):
    line = await a_line(Script(pieces=('{"성명": "[성명_1]"}',)))
    async with client_of(line) as client:
        with pytest.raises(openai.InternalServerError) as failed:
            await client.chat.completions.parse(
                model="rehearsal", messages=MESSAGES, response_format=Notice
            )
    assert failed.value.code == "answer_invalid"


async def test_models_are_listed_and_found(a_line):
    line = await a_line(Script())
    async with client_of(line) as client:
        listed = [model async for model in client.models.list()]
        assert [(model.id, model.object) for model in listed] == [("rehearsal", "model")]
        assert (await client.models.retrieve("rehearsal")).id == "rehearsal"
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve("no-such-model")


IMAGE = [{"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}]
ERRORS: list[Any] = [
    pytest.param({"key": "not a token"}, openai.AuthenticationError, 401, "invalid_token", None),
    pytest.param(
        {"extra_headers": {"x-gwanmun-grade": "C"}},
        openai.PermissionDeniedError,
        403,
        "grade_above_ceiling",
        "grade=C,principal=S,because=claim",
    ),
    pytest.param({"model": "no-such-model"}, openai.NotFoundError, 404, "model_not_found", "model"),
    pytest.param(
        {"messages": [{"role": "user", "content": IMAGE}]},
        openai.BadRequestError,
        400,
        "unredactable_content",
        "messages[0].content[0].type",
    ),
    pytest.param(
        {"extra_body": {"cache_salt": "x"}},
        openai.BadRequestError,
        400,
        "unsupported_parameter",
        "cache_salt",
    ),
    pytest.param(
        {"temperature": 9.0}, openai.BadRequestError, 400, "invalid_parameter", "temperature"
    ),
    pytest.param(
        {"messages": MESSAGES * 2001}, openai.BadRequestError, 400, "too_complex", "messages"
    ),
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("asked", "kind", "status", "code", "param"), ERRORS, ids=[case.values[3] for case in ERRORS]
)
async def test_refusals_are_the_clients_typed_exceptions(
    a_line, asked, kind, status, code, param, stream
):
    line = await a_line(Script())
    asked = {"model": "rehearsal", "messages": MESSAGES, "stream": stream} | asked
    async with client_of(line, asked.pop("key", None)) as client:
        with pytest.raises(kind) as refused:
            await client.chat.completions.create(**asked)
    error = refused.value
    assert (error.status_code, error.code, error.param) == (status, code, param)
    assert error.request_id
    assert error.request_id in error.message
    assert not any(secret in str(error) for secret in line.secrets)
    assert line.engines[0].seen == []


async def test_a_used_up_limit_is_a_rate_limit_error(a_line):
    line = await a_line(Script(), limits={"requests_per_minute": 1})
    async with client_of(line) as client:
        await client.chat.completions.create(model="rehearsal", messages=MESSAGES)
        with pytest.raises(openai.RateLimitError) as refused:
            await client.chat.completions.create(model="rehearsal", messages=MESSAGES)
    assert refused.value.code == "limit_exceeded"
    assert int(refused.value.response.headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    ("script", "code", "status"),
    [
        pytest.param(Script(status=500), "engine_failed", 502, id="engine fails"),
        pytest.param(None, "engine_failed", 502, id="engine away"),
        pytest.param(Script(first_seconds=30), "deadline_passed", 504, id="engine slow"),
    ],
)
async def test_failures_of_engines_are_internal_server_errors(a_line, script, code, status):
    line = await a_line(script, deadlines={"whole_seconds": 2.0})
    async with client_of(line) as client:
        with pytest.raises(openai.InternalServerError) as failed:
            await client.chat.completions.create(model="rehearsal", messages=MESSAGES)
    assert (failed.value.code, failed.value.status_code) == (code, status)


async def test_a_stream_that_dies_raises_after_what_came(a_line):
    line = await a_line(Script(pieces=SAYS, ends_after=4))
    said: list[str] = []

    async def listen(client: openai.AsyncOpenAI) -> None:
        stream = await client.chat.completions.create(
            model="rehearsal", messages=MESSAGES, stream=True
        )
        async for chunk in stream:
            said.extend(choice.delta.content or "" for choice in chunk.choices)

    async with client_of(line) as client:
        with pytest.raises(openai.APIError) as died:
            await listen(client)
    assert NAME in "".join(said)
    assert died.value.code == "engine_failed"
    assert died.value.type == "api_error"


async def test_headers_of_the_gateway_reach_the_client(a_line):
    line = await a_line(Script(pieces=SAYS))
    async with client_of(line) as client:
        raw = await client.chat.completions.with_raw_response.create(
            model="rehearsal", messages=MESSAGES
        )
    assert raw.headers["x-gwanmun-redacted"] == "person=1,phone=1,rrn=1"
    assert raw.headers["x-gwanmun-audit"]
    assert raw.headers["x-ai-generated"] == "true"
