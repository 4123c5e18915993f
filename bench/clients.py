"""Why engines are asked through httpx over aiohttp: 64 streams at once, in four ways.

The rehearsal engine runs unpaced in a process of its own, and every client asks it in turn within
the same run. Plain httpx, httpx over aiohttp's transport, aiohttp itself, and `inference.dispatch`
with all that it checks.

Run: PYTHONPATH=tests .venv/bin/python bench/clients.py [--rounds 3]
Prints one Markdown section for docs/performance.md.
"""

import argparse
import asyncio
import datetime
import os
import platform
import statistics
import sys
import time
from collections.abc import Awaitable, Callable

import aiohttp
import httpx
import uvloop
from dispatching import engines, opened, task
from httpx_aiohttp import AiohttpTransport
from ports import free_ports

from inference.dispatch import dispatch
from inference.replica import Replica
from inference.task import Usage

STREAMS = 64
REQUESTS = 640
BODY = {
    "model": "rehearsal",
    "stream": True,
    "messages": [{"role": "user", "content": "민원인 [성명_1]에게 보낼 안내문"}],
}

Ask = Callable[[], Awaitable[None]]


async def rate(ask: Ask) -> float:
    """Requests a second with STREAMS callers."""
    left = iter(range(REQUESTS))

    async def caller() -> None:
        for _ in left:
            await ask()

    await ask()
    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(STREAMS)))
    return REQUESTS / (time.perf_counter() - began)


def httpx_client(url: str, client: httpx.AsyncClient) -> Ask:
    """Asks with an httpx client and reads the answer to its end."""

    async def ask() -> None:
        async with client.stream("POST", url, json=BODY) as answer:
            answer.raise_for_status()
            async for _ in answer.aiter_raw():
                pass

    return ask


async def measure(base: str) -> dict[str, float]:
    """One round: every way once."""
    url = f"{base}/v1/chat/completions"
    found: dict[str, float] = {}
    limits = httpx.Limits(max_connections=STREAMS, max_keepalive_connections=STREAMS)
    async with httpx.AsyncClient(timeout=60, limits=limits, trust_env=False) as plain:
        found["plain httpx"] = await rate(httpx_client(url, plain))
    over = AiohttpTransport(limits=limits)
    async with httpx.AsyncClient(timeout=60, transport=over, trust_env=False) as mixed:
        found["httpx over aiohttp"] = await rate(httpx_client(url, mixed))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=STREAMS)) as session:

        async def by_aiohttp() -> None:
            async with session.post(url, json=BODY) as answer:
                async for _ in answer.content.iter_any():
                    pass

        found["aiohttp itself"] = await rate(by_aiohttp)
    replica = Replica(name="r0", url=base, served_model="rehearsal")
    async with engines(replica, slots=STREAMS, queue_places=STREAMS) as running:

        async def by_dispatch() -> None:
            usage = Usage()
            async with dispatch(task(), running, gate=opened(), usage=usage) as parts:
                async for _ in parts:
                    pass

        found["dispatch"] = await rate(by_dispatch)
    return found


async def main(rounds: int) -> None:
    """Starts the engine, measures, prints."""
    port = free_ports(1)
    command = [sys.executable, "-m", "gateway.demo.engine", "--host", "127.0.0.1"]
    engine = await asyncio.create_subprocess_exec(*command, "--port", str(port), "--pace", "0")
    base = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            while True:
                try:
                    await client.get(f"{base}/health")
                    break
                except httpx.HTTPError:
                    await asyncio.sleep(0.1)
        results = [await measure(base) for _ in range(rounds)]
    finally:
        engine.terminate()
        await engine.wait()
    today = datetime.datetime.now(datetime.UTC).date()
    print(f"### Clients for engines, {today}\n")
    print(f"- machine: {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"- command: `PYTHONPATH=tests python bench/clients.py --rounds {rounds}`")
    print(f"- {STREAMS} streams at once, {REQUESTS} requests, median of {rounds} rounds\n")
    print("| way | requests/s |\n|---|---:|")
    for way in results[0]:
        print(f"| {way} | {statistics.median(result[way] for result in results):,.0f} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    uvloop.run(main(parser.parse_args().rounds))
