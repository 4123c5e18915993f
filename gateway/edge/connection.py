"""The public listener's connections: uvicorn's HTTP protocol with a firm hand.

A request head must come whole within a time and a size; what is not HTTP gets an answer with a
stable code; a client that takes no byte can be cut (`scope["state"]["cut"]`); a body that nobody
reads any more may run on only for a moment; and a send waits until the kernel has taken the one
before, so that a stall is seen here and not hidden in our buffers.

A message that two readers could end at different places is refused and its connection closed, and
nothing behind it is read (request smuggling, RFC 9112 section 11.2). llhttp, below, refuses most of
that; `_is_clear` is what it lets pass.
"""

import asyncio
from http import HTTPStatus
from typing import Any, NamedTuple

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gateway.edge.arrival import new_id
from gateway.errors import (
    HEAD_TIMEOUT,
    HEAD_TOO_LARGE,
    MALFORMED_HTTP,
    TOO_MANY_CONNECTIONS,
    PublicError,
)
from gateway.protocol.openai_answers import error_body

LINGER_SECONDS = 5.0
_CHUNKED = [b"chunked"]
FIRST_HEAD_SECONDS = 1.0  # for the head of a connection that came in as the listener closed


class HeadBounds(NamedTuple):
    """How long and how large a request head may be, and how many connections there may be."""

    seconds: float
    size: int
    connections: int


class _Refused(Exception):
    """Stops the parser: what stands behind a refused head in the same bytes is never read."""


class CuttableHttp(HttpToolsProtocol):
    """One connection. `bounds` is set on a subclass by `protocol_with`."""

    bounds: HeadBounds

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Sends wait for the kernel; the app may cut; the first head is awaited."""
        transport.set_write_buffer_limits(high=0)
        super().connection_made(transport)
        self.app_state = {**self.app_state, "cut": transport.abort}
        self._head_size = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._linger_timer: asyncio.TimerHandle | None = None
        self._in_message = False
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Also ends the waits for a head and for an unread body."""
        self._head_came()
        self._body_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Counts head bytes until the head is whole."""
        if self.transport.is_closing():
            return
        if self._head_timer is None and not self._in_message:
            self._expect_head()
        if self._head_timer is not None:
            self._head_size += len(data)
        super().data_received(data)
        if self._head_timer is not None and self._head_size > self.bounds.size:
            self._refuse(HEAD_TOO_LARGE)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Fields behind the body (trailers, RFC 9110 section 6.5) are no headers: dropped."""
        if not self._in_message:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole; its size without the body is known to be bounded well enough."""
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        self._head_came()
        self._in_message = True
        if not self._is_clear():
            self._refuse(MALFORMED_HTTP)
        elif size > self.bounds.size:
            self._refuse(HEAD_TOO_LARGE)
        elif len(self.connections) > self.bounds.connections:
            self._refuse(TOO_MANY_CONNECTIONS)
        else:
            super().on_headers_complete()
            return
        raise _Refused

    def on_message_complete(self) -> None:
        """The body is whole."""
        self._in_message = False
        self._body_came()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer that came before the body's end leaves the client little time to end it."""
        if self.cycle.more_body and not self.transport.is_closing():
            self._linger_timer = self.loop.call_later(LINGER_SECONDS, self.transport.abort)
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """What the parser could not read; its words stay here."""
        self._refuse(MALFORMED_HTTP)

    def shutdown(self) -> None:
        """The listener has closed: a head that is on its way may still come, and is answered."""
        if self._head_timer is None:
            super().shutdown()
            return
        self._head_timer.cancel()
        self._head_timer = self.loop.call_later(FIRST_HEAD_SECONDS, self._head_late)

    def _is_clear(self) -> bool:
        """Whether every reader would see the same message here, and no protocol behind it.

        HTTP/1.0 or 1.1; a path and no other form of target; one host; "chunked" as the only coding
        of the transfer, and none in HTTP/1.0 (RFC 9112 sections 3.2 and 6.1); no upgrade.
        """
        version: str = self.parser.get_http_version()
        if version not in ("1.0", "1.1") or not self.url.startswith(b"/"):
            return False
        hosts = [value for name, value in self.headers if name == b"host"]
        if len(hosts) > 1 or (not hosts and version == "1.1"):
            return False
        codings = [value.lower() for name, value in self.headers if name == b"transfer-encoding"]
        if codings and (codings != _CHUNKED or version == "1.0"):
            return False
        return not self.parser.should_upgrade()

    def _is_answering(self) -> bool:
        """Whether an answer is on its way: to this request, or to one that others wait behind."""
        if self.pipeline:
            return True
        begun: bool = self._is_asked() and self.cycle.response_started
        return begun

    def _is_asked(self) -> bool:
        """Whether a request has come whose answer is not complete."""
        cycle: RequestResponseCycle | None = self.cycle  # None before the first
        return cycle is not None and not cycle.response_complete

    def _expect_head(self) -> None:
        self._head_size = 0
        self._head_timer = self.loop.call_later(self.bounds.seconds, self._head_late)

    def _head_came(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _body_came(self) -> None:
        if self._linger_timer is not None:
            self._linger_timer.cancel()
            self._linger_timer = None

    def _head_late(self) -> None:
        self._head_timer = None
        if self._head_size:
            self._refuse(HEAD_TIMEOUT)
        else:
            self.transport.close()  # a connection that never asked anything

    def _refuse(self, error: PublicError) -> None:
        self._head_came()
        if self.transport.is_closing():
            return
        if self._is_answering():
            self.transport.close()  # this answer would stand in the midst of that one
            return
        if self._is_asked():
            self.cycle.disconnected = True  # its body broke off: this is its answer
            self.cycle.message_event.set()
        body = error_body(error, new_id(), None)
        retry = b"retry-after: 1\r\n" if error.status == HTTPStatus.SERVICE_UNAVAILABLE else b""
        status = b"%d %s" % (error.status, error.status.phrase.encode())
        self.transport.write(
            b"HTTP/1.1 %s\r\ncontent-type: application/json\r\n%scontent-length: %d\r\n"
            b"connection: close\r\n\r\n%s" % (status, retry, len(body), body)
        )
        self.transport.close()


def protocol_with(bounds: HeadBounds) -> type[CuttableHttp]:
    """The connection class for these bounds, as uvicorn's `http` setting takes it."""
    attributes: dict[str, Any] = {"bounds": bounds, "__doc__": CuttableHttp.__doc__}
    return type("BoundedHttp", (CuttableHttp,), attributes)
