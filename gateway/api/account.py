"""What callers ask about themselves and the models: /v1/me, /v1/models, /v1/receipts/{id}."""

import re

import orjson
from fastapi import APIRouter
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from gateway.domain import Credentials, Permission, Principal
from gateway.edge.answer import Edge
from gateway.edge.arrival import bearer, session_cookie
from gateway.errors import ModelNotFound, NotFound
from gateway.identity.login import SESSION_COOKIE
from gateway.pipeline import Services
from gateway.protocol.openai_answers import model_body, models_body
from gateway.steps.authenticate import authenticate
from gateway.steps.authorize import require

RECORD_ID = re.compile(r"[0-9a-f]{32}")


def credentials_of(headers: Headers) -> Credentials:
    """A bearer token, else the browser's session."""
    return bearer(headers) or session_cookie(headers, SESSION_COOKIE)


async def caller(request: Request, edge: Edge) -> Principal:
    """Who asks; counts as one request of its limits.

    Raises:
        Unauthenticated, IdentityUnavailable: as authenticate does.
        LimitExceeded: the principal's requests are used up.
    """
    services = edge.services
    principal = await authenticate(credentials_of(request.headers), services.identity)
    request.state.principal = principal  # a refusal further on is recorded as this principal's
    limits = services.policies.limits
    services.limits.end_nowait(await services.limits.begin(principal, limits), 0)
    return principal


def router(edge: Edge) -> APIRouter:
    """The routes, bound to their services."""
    api = APIRouter()
    services = edge.services

    @api.get("/v1/models")
    async def models(request: Request) -> Response:
        """The models on offer, in OpenAI's list format."""
        offered = services.policies.offered_to(await caller(request, edge))
        return _json(models_body(offered))

    @api.get("/v1/models/{name:path}")
    async def model(request: Request, name: str) -> Response:
        """One model."""
        services.policies.offered_to(await caller(request, edge))
        card = services.policies.find(name)
        if card is None:
            raise ModelNotFound(param="model")
        return _json(model_body(card))

    @api.get("/v1/me")
    async def me(request: Request) -> Response:
        """Who am I, what may I use, and how much of it is left."""
        return _json(orjson.dumps(await _account(await caller(request, edge), services)))

    @api.get("/v1/receipts/{record_id}")
    async def receipt(request: Request, record_id: str) -> Response:
        """The writer's signed promise of the caller's own record (officers: their agency's)."""
        principal = await caller(request, edge)
        require(principal, Permission.RECEIPTS_READ)
        if not RECORD_ID.fullmatch(record_id):
            raise NotFound
        found = await services.ledger.receipt(record_id, principal.agency)
        may_see_all = Permission.RECORDS_READ in principal.permissions
        if found is None or not (may_see_all or found.subject == principal.subject):
            raise NotFound
        return _json(orjson.dumps(found))

    return api


async def _account(principal: Principal, services: Services) -> dict[str, object]:
    """The caller's own account; models only where its roles may see them."""
    may_see = Permission.MODELS_READ in principal.permissions
    limits = services.policies.limits
    left = await services.limits.left(principal, limits)
    return {
        "object": "principal",
        "subject": principal.subject,
        "name": principal.name,
        "agency": principal.agency,
        "department": principal.department,
        "roles": sorted(principal.roles),
        "permissions": sorted(principal.permissions),
        "ceiling": principal.ceiling.name,
        "default_grade": services.policies.default_grade.name,
        "client": principal.client,
        "expires_at": int(principal.expires_at),
        "models": [card.name for card in services.policies.models] if may_see else [],
        "limits": {
            "requests_per_minute": limits.requests_per_minute,
            "characters_per_minute": limits.characters_per_minute,
            "concurrent_requests": limits.concurrent_requests,
        },
        "left": {
            "requests": left.requests,
            "characters": left.characters,
            "concurrent_requests": left.concurrent,
        },
    }


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json", headers={"cache-control": "no-store"})
