"""What every LimitStore does, in process and in Valkey: one contract, one suite."""

import asyncio

import pytest
import pytest_asyncio
from limiting import Sharing, eventually
from people import principal

from gateway.domain import Limits
from gateway.errors import LimitExceeded
from gateway.store.limits import Left, LocalLimits

# Little comes back within a test: a request in twenty seconds.
SLOW = Limits(requests_per_minute=3, characters_per_minute=6_000, concurrent_requests=2)


@pytest_asyncio.fixture(params=["local", pytest.param("valkey", marks=pytest.mark.cluster)])
async def store(request):
    if request.param == "local":
        yield LocalLimits()
        return
    async with Sharing(request.getfixturevalue("valkey_server").url).gateway() as shared:
        assert not shared.state.alone
        yield shared


async def test_new_principal_has_everything(store):
    assert await store.left(principal(), SLOW) == Left(3, 6_000, 2)


async def test_begin_takes_a_request_and_a_running_call(store):
    await store.begin(principal(), SLOW)
    assert await store.left(principal(), SLOW) == Left(2, 6_000, 1)


async def test_begin_refuses_more_at_once_than_allowed(store):
    first = await store.begin(principal(), SLOW)
    await store.begin(principal(), SLOW)
    with pytest.raises(LimitExceeded) as refused:
        await store.begin(principal(), SLOW)
    assert refused.value.retry_after_seconds == 1.0
    store.end_nowait(first, 0)
    await store.begin(principal(), SLOW)


async def test_begin_refuses_more_requests_than_a_minute_holds(store):
    for _ in range(3):
        store.end_nowait(await store.begin(principal(), SLOW), 0)
    with pytest.raises(LimitExceeded) as refused:
        await store.begin(principal(), SLOW)
    assert 0 < refused.value.retry_after_seconds <= 20.0
    assert (await store.left(principal(), SLOW)).concurrent == 2


async def test_refused_begin_takes_nothing(store):
    for _ in range(2):
        await store.begin(principal(), SLOW)
    for _ in range(5):
        with pytest.raises(LimitExceeded):
            await store.begin(principal(), SLOW)
    left = await store.left(principal(), SLOW)
    assert (left.requests, left.concurrent) == (1, 0)


async def test_characters_are_taken_all_or_nothing(store):
    limits = Limits(requests_per_minute=3, characters_per_minute=60, concurrent_requests=2)
    lease = await store.begin(principal(), limits)
    await store.take_characters(lease, 50)
    with pytest.raises(LimitExceeded) as refused:
        await store.take_characters(lease, 40)
    assert 0 < refused.value.retry_after_seconds <= 30.0
    assert 10 <= (await store.left(principal(), limits)).characters < 50


async def test_characters_given_back_can_be_taken_again(store):
    lease = await store.begin(principal(), SLOW)
    await store.take_characters(lease, 6_000)
    store.end_nowait(lease, 6_000)

    async def whole():
        return (await store.left(principal(), SLOW)).characters == 6_000

    await eventually(whole)


async def test_input_larger_than_a_minute_passes_on_a_full_account_and_is_owed(store):
    lease = await store.begin(principal(), SLOW)
    await store.take_characters(lease, 60_000)
    assert (await store.left(principal(), SLOW)).characters == 0
    with pytest.raises(LimitExceeded) as refused:
        await store.take_characters(lease, 1)
    assert refused.value.retry_after_seconds > 500


async def test_nobody_has_more_than_a_minute_by_giving_back(store):
    lease = await store.begin(principal(), SLOW)
    store.end_nowait(lease, 1_000_000)
    assert (await store.left(principal(), SLOW)).characters == 6_000


async def test_accounts_are_those_of_agency_and_subject(store):
    for _ in range(2):
        await store.begin(principal(), SLOW)
    await store.begin(principal(subject="u-2"), SLOW)
    await store.begin(principal(agency="demo-b"), SLOW)
    assert (await store.left(principal(subject="u-2"), SLOW)).concurrent == 1


async def test_call_that_ended_leaves_its_place_to_the_very_next(store):
    limits = Limits(requests_per_minute=1_000, characters_per_minute=1, concurrent_requests=1)
    for _ in range(100):
        store.end_nowait(await store.begin(principal(), limits), 0)


async def test_cancelled_begin_holds_no_place(store):
    limits = Limits(requests_per_minute=10_000, characters_per_minute=1, concurrent_requests=3)
    for turns in range(12):
        beginning = asyncio.create_task(store.begin(principal(), limits))
        for _ in range(turns):
            await asyncio.sleep(0)
        if not beginning.cancel():
            store.end_nowait(beginning.result(), 0)
        await asyncio.gather(beginning, return_exceptions=True)
        if not beginning.cancelled():
            store.end_nowait(beginning.result(), 0)

    async def free():
        return (await store.left(principal(), limits)).concurrent == 3

    await eventually(free)
