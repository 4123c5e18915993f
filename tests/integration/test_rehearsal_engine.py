"""The rehearsal engine as vLLM's clients see it: the openai client, its shapes and its process."""

import asyncio
import json
import signal
import sys

import httpx
import jsonschema
import openai
import pytest
from dispatching import ask, engines, task
from rehearsal import rehearsal, serving

from gateway.demo.engine import create_app, listen
from gateway.demo.engine_script import MODEL_NAME, Script
from gateway.demo.engine_words import NOTICE
from inference.task import TokenLogprob

PROMPT = [{"role": "user", "content": "민원인 [성명_1]([전화번호_1])에게 보낼 안내문을 써 줘"}]
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "kind": {"enum": ["민원", "기타"]}},
    "required": ["name", "kind"],
    "additionalProperties": False,
}
TOOL = {"type": "function", "function": {"name": "find_person", "parameters": SCHEMA}}


@pytest.fixture
async def client():
    async with (
        rehearsal() as engine,
        openai.AsyncOpenAI(
            base_url=f"{engine.url}/v1",
            api_key="none",
            max_retries=0,
            http_client=httpx.AsyncClient(trust_env=False),
        ) as client,
    ):
        yield client


def create(client, **more):
    return client.chat.completions.create(model=MODEL_NAME, messages=PROMPT, **more)


async def test_engine_answers_the_openai_client(client):
    answer = await create(client)
    assert answer.choices[0].message.content.startswith(NOTICE)
    assert "[성명_1]은" in answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


async def test_engine_streams_what_it_would_say_at_once(client):
    whole = await create(client)
    chunks = [
        chunk
        async for chunk in await create(client, stream=True, stream_options={"include_usage": True})
    ]
    first, last = chunks[0], chunks[-1]
    assert (first.choices[0].delta.role, first.choices[0].delta.content) == ("assistant", "")
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert last.choices == []
    assert last.usage == whole.usage
    assert all(chunk.usage is None for chunk in chunks[:-1])


async def test_engine_gives_as_many_choices_as_asked(client):
    answer = await create(client, n=3)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    finished = [
        chunk.choices[0].index
        async for chunk in await create(client, n=3, stream=True)
        if chunk.choices[0].finish_reason
    ]
    assert sorted(finished) == [0, 1, 2]


@pytest.mark.parametrize(
    ("choice", "finish"),
    [
        ("auto", "tool_calls"),
        ("required", "tool_calls"),
        ({"type": "function", "function": {"name": "find_person"}}, "stop"),
    ],
    ids=["auto", "required", "named"],
)
async def test_engine_calls_the_tool_with_what_it_received(client, choice, finish):
    answer = await create(client, tools=[TOOL], tool_choice=choice)
    call = answer.choices[0].message.tool_calls[0]
    assert answer.choices[0].finish_reason == finish
    assert call.function.name == "find_person"
    assert json.loads(call.function.arguments) == {"name": "[성명_1]", "kind": "민원"}
    pieces = [
        chunk.choices[0].delta.tool_calls[0]
        async for chunk in await create(client, tools=[TOOL], tool_choice=choice, stream=True)
        if chunk.choices[0].delta.tool_calls
    ]
    assert pieces[0].id
    assert pieces[0].function.name == "find_person"
    assert all(piece.id is None for piece in pieces[1:])
    assert "".join(p.function.arguments or "" for p in pieces) == call.function.arguments
    assert len(pieces) > 5


async def test_engine_answers_in_words_after_a_tool_or_without_leave(client):
    for more in (
        {"tools": [TOOL], "tool_choice": "none"},
        {"messages": [*PROMPT, {"role": "tool", "tool_call_id": "c", "content": "[성명_2]"}]},
    ):
        body = {"model": MODEL_NAME, "messages": PROMPT, "tools": [TOOL], **more}
        answer = await client.chat.completions.create(**body)
        assert answer.choices[0].message.content.startswith(NOTICE)


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_engine_obeys_a_schema(client, stream):
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}
    answer = await create(client, response_format=wanted, stream=stream)
    if stream:
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in answer])
    else:
        text = answer.choices[0].message.content
    jsonschema.validate(json.loads(text), SCHEMA)
    assert "[성명_1]" in text


async def test_engine_gives_logprobs(client):
    answer = await create(client, logprobs=True, top_logprobs=3, max_tokens=4)
    entries = answer.choices[0].logprobs.content
    assert len(entries) == 4
    assert "".join(entry.token for entry in entries) == answer.choices[0].message.content
    assert all(entry.logprob < 0 and len(entry.top_logprobs) == 3 for entry in entries)
    assert all(bytes(entry.bytes).decode() == entry.token for entry in entries)


async def test_engine_ends_at_stop_strings_and_token_limits(client):
    stopped = await create(client, stop=["엔진"])
    assert stopped.choices[0].message.content == "※ 리허설 "
    assert stopped.choices[0].finish_reason == "stop"
    cut = await create(client, max_tokens=3)
    assert cut.choices[0].finish_reason == "length"
    assert cut.usage.completion_tokens == 3


@pytest.mark.parametrize(
    ("more", "error", "code"),
    [
        ({"model": "other"}, openai.NotFoundError, 404),
        ({"messages": []}, openai.BadRequestError, 400),
        ({"n": 0}, openai.BadRequestError, 400),
        ({"max_tokens": -1}, openai.BadRequestError, 400),
        ({"messages": [{"role": "user", "content": "1" * 40_000}]}, openai.BadRequestError, 400),
        ({"tool_choice": "required"}, openai.BadRequestError, 400),
    ],
    ids=["model", "messages", "n", "max_tokens", "too long", "no tools"],
)
async def test_engine_refuses_as_vllm_does(client, more, error, code):
    with pytest.raises(error) as caught:
        await client.chat.completions.create(**{"model": MODEL_NAME, "messages": PROMPT, **more})
    assert set(caught.value.body) == {"message", "type", "param", "code"}
    assert caught.value.body["code"] == code


async def test_engine_lists_its_model_and_its_health(client):
    assert [model.id async for model in client.models.list()] == [MODEL_NAME]
    root = str(client.base_url).removesuffix("/v1/")
    async with httpx.AsyncClient(trust_env=False) as plain:
        assert (await plain.get(f"{root}/health")).status_code == 200
        metrics = (await plain.get(f"{root}/metrics")).text
    assert 'vllm:num_requests_running{model_name="rehearsal",engine="0"} 0.0' in metrics


async def test_engine_speaks_at_its_pace():
    async with rehearsal(pace=50) as engine, engines(engine) as running:
        told = await ask(running, task(max_tokens=20))
    assert told.usage.tokens.output == 20
    assert 0.35 < asyncio.get_running_loop().time() - told.usage.sent_at < 2.0


@pytest.mark.parametrize("key", ["reasoning", "reasoning_content"])
async def test_engine_reasoning_reaches_the_caller_of_dispatch(key):
    script = Script(reasoning=("생각", "[성명_1]"), reasoning_key=key)
    async with rehearsal(script) as engine, engines(engine) as running:
        streamed, whole = await ask(running), await ask(running, task(stream=False))
    pieces = [c.reasoning for part in streamed.parts for c in part.choices if c.reasoning]
    assert pieces == ["생각", "[성명_1]"]
    assert whole.parts[0].choices[0].reasoning == "생각[성명_1]"


async def test_engine_tools_choices_and_logprobs_reach_the_caller_of_dispatch():
    async with rehearsal() as engine, engines(engine) as running:
        called = await ask(running, task(tools=[TOOL], tool_choice="required", n=2))
        measured = await ask(running, task(logprobs=True, top_logprobs=2, max_tokens=2))
    for number in (0, 1):
        choices = [c for part in called.parts for c in part.choices if c.number == number]
        arguments = "".join(call.arguments for c in choices for call in c.tool_calls)
        assert json.loads(arguments) == {"name": "[성명_1]", "kind": "민원"}
        assert choices[0].tool_calls[0].name == "find_person"
        assert choices[-1].finish_reason == "tool_calls"
    entries = [entry for part in measured.parts for c in part.choices for entry in c.logprobs or ()]
    assert len(entries) == 2
    assert type(entries[0]) is TokenLogprob
    assert len(entries[0].top) == 2


async def test_engine_says_the_pieces_of_its_script_for_any_prompt():
    script = Script(pieces=("[성", "명_1 ", "]님"))
    async with rehearsal(script) as engine, engines(engine) as running:
        told = await ask(running, task(tools=[TOOL], tool_choice="required"))
    said = [c.content for part in told.parts for c in part.choices]
    assert said == ["[성", "명_1 ", "]님", None]  # the end of a turn is a token without text


async def test_engine_frees_itself_when_its_client_is_gone():
    async with (
        serving(create_app(Script(endless=True), pace=100)) as url,
        httpx.AsyncClient(trust_env=False) as plain,
    ):
        body = {"model": MODEL_NAME, "messages": PROMPT, "stream": True}
        async with plain.stream("POST", f"{url}/v1/chat/completions", json=body) as answer:
            await anext(answer.aiter_bytes())
            assert " 1.0" in (await plain.get(f"{url}/metrics")).text
        async with asyncio.timeout(1):
            while " 1.0" in (await plain.get(f"{url}/metrics")).text:
                await asyncio.sleep(0.01)


async def _start(*arguments):
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway.demo.engine", *arguments, stderr=asyncio.subprocess.PIPE
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
async def test_engine_process_ends_cleanly_while_it_answers(number):
    with listen("127.0.0.1", 0) as probe:
        port = str(probe.getsockname()[1])
    process = await _start("--port", port, "--pace", "5")
    async with httpx.AsyncClient(trust_env=False, timeout=10) as plain:
        async with asyncio.timeout(20):
            while not await _healthy(plain, port):
                await asyncio.sleep(0.05)
        body = {"model": MODEL_NAME, "messages": PROMPT, "stream": True}
        url = f"http://127.0.0.1:{port}/v1/chat/completions"
        async with plain.stream("POST", url, json=body) as answer:
            await anext(answer.aiter_bytes())
            process.send_signal(number)
            assert await asyncio.wait_for(process.wait(), 8) == 0
    assert "Traceback" not in (await process.stderr.read()).decode()


async def _healthy(plain, port):
    try:
        return (await plain.get(f"http://127.0.0.1:{port}/health")).status_code == 200
    except httpx.ConnectError:
        return False


async def test_engine_process_says_so_when_its_port_is_taken():
    with listen("127.0.0.1", 0) as taken:
        process = await _start("--port", str(taken.getsockname()[1]))
        _, said = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 1
    assert "127.0.0.1" in said.decode()
    assert "Traceback" not in said.decode()
