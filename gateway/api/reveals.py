"""The routes of revealing sealed content: requested, approved, opened; see gateway.ledger.reveals.

What goes out is encrypted for people's own keys: no route ever gives an opened text.
"""

import base64
import re

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.account import RECORD_ID, caller
from gateway.domain import PeerOrigin, Permission, Principal
from gateway.edge.answer import Edge
from gateway.edge.arrival import Intake, client_address
from gateway.errors import InvalidParameter, NotFound, UnsupportedParameter
from gateway.ledger.events import iso_time
from gateway.ledger.reveals import Part, Reveals, why_text
from gateway.protocol.json_body import read_json_object
from gateway.steps.authorize import require
from inference.task import JsonObject

PATH = "/v1/audit/reveals"
SURFACE = "content.reveal"
MOST_RECORDS = 20
_LONGEST = {"case": 200, "reason": 2_000}
_MOST_HOURS = 72
_NAMES = frozenset({"records", "case", "reason", "hours"})


def router(edge: Edge, reveals: Reveals | None) -> APIRouter:
    """The three routes; where no content is kept there is nothing to be found."""
    api = APIRouter()

    async def acting(request: Request, permission: Permission) -> tuple[Principal, Reveals]:
        principal = await caller(request, edge)
        require(principal, permission)
        if reveals is None:
            raise NotFound
        return principal, reveals

    def origin(request: Request) -> PeerOrigin:
        return PeerOrigin(
            address=client_address(request.scope, request.headers, edge.trusted_proxies),
            surface=SURFACE,
            caller_request_id=request.headers.get("x-request-id", ""),
        )

    @api.post(PATH)
    async def request_reveal(request: Request) -> Response:
        """An officer asks for the content of records, for a case and a reason, for some hours."""
        who, found = await acting(request, Permission.CONTENT_REVEAL)
        body = read_json_object(
            await Intake(request.receive, request.headers, edge.bounds).body(), edge.bounds
        )
        if body.keys() - _NAMES:
            raise UnsupportedParameter
        seconds, records = _hours(body) * 3_600.0, _records(body)
        why = why_text(_text(body, "case"), _text(body, "reason"))
        made = await found.request(who, origin(request), records, why=why, seconds=seconds)
        told = {"request_id": made.request_id, "expires": iso_time(made.expires_at)}
        return _json({**told, "salt": made.salt.hex()})

    @api.post(PATH + "/{request_id}/approve")
    async def approve_reveal(request: Request, request_id: str) -> Response:
        """The CPO approves, and is given what the CPO's key opens."""
        who, found = await acting(request, Permission.CONTENT_APPROVE)
        approval = await found.approve(who, origin(request), _id(request_id))
        expires = iso_time(approval.expires_at)
        told: JsonObject = {"expires": expires, "reason": approval.reason}
        return _json({**told, "wrapped": {**approval.wrapped}})

    @api.post(PATH + "/{request_id}/open")
    async def open_reveal(request: Request, request_id: str) -> Response:
        """The officer who asked is given the encrypted texts."""
        who, found = await acting(request, Permission.CONTENT_REVEAL)
        parts = await found.open(who, origin(request), _id(request_id))
        return _json({"agency": who.agency, "parts": [_part(part) for part in parts]})

    return api


def _id(request_id: str) -> str:
    if not RECORD_ID.fullmatch(request_id):
        raise NotFound
    return request_id


def _records(body: JsonObject) -> list[str]:
    records = body.get("records")
    if not isinstance(records, list) or not 0 < len(records) <= MOST_RECORDS:
        raise InvalidParameter(param="records")
    found = [each for each in records if isinstance(each, str) and re.fullmatch(RECORD_ID, each)]
    if len(set(found)) != len(records):
        raise InvalidParameter(param="records")
    return found


def _text(body: JsonObject, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST[name]:
        raise InvalidParameter(param=name)
    return value.strip()


def _hours(body: JsonObject) -> int:
    hours = body.get("hours")
    if not isinstance(hours, int) or isinstance(hours, bool) or not 0 < hours <= _MOST_HOURS:
        raise InvalidParameter(param="hours")
    return hours


def _part(part: Part) -> JsonObject:
    return {
        "record_id": part.row.record_id,
        "part": part.row.part,
        "body": base64.b64encode(part.row.body).decode(),
        "commitment": part.commitment,
    }


def _json(body: JsonObject) -> Response:
    headers = {"cache-control": "no-store"}
    return Response(orjson.dumps(body), media_type="application/json", headers=headers)
