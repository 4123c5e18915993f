"""A flood of bad tokens: it fills no disk, takes no request's place and hides nobody's call."""

import asyncio
import json
import time

import httpx
import pytest
from issuer import scripted_issuer
from line import PROMPT, read
from rehearsal import rehearsal
from serve import gwanmun, served, write_config

from gateway.demo.engine_script import Script

MOST_LEAVES = 100
PIPELINED = 64


async def flood(url: httpx.URL, count: int, refused: list[int]) -> None:
    """Sends `count` requests with a wrong token, many on the way at once, on one connection."""
    reader, writer = await asyncio.open_connection(url.host, url.port)
    request = (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer e30.e30.bad\r\n"
        b"content-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
    )
    try:
        for start in range(0, count, PIPELINED):
            batch = min(PIPELINED, count - start)
            writer.write(request * batch)
            for _ in range(batch):
                head = await reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 401"), head
                lengths = [line for line in head.split(b"\r\n") if line.startswith(b"content-len")]
                await reader.readexactly(int(lengths[0].split(b":")[1]))
            refused[0] += batch
    finally:
        writer.close()


async def ask_meanwhile(client: httpx.AsyncClient, flooding: asyncio.Future) -> list[int]:
    """A valid call every now and then for as long as the flood lasts."""
    question = {"model": "rehearsal", "messages": [{"role": "user", "content": PROMPT}]}
    statuses = []
    while not flooding.done() or not statuses:
        statuses.append(read(await client.post("/v1/chat/completions", json=question)).status)
        await asyncio.sleep(0.5)
    return statuses


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(5_000, id="5k"),
        pytest.param(1_000_000, id="1m", marks=[pytest.mark.slow, pytest.mark.timeout(3000)]),
    ],
)
async def test_flood_of_bad_tokens_adds_few_leaves_and_refuses_no_valid_call(tmp_path, count):
    refused = [0]
    async with scripted_issuer() as issuer, rehearsal(Script(pieces=("네.",))) as engine:
        config = write_config(tmp_path, issuer.url, engine.url)
        assert gwanmun("migrate", "--config", config).returncode == 0
        async with served(config) as running:
            began = time.monotonic()
            headers = {"authorization": f"Bearer {issuer.token(exp=int(time.time()) + 7200)}"}
            async with httpx.AsyncClient(
                base_url=running.url, headers=headers, timeout=60, trust_env=False
            ) as client:
                flooding = asyncio.gather(
                    *(flood(client.base_url, count // 4, refused) for _ in range(4))
                )
                statuses = await ask_meanwhile(client, flooding)
                await flooding
            print(f"{count / (time.monotonic() - began):.0f} refusals/s")
    assert refused == [count]
    assert set(statuses) == {200}
    verified = json.loads(gwanmun("audit", "verify", tmp_path / "data", "--json").stdout)
    assert verified["verified"]
    shown = gwanmun("audit", "show", "--data", tmp_path / "data", "--limit", "10000", "--json")
    events = [json.loads(line) for line in shown.stdout.splitlines()]
    floods = [event for event in events if event["action"] == "auth.refused"]
    assert 1 <= len(floods) <= MOST_LEAVES
    assert verified["size"] <= 2 * len(statuses) + MOST_LEAVES
