"""POST /v1/audit/subject: which of the agency's records handled a person, by an identifier.

The identifier comes in the body alone, never in an address, and goes back to nobody.
"""

import datetime
from dataclasses import dataclass, field

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.account import caller
from gateway.domain import PeerOrigin, Permission
from gateway.edge.answer import Edge
from gateway.edge.arrival import Intake, client_address
from gateway.errors import InvalidParameter, NotFound, UnsupportedParameter
from gateway.ledger.events import iso_time
from gateway.ledger.lookup import Answered, Lookup, Question
from gateway.ledger.subjects import MOST_RECORDS
from gateway.protocol.json_body import read_json_object
from gateway.steps.authorize import require
from inference.task import JsonObject
from redaction.entity import ENTITIES

PATH = "/v1/audit/subject"
SURFACE = "audit.subject"
# Days are Korea's (표준시에 관한 법률: UTC+9, without summer time since 1988).
KOREA = datetime.timezone(datetime.timedelta(hours=9))
_LONGEST_IDENTIFIER, _LONGEST_REASON = 320, 2_000  # RFC 5321 section 4.5.3.1: an address, 64+1+255
_MOST_DAYS = 3_660
_NAMES = ("identifier", "reason", "from", "to")


@dataclass(frozen=True, slots=True)
class _Asked:
    identifier: str = field(repr=False)
    reason: str = field(repr=False)
    since: float
    until: float


def router(edge: Edge, lookup: Lookup | None) -> APIRouter:
    """The route; without an index there is nothing to be found."""
    api = APIRouter()

    @api.post(PATH)
    async def subject(request: Request) -> Response:
        """The records of the officer's own agency that held the identifier, newest first."""
        principal = await caller(request, edge)
        require(principal, Permission.SUBJECTS_QUERY)
        if lookup is None:
            raise NotFound
        body = await Intake(request.receive, request.headers, edge.bounds).body()
        asked = _read(read_json_object(body, edge.bounds))
        origin = PeerOrigin(
            address=client_address(request.scope, request.headers, edge.trusted_proxies),
            surface=SURFACE,
            caller_request_id=request.headers.get("x-request-id", ""),
        )
        question = Question(
            principal=principal,
            origin=origin,
            identifier=asked.identifier,
            reason=asked.reason,
            since=asked.since,
            until=asked.until,
        )
        return _json(_told(await lookup.ask(question)))

    return api


def _read(body: JsonObject) -> _Asked:
    """A closed body: `identifier`, `reason`, and Korean days `from` to `to`, both included.

    Raises:
        InvalidParameter, UnsupportedParameter: naming the member, never what stood there.
    """
    if body.keys() - set(_NAMES):
        raise UnsupportedParameter
    since, until = _day(body, "from"), _day(body, "to")
    if not 0 <= (until - since).days < _MOST_DAYS:
        raise InvalidParameter(param="to")
    return _Asked(
        _text(body, "identifier", _LONGEST_IDENTIFIER),
        _text(body, "reason", _LONGEST_REASON),
        _start(since),
        _start(until + datetime.timedelta(days=1)),
    )


def _text(body: JsonObject, name: str, longest: int) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > longest:
        raise InvalidParameter(param=name)
    return value.strip()


def _day(body: JsonObject, name: str) -> datetime.date:
    try:
        day = datetime.date.fromisoformat(_text(body, name, len("2026-11-27")))
    except ValueError:
        raise InvalidParameter(param=name) from None
    if not 1970 < day.year < 9_999:
        raise InvalidParameter(param=name)
    return day


def _start(day: datetime.date) -> float:
    return datetime.datetime.combine(day, datetime.time(), KOREA).timestamp()


def _told(answered: Answered) -> JsonObject:
    return {
        "object": "audit.subject",
        "query_id": answered.query_id,
        "kinds": [ENTITIES[kind].code for kind in answered.kinds],
        "records": [
            {
                "record_id": found.record_id,
                "time": iso_time(found.at),
                "kinds": [ENTITIES[kind].code for kind in found.kinds],
            }
            for found in answered.found
        ],
        "more": len(answered.found) >= MOST_RECORDS,
        "reason": {"commitment": answered.reason.value, "salt": answered.reason.salt.hex()},
    }


def _json(body: JsonObject) -> Response:
    headers = {"cache-control": "no-store"}
    return Response(orjson.dumps(body), media_type="application/json", headers=headers)
