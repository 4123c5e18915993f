"""Errors of routes that are not a call: OpenAI's envelope under /v1, RFC 9457 elsewhere."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gateway.domain import PeerOrigin
from gateway.edge.answer import Edge
from gateway.edge.arrival import client_address, new_id
from gateway.edge.problem_details import PROBLEM_TYPE, problem_details
from gateway.errors import (
    METHOD_NOT_ALLOWED,
    GatewayError,
    InvalidParameter,
    NotFound,
    PermissionDenied,
    PublicError,
    Unauthenticated,
    public_error,
    retry_after_seconds,
)
from gateway.ledger.events import RequestRefused
from gateway.protocol.openai_answers import error_body
from gateway.telemetry import where
from inference.errors import InferenceError
from redaction.errors import RedactionError

API_PATHS = "/v1/"
Handler = Callable[[Request, Exception], Awaitable[Response]]
Page = Callable[[Request, PublicError, str], Awaitable[Response]]


def install(app: FastAPI, edge: Edge, page: Page) -> None:
    """Installs the handlers of every kind of error on an app.

    `page` answers browsers that ask for HTML outside the API's paths.
    """

    async def told(request: Request, error: Exception, request_id: str) -> Response:
        if _asks_for_page(request):
            return await page(request, public_error(error), request_id)
        return problem(request, error, request_id)

    async def refused(request: Request, error: Exception) -> Response:
        request_id = new_id()
        if isinstance(error, Unauthenticated | PermissionDenied):
            _record(edge, request, request_id, error)
        return await told(request, error, request_id)

    async def framework(request: Request, error: Exception) -> Response:
        """Starlette's own refusals: unknown path, wrong method; and FastAPI's 422."""
        status = error.status_code if isinstance(error, HTTPException) else 400
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            if _asks_for_page(request):
                return await page(request, METHOD_NOT_ALLOWED, new_id())
            return _write(request, METHOD_NOT_ALLOWED, None, new_id(), None)
        shown = NotFound() if status == HTTPStatus.NOT_FOUND else InvalidParameter()
        return await told(request, shown, new_id())

    async def unexpected(request: Request, error: Exception) -> Response:
        request_id = new_id()
        edge.observer.log.error("http.internal_error", request_id=request_id, error=where(error))
        return await told(request, error, request_id)

    for kind in (GatewayError, RedactionError, InferenceError):
        app.add_exception_handler(kind, refused)
    app.add_exception_handler(HTTPException, framework)
    app.add_exception_handler(RequestValidationError, framework)
    app.add_exception_handler(Exception, unexpected)


def problem(request: Request, error: Exception, request_id: str) -> Response:
    """The response for an exception, in the format of the path that was asked."""
    param = error.param if isinstance(error, GatewayError) else None
    return _write(request, public_error(error), param, request_id, retry_after_seconds(error))


def _write(
    request: Request,
    shown: PublicError,
    param: str | None,
    request_id: str,
    retry_after: float | None,
) -> Response:
    headers = {"x-request-id": request_id, "cache-control": "no-store"}
    if retry_after is not None:
        headers["retry-after"] = str(max(1, round(retry_after)))
    if shown.status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = 'Bearer realm="gwanmun"'
    if request.url.path.startswith(API_PATHS):
        body, media = error_body(shown, request_id, param), "application/json"
    else:
        body, media = problem_details(shown, request_id), PROBLEM_TYPE
    return Response(body, shown.status, headers, media)


def _asks_for_page(request: Request) -> bool:
    wants_html = "text/html" in request.headers.get("accept", "")
    return wants_html and not request.url.path.startswith(API_PATHS)


def _record(edge: Edge, request: Request, request_id: str, error: GatewayError) -> None:
    """A refusal outside the line is counted in the ledger like one inside it."""
    reason = error.reason if isinstance(error, Unauthenticated) else public_error(error).code
    edge.services.ledger.refused(
        RequestRefused(
            record_id=request_id,
            principal=getattr(request.state, "principal", None),
            origin=PeerOrigin(
                address=client_address(request.scope, request.headers, edge.trusted_proxies),
                surface="http",
            ),
            model="",
            code=public_error(error).code,
            reason=reason,
        )
    )
