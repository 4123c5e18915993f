"""POST /logout/backchannel: the issuer says that a login has ended.

The caller is the issuer's server, without a cookie and without a principal; the logout token in the
form is its only proof. Whoever sends another one learns nothing but that it does not hold.
"""

import asyncio
from typing import Final
from urllib.parse import parse_qsl

from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from gateway.edge.answer import Edge
from gateway.errors import (
    BodyTimeout,
    BodyTooLarge,
    EncodingNotAllowed,
    LogoutRefused,
    Unauthenticated,
)
from gateway.identity.backchannel import LOGOUT_PATH, BackChannel
from gateway.identity.tokens import MAX_TOKEN_CHARACTERS

FORM: Final = "application/x-www-form-urlencoded"
_FIELD: Final = "logout_token"
_MAX_BYTES: Final = 2 * MAX_TOKEN_CHARACTERS
_MAX_FIELDS: Final = 16
_HEADERS: Final = {"cache-control": "no-store"}  # section 2.8


def router(edge: Edge, back_channel: BackChannel) -> APIRouter:
    """The one route."""
    api = APIRouter()

    @api.post(LOGOUT_PATH)
    async def logout(request: Request) -> Response:
        """OpenID Connect Back-Channel Logout 1.0 sections 2.5 to 2.8."""
        log = edge.observer.log
        try:
            ended = await back_channel.end(await _token(request, edge.bounds.body_seconds))
        except Unauthenticated as refused:
            log.warning("logout.refused", reason=refused.reason)
            raise LogoutRefused from None
        log.info("logout.accepted", sessions=ended)
        return Response(status_code=200, headers=_HEADERS)

    return api


async def _token(request: Request, seconds: float) -> str:
    """The form's one logout token.

    Raises:
        LogoutRefused, EncodingNotAllowed, BodyTooLarge, BodyTimeout: there is none.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise LogoutRefused
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise EncodingNotAllowed
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for piece in request.stream():
                body += piece
                if len(body) > _MAX_BYTES:
                    raise BodyTooLarge
        fields = parse_qsl(body.decode("ascii"), max_num_fields=_MAX_FIELDS)
    except TimeoutError:
        raise BodyTimeout from None
    except (ValueError, ClientDisconnect):
        raise LogoutRefused from None
    tokens = [value for name, value in fields if name == _FIELD]
    if len(tokens) != 1:
        raise LogoutRefused
    return tokens[0]
