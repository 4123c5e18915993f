"""Step: meter. Reserves what a call may use before any work is done, settles it on every ending.

Takes the Grant, an estimate in characters and the store of limits; gives the call's Usage as an
async context manager. It must never let a call pass because the store failed.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.domain import Grant
from gateway.store.limits import LimitStore
from inference.task import Usage


@asynccontextmanager
async def meter(grant: Grant, estimate: int, limits: LimitStore) -> AsyncIterator[Usage]:
    """Yields the Usage that dispatch counts into; characters come back if no engine got any.

    Raises:
        LimitExceeded: requests, characters or concurrent calls of this principal are used up.
    """
    limits.reserve_nowait(grant.principal, grant.limits, estimate)
    usage = Usage()
    try:
        yield usage
    finally:
        unused = estimate if usage.sent_at is None else 0
        limits.settle_nowait(grant.principal, grant.limits, unused)
