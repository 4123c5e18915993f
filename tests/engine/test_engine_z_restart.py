"""An engine that dies and comes back: what its callers hear, and that the next ones are served.

Last of its room by its name: it ends the vLLM that all others use, and starts it again.
"""

import asyncio
import contextlib
import json

import openai
import pytest
from engine_line import MODEL, EngineLine, ask

pytestmark = pytest.mark.asyncio(loop_scope="session")

PROMPT = [{"role": "user", "content": "민원인 김철수에게 보낼 글 #1"}]


async def test_killed_engine_ends_streams_with_an_error_and_serves_again_once_it_is_back(
    line: EngineLine,
) -> None:
    asked = {"model": MODEL, "messages": PROMPT, "min_tokens": 1_500, "max_tokens": 1_500}
    body = {**asked, "stream": True, "temperature": 0}
    raw = ""
    async with line.running.client.stream(
        "POST", "/v1/chat/completions", json=body, timeout=60
    ) as got:
        async for text in got.aiter_text():
            if not raw.count("김철수"):
                raw += text
                continue
            raw += text
            if line.engine.process is not None and line.engine.process.poll() is None:
                await asyncio.to_thread(line.engine.kill)
    assert "김철수는" in raw  # what had come before stays
    last = json.loads(raw.strip().rpartition("data: ")[2])
    assert last["error"]["code"] == "engine_failed"
    assert "[DONE]" not in raw

    for _ in range(4):  # nobody is there: the caller hears it at once, and never a wrong answer
        with pytest.raises(openai.InternalServerError) as failed:
            await ask(line.client, MODEL, messages=PROMPT)
        assert failed.value.code in ("engine_failed", "model_unavailable")

    line.engine.start()
    await asyncio.to_thread(line.engine.wait_ready)
    answer = None
    async with asyncio.timeout(60):  # a replica that failed rests for 30 seconds at most
        while answer is None:
            with contextlib.suppress(openai.InternalServerError):
                answer = await ask(line.client, MODEL, messages=PROMPT)
            await asyncio.sleep(0.5)
    assert answer.only.content.startswith("김철수는 [성명_2]과 함께 옵니다.")
