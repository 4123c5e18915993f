"""What integration tests share: one event loop, and in it one detector (slow to start)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest_asyncio
from line import Line, open_line

from redaction.pool import Detector, DetectorOptions

OpenLine = Callable[..., Awaitable[Line]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def detector() -> AsyncIterator[Detector]:
    """A running detector."""
    async with Detector(DetectorOptions()) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def a_line(detector: Detector, tmp_path: Any) -> AsyncIterator[OpenLine]:
    """Opens whole gateways: `await a_line(Script(), …, deadlines={…})`; closed after the test."""
    async with AsyncExitStack() as stack:

        async def opened(*scripts: Any, **groups: Any) -> Line:
            return await open_line(stack, detector, tmp_path, *scripts, **groups)

        yield opened
