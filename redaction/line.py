"""The line before the detector processes: jobs wait here, and large ones never before all others.

A plain data structure for one event loop; redaction/pool.py owns the processes. Never reads a text.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from redaction.entity import Span
from redaction.errors import DetectionUnavailable, TooManyFindings


@dataclass(slots=True, eq=False)
class Job:
    """One round trip: texts in, spans out.

    `seconds` is how long it may wait for a child, and then how long the child may take.
    """

    request: bytes = field(repr=False)
    seconds: float
    small: bool
    answer: "asyncio.Future[list[tuple[Span, ...]]]"
    started: bool = False

    def succeed(self, spans: list[tuple[Span, ...]]) -> None:
        """The answer; nothing if nobody waits for it any more."""
        if not self.answer.done():
            self.answer.set_result(spans)

    def refuse(self) -> None:
        """The texts hold more than may be said of them."""
        if not self.answer.done():
            self.answer.set_exception(TooManyFindings())

    def fail(self) -> None:
        """Nobody answers; nothing if somebody has."""
        if not self.answer.done():
            self.answer.set_exception(DetectionUnavailable())

    def fail_unless_started(self) -> None:
        """No child took it in time."""
        if not self.started:
            self.fail()


class Line:
    """The jobs that wait, small and large ones apart; at most half the places are for large ones.

    Whoever takes either takes them in turn, the oldest of each first.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._small: deque[Job] = deque()
        self._large: deque[Job] = deque()
        self._large_is_next = False
        self._came = asyncio.Event()

    def put(self, job: Job) -> None:
        """Raises DetectionUnavailable at once when there is no place."""
        for waiting in (self._small, self._large):
            while waiting and waiting[0].answer.done():
                waiting.popleft()
        full = len(self._small) + len(self._large) >= self._places
        if full or (not job.small and len(self._large) >= max(1, self._places // 2)):
            raise DetectionUnavailable
        (self._small if job.small else self._large).append(job)
        self._came.set()

    async def take(self, *, only_small: bool) -> Job:
        """The next job that somebody still waits for."""
        while True:
            while (job := self._next(only_small)) is not None:
                if not job.answer.done():
                    return job
            self._came.clear()
            await self._came.wait()

    def fail_all(self) -> None:
        """Says to all who wait that nobody comes."""
        for job in (*self._small, *self._large):
            job.fail()
        self._small.clear()
        self._large.clear()

    def _next(self, only_small: bool) -> Job | None:
        large = bool(self._large) and not only_small and (self._large_is_next or not self._small)
        if large:
            self._large_is_next = False
            return self._large.popleft()
        if not self._small:
            return None
        if not only_small:
            self._large_is_next = True
        return self._small.popleft()
