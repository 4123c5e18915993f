"""A whole gateway in front of the real vLLM, and how engine tests ask both sides and compare."""

import asyncio
import math
import re
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import openai
from house import RunningHouse, running_house, settings_for
from issuer import ScriptedIssuer, scripted_issuer
from parts.vllm import CONTEXT_TOKENS, SERVED_MODEL, Vllm

from redaction.pool import Detector

MODEL = "tiny-model"  # the gateway's own name: the engine's must not be seen
RUNNING = re.compile(r"^vllm:num_requests_(?:running|waiting)\{[^}]*\} ([0-9.e+]+)$", re.MULTILINE)
HITS = re.compile(r"^vllm:prefix_cache_hits_total\{[^}]*\} ([0-9.e+]+)$", re.MULTILINE)
CLOSE = 0.02  # two ways of batching round a log probability differently


@dataclass
class EngineLine:
    """A running gateway, the engine behind it, and the official client that is logged in."""

    engine: Vllm
    running: RunningHouse
    issuer: ScriptedIssuer
    client: openai.AsyncOpenAI
    metrics: httpx.AsyncClient

    async def count(self, pattern: re.Pattern[str]) -> float:
        """The sum of the engine's own numbers of this name."""
        got = await self.metrics.get("/metrics")
        found = pattern.findall(got.text)
        assert found, got.text[:500]
        return sum(map(float, found))

    async def until_running(self, most: float, least: float = 0, seconds: float = 20) -> float:
        """Waits until the engine works on so many requests; how long that took, in seconds."""
        clock = asyncio.get_running_loop().time
        began = clock()
        async with asyncio.timeout(seconds):
            while not least <= await self.count(RUNNING) <= most:
                await asyncio.sleep(0.02)
        return clock() - began


@asynccontextmanager
async def open_engine_line(
    detector: Detector, data_dir: Path, engine: Vllm, **groups: Any
) -> AsyncIterator[EngineLine]:
    """A gateway whose one model is served by the real engine."""
    key = data_dir.with_name("engine-key")
    key.write_text(f"{engine.key}\n")
    key.chmod(0o600)
    replica = {
        "name": "vllm-1",
        "url": engine.url,
        "served_model": SERVED_MODEL,
        "credential_file": key,
    }
    model = {"name": MODEL, "context_tokens": CONTEXT_TOKENS, "replicas": [replica]}
    limits = {"requests_per_minute": 10_000}
    async with AsyncExitStack() as stack:
        idp = await stack.enter_async_context(scripted_issuer())
        settings = settings_for(data_dir, idp.url, models=[model], limits=limits, **groups)
        running = await stack.enter_async_context(running_house(settings, detector))
        token = idp.token(exp=int(time.time()) + 86_400)
        running.client.headers["authorization"] = f"Bearer {token}"
        client = openai.AsyncOpenAI(
            base_url=f"{running.url}/v1", api_key=token, max_retries=0, timeout=60
        )
        metrics = httpx.AsyncClient(base_url=engine.url, timeout=10, trust_env=False)
        yield EngineLine(
            engine,
            running,
            idp,
            await stack.enter_async_context(client),
            await stack.enter_async_context(metrics),
        )


@dataclass
class Said:
    """What one choice said, streamed or whole, in a form that can be compared."""

    content: str = ""
    finish_reason: str | None = None
    calls: dict[int, tuple[str, str]] = field(default_factory=dict)
    entries: list[Any] = field(default_factory=list)
    deltas: list[str] = field(default_factory=list)
    role: str = ""

    def outcome(self) -> tuple[Any, ...]:
        """All but the log probabilities, which are near and not equal."""
        return (self.role, self.content, self.finish_reason, self.calls)

    def take(self, message: Any, *, whole: bool) -> None:
        self.role = message.role or self.role
        if message.content:
            self.content += message.content
            self.deltas.append(message.content)
        for place, call in enumerate(message.tool_calls or ()):
            number = place if whole else call.index
            name, arguments = self.calls.get(number, ("", ""))
            self.calls[number] = (
                name + (call.function.name or ""),
                arguments + (call.function.arguments or ""),
            )


@dataclass
class Outcome:
    """An answer of either side."""

    choices: dict[int, Said] = field(default_factory=dict)
    usage: tuple[int, int, int] | None = None
    cached: int = 0

    @property
    def only(self) -> Said:
        (said,) = self.choices.values()
        return said


async def ask(client: openai.AsyncOpenAI, model: str, **asked: Any) -> Outcome:
    """One answer, however it comes; greedy and short unless the caller says otherwise."""
    body = {"temperature": 0, "max_tokens": 120, **asked}
    outcome = Outcome()
    if not body.get("stream"):
        answer = await client.chat.completions.create(model=model, **body)
        _collect(outcome, answer, whole=True)
        return outcome
    async for chunk in await client.chat.completions.create(model=model, **body):
        _collect(outcome, chunk, whole=False)
    return outcome


def _collect(outcome: Outcome, answer: Any, *, whole: bool) -> None:
    for choice in answer.choices:
        said = outcome.choices.setdefault(choice.index, Said())
        said.take(choice.message if whole else choice.delta, whole=whole)
        said.finish_reason = choice.finish_reason or said.finish_reason
        said.entries += (choice.logprobs and choice.logprobs.content) or []
    if answer.usage:
        counts = answer.usage
        outcome.usage = (counts.prompt_tokens, counts.completion_tokens, counts.total_tokens)
        outcome.cached = (
            counts.prompt_tokens_details and counts.prompt_tokens_details.cached_tokens
        ) or 0


def spoken(entries: Iterable[Any], text: str) -> list[Any]:
    """Entries whose tokens became text: not the end of a turn, not a stop string."""
    found, so_far = [], ""
    for entry in entries:
        if not text.startswith(so_far + entry.token):
            break
        so_far += entry.token
        found.append(entry)
    return found


def same_entries(ours: list[Any], theirs: list[Any]) -> None:
    """The same tokens, bytes and numbers; the alternatives of tokens that were held may be gone."""
    assert [entry.token for entry in ours] == [entry.token for entry in theirs]
    for our, their in zip(ours, theirs, strict=True):
        assert our.bytes == their.bytes
        assert math.isclose(our.logprob, their.logprob, abs_tol=CLOSE)
        if our.top_logprobs:
            assert [o.token for o in our.top_logprobs] == [o.token for o in their.top_logprobs]
