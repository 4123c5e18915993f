"""The order of all tests: what is cheap first, the browser last; and Hypothesis without a clock.

Playwright's synchronous interface keeps an event loop running in the main thread for as long as its
browser lives, and no asynchronous test can run beside it.
"""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# No test is timed. In CI the examples are always the same: what is found there can be found again.
settings.register_profile(
    "gwanmun",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("gwanmun")

ORDER = ("unit", "property", "integration", "browser")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sorts by room; within a room the order stays."""
    tests = Path(__file__).parent

    def room(item: pytest.Item) -> int:
        name = item.path.relative_to(tests).parts[0]
        return ORDER.index(name) if name in ORDER else ORDER.index("integration")

    items.sort(key=room)
