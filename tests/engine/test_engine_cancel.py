"""A client that leaves frees the engine: nothing runs there any more within a second.

The engine's own word is taken: vLLM's count of running and waiting requests. Answers are as long as
the model's context (`min_tokens`), so none of them can end by itself in that time.
"""

import asyncio
from typing import Any

import pytest
from engine_line import MODEL, EngineLine

pytestmark = pytest.mark.asyncio(loop_scope="session")

WITHIN_SECONDS = 1.0
LONG = {"min_tokens": 1_500, "max_tokens": 1_500, "temperature": 1.0, "seed": 1}
# A prompt that takes a while to read, so that "before the first token" is a time and no moment.
PROMPT = "민원인 김철수(010-1234-5678)에게 보낼 글 " + "처리 절차를 알려 주십시오. " * 8


def body(**more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": PROMPT}]
    return {"model": MODEL, "messages": messages, **LONG, **more}


async def post(line: EngineLine, asked: dict[str, Any]) -> None:
    """A client that does not stream: it hears nothing until the answer is whole."""
    await line.running.client.post("/v1/chat/completions", json=asked, timeout=60)


async def read(line: EngineLine, asked: dict[str, Any], heard: asyncio.Event) -> None:
    """A client that streams; `heard` is set once it has read some text."""
    async with line.running.client.stream(
        "POST", "/v1/chat/completions", json={**asked, "stream": True}, timeout=60
    ) as got:
        async for text in got.aiter_text():
            if '"content":"' in text.replace('"content":""', ""):
                heard.set()


async def leave(line: EngineLine, client: asyncio.Task[None]) -> None:
    """The client goes: its connection closes, and the engine must be free."""
    assert not client.done()
    client.cancel()
    await asyncio.gather(client, return_exceptions=True)
    took = await line.until_running(0)
    assert took < WITHIN_SECONDS


@pytest.mark.parametrize("choices", [1, 4], ids=["n=1", "n=4"])
async def test_client_that_waits_for_a_whole_answer_leaves(line: EngineLine, choices: int) -> None:
    await line.until_running(0)
    client = asyncio.create_task(post(line, body(n=choices)))
    await line.until_running(choices, least=choices)
    await leave(line, client)


@pytest.mark.parametrize("choices", [1, 4], ids=["n=1", "n=4"])
async def test_client_leaves_amid_a_stream(line: EngineLine, choices: int) -> None:
    await line.until_running(0)
    heard = asyncio.Event()
    client = asyncio.create_task(read(line, body(n=choices), heard))
    async with asyncio.timeout(30):
        await heard.wait()
    await line.until_running(choices, least=choices)
    await leave(line, client)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_client_leaves_while_the_engine_has_not_begun(line: EngineLine, stream: bool) -> None:
    """Eight others run, and eight is all that this engine runs at once: the ninth waits in it."""
    await line.until_running(0)
    others = [asyncio.create_task(post(line, body(n=4))) for _ in range(2)]
    await line.until_running(8, least=8)
    heard = asyncio.Event()
    asked = body()
    ninth = asyncio.create_task(read(line, asked, heard) if stream else post(line, asked))
    await line.until_running(9, least=9)
    assert not ninth.done()
    assert not heard.is_set()
    ninth.cancel()
    await asyncio.gather(ninth, return_exceptions=True)
    took = await line.until_running(8)
    assert took < WITHIN_SECONDS
    for other in others:
        assert not other.done()
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    assert await line.until_running(0) < WITHIN_SECONDS


async def test_client_that_leaves_while_a_tool_is_called(line: EngineLine) -> None:
    """No text is ever streamed here, so the client leaves before anything that it could show."""
    await line.until_running(0)
    tool = {
        "type": "function",
        "function": {
            "name": "write",
            "strict": True,
            "parameters": {
                "type": "object",
                "properties": {"글": {"type": "string", "minLength": 1_500}},
                "required": ["글"],
                "additionalProperties": False,
            },
        },
    }
    asked = body(tools=[tool], tool_choice="required")
    client = asyncio.create_task(read(line, asked, asyncio.Event()))
    await line.until_running(1, least=1)
    await leave(line, client)
