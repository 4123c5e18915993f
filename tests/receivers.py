"""What receives events for tests: a syslog server and a webhook, both over real TLS, scriptable."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parts.authority import server_certificate
from ports import free_ports

HOST = "127.0.0.1"
KEY = b"k" * 32
SECRET = "whsec_" + base64.b64encode(KEY).decode()


def tls(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A new authority's certificate, and a server's context that it vouches for."""
    authority, both = server_certificate(folder, HOST, HOST)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return authority, context


@dataclass
class SyslogReceiver:
    """Reads frames as RFC 5425 says; `cuts` breaks each connection behind so many frames."""

    context: ssl.SSLContext
    port: int = field(default_factory=lambda: free_ports(1))
    messages: list[bytes] = field(default_factory=list)
    connections: int = 0
    cuts: int | None = None

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._serve, HOST, self.port, ssl=self.context)
        try:
            yield
        finally:
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        read = 0
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while self.cuts is None or read < self.cuts:
                length = int((await reader.readuntil(b" "))[:-1])
                self.messages.append(await reader.readexactly(length))
                read += 1
        self.cuts = None
        writer.transport.abort()


@dataclass
class Hook:
    """One request that the webhook got."""

    name: str
    positions: list[int]
    signed: bool
    body: dict[str, Any]


@dataclass
class WebhookReceiver:
    """An HTTPS server; `answers` are statuses and delays (seconds), then 204 at once."""

    context: ssl.SSLContext
    port: int = field(default_factory=lambda: free_ports(1))
    answers: list[tuple[int, float]] = field(default_factory=list)
    hooks: list[Hook] = field(default_factory=list)
    taken: list[Hook] = field(default_factory=list)
    on_hook: Callable[[], None] = lambda: None

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}/siem"

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._serve, HOST, self.port, ssl=self.context)
        try:
            yield
        finally:
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = (line.partition(": ") for line in head.split("\r\n")[1:] if line)
            headers = {name.lower(): value for name, _, value in lines}
            hook = read_hook(headers, await reader.readexactly(int(headers["content-length"])))
            self.hooks.append(hook)
            self.on_hook()
            status, seconds = self.answers.pop(0) if self.answers else (204, 0.0)
            await asyncio.sleep(seconds)
            writer.write(f"HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n".encode())
            await writer.drain()
            if 200 <= status < 300:
                self.taken.append(hook)
        writer.transport.abort()


def read_hook(headers: dict[str, str], body: bytes) -> Hook:
    """As Standard Webhooks says, written anew: the signature is over `id.timestamp.body`."""
    name, at = headers["webhook-id"], headers["webhook-timestamp"]
    digest = hmac.new(KEY, f"{name}.{at}.".encode() + body, hashlib.sha256).digest()
    signed = headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()
    tree = json.loads(body)
    positions = [event["position"] for event in tree["data"]["events"]]
    return Hook(name, positions, signed, tree)
