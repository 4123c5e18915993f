"""The real engine's count is the one that reconciliation takes it for: one a finished request."""

import time

import openai
import pytest
from engine_line import MODEL, EngineLine
from parts.vllm import SERVED_MODEL

from gateway.exports.reconcile import Reading, read_counters

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def reading(line: EngineLine) -> Reading:
    return read_counters((await line.metrics.get("/metrics")).text)


async def test_a_request_counts_once_with_any_choices_through_the_gateway_or_beside_it(
    line: EngineLine, direct: openai.AsyncOpenAI
) -> None:
    await line.until_running(0)
    before = await reading(line)
    for client, model, choices in (
        (line.client, MODEL, 1),
        (line.client, MODEL, 4),
        (direct, SERVED_MODEL, 2),
    ):
        await client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": "안녕"}],
            n=choices,
            max_tokens=4,
            temperature=1.0,
        )
    await line.until_running(0)
    after = await reading(line)
    assert (after.served - before.served, after.started) == (3, before.started)
    assert time.time() - 3_600 * 6 < after.started < time.time()
