"""Limits of several gateways in one real Valkey: exact together, and what stands in Valkey."""

import asyncio
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from limiting import Sharing, eventually
from people import LIMITS, principal

from gateway.domain import Limits
from gateway.errors import LimitExceeded
from gateway.store.shared_limits import SharedLimits

HOLDER = Path(__file__).resolve().parents[1] / "limit_holder.py"
MANY = Limits(requests_per_minute=60, characters_per_minute=6_000, concurrent_requests=1_000)


async def passed(calls) -> int:
    """How many of these calls were let pass; every other one was refused for its limit."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    refused = [one for one in results if isinstance(one, LimitExceeded)]
    good = [one for one in results if not isinstance(one, BaseException)]
    assert len(refused) + len(good) == len(results), results
    return len(good)


async def test_two_gateways_let_pass_what_one_would(valkey_server):
    sharing = Sharing(valkey_server.url)
    began = time.monotonic()
    async with sharing.gateway() as one, sharing.gateway() as two:
        calls = [store.begin(principal(), MANY) for _ in range(100) for store in (one, two)]
        count = await passed(calls)
        back = (time.monotonic() - began) * MANY.requests_per_minute / 60
        assert 60 <= count <= 60 + back


async def test_calls_at_once_are_counted_over_both_gateways(valkey_server):
    limits = Limits(requests_per_minute=10_000, characters_per_minute=1, concurrent_requests=7)
    sharing = Sharing(valkey_server.url)
    async with sharing.gateway() as one, sharing.gateway() as two:
        calls = [store.begin(principal(), limits) for _ in range(50) for store in (one, two)]
        assert await passed(calls) == 7


async def test_characters_are_counted_over_both_gateways(valkey_server):
    limits = Limits(requests_per_minute=100, characters_per_minute=600, concurrent_requests=100)
    sharing = Sharing(valkey_server.url)
    began = time.monotonic()
    async with sharing.gateway() as one, sharing.gateway() as two:
        leases = [(store, await store.begin(principal(), limits)) for store in (one, two)]
        calls = [store.take_characters(lease, 10) for _ in range(50) for store, lease in leases]
        back = (time.monotonic() - began) * 10
        assert 60 <= await passed(calls) <= 60 + 1 + back


async def test_call_ended_on_one_gateway_frees_its_place_for_the_other(valkey_server):
    sharing = Sharing(valkey_server.url)
    async with sharing.gateway() as one, sharing.gateway() as two:
        leases = [await one.begin(principal(), LIMITS) for _ in range(2)]
        with pytest.raises(LimitExceeded):
            await two.begin(principal(), LIMITS)
        one.end_nowait(leases[0], 0)

        async def free():
            return (await two.left(principal(), LIMITS)).concurrent == 1

        await eventually(free)


async def test_installations_do_not_share(valkey_server):
    first, second = Sharing(valkey_server.url), Sharing(valkey_server.url)
    async with first.gateway() as one, second.gateway() as other:
        await one.begin(principal(), LIMITS)
        assert (await other.left(principal(), LIMITS)).concurrent == 2
        assert one.state.replicas == other.state.replicas == 1


async def test_leases_of_a_killed_gateway_end_by_themselves(valkey_server):
    sharing = Sharing(valkey_server.url, lease_seconds=2.0)
    arguments = [valkey_server.url, sharing.key.hex(), "2.0", "2"]
    holder = subprocess.Popen([sys.executable, HOLDER, *arguments], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert await asyncio.to_thread(holder.stdout.readline) == b"begun\n"
        async with sharing.gateway() as store:
            assert store.state.replicas == 2
            with pytest.raises(LimitExceeded):
                await store.begin(principal(), LIMITS)
            holder.kill()

            async def free():
                return (await store.left(principal(), LIMITS)).concurrent == 2

            async def alone():
                return store.state.replicas == 1

            await eventually(free)
            await eventually(alone)
    finally:
        holder.kill()
        holder.wait(30)
        holder.stdout.close()


async def test_lease_of_a_running_call_is_renewed(valkey_server):
    sharing = Sharing(valkey_server.url, lease_seconds=1.0)
    async with sharing.gateway() as one, sharing.gateway() as two:
        for _ in range(2):
            await one.begin(principal(), LIMITS)
        for _ in range(30):  # three leases long, seen from the other gateway
            assert (await two.left(principal(), LIMITS)).concurrent == 0
            await asyncio.sleep(0.1)


async def test_gateway_that_ends_is_no_longer_counted(valkey_server):
    sharing = Sharing(valkey_server.url, lease_seconds=3.0)
    async with sharing.gateway() as one:
        async with sharing.gateway() as two:
            assert two.state.replicas == 2

        async def alone():
            return one.state.replicas == 1

        await eventually(alone)


async def test_whole_life_of_a_call_leaves_no_word_of_a_person_in_valkey(valkey_server):
    person = principal(subject="subject-marked-secret", agency="agency-marked-secret")
    lines: list[str] = []
    ready = threading.Event()

    def watch() -> None:
        with valkey_server.client() as client, client.monitor() as monitor:
            ready.set()
            for command in monitor.listen():
                lines.append(f"{command}")
                if "the-end" in command["command"]:
                    return

    watching = threading.Thread(target=watch)
    watching.start()
    assert await asyncio.to_thread(ready.wait, 10)
    async with Sharing(valkey_server.url).gateway() as store:
        lease = await store.begin(person, LIMITS)
        await store.take_characters(lease, 100)
        await store._beat()  # and with it a renewal, without waiting for its time
        stored = dump(valkey_server)
        store.end_nowait(lease, 50)
        await store.left(person, LIMITS)
    with valkey_server.client() as client:
        client.echo("the-end")
    await asyncio.to_thread(watching.join, 10)
    whole = "\n".join(lines)
    assert whole.count("EVALSHA") >= 6
    assert "zadd" in whole.lower()
    for secret in ("marked-secret", person.name, person.client, "demo-a"):
        assert secret not in whole
        assert secret not in stored


def dump(server) -> str:
    """Every key with its type, how long it stays, and its whole content."""
    found = []
    with server.client() as client:
        for key in client.scan_iter():
            kind = client.type(key).decode()
            content = client.hgetall(key) if kind == "hash" else client.zrange(key, 0, -1)
            milliseconds = client.pttl(key)
            assert 0 < milliseconds <= 62_000, (key, milliseconds)
            found.append(f"{key} {kind} {content}")
    assert found
    return "\n".join(found)


async def test_many_calls_at_once_share_one_connection(valkey_server):
    limits = Limits(requests_per_minute=10**6, characters_per_minute=10**9, concurrent_requests=900)
    async with Sharing(valkey_server.url).gateway() as store:

        async def call(store: SharedLimits) -> None:
            lease = await store.begin(principal(), limits)
            await store.take_characters(lease, 100)
            store.end_nowait(lease, 0)

        await asyncio.gather(*(call(store) for _ in range(800)))
        with valkey_server.client() as client:
            ours = [one for one in client.client_list() if one["name"] == "gwanmun"]
        assert len(ours) == 1
        assert not store.state.alone
        assert (await store.left(principal(), limits)).concurrent == 900
