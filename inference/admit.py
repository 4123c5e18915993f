"""Step admit: a slot of the model, or a bounded wait for one in a first-come queue.

The queue is bounded in places and in time, so that a caller hears "busy" while that still helps.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from inference.deadline import within
from inference.errors import DeadlinePassed, QueueFull

_SHORTEST_RETRY_SECONDS = 1.0
_LONGEST_RETRY_SECONDS = 60.0
# Weight of the newest call in the moving mean of how long a slot is held.
_NEWEST_WEIGHT = 0.2


class Slots:
    """The slots of one model: how many calls may run and how many may wait, in one event loop."""

    def __init__(self, slots: int, queue_places: int) -> None:
        self._slots = slots
        self._free = slots
        self._queue_places = queue_places
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._held_seconds = 0.0

    @property
    def running(self) -> int:
        """Slots that are taken."""
        return self._slots - self._free

    @property
    def waiting(self) -> int:
        """Calls that wait for a slot."""
        return len(self._waiting)

    async def acquire(self, wait_until: float) -> None:
        """Takes a slot, in the order of asking; cancellation leaves neither slot nor place taken.

        `wait_until` is in event-loop seconds.

        Raises:
            QueueFull: no place to wait at, or `wait_until` came first.
        """
        if self._free and not self._waiting:
            self._free -= 1
            return
        if len(self._waiting) >= self._queue_places:
            raise QueueFull(self._retry_after_seconds())
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await within(wait_until, place)
        except DeadlinePassed:
            self._give_up(place)
            raise QueueFull(self._retry_after_seconds()) from None
        except asyncio.CancelledError:
            self._give_up(place)
            raise

    def release(self, held_seconds: float) -> None:
        """Gives a slot back; `held_seconds` is how long it was held."""
        self._held_seconds += _NEWEST_WEIGHT * (held_seconds - self._held_seconds)
        self._pass_on()

    def _give_up(self, place: asyncio.Future[None]) -> None:
        """Leaves the queue. A slot that was handed over in this very moment goes to the next."""
        if place.done() and not place.cancelled():
            self._pass_on()
        elif place in self._waiting:
            self._waiting.remove(place)

    def _pass_on(self) -> None:
        """Hands the slot to the first that still waits (one just cancelled no longer does)."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        self._free += 1

    def _retry_after_seconds(self) -> float:
        """When the queue as it stands will have been served, by the mean of the last calls."""
        seconds = self._held_seconds * (len(self._waiting) + 1) / self._slots
        return min(max(seconds, _SHORTEST_RETRY_SECONDS), _LONGEST_RETRY_SECONDS)


@asynccontextmanager
async def admit(slots: Slots, *, queue_seconds: float, deadline: float) -> AsyncIterator[None]:
    """Holds a slot for the block; given back on every ending.

    `deadline` is the call's own, in event-loop seconds.

    Raises:
        QueueFull: no place to wait at, or no slot within `queue_seconds`.
        DeadlinePassed: the call's deadline came first.
    """
    clock = asyncio.get_running_loop().time
    await within(deadline, slots.acquire(clock() + queue_seconds))
    since = clock()
    try:
        yield
    finally:
        slots.release(clock() - since)
