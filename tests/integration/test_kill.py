"""kill -9 of the whole gateway in the midst of streams: nothing acknowledged is ever lost.

A record is acknowledged once its caller has read the answer's headers.
"""

import asyncio
import json
import random
import signal

import httpx
import pytest
from issuer import scripted_issuer
from line import PROMPT
from rehearsal import rehearsal
from serve import gwanmun, served, write_config

from gateway.demo.engine_script import Script

QUESTION = {
    "model": "rehearsal",
    "stream": True,
    "messages": [{"role": "user", "content": PROMPT}],
}
CALLERS = 24


async def call(client: httpx.AsyncClient, acknowledged: list[str]) -> None:
    """Calls again and again, until the gateway is gone."""
    while True:
        try:
            async with client.stream("POST", "/v1/chat/completions", json=QUESTION) as got:
                if got.status_code == 200:
                    acknowledged.append(got.headers["x-gwanmun-audit"])
                async for _ in got.aiter_bytes():
                    pass
        except httpx.HTTPError:
            return


async def one_round(config, token: str, seed: int) -> list[str]:
    """Starts the gateway, loads it, kills it at a random moment; the acknowledged records."""
    acknowledged: list[str] = []
    headers = {"authorization": f"Bearer {token}"}
    async with served(config) as running:
        limits = httpx.Limits(max_connections=CALLERS)
        async with httpx.AsyncClient(
            base_url=running.url, headers=headers, timeout=30, limits=limits, trust_env=False
        ) as client:
            calls = [asyncio.create_task(call(client, acknowledged)) for _ in range(CALLERS)]
            while not acknowledged:
                await asyncio.sleep(0.01)
            await asyncio.sleep(random.Random(seed).uniform(0.05, 1.0))
            running.process.send_signal(signal.SIGKILL)
            await asyncio.gather(*calls)
    return acknowledged


@pytest.mark.parametrize(
    "rounds",
    [
        pytest.param(2, id="2-rounds"),
        pytest.param(50, id="50-rounds", marks=[pytest.mark.slow, pytest.mark.timeout(1800)]),
    ],
)
async def test_kill_9_under_load_loses_no_acknowledged_record(tmp_path, rounds):
    limits = {"requests_per_minute": 10**9, "characters_per_minute": 10**12}
    limits["concurrent_requests"] = 1000
    script = Script(pieces=("[성명_1]님 ",) * 40, between_seconds=0.02)
    acknowledged: list[str] = []
    async with scripted_issuer() as issuer, rehearsal(script) as engine:
        config = write_config(tmp_path, issuer.url, engine.url, limits=limits)
        assert gwanmun("migrate", "--config", config).returncode == 0
        token = issuer.token(exp=2**40)
        for number in range(rounds):
            acknowledged += await one_round(config, token, number)
            verified = gwanmun("audit", "verify", tmp_path / "data", "--json")
            assert verified.returncode == 0, verified.stdout
        async with served(config):
            pass
    assert len(acknowledged) == len(set(acknowledged)) >= rounds
    final = gwanmun("audit", "verify", tmp_path / "data", "--json")
    assert final.returncode == 0, final.stdout
    assert json.loads(final.stdout)["open"] == 0
    shown = gwanmun("audit", "show", "--data", tmp_path / "data", "--limit", "10000", "--json")
    events = [json.loads(line) for line in shown.stdout.splitlines()]
    closed = {e["id"]: e["outcome"] for e in events if e["action"] == "request.closed"}
    assert set(acknowledged) <= set(closed)
    assert "lost" in closed.values()
