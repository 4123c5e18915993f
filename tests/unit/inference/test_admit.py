"""A model's slots: first come, first served; bounded; never lost, never given twice."""

import asyncio
import random

import pytest

from inference.admit import Slots, admit
from inference.errors import DeadlinePassed, QueueFull


def soon(seconds=5.0):
    return asyncio.get_running_loop().time() + seconds


async def hold(slots, release, order=None, name=None):
    async with admit(slots, queue_seconds=5.0, deadline=soon()):
        if order is not None:
            order.append(name)
        await release.wait()


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_admit_gives_slots_in_the_order_of_asking():
    slots, release, order = Slots(1, 9), asyncio.Event(), []
    tasks = []
    for name in "abcd":
        tasks.append(asyncio.create_task(hold(slots, release, order, name)))
        await settle()
    assert (order, slots.running, slots.waiting) == (["a"], 1, 3)
    release.set()
    await asyncio.gather(*tasks)
    assert order == list("abcd")
    assert (slots.running, slots.waiting) == (0, 0)


async def test_admit_refuses_at_once_when_no_place_is_left():
    slots, release = Slots(1, 1), asyncio.Event()
    tasks = [asyncio.create_task(hold(slots, release)) for _ in range(2)]
    await settle()
    with pytest.raises(QueueFull) as caught:
        await slots.acquire(soon())
    assert caught.value.retry_after_seconds >= 1
    release.set()
    await asyncio.gather(*tasks)


async def test_admit_refuses_after_the_wait_and_leaves_the_queue():
    slots = Slots(1, 1)
    await slots.acquire(soon())
    with pytest.raises(QueueFull):
        await slots.acquire(soon(0.01))
    assert slots.waiting == 0
    slots.release(0.0)
    await slots.acquire(soon())
    assert slots.running == 1


async def test_admit_tells_the_calls_own_deadline_from_a_full_queue():
    slots = Slots(1, 1)
    await slots.acquire(soon())
    with pytest.raises(DeadlinePassed):
        async with admit(slots, queue_seconds=5.0, deadline=soon(0.01)):
            pass
    assert (slots.running, slots.waiting) == (1, 0)


async def test_admit_a_cancelled_waiter_leaves_nothing_behind():
    slots, release = Slots(1, 2), asyncio.Event()
    holder, waiter = (asyncio.create_task(hold(slots, release)) for _ in range(2))
    await settle()
    waiter.cancel()
    await settle()
    assert (slots.running, slots.waiting) == (1, 0)
    release.set()
    await holder
    assert slots.running == 0


async def test_admit_a_slot_handed_to_a_caller_that_just_left_goes_to_the_next():
    slots, release = Slots(1, 2), asyncio.Event()
    await slots.acquire(soon())
    leaver, next_one = (asyncio.create_task(hold(slots, release)) for _ in range(2))
    await settle()
    slots.release(0.0)  # handed to the leaver, which has not run since
    leaver.cancel()
    await settle()
    assert leaver.cancelled()
    assert (slots.running, slots.waiting) == (1, 0)
    release.set()
    await next_one
    assert slots.running == 0


async def test_admit_gives_the_slot_back_when_the_block_raises():
    slots = Slots(1, 0)
    with pytest.raises(KeyError):
        async with admit(slots, queue_seconds=1.0, deadline=soon()):
            raise KeyError
    assert slots.running == 0


async def test_admit_says_to_come_back_when_the_queue_will_have_been_served():
    slots = Slots(2, 0)
    for _ in range(60):
        await slots.acquire(soon())
        slots.release(20.0)
    for _ in range(2):
        await slots.acquire(soon())
    with pytest.raises(QueueFull) as caught:
        await slots.acquire(soon())
    assert caught.value.retry_after_seconds == pytest.approx(10.0, rel=0.01)


@pytest.mark.parametrize("seed", range(20))
async def test_admit_no_slot_is_lost_or_doubled_among_departures(seed):
    chance = random.Random(seed)
    slots, running, most = Slots(3, 20), 0, 0

    async def call():
        nonlocal running, most
        async with admit(slots, queue_seconds=chance.random() * 0.01, deadline=soon()):
            running += 1
            most = max(most, running)
            try:
                await asyncio.sleep(chance.random() * 0.003)
            finally:
                running -= 1

    tasks = [asyncio.create_task(call()) for _ in range(60)]
    for task in tasks:
        if chance.random() < 0.4:
            task.cancel()
        if chance.random() < 0.3:
            await asyncio.sleep(chance.random() * 0.002)
    await asyncio.gather(*tasks, return_exceptions=True)
    assert most <= 3
    assert (slots.running, slots.waiting) == (0, 0)
