"""The one outbound HTTP client of the gateway (its engines aside): destinations named by settings.

Goes in: a URL below one of the origins that the operator's settings name. Comes out: status and
bytes, bounded in size and time. It never follows a redirect, never uses a proxy or credentials of
the environment, never talks plain HTTP except to this machine itself, and never connects to an
address other than the one that it resolved and checked. Its exceptions hold no text of the other
side.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Final, Self

import httpx
import orjson

from gateway import os_words
from inference.task import JsonObject

CONNECT_SECONDS: Final = 3.0
TOTAL_SECONDS: Final = 8.0
MAX_BYTES: Final = 512 * 1024
_MOST_ADDRESSES: Final = 4
_PORTS: Final = {"http": 80, "https": 443}
_PLAIN_TEXT: Final = MappingProxyType({"content-type": "text/plain; charset=utf-8"})


class OutwardFailed(Exception):
    """The other side gave no usable answer; `reason` is a closed word.

    Words: destination_not_allowed, unreachable, timeout, refused, too_large, encoded, not_json.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TrustUnusable(Exception):
    """The file of private authorities is no such file; the message says why, for the operator."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: any status, and the whole body."""

    status: int
    body: bytes = field(repr=False)

    def json(self) -> JsonObject:
        """The body as a JSON object.

        Raises:
            OutwardFailed: not_json.
        """
        try:
            value = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise OutwardFailed("not_json") from None
        if not isinstance(value, dict):
            raise OutwardFailed("not_json")
        return value


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL, spelt in one way; empty for what is not http(s)."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError):
        return ""
    if parsed.scheme not in _PORTS or not parsed.host or parsed.userinfo:
        return ""
    port = parsed.port or _PORTS[parsed.scheme]
    return f"{parsed.scheme}://{parsed.host}:{port}"


def trust(private_ca_file: Path | None) -> ssl.SSLContext:
    """The system's authorities, and those of a PEM file.

    Raises:
        TrustUnusable: the file cannot be read, or holds no certificate.
    """
    context = ssl.create_default_context()
    if private_ca_file is None:
        return context
    try:
        context.load_verify_locations(private_ca_file)
    except ssl.SSLError:
        raise TrustUnusable(
            f"{private_ca_file}: PEM 형식의 인증서가 없습니다.\n"
            f"{private_ca_file}: holds no certificate in PEM."
        ) from None
    except OSError as error:
        raise TrustUnusable(
            f"{private_ca_file}: 인증서 파일을 읽을 수 없습니다 ({os_words.korean(error)}).\n"
            f"{private_ca_file}: cannot be read ({os_words.english(error)})."
        ) from None
    return context


class Outward:
    """Calls below the named origins; an async context manager that owns its connections.

    One TLS context: the system's authorities, and those of `private_ca_file` (PEM).

    Raises:
        TrustUnusable: on entering, when that file is not usable.
    """

    def __init__(
        self,
        urls: Iterable[str],
        *,
        private_ca_file: Path | None = None,
        total_seconds: float = TOTAL_SECONDS,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._origins = frozenset(filter(None, map(origin_of, urls)))
        self._private_ca_file = private_ca_file
        self._total_seconds = total_seconds
        self._max_bytes = max_bytes
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        # Nothing is kept alive: connections are pooled by address, and two names that share one
        # would otherwise share a TLS connection verified for the other name.
        self._client = httpx.AsyncClient(
            verify=trust(self._private_ca_file),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(self._total_seconds, connect=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=16, max_keepalive_connections=0),
        )
        await self._stack.enter_async_context(self._client)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def get(self, url: str) -> Answer:
        """GETs a URL.

        Raises:
            OutwardFailed: no answer within the bounds; any status is an answer.
        """
        return await self._call("GET", url, {})

    async def post_form(
        self, url: str, fields: Mapping[str, str], headers: Mapping[str, str]
    ) -> Answer:
        """POSTs fields as application/x-www-form-urlencoded.

        Raises:
            OutwardFailed: no answer within the bounds; any status is an answer.
        """
        return await self._call("POST", url, headers, fields=fields)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str] = _PLAIN_TEXT) -> Answer:
        """POSTs bytes, as text/plain in UTF-8 unless the headers say otherwise.

        Raises:
            OutwardFailed: no answer within the bounds; any status is an answer.
        """
        return await self._call("POST", url, headers, content=body)

    async def post_json(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """POSTs a JSON text.

        Raises:
            OutwardFailed: no answer within the bounds; any status is an answer.
        """
        headers = {**headers, "content-type": "application/json"}
        return await self._call("POST", url, headers, content=body)

    async def _call(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        fields: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        if origin_of(url) not in self._origins:
            raise OutwardFailed("destination_not_allowed")
        target = httpx.URL(url)
        try:
            async with asyncio.timeout(self._total_seconds):
                for address in await _resolve(target):
                    request = self._client.build_request(
                        method,
                        target.copy_with(host=address),
                        headers={
                            "accept": "application/json",
                            "accept-encoding": "identity",
                            **headers,
                            "host": target.netloc.decode("ascii"),
                        },
                        data=fields,
                        content=content,
                        # The certificate must be for the name in the settings, not the address.
                        extensions={"sni_hostname": target.host},
                    )
                    try:
                        return await self._send(request)
                    except (httpx.ConnectError, httpx.ConnectTimeout):
                        continue
        except (TimeoutError, httpx.TimeoutException):
            raise OutwardFailed("timeout") from None
        except (httpx.HTTPError, OSError):
            raise OutwardFailed("unreachable") from None
        raise OutwardFailed("unreachable")

    async def _send(self, request: httpx.Request) -> Answer:
        response = await self._client.send(request, stream=True)
        try:
            if response.headers.get("content-encoding", "identity") != "identity":
                raise OutwardFailed("encoded")
            body = bytearray()
            async for piece in response.aiter_raw():
                body += piece
                if len(body) > self._max_bytes:
                    raise OutwardFailed("too_large")
            return Answer(response.status_code, bytes(body))
        finally:
            await response.aclose()


async def _resolve(target: httpx.URL) -> list[str]:
    """The addresses of a URL's host, each of them allowed; the connection is then made to these."""
    addresses = await addresses_of(target.host, target.port or _PORTS[target.scheme])
    if target.scheme == "http" and not all(_plain(each).is_loopback for each in addresses):
        raise OutwardFailed("destination_not_allowed")
    return addresses


async def addresses_of(host: str, port: int) -> list[str]:
    """The addresses of a host, each of them allowed.

    Operators' own networks are private, so private addresses pass; those that no service of
    theirs has (link-local with the clouds' metadata, multicast, unspecified) do not.

    Raises:
        OutwardFailed: destination_not_allowed.
        OSError: the name is not known.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))[:_MOST_ADDRESSES]
    for address in map(_plain, addresses):
        if address.is_link_local or address.is_multicast or address.is_unspecified:
            raise OutwardFailed("destination_not_allowed")
    return addresses


def _plain(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An address; of one that is mapped into IPv6 the IPv4 one."""
    address = ipaddress.ip_address(text)
    return getattr(address, "ipv4_mapped", None) or address
