"""Step stream: one attempt on one replica, from the request's first byte to the engine's last.

Status, media type and first part are checked before anything is given, so that dispatch may still
turn to another replica. What the engine says in errors stays here: exceptions carry no words.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Self

from inference.client import EngineClient, Reply
from inference.deadline import within
from inference.errors import DeadlinePassed, EngineFailed, EngineRejected
from inference.replica import Replica
from inference.sse import Event, SseReader
from inference.task import Part, Task, Usage
from inference.wire import REJECTED, AnswerReader, rejection, request_body, wanted_choices

_MOST_WHOLE_BYTES = 32 * 1024 * 1024
_MOST_ERROR_BYTES = 64 * 1024
# After [DONE] an engine has only the end of its chunked body left to say.
_END_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """Longest waits for the first part of a stream and for each further one."""

    first_part_seconds: float
    between_parts_seconds: float


class Parts:
    """The parts of one answer: at least one, the first with a choice; the last may have none.

    A plain iterator: nothing stays suspended in it, so it may be left at any part. `stream`
    closes what is behind it. Each pull ends at the nearer of the task's deadline and the wait for
    a part; comments and events that say nothing do not lengthen that wait.

    Raises from `__anext__`:
        EngineFailed: an error event, nonsense, or an end without [DONE].
        DeadlinePassed: no further part in time.
    """

    def __init__(self, reply: Reply, task: Task, waits: Waits, usage: Usage) -> None:
        self._reply = reply
        self._task = task
        self._waits = waits
        self._usage = usage
        self._clock = asyncio.get_running_loop().time
        self._events = SseReader()
        self._ready: Iterator[Event] = iter(())
        self._answer = AnswerReader(wanted_choices(task))
        self._held: Part | None = None
        self._done = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Part:
        """The next part."""
        if self._held is None and not self._done:
            await self._pull(self._clock() + self._waits.between_parts_seconds)
        part, self._held = self._held, None
        if part is None:
            raise StopAsyncIteration
        self._usage.parts += 1
        return part

    async def first(self, deadline: float) -> None:
        """Reads until a part with a choice is held; `__anext__` gives it. For `stream` only."""
        while self._held is None or not self._held.choices:
            self._held = None
            if self._done:
                raise EngineFailed
            await self._pull(deadline)
        self._usage.first_part_at = self._clock()

    async def _pull(self, deadline: float) -> None:
        """Reads until a part is held or the answer has ended."""
        deadline = min(deadline, self._task.deadline)
        # A timeout fires only in a wait, and bytes that lie ready are read without one.
        if self._clock() >= deadline:
            raise DeadlinePassed
        if not self._task.stream:
            await within(deadline, self._read_whole())
        elif not self._take_ready():
            await within(deadline, self._read())
        if self._done and self._task.stream:
            await self._read_to_end()

    async def _read_whole(self) -> None:
        self._hold(self._answer.whole(await _read_all(self._reply, _MOST_WHOLE_BYTES)))
        self._done = True

    async def _read(self) -> None:
        while not self._take_ready():
            piece = await self._reply.read()
            if not piece:
                raise EngineFailed  # an end without [DONE]: the engine has died politely
            self._ready = self._events.feed(piece)

    def _take_ready(self) -> bool:
        """Takes events that have come until there is a part, or the end: tells whether there is.

        One by one, so that what came before a mistake is given before the mistake is raised.
        """
        while self._held is None and not self._done:
            event = next(self._ready, None)
            if event is None:
                return False
            self._take(event)
        return True

    def _take(self, event: Event) -> None:
        if event.data != "[DONE]":
            self._hold(self._answer.chunk(event.data))
        elif self._answer.complete:
            self._done = True
        else:
            raise EngineFailed

    def _hold(self, part: Part | None) -> None:
        if part is None:
            return
        if part.tokens is not None:
            self._usage.tokens = part.tokens
        self._held = part

    async def _read_to_end(self) -> None:
        """Lets the connection be used again; one that does not end is simply cut when closed."""
        try:
            await within(self._clock() + _END_SECONDS, _read_all(self._reply, _MOST_ERROR_BYTES))
        except (DeadlinePassed, EngineFailed):
            return


@asynccontextmanager
async def stream(
    task: Task, replica: Replica, client: EngineClient, *, waits: Waits, usage: Usage
) -> AsyncIterator[Parts]:
    """Sends `task` to `replica` and gives its parts once the first of them is there.

    The engine's connection is closed (or kept for the next call, after a whole answer) when the
    block ends, on every ending. The wait for the first part counts from the request for a stream;
    a whole answer comes in one piece, so it has until the task's deadline.

    Raises:
        EngineFailed: not reached, bad status, media type or first event.
        EngineRejected: the engine calls the request itself wrong.
        DeadlinePassed: no first part in time.
    """
    body = request_body(task, replica)
    usage.engine_model = replica.served_model
    usage.sent_at = asyncio.get_running_loop().time()
    deadline = task.deadline
    if task.stream:
        deadline = min(deadline, usage.sent_at + waits.first_part_seconds)
    reply = await within(deadline, client.post(replica, task.path, body, task.request_id))
    try:
        await _check_head(reply, task, deadline)
        parts = Parts(reply, task, waits, usage)
        await parts.first(deadline)
        yield parts
    finally:
        await reply.aclose()


async def _check_head(reply: Reply, task: Task, deadline: float) -> None:
    if reply.status in REJECTED:
        said = await within(deadline, _read_all(reply, _MOST_ERROR_BYTES))
        raise EngineRejected.of(rejection(said))
    if reply.status != HTTPStatus.OK:
        raise EngineFailed(unfit=reply.status != HTTPStatus.INTERNAL_SERVER_ERROR)
    if reply.media_type != ("text/event-stream" if task.stream else "application/json"):
        raise EngineFailed


async def _read_all(reply: Reply, most: int) -> bytes:
    """The rest of a body.

    Raises:
        EngineFailed: more than `most` bytes, or it broke off.
    """
    body = bytearray()
    while piece := await reply.read():
        body += piece
        if len(body) > most:
            raise EngineFailed
    return bytes(body)
