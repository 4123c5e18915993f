"""One event in the Common Event Format, version 0 (Micro Focus, "Implementing ArcSight CEF").

    CEF:0|Vendor|Product|Version|Signature ID|Name|Severity|key=value key=value …

UTF-8. In the header a backslash and a bar get a backslash before them; in the extension a
backslash and an equals sign, and line ends are written `\\n` and `\\r`.
"""

import ipaddress
from typing import Final

from gateway.exports.event import EXPORT_MADE
from gateway.exports.ocsf import severity_id
from gateway.exports.record import Record
from gateway.exports.review import REVIEW_SIGNED
from gateway.exports.table import counted
from gateway.ledger.erasures import CONTENT_ERASED
from gateway.ledger.events import (
    AUTH_REFUSED,
    CLOSED,
    LOG_FULL,
    OPENED,
    REFUSED,
    WRITER_LOST,
    WRITER_STARTED,
    WRITER_STOPPED,
)
from gateway.ledger.in_force import (
    CONFIG_APPLIED,
    KEY_DESTROYED,
    KEY_ISSUED,
    KEY_ROTATED,
    POLICY_CHANGED,
)
from gateway.ledger.inquiries import (
    AUDIT_QUERIED,
    REVEAL_APPROVED,
    REVEAL_OPENED,
    REVEAL_REQUESTED,
)
from gateway.ledger.restored import DATABASE_RESTORED
from gateway.proofs.pruned import RECORDS_PRUNED

_NAMES: Final = {
    OPENED: "Request opened",
    CLOSED: "Request closed",
    REFUSED: "Request refused",
    AUTH_REFUSED: "Unknown callers refused",
    WRITER_STARTED: "Ledger writer started",
    WRITER_STOPPED: "Ledger writer stopped",
    WRITER_LOST: "Ledger writer lost",
    EXPORT_MADE: "Records exported",
    REVIEW_SIGNED: "Records reviewed",
    AUDIT_QUERIED: "Person looked up",
    REVEAL_REQUESTED: "Content requested",
    REVEAL_APPROVED: "Content approved",
    REVEAL_OPENED: "Content opened",
    CONFIG_APPLIED: "Configuration applied",
    POLICY_CHANGED: "Policy changed",
    KEY_ISSUED: "Key issued",
    KEY_ROTATED: "Key rotated",
    KEY_DESTROYED: "Key destroyed",
    LOG_FULL: "Ledger had no room",
    CONTENT_ERASED: "Content erased",
    RECORDS_PRUNED: "Records pruned",
    DATABASE_RESTORED: "Database restored",
}
_SEVERITIES: Final = {1: 1, 2: 4, 3: 6}  # OCSF's ids → CEF's 0 to 10: Low up to 3, Medium to 6
_HEADER: Final = str.maketrans({"\\": "\\\\", "|": "\\|", "\n": " ", "\r": " "})
_EXTENSION: Final = str.maketrans({"\\": "\\\\", "=": "\\=", "\n": "\\n", "\r": "\\r"})


def cef_line(record: Record, build: str) -> bytes:
    """One event as a line; `build` is this program's version."""
    header = (
        "CEF:0",
        "Gwanmun",
        "Gwanmun",
        build.translate(_HEADER),
        record.action.translate(_HEADER),
        _NAMES.get(record.action, record.action).translate(_HEADER),
        str(_SEVERITIES[severity_id(record)]),
    )
    extension = " ".join(
        f"{key}={str(value).translate(_EXTENSION)}"
        for key, value in _fields(record).items()
        if value not in ("", None)
    )
    return f"{'|'.join(header)}|{extension}\n".encode()


def _fields(record: Record) -> dict[str, str | int | None]:
    """The dictionary's keys; a custom one stands beside its label or not at all."""
    custom: dict[str, tuple[str, str | int | None]] = {
        "cs1": ("agency", record.agency),
        "cs2": ("department", record.text("actor", "department")),
        "cs3": ("model", record.text("model")),
        "cs4": ("grade", record.text("grade", "input")),
        "cs5": ("personalData", counted(record.values("found", "occurrences"))),
        "cs6": ("eventSha256", record.hash),
        "cn1": ("sequence", record.sequence),
        "cn2": ("inputTokens", record.number("tokens", "input")),
        "cn3": ("outputTokens", record.number("tokens", "output")),
    }
    fields: dict[str, str | int | None] = {
        "rt": record.at,
        "externalId": record.record_id,
        "deviceExternalId": record.writer,
        "cat": record.action,
        "suid": record.text("actor", "sub"),
        "spriv": ",".join(record.texts("actor", "roles")),
        "requestClientApplication": record.text("actor", "client"),
        "requestContext": record.text("origin", "surface"),
        "outcome": record.text("outcome"),
        "reason": record.text("code") or record.text("reason"),
        "cnt": record.number("count"),
        **_address(record.text("origin", "address")),
    }
    for key, (label, value) in custom.items():
        if value not in ("", None):
            fields[f"{key}Label"], fields[key] = label, value
    return fields


def _address(text: str) -> dict[str, str | int | None]:
    """`src` takes IPv4 alone; the dictionary has an extra field for IPv6."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return {}
    if address.version == 4:
        return {"src": text}
    return {"c6a2": text, "c6a2Label": "Source IPv6 Address"}
