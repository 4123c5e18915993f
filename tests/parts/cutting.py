"""A proxy between a process and its PostgreSQL server that cuts connections where a test says.

It speaks for a server without TLS, so that what passes can be read. Nothing is changed.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum

_SSL_REQUEST = bytes.fromhex("0000000804d2162f")  # PostgreSQL's protocol, section 55.7
_COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"  # a simple query, as the driver sends it


class Cut(Enum):
    """Where the next COMMIT is cut."""

    BEFORE = "the server never gets it"
    AFTER = "the server gets it, and its answer is lost"
    LATE = "the client is cut off, and the server gets it a while later"


class Proxy:
    """Listens on `port`. `arm` cuts at the next COMMIT; `cuts` counts those that were made."""

    def __init__(self, server_port: int) -> None:
        self.port = 0
        self.cuts = 0
        self._server_port = server_port
        self._armed: Cut | None = None
        self._late_seconds = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def run(cls, server_port: int) -> AsyncIterator["Proxy"]:
        proxy = cls(server_port)
        listener = await asyncio.start_server(proxy._accept, "127.0.0.1", 0)
        proxy.port = listener.sockets[0].getsockname()[1]
        try:
            yield proxy
        finally:
            listener.close()
            for task in list(proxy._tasks):
                task.cancel()
            await asyncio.gather(*proxy._tasks, return_exceptions=True)

    def arm(self, cut: Cut, *, late_seconds: float = 0.0) -> None:
        self._armed, self._late_seconds = cut, late_seconds

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._pass(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # it ends with its connection, or with the proxy
        finally:
            self._tasks.discard(task)
            await _closed(writer)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.readexactly(len(_SSL_REQUEST))
        if first == _SSL_REQUEST:
            writer.write(b"N")
            first = b""
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        server_writer.write(first)
        back = asyncio.create_task(_copy(server_reader, writer))
        try:
            while piece := await reader.read(65_536):
                cut = self._armed if _COMMIT in piece else None
                if cut is None:
                    server_writer.write(piece)
                    await server_writer.drain()
                    continue
                self._armed = None
                self.cuts += 1
                back.cancel()
                await asyncio.gather(back, return_exceptions=True)
                if cut is Cut.AFTER:
                    server_writer.write(piece)
                    await server_writer.drain()
                    await server_reader.read(1)
                writer.transport.abort()
                if cut is Cut.LATE:
                    await asyncio.sleep(self._late_seconds)
                    server_writer.write(piece)
                    await server_writer.drain()
                    await server_reader.read(1)
                return
        finally:
            back.cancel()
            await asyncio.gather(back, return_exceptions=True)
            await _closed(server_writer)


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError, asyncio.CancelledError):
        await writer.wait_closed()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
    writer.close()
