"""The only HTTP of this package: posts a request to a replica and gives the bytes of its reply.

httpx over aiohttp's transport: with 64 streams at once plain httpx spends its time in its own
locks (docs/performance.md). The caller's headers never come here: a request carries our
credential, our request id and nothing else of note. No redirects, no proxies from the
environment, no cookies, no content coding (a compressed reply could not be bounded before it is
unpacked). Whatever goes wrong is EngineFailed without a word of the engine's.
"""

import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, suppress
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Self

import aiohttp
import httpx
from aiohttp.http import HttpProcessingError
from httpx_aiohttp import AiohttpTransport

from inference.errors import EngineFailed
from inference.replica import Replica

# vLLM's server drops an idle connection after VLLM_HTTP_TIMEOUT_KEEP_ALIVE = 5 s. Ours go first,
# or a request may meet a connection that is just being dropped.
_KEEPALIVE_SECONDS = 3.0
_UNIX = "unix://"
_SLICE_BYTES = 256 * 1024
# aiohttp's transport maps most of aiohttp's exceptions to httpx's, but not all: broken status
# lines and chunk sizes come as they are.
_FAILURES = (
    httpx.HTTPError,
    httpx.StreamError,
    httpx.InvalidURL,
    aiohttp.ClientError,
    HttpProcessingError,
    OSError,
    ValueError,
)


class Reply:
    """An engine's reply whose head has come. Whoever got it must close it."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._pieces = response.aiter_raw()

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._response.status_code

    @property
    def media_type(self) -> str:
        """The media type without parameters, in small letters; empty if the body is coded."""
        if self._response.headers.get("content-encoding", "identity") != "identity":
            return ""
        value: str = self._response.headers.get("content-type", "")
        return value.partition(";")[0].strip().lower()

    async def read(self) -> bytes:
        """The next bytes of the body; empty at its end. May be cancelled: then only close it.

        Raises:
            EngineFailed: the connection broke, or the body ended before its end.
        """
        try:
            async for piece in self._pieces:
                if piece:
                    return piece
        except _FAILURES:
            pass
        else:
            return b""
        raise EngineFailed

    async def aclose(self) -> None:
        """Frees the engine: an unfinished reply's connection is cut, a finished one's kept."""
        with suppress(*_FAILURES):
            await self._response.aclose()


class EngineClient:
    """HTTP clients for a set of replicas; an async context manager that closes every connection."""

    def __init__(self, replicas: Iterable[Replica], *, connect_seconds: float) -> None:
        self._replicas = tuple(replicas)
        # Only the connecting has a limit here. All other waits end at the caller's deadlines.
        self._timeout = httpx.Timeout(None, connect=connect_seconds, pool=connect_seconds)
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        tls = ssl.create_default_context()
        for replica in self._replicas:
            client = _client(replica, tls, self._timeout)
            self._clients[replica.name] = await self._stack.enter_async_context(client)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def post(self, replica: Replica, path: str, body: bytes, request_id: str) -> Reply:
        """Sends a JSON body and waits for the reply's head; the caller closes the Reply.

        A cancellation closes the connection, so that the engine stops.

        Raises:
            EngineFailed: not reached, or no proper reply.
        """
        client = self._clients[replica.name]
        headers = {"content-type": "application/json", "x-request-id": request_id}
        if replica.credential:
            headers["authorization"] = f"Bearer {replica.credential}"
        if len(body) > _SLICE_BYTES:
            headers["content-length"] = str(len(body))
        try:
            content = body if len(body) <= _SLICE_BYTES else _slices(body)
            request = client.build_request("POST", path, content=content, headers=headers)
            return Reply(await client.send(request, stream=True))
        except _FAILURES:
            pass
        # Raised outside the handler: even `from None` would keep the engine's words alive in
        # `__context__`.
        raise EngineFailed


async def _slices(body: bytes) -> AsyncIterator[bytes]:
    """A large body in pieces: written as the engine takes them, not copied whole to the socket."""
    for start in range(0, len(body), _SLICE_BYTES):
        yield body[start : start + _SLICE_BYTES]


def _client(replica: Replica, tls: ssl.SSLContext, timeout: httpx.Timeout) -> httpx.AsyncClient:
    is_socket = replica.url.startswith(_UNIX)

    def session() -> aiohttp.ClientSession:
        connector: aiohttp.BaseConnector
        if is_socket:
            connector = aiohttp.UnixConnector(
                replica.url.removeprefix(_UNIX), limit=0, keepalive_timeout=_KEEPALIVE_SECONDS
            )
        else:
            connector = aiohttp.TCPConnector(
                ssl=tls, limit=0, keepalive_timeout=_KEEPALIVE_SECONDS
            )  # admission bounds the connections, not the pool
        return aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
        )

    return httpx.AsyncClient(
        transport=AiohttpTransport(verify=tls, trust_env=False, client=session),
        base_url="http://engine" if is_socket else replica.url,
        headers={"user-agent": "gwanmun", "accept": "*/*", "accept-encoding": "identity"},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        timeout=timeout,
        follow_redirects=False,
        trust_env=False,
    )
