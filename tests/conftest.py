"""The order of all tests, their lanes by room, and Hypothesis without a clock.

What is cheap comes first, the browser last.
Playwright's synchronous interface keeps an event loop running in the main thread for as long as its
browser lives, and no asynchronous test can run beside it.
"""

import gc
import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from keeping import kept
from parts.faults import faulty_library
from parts.openbao import openbao
from parts.postgres import postgres_server
from parts.softhsm import softhsm
from parts.valkey import valkey_server

# Fixtures of all rooms; of each server one, started by the first test that asks.
__all__ = ["faulty_library", "kept", "openbao", "postgres_server", "softhsm", "valkey_server"]

# No test is timed. In CI the examples are always the same: what is found there can be found again.
settings.register_profile(
    "gwanmun",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("gwanmun")

ORDER = ("unit", "property", "integration", "cluster", "engine", "browser")
LANES = {"cluster": pytest.mark.cluster, "engine": pytest.mark.engine}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sorts by room, and marks the rooms that are a lane of their own."""
    tests = Path(__file__).parent

    def room(item: pytest.Item) -> int:
        name = item.path.relative_to(tests).parts[0]
        return ORDER.index(name) if name in ORDER else ORDER.index("integration")

    items.sort(key=room)
    for item in items:
        mark = LANES.get(ORDER[room(item)])
        if mark:
            item.add_marker(mark)


def pytest_collection_finish() -> None:
    """Thousands of tests are no garbage: collecting them again and again stops a loop for long."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, None, None]:
    """What a file's tests leave behind is cleared away, and complained of, at that file's end."""
    yield
    if nextitem is None or nextitem.path != item.path:
        gc.collect()
        gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure is put into words while the collector rests.

    pytest parses the failing source, and a finalizer that logs a traceback does so, too. Up to
    Python 3.11.7 one inside the other is a SystemError (python/cpython#106905), which ended the
    whole run without a word about the failure.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
