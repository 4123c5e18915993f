import pytest
from people import LIMITS, principal

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


def metered(limits):
    return meter(principal(), LIMITS, limits)


async def test_meter_refuses_more_concurrent_calls_than_allowed(limits):
    async with metered(limits), metered(limits):
        with pytest.raises(LimitExceeded) as refused:
            async with metered(limits):
                pass
    assert refused.value.retry_after_seconds
    async with metered(limits):
        pass


async def test_meter_says_when_enough_characters_are_back(limits, clock):
    async with metered(limits) as budget:
        budget.take(6_000)
        budget.usage.sent_at = 1.0
    async with metered(limits) as budget:
        with pytest.raises(LimitExceeded) as refused:
            budget.take(600)
        assert refused.value.retry_after_seconds == pytest.approx(6.0)
        clock.now += 6.0
        budget.take(600)


async def test_meter_gives_characters_back_when_no_engine_got_them(limits):
    async with metered(limits) as budget:
        budget.take(6_000)
    async with metered(limits) as budget:
        budget.take(6_000)


async def test_meter_never_gives_requests_back(limits):
    for _ in range(60):
        async with metered(limits):
            pass
    with pytest.raises(LimitExceeded):
        async with metered(limits):
            pass


async def test_one_call_larger_than_a_minute_passes_on_a_full_account(limits):
    async with metered(limits) as budget:
        budget.take(60_000)
    assert limits.left(principal(), LIMITS).characters == 6_000


async def test_what_is_left_is_never_negative(limits):
    async with metered(limits) as budget:
        budget.take(60_000)
        assert limits.left(principal(), LIMITS).characters == 0


async def test_accounts_of_idle_principals_are_forgotten(clock):
    limits = LimitStore(clock, prune_above=3)
    for number in range(20):
        clock.now += 61
        someone = principal(subject=f"u-{number}")
        limits.begin_nowait(someone, LIMITS)
        limits.end_nowait(someone, LIMITS, 0)
    assert len(limits) <= 3
