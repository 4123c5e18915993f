"""Slots, queues, replicas that rest, and the choice among replicas, on real sockets."""

import asyncio

import pytest
from dispatching import MODEL, ask, engines, task
from rehearsal import rehearsal, until

from gateway.demo.engine_script import GOOD, Script
from inference.dispatch import EngineOptions
from inference.errors import EngineFailed, ModelUnavailable, QueueFull
from inference.replica import Replica

IMPATIENT_QUEUE = EngineOptions(
    connect_seconds=1.0, queue_seconds=0.2, first_part_seconds=60, between_parts_seconds=60
)
UNREACHABLE = Replica(name="engine-0", url="http://127.0.0.1:1", served_model="m")


async def test_dispatch_says_queue_full_after_the_wait():
    async with (
        rehearsal(Script(first_seconds=30)) as engine,
        engines(engine, slots=1, options=IMPATIENT_QUEUE) as running,
    ):
        holder = asyncio.create_task(ask(running))
        await until(lambda: engine.working)
        told = await ask(running)
        holder.cancel()
        with pytest.raises(asyncio.CancelledError):
            await holder
    assert type(told.error) is QueueFull
    assert told.error.retry_after_seconds >= 1
    assert 0.15 < told.usage.queued_seconds < 1
    assert told.usage.attempts == []
    assert len(engine.seen) == 1


async def test_dispatch_says_queue_full_at_once_when_no_place_is_left():
    async with (
        rehearsal(Script(first_seconds=30)) as engine,
        engines(engine, slots=1, queue_places=0) as running,
    ):
        holder = asyncio.create_task(ask(running))
        await until(lambda: engine.working)
        told = await ask(running)
        holder.cancel()
        with pytest.raises(asyncio.CancelledError):
            await holder
    assert type(told.error) is QueueFull
    assert told.usage.queued_seconds < 0.1


async def test_dispatch_knows_no_replica_of_an_unknown_model():
    async with engines(UNREACHABLE) as running:
        asked = task()
        told = await ask(running, type(asked)(**{**_fields(asked), "model": "unknown"}))
        assert not running.available("unknown")
    assert type(told.error) is ModelUnavailable


def _fields(asked):
    return {name: getattr(asked, name) for name in type(asked).__dataclass_fields__}


async def test_dispatch_lets_a_failing_replica_rest_and_tries_it_again():
    async with engines(UNREACHABLE) as running:
        kinds = [type((await ask(running)).error) for _ in range(4)]
        assert not running.available(MODEL)
        assert kinds == [EngineFailed] * 3 + [ModelUnavailable]
        await until(lambda: running.available(MODEL), seconds=3)
        assert type((await ask(running)).error) is EngineFailed
        assert not running.available(MODEL)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(Script(status=500), id="status 500"),
        pytest.param(Script(status=400), id="status 400"),
        pytest.param(Script(error_event_after=0), id="error event"),
        pytest.param(Script(error_event_after=2), id="error event in the middle"),
    ],
)
async def test_dispatch_a_call_that_fails_everywhere_makes_no_replica_rest(script):
    async with rehearsal(script) as engine, engines(engine) as running:
        for _ in range(6):
            assert (await ask(running)).error is not None
        assert running.available(MODEL)


async def test_dispatch_a_call_goes_through_three_replicas_at_most():
    replicas = [
        Replica(name=f"engine-{n}", url="http://127.0.0.1:1", served_model="m") for n in range(5)
    ]
    async with engines(*replicas) as running:
        told = await ask(running)
    assert type(told.error) is EngineFailed
    assert told.usage.attempts == ["engine-0", "engine-1", "engine-2"]


async def test_dispatch_spreads_calls_over_idle_replicas():
    async with rehearsal() as first, rehearsal() as second, engines(first, second) as running:
        for _ in range(4):
            await ask(running)
    assert (len(first.seen), len(second.seen)) == (2, 2)


async def test_dispatch_gives_the_call_to_the_replica_with_least_in_flight():
    slow = Script(first_seconds=30)
    async with (
        rehearsal(slow) as first,
        rehearsal(GOOD) as second,
        engines(first, second) as running,
    ):
        holder = asyncio.create_task(ask(running))
        await until(lambda: first.working)
        for _ in range(3):
            assert (await ask(running)).usage.attempts == ["engine-2"]
        holder.cancel()
        with pytest.raises(asyncio.CancelledError):
            await holder
