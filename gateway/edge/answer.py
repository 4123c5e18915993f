"""The HTTP edge of the line: owns one call's generator until it has ended, whichever way it ends.

A Surface says how one API reads a request and writes an answer; this class says when. Every refusal
before the first part is a real HTTP error; after the first byte an error is one last event and the
stream ends without its mark of completeness. The client's departure, its stalling and our own
shutdown each cancel the line once and wait for its clean-up.
"""

import asyncio
import ipaddress
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Protocol

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.domain import Arrival, Call, Credentials, Outcome, PeerOrigin
from gateway.edge.arrival import Intake, Network, client_address, new_id
from gateway.edge.observe import Observer
from gateway.errors import (
    Previewed,
    ShuttingDown,
    public_error,
    retry_after_seconds,
)
from gateway.pipeline import Services, handle
from gateway.settings import BoundSettings, DeadlineSettings
from gateway.steps.audit import Entry
from inference.task import Part
from redaction.entity import ENTITIES

HeaderList = list[tuple[bytes, bytes]]

Line = Callable[[Arrival, Services, Entry], AsyncGenerator[Part, None]]
"""One of the pipeline's ways: `handle`, or `redact` for a surface that needs no engine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """What every surface needs; built once by the composition root.

    `draining` is set once this process should get no new calls, `cut` when running ones must end.
    """

    services: Services
    observer: Observer
    bounds: BoundSettings
    deadlines: DeadlineSettings
    trusted_proxies: Sequence[Network] = ()
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    cut: asyncio.Event = field(default_factory=asyncio.Event)


class Surface(Protocol):
    """One API's way of reading one request and writing its answer; one object per request.

    `streams` and `media_type` are asked only after `read`. Methods that return b"" send nothing.
    `refusal_media_type` is what an HTTP error's body is.
    """

    name: str
    streams: bool
    media_type: str
    refusal_media_type: str

    def credentials(self, headers: Headers) -> Credentials:
        """What the request says of its caller."""
        ...

    def read(self, headers: Headers, body: bytes, request_id: str) -> Call:
        """The body as a Call; raises BadRequest."""
        ...

    def begin(self, entry: Entry) -> bytes:
        """What comes before the first part."""
        ...

    def part(self, part: Part) -> bytes:
        """One restored part."""
        ...

    def end(self, entry: Entry) -> bytes:
        """What makes the answer whole: [DONE], or the one JSON document."""
        ...

    def error_event(self, error: BaseException, request_id: str) -> bytes:
        """The last event of a stream that failed after its first byte."""
        ...

    def refusal(self, error: BaseException, request_id: str) -> bytes:
        """The body of an HTTP error."""
        ...

    def preview(self, entry: Entry) -> bytes:
        """The body that answers a dry run."""
        ...


class _Stalled(Exception):
    """The client is connected but takes no byte."""


class Answer(Response):
    """The response to one call. A Starlette response, so that a route may return it."""

    background = None

    def __init__(self, edge: Edge, surface: Surface, line: Line = handle) -> None:
        self.edge, self.surface, self.line = edge, surface, line
        self.id = new_id()
        self.entry = Entry()
        self.started = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs the line in one task and watches for the departure and the shutdown beside it."""
        headers = Headers(scope=scope)
        intake = Intake(receive, headers, self.edge.bounds)
        arrival = self._arrival(scope, headers, intake)
        self.edge.observer.began()
        answering = asyncio.create_task(self._answer(arrival, send))
        leaving = asyncio.create_task(intake.departure())
        stopping = asyncio.create_task(self.edge.cut.wait())
        try:
            await asyncio.wait({answering, leaving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if stopping.done() and not leaving.done() and not answering.done():
                self.entry.cut_as = Outcome.SHUT_DOWN
        finally:
            for task in (answering, leaving, stopping):
                task.cancel()
            results = await asyncio.gather(answering, leaving, stopping, return_exceptions=True)
            self.edge.observer.ended(arrival, self.entry)
        if isinstance(results[0], _Stalled):
            scope["state"]["cut"]()

    def _arrival(self, scope: Scope, headers: Headers, intake: Intake) -> Arrival:
        now = asyncio.get_running_loop().time()

        async def read() -> Call:
            body = await intake.body()
            return self.surface.read(headers, body, self.id)

        return Arrival(
            id=self.id,
            credentials=self.surface.credentials(headers),
            origin=PeerOrigin(
                address=client_address(scope, headers, self.edge.trusted_proxies),
                surface=self.surface.name,
                caller_request_id=headers.get("x-request-id", ""),
            ),
            received_at=now,
            deadline=now + self.edge.deadlines.whole_seconds,
            read=read,
        )

    async def _answer(self, arrival: Arrival, send: Send) -> None:
        """The only place that catches everything: here an exception becomes what a caller reads."""
        try:
            async with aclosing(self.line(arrival, self.edge.services, self.entry)) as parts:
                part = await anext(parts)
                if self.surface.streams:
                    await self._start(arrival, send)
                    await self._write(
                        send, self.surface.begin(self.entry) + self.surface.part(part)
                    )
                    async for part in parts:
                        await self._write(send, self.surface.part(part))
                else:
                    self.surface.part(part)
                    async for part in parts:
                        self.surface.part(part)
            await self._finish(arrival, send)
        except _Stalled:
            raise
        except asyncio.CancelledError:
            if self.entry.cut_as is Outcome.SHUT_DOWN:
                await self._tell(ShuttingDown(), arrival, send)
            raise
        except Exception as error:  # noqa: BLE001 the pipeline's edge
            self.edge.observer.failed(arrival, error)
            await self._tell(error, arrival, send)

    async def _start(self, arrival: Arrival, send: Send) -> None:
        headers = self._head(arrival, self.surface.media_type)
        headers += [(b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        self.started = True

    async def _finish(self, arrival: Arrival, send: Send) -> None:
        last = self.surface.end(self.entry)
        if self.started:
            await self._write(send, last, more=False)
        else:
            await self._whole(arrival, send, 200, self.surface.media_type, last)

    async def _tell(self, error: BaseException, arrival: Arrival, send: Send) -> None:
        """An error as the caller reads it: a status where that is still possible, else an event."""
        if self.started:
            await self._write(send, self.surface.error_event(error, self.id), more=False)
        elif isinstance(error, Previewed):
            body = self.surface.preview(self.entry)
            await self._whole(arrival, send, 200, "application/json", body)
        else:
            body = self.surface.refusal(error, self.id)
            status = public_error(error).status
            await self._whole(arrival, send, status, self.surface.refusal_media_type, body, error)

    async def _whole(
        self,
        arrival: Arrival,
        send: Send,
        status: int,
        media_type: str,
        body: bytes,
        error: BaseException | None = None,
    ) -> None:
        headers = self._head(arrival, media_type)
        headers += [(b"content-length", b"%d" % len(body)), (b"cache-control", b"no-store")]
        retry = None if error is None else retry_after_seconds(error)
        if retry is not None:
            headers.append((b"retry-after", b"%d" % max(1, round(retry))))
        if status == 401:
            headers.append((b"www-authenticate", b'Bearer realm="gwanmun"'))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        self.started = True
        await self._write(send, body, more=False)

    async def _write(self, send: Send, body: bytes, *, more: bool = True) -> None:
        if not body and more:
            return
        try:
            async with asyncio.timeout(self.edge.deadlines.client_stall_seconds):
                await send({"type": "http.response.body", "body": body, "more_body": more})
        except TimeoutError:
            self.entry.cut_as = Outcome.STALLED
            raise _Stalled from None

    def _head(self, arrival: Arrival, media_type: str) -> HeaderList:
        """DESIGN section 9: ids, what was replaced (closed ASCII codes), and the time we added."""
        entry = self.entry
        headers = [
            (b"content-type", media_type.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"x-request-id", arrival.id.encode()),
        ]
        if entry.opened is not None:
            found = entry.opened.mapping.summary
            counts = ",".join(sorted(f"{ENTITIES[name].code}={n}" for name, n in found.items()))
            headers.append((b"x-gwanmun-audit", arrival.id.encode()))
            headers.append((b"x-gwanmun-redacted", (counts or "none").encode()))
            headers.append((b"x-gwanmun-grade", entry.opened.grade.name.encode()))
            if found and entry.opened.call.expected.widenable:
                headers.append((b"x-gwanmun-schema", b"widened"))
        overhead = self.edge.observer.overhead_seconds(arrival, entry)
        if overhead is not None:
            headers.append((b"x-gwanmun-overhead-ms", f"{overhead * 1000:.1f}".encode()))
            headers.append((b"x-ai-generated", b"true"))
        return headers


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """The trusted proxies of the settings as networks; raises ValueError."""
    return tuple(ipaddress.ip_network(text) for text in texts)
