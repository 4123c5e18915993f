"""From an ASGI scope to an Arrival: ids, credentials, where it came from, and a bounded body.

Nothing here trusts what it reads: the address is the socket's, or the rightmost hop that is not one
of our own proxies; a caller's request id is recorded, never reused as ours.
"""

import asyncio
import ipaddress
import secrets
import time
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import Message, Receive, Scope

from gateway.domain import BearerToken, Credentials, Grade, SessionSecret
from gateway.errors import (
    BodyTimeout,
    BodyTooLarge,
    EncodingNotAllowed,
    InvalidParameter,
    WrongMediaType,
)
from gateway.settings import BoundSettings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
GRADE_HEADER = "x-gwanmun-grade"
DRY_RUN_HEADER = "x-gwanmun-dry-run"


def new_id() -> str:
    """A UUIDv7 (RFC 9562 section 5.7) as 32 hex digits: sortable by time, unguessable."""
    milliseconds = time.time_ns() // 1_000_000
    random = secrets.randbits(74)
    number = milliseconds << 80 | 0x7 << 76 | (random >> 62) << 64 | 0x2 << 62
    return f"{number | random & (1 << 62) - 1:032x}"


def bearer(headers: Headers) -> Credentials:
    """The access token of the one Authorization header (RFC 6750 section 2.1)."""
    values = headers.getlist("authorization")
    if not values:
        return None
    scheme, _, token = values[0].partition(" ")
    if len(values) > 1 or scheme.lower() != "bearer" or not token.strip():
        return BearerToken("")
    return BearerToken(token.strip())


def session_cookie(headers: Headers, name: str) -> SessionSecret | None:
    """The session secret of the cookie `name`, if there is one.

    Reads as browsers write: other applications of this host may set cookies that RFC 6265 knows
    nothing of, and none of them may hide ours.
    """
    cookies: dict[str, str] = {}
    for header in headers.getlist("cookie"):
        cookies |= cookie_parser(header)
    secret = cookies.get(name)
    return SessionSecret(secret) if secret else None


def claimed_grade(headers: Headers) -> Grade | None:
    """The grade that the caller claims in its header.

    Raises:
        InvalidParameter: it is none of O, S, C.
    """
    value = _only(headers, GRADE_HEADER)
    if value is None:
        return None
    try:
        return Grade[value.strip().upper()]
    except KeyError:
        raise InvalidParameter(param=GRADE_HEADER) from None


def is_dry_run(headers: Headers) -> bool:
    """Whether the caller asks only to see what would be sent.

    Raises:
        InvalidParameter: the header says neither true nor false.
    """
    value = (_only(headers, DRY_RUN_HEADER) or "false").strip().lower()
    if value not in ("true", "false"):
        raise InvalidParameter(param=DRY_RUN_HEADER)
    return value == "true"


def _only(headers: Headers, name: str) -> str | None:
    """The value of a field that may stand once: of two, different readers would choose differently.

    Raises:
        InvalidParameter: it stands twice.
    """
    values = headers.getlist(name)
    if len(values) > 1:
        raise InvalidParameter(param=name)
    return values[0] if values else None


def client_address(scope: Scope, headers: Headers, trusted: Sequence[Network]) -> str:
    """The socket's peer, or the rightmost forwarded hop that is no trusted proxy."""
    client = scope.get("client")
    address: str = client[0] if client else ""
    hops = ",".join(headers.getlist("x-forwarded-for")).split(",")
    for hop in reversed(hops):
        if not _is_trusted(address, trusted) or not hop.strip():
            break
        try:
            address = str(ipaddress.ip_address(hop.strip()))
        except ValueError:
            break
    return address


def _is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in trusted)


class Intake:
    """A request's receiving side: first its body within bounds, then the client's departure."""

    def __init__(self, receive: Receive, headers: Headers, bounds: BoundSettings) -> None:
        self._receive, self._headers, self._bounds = receive, headers, bounds
        self._read = asyncio.Event()

    async def body(self) -> bytes:
        """The whole body.

        Raises:
            WrongMediaType, EncodingNotAllowed, BodyTooLarge: before more of it is read.
            BodyTimeout: it did not come in time.
            CancelledError: the client has left meanwhile.
        """
        self._check_head()
        try:
            async with asyncio.timeout(self._bounds.body_seconds):
                return await self._collect()
        except TimeoutError:
            raise BodyTimeout from None
        finally:
            self._read.set()

    async def departure(self) -> None:
        """Returns when the client has left; waits for the body's end first."""
        await self._read.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def _check_head(self) -> None:
        media = (_only(self._headers, "content-type") or "").partition(";")[0].strip().lower()
        if media != "application/json":
            raise WrongMediaType
        if (_only(self._headers, "content-encoding") or "identity").strip().lower() != "identity":
            raise EncodingNotAllowed
        length = self._headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self._bounds.body_bytes:
            raise BodyTooLarge

    async def _collect(self) -> bytes:
        body = bytearray()
        while True:
            message: Message = await self._receive()
            if message["type"] == "http.disconnect":
                raise asyncio.CancelledError
            body += message.get("body", b"")
            if len(body) > self._bounds.body_bytes:
                raise BodyTooLarge
            if not message.get("more_body", False):
                return bytes(body)
