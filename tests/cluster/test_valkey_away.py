"""DESIGN section 10: Valkey is away, slow, wrong or empty. Never unlimited; and it mends itself."""

import asyncio
import json
import time

import httpx
import pytest
from limiting import Sharing, eventually
from line import PROMPT
from parts.valkey import running_valkey, tls_in_front
from people import principal

from gateway.demo.engine_script import Script
from gateway.domain import Limits
from gateway.errors import LimitExceeded

LIMITS = Limits(requests_per_minute=12, characters_per_minute=6_000, concurrent_requests=8)


@pytest.fixture
def mine():
    """A server that this test may stop."""
    with running_valkey() as server:
        yield server


async def let_pass(store, limits: Limits) -> int:
    """Begins calls until one is refused."""
    count = 0
    while True:
        try:
            await store.begin(principal(), limits)
        except LimitExceeded:
            return count
        count += 1


def told(sharing: Sharing) -> list[str]:
    return [json.loads(line)["event"] for line in sharing.log.getvalue().splitlines()]


async def alone(store) -> None:
    async def is_alone() -> bool:
        return store.state.alone

    await eventually(is_alone)


async def together(store) -> None:
    async def is_together() -> bool:
        return not store.state.alone

    await eventually(is_together)


async def test_share_holds_while_valkey_is_away_and_the_whole_once_it_is_back(mine):
    sharing = Sharing(mine.url)
    async with sharing.gateway() as one, sharing.gateway() as two:
        await one._beat()  # learns of the other without waiting for its next beat
        assert one.state.replicas == two.state.replicas == 2
        mine.stop()
        await alone(one)
        assert await let_pass(one, LIMITS) == 4  # 8 at once ÷ 2
        assert await let_pass(two, LIMITS) == 4
        assert one.state.replicas == 2
        mine.start()
        await together(one)
        await together(two)
        # What began meanwhile counts in the new, empty Valkey too: nobody gets a place more.
        with pytest.raises(LimitExceeded):
            await one.begin(principal(), LIMITS)
        assert (await two.left(principal(), LIMITS)).concurrent == 0

        async def both_say_so() -> bool:
            return told(sharing).count("limits.valkey_back") == 2

        await eventually(both_say_so)
    assert told(sharing).count("limits.valkey_away") == 2


async def test_what_was_used_before_counts_in_the_share(mine):
    limits = Limits(requests_per_minute=12, characters_per_minute=600, concurrent_requests=100)
    began = time.monotonic()
    sharing = Sharing(mine.url)
    async with sharing.gateway() as store:
        lease = await store.begin(principal(), limits)
        for _ in range(9):
            store.end_nowait(await store.begin(principal(), limits), 0)
        await store.take_characters(lease, 500)
        mine.stop()
        await alone(store)
        count = await let_pass(store, limits)
        back = (time.monotonic() - began) * limits.requests_per_minute / 60
        assert count <= 2 + back
        with pytest.raises(LimitExceeded) as refused:
            await store.take_characters(lease, 601)  # as much as a full account has
        assert refused.value.retry_after_seconds


async def test_valkey_that_is_late_costs_one_wait_and_then_none(mine):
    sharing = Sharing(mine.url, deadline_seconds=0.2)
    async with sharing.gateway() as store:
        await store.begin(principal(), LIMITS)
        mine.pause()
        for _ in range(3):
            await store.begin(principal(), LIMITS)
        assert store.state.alone
        mine.resume()
        await together(store)

        async def counted() -> bool:
            return (await store.left(principal(), LIMITS)).concurrent == 4

        await eventually(counted)


async def test_calls_that_ended_while_valkey_was_late_are_settled_after(mine):
    sharing = Sharing(mine.url, deadline_seconds=0.2, lease_seconds=600.0)
    async with sharing.gateway() as store:
        leases = [await store.begin(principal(), LIMITS) for _ in range(8)]
        await store.take_characters(leases[0], 6_000)
        mine.pause()
        for lease in leases:
            store.end_nowait(lease, 6_000)
        await alone(store)
        mine.resume()
        await together(store)

        async def settled() -> bool:
            left = await store.left(principal(), LIMITS)
            return (left.concurrent, left.characters) == (8, 6_000)

        await eventually(settled)


async def test_gateway_that_never_reached_valkey_assumes_others(mine):
    mine.stop()
    sharing = Sharing(mine.url, assumed_replicas=4)
    async with sharing.gateway() as store:
        assert store.state.alone
        assert await let_pass(store, LIMITS) == 2
        mine.start()
        await together(store)

        async def counted() -> bool:
            return store.state.replicas == 1

        await eventually(counted)


async def test_share_is_never_less_than_one_call(mine):
    mine.stop()
    small = Limits(requests_per_minute=1, characters_per_minute=1, concurrent_requests=1)
    async with Sharing(mine.url, assumed_replicas=50).gateway() as store:
        assert await let_pass(store, small) == 1


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(lambda client, key: client.set(key, "nonsense"), id="another-type"),
        pytest.param(lambda client, key: client.script_flush(), id="scripts-gone"),
        pytest.param(lambda client, key: client.config_set("maxmemory", "1"), id="full"),
        pytest.param(lambda client, key: client.config_set("min-replicas-to-write", "3"), id="ro"),
        pytest.param(lambda client, key: client.client_kill_filter(skipme=True), id="cut-off"),
    ],
)
async def test_valkey_that_fails_in_another_way_never_means_unlimited(mine, harm):
    sharing = Sharing(mine.url, deadline_seconds=1.0)
    async with sharing.gateway() as store:
        lease = await store.begin(principal(), LIMITS)
        store.end_nowait(lease, 0)
        await store.left(principal(), LIMITS)
        with mine.client() as client:
            (key,) = client.scan_iter("*:left")
            harm(client, key)
        assert await let_pass(store, LIMITS) in (7, 8)


async def test_password_is_sent_and_a_wrong_one_leaves_the_gateway_alone():
    with running_valkey(password="made-up-for-this-test") as server:
        async with Sharing(server.url).gateway(password="made-up-for-this-test") as store:
            assert not store.state.alone
        for wrong in ("", "another"):
            async with Sharing(server.url).gateway(password=wrong) as store:
                assert store.state.alone


async def test_tls_is_verified_by_its_authority_and_its_name(mine, tmp_path):
    (tmp_path / "other").mkdir()
    with tls_in_front(mine, tmp_path) as (url, ca_file):
        async with Sharing(url).gateway(ca_file=ca_file) as store:
            assert not store.state.alone
            await store.begin(principal(), LIMITS)
        async with Sharing(url).gateway() as store:
            assert store.state.alone  # nobody vouches for it
        other_name = url.replace("localhost", "127.0.0.1")
        async with Sharing(other_name).gateway(ca_file=ca_file) as store:
            assert store.state.alone


@pytest.mark.asyncio(loop_scope="session")
async def test_whole_gateway_stays_ready_alarms_and_goes_on(a_line, mine):
    valkey = {"url": mine.url, "deadline_seconds": 1.0, "assumed_replicas": 2}
    limits = {"requests_per_minute": 1_000, "concurrent_requests": 2}
    script = Script(pieces=("[성명_1]님 ",) * 20, between_seconds=0.05)
    line = await a_line(script, valkey=valkey, limits=limits)
    assert await scraped(line, "gateway_limits_alone") == 0
    question = line.question(True, PROMPT)
    async with line.client.stream("POST", "/v1/chat/completions", json=question) as got:
        parts = got.aiter_text()
        await anext(parts)
        mine.stop()
        rest = "".join([part async for part in parts])
    assert rest.endswith("[DONE]\n\n")
    async with asyncio.timeout(30):
        while await scraped(line, "gateway_limits_alone") != 1:
            await asyncio.sleep(0.02)
    ready = await line.client.get(f"{line.internal_url}/readyz")
    assert ready.status_code == 200
    answers = await asyncio.gather(*(line.ask(stream=True) for _ in range(8)))
    codes = {(one.status, one.code) for one in answers}
    assert codes == {(200, ""), (429, "limit_exceeded")}, codes
    mine.start()
    async with asyncio.timeout(30):
        while await scraped(line, "gateway_limits_alone") != 0:
            await asyncio.sleep(0.02)
    assert (await line.ask(stream=False)).status == 200


async def scraped(line, name: str) -> float:
    async with httpx.AsyncClient(trust_env=False) as client:
        text = (await client.get(f"{line.internal_url}/metrics")).text
    return next(float(row.split()[1]) for row in text.splitlines() if row.startswith(f"{name} "))
