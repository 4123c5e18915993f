"""Which replica rests, for how long, and which one a call is given to."""

import pytest

from inference.registry import (
    FAILURES_TO_REST,
    FIRST_REST_SECONDS,
    LONGEST_REST_SECONDS,
    Load,
    Registry,
)
from inference.replica import Replica
from inference.route import route

ONE, TWO, THREE = (
    Replica(name=f"engine-{n}", url="http://engine", served_model="m") for n in (1, 2, 3)
)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def registry(clock):
    return Registry((ONE, TWO), clock)


def available(registry):
    return [load.available for load in registry.loads()]


def fail(registry, times=1):
    for _ in range(times):
        registry.begin(ONE)
        registry.failed(ONE)


def test_registry_counts_calls_in_flight(registry):
    registry.begin(ONE)
    registry.begin(ONE)
    registry.begin(TWO)
    registry.answered(ONE)
    registry.left(TWO)
    assert [load.in_flight for load in registry.loads()] == [2, 0]
    assert [load.served for load in registry.loads()] == [2, 1]
    registry.succeeded(ONE)
    registry.failed(ONE)
    assert [load.in_flight for load in registry.loads()] == [0, 0]


def test_registry_failures_in_a_row_make_a_replica_rest(registry, clock):
    fail(registry, FAILURES_TO_REST - 1)
    assert available(registry) == [True, True]
    fail(registry)
    assert available(registry) == [False, True]
    clock.now += FIRST_REST_SECONDS
    assert available(registry) == [True, True]


def test_registry_a_success_forgets_failures(registry):
    fail(registry, FAILURES_TO_REST - 1)
    registry.begin(ONE)
    registry.succeeded(ONE)
    fail(registry, FAILURES_TO_REST - 1)
    assert available(registry) == [True, True]


def test_registry_after_a_rest_one_call_tries(registry, clock):
    fail(registry, FAILURES_TO_REST)
    clock.now += FIRST_REST_SECONDS
    registry.begin(ONE)
    assert available(registry) == [False, True]
    registry.answered(ONE)
    assert available(registry) == [True, True]


def test_registry_a_trying_call_that_is_left_lets_another_try(registry, clock):
    fail(registry, FAILURES_TO_REST)
    clock.now += FIRST_REST_SECONDS
    registry.begin(ONE)
    registry.left(ONE)
    assert available(registry) == [True, True]


def test_registry_rests_double_up_to_the_longest(registry, clock):
    fail(registry, FAILURES_TO_REST - 1)
    rests = []
    for _ in range(8):
        fail(registry)
        begun = clock.now
        while not available(registry)[0]:
            clock.now += FIRST_REST_SECONDS
        rests.append(clock.now - begun)
    assert rests == [1, 2, 4, 8, 16, LONGEST_REST_SECONDS, LONGEST_REST_SECONDS, 30]


def test_registry_calls_that_fail_during_the_rest_do_not_lengthen_it(registry, clock):
    for _ in range(10):
        registry.begin(ONE)
    for _ in range(10):
        registry.failed(ONE)
    clock.now += FIRST_REST_SECONDS
    assert available(registry) == [True, True]


def test_registry_an_engine_that_answers_and_always_dies_rests_too(registry):
    for _ in range(FAILURES_TO_REST):
        registry.begin(ONE)
        registry.answered(ONE)
        registry.failed(ONE)
    assert available(registry) == [False, True]


@pytest.mark.parametrize(
    ("loads", "tried", "chosen"),
    [
        pytest.param([(ONE, 2, 9, True), (TWO, 1, 9, True)], (), TWO, id="least in flight"),
        pytest.param([(ONE, 1, 5, True), (TWO, 1, 4, True)], (), TWO, id="least served"),
        pytest.param([(ONE, 0, 0, True), (TWO, 0, 0, True)], (), ONE, id="order of settings"),
        pytest.param([(ONE, 0, 0, False), (TWO, 9, 9, True)], (), TWO, id="rests"),
        pytest.param([(ONE, 0, 0, True), (TWO, 9, 9, True)], {"engine-1"}, TWO, id="tried"),
        pytest.param([(ONE, 0, 0, True), (TWO, 0, 0, False)], {"engine-1"}, None, id="none left"),
        pytest.param([], (), None, id="no replicas"),
    ],
)
def test_route_chooses(loads, tried, chosen):
    assert route([Load(*load) for load in loads], tried) is chosen
