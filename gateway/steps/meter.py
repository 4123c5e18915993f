"""Step: meter. What a call may use: taken before any work is done, settled on every ending.

Takes the Principal, its Limits and their store; gives the call's Budget as an async context
manager. A request and a running place are taken before the body is read, its characters as soon
as they are counted. It must never let a call pass because the store failed.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from gateway.domain import Limits, Principal
from gateway.store.limits import Lease, LimitStore
from inference.task import Usage


@dataclass(slots=True)
class Budget:
    """What one call has taken; dispatch counts into `usage`.

    `used` says that the work is done though no engine got the call.
    """

    lease: Lease
    store: LimitStore
    usage: Usage = field(default_factory=Usage)
    characters: int = 0
    used: bool = False

    async def take(self, characters: int) -> None:
        """Takes the characters of the call's input.

        Raises:
            LimitExceeded: this principal has used up its characters.
        """
        await self.store.take_characters(self.lease, characters)
        self.characters += characters


@asynccontextmanager
async def meter(principal: Principal, limits: Limits, store: LimitStore) -> AsyncIterator[Budget]:
    """Yields the Budget; characters come back if nothing came of the call, the request never does.

    Raises:
        LimitExceeded: requests or running calls of this principal are used up.
    """
    budget = Budget(await store.begin(principal, limits), store)
    try:
        yield budget
    finally:
        spent = budget.used or budget.usage.sent_at is not None
        unused = 0 if spent else budget.characters
        store.end_nowait(budget.lease, unused)
