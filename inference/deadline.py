"""Bounds one single wait by an absolute time, and tells our own deadline from another's error."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from inference.errors import DeadlinePassed

T = TypeVar("T")


async def within(deadline: float, wait: Awaitable[T]) -> T:
    """Awaits `wait` until `deadline` (event-loop seconds); then it is cancelled.

    The scope spans this one wait and never a `yield`. A TimeoutError that `wait` itself raises
    passes unchanged: only our own clock becomes DeadlinePassed.

    Raises:
        DeadlinePassed: the deadline came first.
    """
    scope = asyncio.timeout_at(deadline)
    try:
        async with scope:
            return await wait
    except TimeoutError:
        if not scope.expired():
            raise
    raise DeadlinePassed
