import pytest
from people import LIMITS, principal

from gateway.errors import LimitExceeded
from gateway.steps.meter import meter
from gateway.store.limits import Accounts, LocalLimits


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
    return LocalLimits(clock)


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
        await budget.take(6_000)
        budget.usage.sent_at = 1.0
    async with metered(limits) as budget:
        with pytest.raises(LimitExceeded) as refused:
            await budget.take(600)
        assert refused.value.retry_after_seconds == pytest.approx(6.0)
        clock.now += 6.0
        await budget.take(600)


async def test_meter_gives_characters_back_when_no_engine_got_them(limits):
    async with metered(limits) as budget:
        await budget.take(6_000)
    async with metered(limits) as budget:
        await budget.take(6_000)


async def test_meter_never_gives_requests_back(limits):
    for _ in range(60):
        async with metered(limits):
            pass
    with pytest.raises(LimitExceeded):
        async with metered(limits):
            pass


async def test_one_call_larger_than_a_minute_passes_on_a_full_account(limits):
    async with metered(limits) as budget:
        await budget.take(60_000)
    assert (await limits.left(principal(), LIMITS)).characters == 6_000


async def test_what_is_left_is_never_negative(limits):
    async with metered(limits) as budget:
        await budget.take(60_000)
        assert (await limits.left(principal(), LIMITS)).characters == 0


def test_accounts_of_idle_principals_are_forgotten(clock):
    accounts = Accounts(clock, prune_above=3)
    for number in range(20):
        clock.now += 61
        accounts.begin(f"u-{number}", LIMITS)
        accounts.end(f"u-{number}", LIMITS, 0)
    assert len(accounts) <= 3


def test_account_that_owes_is_not_forgotten(clock):
    accounts = Accounts(clock, prune_above=1)
    accounts.begin("owes", LIMITS)
    accounts.take_characters("owes", LIMITS, 60_000)
    accounts.end("owes", LIMITS, 0)
    clock.now += 120
    for number in range(3):
        accounts.begin(f"u-{number}", LIMITS)
    with pytest.raises(LimitExceeded):
        accounts.take_characters("owes", LIMITS, 600)
