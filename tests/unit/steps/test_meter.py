import pytest
from people import LIMITS, grant, principal

from gateway.errors import LimitExceeded
from gateway.steps.meter import meter
from gateway.store.limits import LimitStore


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def limits(clock):
    return LimitStore(clock)


async def test_meter_refuses_more_concurrent_calls_than_allowed(limits):
    async with meter(grant(), 1, limits), meter(grant(), 1, limits):
        with pytest.raises(LimitExceeded) as refused:
            async with meter(grant(), 1, limits):
                pass
    assert refused.value.retry_after_seconds
    async with meter(grant(), 1, limits):
        pass


async def test_meter_says_when_enough_characters_are_back(limits, clock):
    async with meter(grant(), 6_000, limits) as usage:
        usage.sent_at = 1.0
    with pytest.raises(LimitExceeded) as refused:
        async with meter(grant(), 600, limits):
            pass
    assert refused.value.retry_after_seconds == pytest.approx(6.0)
    clock.now += 6.0
    async with meter(grant(), 600, limits):
        pass


async def test_meter_gives_characters_back_when_no_engine_got_them(limits):
    with pytest.raises(RuntimeError):
        async with meter(grant(), 6_000, limits):
            raise RuntimeError
    async with meter(grant(), 6_000, limits):
        pass


async def test_meter_never_gives_requests_back(limits):
    for _ in range(60):
        async with meter(grant(), 1, limits):
            pass
    with pytest.raises(LimitExceeded):
        async with meter(grant(), 1, limits):
            pass


async def test_one_call_larger_than_a_minute_passes_on_a_full_account(limits):
    async with meter(grant(), 60_000, limits):
        pass


async def test_accounts_of_idle_principals_are_forgotten(clock):
    limits = LimitStore(clock, prune_above=3)
    for number in range(20):
        clock.now += 61
        someone = principal(subject=f"u-{number}")
        limits.reserve_nowait(someone, LIMITS, 1)
        limits.settle_nowait(someone, LIMITS, 0)
    assert len(limits) <= 3
