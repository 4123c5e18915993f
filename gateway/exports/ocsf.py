"""One event as OCSF 1.5.0 API Activity (class 6003): https://schema.ocsf.io/1.5.0/classes/api_activity

Required there and always given: activity, category, class, type and severity ids, time, metadata
(product, version), actor, api, src_endpoint. The event itself stands in `unmapped`, whole.
"""

import json
from typing import Final

from gateway.domain import Outcome
from gateway.exports.event import EXPORT_MADE
from gateway.exports.record import Record
from gateway.exports.review import REVIEW_SIGNED
from gateway.ledger.erasures import CONTENT_ERASED
from gateway.ledger.events import AUTH_REFUSED, CLOSED, LOG_FULL, OPENED, REFUSED, WRITER_LOST
from gateway.ledger.inquiries import AUDIT_QUERIED, REVEAL_OPENED
from gateway.proofs.pruned import RECORDS_PRUNED
from inference.task import JsonObject, JsonValue

VERSION: Final = "1.5.0"
CATEGORY: Final = 6
CLASS: Final = 6003
_CREATE, _READ, _DELETE, _OTHER = 1, 2, 4, 99
_ACTIVITIES: Final = {
    OPENED: _CREATE,
    CLOSED: _CREATE,
    REFUSED: _CREATE,
    EXPORT_MADE: _READ,
    REVIEW_SIGNED: _READ,
    AUDIT_QUERIED: _READ,
    REVEAL_OPENED: _READ,
    CONTENT_ERASED: _DELETE,
    RECORDS_PRUNED: _DELETE,
}
_ACTIVITY_NAMES: Final = {_CREATE: "Create", _READ: "Read", _DELETE: "Delete"}
_INFORMATIONAL, _LOW, _MEDIUM = 1, 2, 3
_SEVERITIES: Final = {_INFORMATIONAL: "Informational", _LOW: "Low", _MEDIUM: "Medium"}
_UNKNOWN, _SUCCESS, _FAILURE = 0, 1, 2
_STATUSES: Final = {_UNKNOWN: "Unknown", _SUCCESS: "Success", _FAILURE: "Failure"}
_FAILURES: Final = frozenset({REFUSED, AUTH_REFUSED, WRITER_LOST, LOG_FULL})
_GRAVE: Final = frozenset({WRITER_LOST, LOG_FULL})
_ENDS: Final = {
    Outcome.COMPLETE.value: _SUCCESS,
    Outcome.PREVIEWED.value: _SUCCESS,
    Outcome.LOST.value: _UNKNOWN,
}


def ocsf_line(record: Record, build: str) -> bytes:
    """One event as a line of JSON; `build` is this program's version."""
    return json.dumps(api_activity(record, build), ensure_ascii=False).encode() + b"\n"


def api_activity(record: Record, build: str) -> JsonObject:
    """One event as the schema's object."""
    activity = _ACTIVITIES.get(record.action, _OTHER)
    status, severity = status_id(record), severity_id(record)
    return {
        "activity_id": activity,
        "activity_name": _ACTIVITY_NAMES.get(activity, record.action),
        "category_uid": CATEGORY,
        "category_name": "Application Activity",
        "class_uid": CLASS,
        "class_name": "API Activity",
        "type_uid": CLASS * 100 + activity,
        "type_name": f"API Activity: {_ACTIVITY_NAMES.get(activity, 'Other')}",
        "severity_id": severity,
        "severity": _SEVERITIES[severity],
        "status_id": status,
        "status": _STATUSES[status],
        "status_code": record.text("code"),
        "status_detail": record.text("outcome") or record.text("reason"),
        "time": record.at,
        "metadata": _metadata(record, build),
        "actor": _actor(record),
        "api": _api(record),
        "src_endpoint": _source(record),
        "unmapped": {"event": record.facts, "event_sha256": record.hash},
    }


def status_id(record: Record) -> int:
    """Whether what the event tells went well; an opening does not know yet."""
    if record.action == CLOSED:
        return _ENDS.get(record.text("outcome"), _FAILURE)
    if record.action == OPENED:
        return _UNKNOWN
    return _FAILURE if record.action in _FAILURES else _SUCCESS


def severity_id(record: Record) -> int:
    """How much somebody should care: most where records have no end, or none could be written."""
    if record.action in _GRAVE or record.text("outcome") == Outcome.LOST.value:
        return _MEDIUM
    return _LOW if status_id(record) == _FAILURE else _INFORMATIONAL


def _metadata(record: Record, build: str) -> JsonObject:
    return {
        "version": VERSION,
        "product": {"name": "Gwanmun", "vendor_name": "Gwanmun", "version": build},
        "uid": f"{record.writer}-{record.sequence}",
        "correlation_uid": record.record_id,
        "event_code": record.action,
        "sequence": record.position,
        "tenant_uid": record.agency or "platform",
        "log_name": "gwanmun.ledger",
        "log_provider": "Gwanmun",
        "original_time": record.text("time"),
    }


def _actor(record: Record) -> JsonObject:
    """Who asked; what nobody asked for was done by the gateway itself."""
    subject = record.text("actor", "sub")
    if not subject:
        return {"app_name": "gwanmun", "app_uid": record.writer}
    groups: list[JsonValue] = [{"name": role} for role in record.texts("actor", "roles")]
    department = record.text("actor", "department")
    organisation: JsonObject = {"uid": record.agency or "platform"}
    organisation |= {"ou_name": department} if department else {}
    user: JsonObject = {"uid": subject, "org": organisation}
    user |= {"groups": groups} if groups else {}
    client = record.text("actor", "client")
    return {"user": user, "app_name": client} if client else {"user": user}


def _api(record: Record) -> JsonObject:
    api: JsonObject = {
        "operation": record.action,
        "service": {"name": record.text("origin", "surface") or "gwanmun"},
        "request": {"uid": record.record_id},
    }
    code = record.text("code")
    return api | {"response": {"error": code}} if code else api


def _source(record: Record) -> JsonObject:
    address = record.text("origin", "address")
    return {"ip": address} if address else {"svc_name": "gwanmun", "name": "gwanmun"}
