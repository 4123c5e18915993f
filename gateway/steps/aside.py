"""Runs a pure step beside the event loop where its input is large, so that nobody else waits.

The thread shares the interpreter: the work is not faster, but the loop turns in between. A call
that is cancelled meanwhile leaves the thread to its bounded end; what it gives is dropped.
"""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

LARGE_CHARACTERS = 20_000

P = ParamSpec("P")
R = TypeVar("R")


async def aside(characters: int, step: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """What `step` gives for these arguments; raises what it raises."""
    if characters <= LARGE_CHARACTERS:
        return step(*args, **kwargs)
    return await asyncio.to_thread(step, *args, **kwargs)
