"""The event of an export: who took what out of the ledger, and how what was taken can be known.

The officer's reason is people's free text and stands with the exported file alone; the event holds
its salted commitment (gateway.ledger.commitment). So the reason cannot be exchanged later, and
cannot be guessed from the ledger.
"""

from dataclasses import dataclass
from typing import Final

from gateway.ledger.events import iso_time
from inference.task import JsonObject, JsonValue

EXPORT_MADE: Final = "export.made"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportMade:
    """A file of one agency's records is about to be given out.

    `officer` is an identifier as the agency knows it, never a name, and `account` the operating
    system's user who ran the command. `begin` and `end` are in Unix seconds, None where open;
    `positions` are the events looked at (behind the first, up to the second). `records` and
    `size_bytes` are the file's, `sha256` is of its bytes, `reason` the commitment; all hex.
    """

    record_id: str
    agency: str
    officer: str
    account: str
    format: str
    begin: float | None
    end: float | None
    actions: tuple[str, ...]
    positions: tuple[int, int]
    records: int
    size_bytes: int
    sha256: str
    reason: str

    def facts(self) -> JsonObject:
        """The body without what all events share."""
        actions: list[JsonValue] = [*self.actions]
        return {
            "action": EXPORT_MADE,
            "actor": {"sub": self.officer, "agency": self.agency, "client": "gwanmun audit export"},
            "account": self.account,
            "format": self.format,
            "selected": {
                "from": None if self.begin is None else iso_time(self.begin),
                "to": None if self.end is None else iso_time(self.end),
                "actions": actions,
                "after": self.positions[0],
                "upto": self.positions[1],
            },
            "records": self.records,
            "bytes": self.size_bytes,
            "sha256": self.sha256,
            "reason_commitment": self.reason,
        }
