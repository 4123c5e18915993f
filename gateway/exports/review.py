"""An officer's review of an agency's records over a time, signed into the ledger.

개인정보의 안전성 확보조치 기준 제8조제2항: access records are looked over at least once a month,
and downloads of personal data are asked about. The tally says what stands out: who used how much,
what was refused, what was done at night and on weekends (Korean time), what was looked up, opened,
exported. The officer's findings are people's free text: they stand in the file with the tally, and
the event holds a salted commitment to them, the hash of the tally, and the tree's head at the time.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from gateway.exports.record import KST, Record, all_records
from gateway.ledger.commitment import commit
from gateway.ledger.errand import account, append_alone
from gateway.ledger.events import CLOSED, OPENED, REFUSED, iso_time, new_id
from gateway.ledger.keys import LedgerKeys
from gateway.proofs.entry import canonical
from gateway.store.database import Database
from gateway.store.exports import Selection, last_position
from gateway.store.leaves import last_checkpoint
from gateway.store.private_file import sync_folder, write_whole
from inference.task import JsonObject

REVIEW_SIGNED: Final = "review.signed"
MOST_LISTED: Final = 20
_FIRST_HOUR, _LAST_HOUR, _SATURDAY = 7, 22, 5
_MILLISECONDS: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From `begin` on and before `end`; Unix seconds."""

    begin: float
    end: float

    def holds(self, record: Record) -> bool:
        """Whether an event's own time is within."""
        return self.begin * _MILLISECONDS <= record.at < self.end * _MILLISECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Whose records are looked over, of which time, and by whom; `officer` is no name."""

    agency: str
    officer: str
    period: Period


@dataclass(slots=True)
class Tally:
    """What an agency's records of a time come to; `kinds` are occurrences of personal data."""

    records: int = 0
    actions: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    grades: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)
    odd_hours: Counter[str] = field(default_factory=Counter)

    def add(self, record: Record) -> None:
        """Counts one event."""
        self.records += 1
        self.actions[record.action] += 1
        if record.action == OPENED:
            caller = record.text("actor", "sub")
            self.requests[caller] += 1
            self.grades[record.text("grade", "input")] += 1
            self.kinds.update(record.values("found", "occurrences"))
            if _odd(record.at):
                self.odd_hours[caller] += 1
        elif record.action == CLOSED:
            self.outcomes[record.text("outcome")] += 1
        elif record.action == REFUSED:
            self.refusals[record.text("code")] += record.number("count") or 1

    def tree(self) -> JsonObject:
        """As the file holds it; of callers those with the most requests."""
        return {
            "records": self.records,
            "actions": _all(self.actions),
            "outcomes": _all(self.outcomes),
            "grades": _all(self.grades),
            "personal_data": _all(self.kinds),
            "refusals": _all(self.refusals),
            "callers": len(self.requests),
            "most_requests": dict(_most(self.requests)),
            "at_odd_hours": dict(_most(self.odd_hours)),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewSigned:
    """An officer has looked over an agency's records of a time.

    `positions` are the events looked at (behind the first, up to the second). `tally` is the
    SHA-256 of its canonical JSON, `findings` the commitment, `size` and `root` (hex) are the last
    checkpoint's, 0 and "" before the first.
    """

    record_id: str
    task: Task
    account: str
    positions: tuple[int, int]
    records: int
    tally: str
    findings: str
    size: int
    root: str

    @property
    def agency(self) -> str:
        """Whose records were looked over."""
        return self.task.agency

    def facts(self) -> JsonObject:
        """The body without what all events share."""
        return {
            "action": REVIEW_SIGNED,
            "actor": {
                "sub": self.task.officer,
                "agency": self.agency,
                "client": "gwanmun audit review",
            },
            "account": self.account,
            "selected": {
                "from": iso_time(self.task.period.begin),
                "to": iso_time(self.task.period.end),
                "after": self.positions[0],
                "upto": self.positions[1],
            },
            "records": self.records,
            "tally_sha256": self.tally,
            "findings_commitment": self.findings,
            "tree": {"size": self.size, "root": self.root},
        }


class Looked(NamedTuple):
    """The tally of a task, and up to which position it was taken."""

    task: Task
    tally: Tally
    upto: int


async def look_over(database: Database, keys: LedgerKeys, task: Task) -> Looked:
    """Tallies an agency's events of a time.

    Raises:
        StoreUnavailable: the database cannot be read.
        RecordUnreadable: an event was not written by this program.
    """
    async with database.reading_of(task.agency) as connection:
        upto = await last_position(connection)
    tally = Tally()
    selection = Selection(task.agency, 0, upto)
    async for record in all_records(database, selection, trust=keys.pins):
        if task.period.holds(record):
            tally.add(record)
    return Looked(task, tally, upto)


async def sign_review(
    database: Database, keys: LedgerKeys, looked: Looked, findings: str, path: Path, *, build: str
) -> ReviewSigned:
    """Writes the event, and the file that goes with it: tally, findings, the commitment's salt.

    The file is durable under another name before the event is, so that no event stands whose
    findings nobody has; a killed command leaves at most that (`.NAME.<record id>.draft`).

    Raises:
        OSError: the file cannot be written; there is no event.
        StoreUnavailable: the event is not known to be durable; there is no file.
    """
    async with database.reading() as connection:
        head = await last_checkpoint(connection)
    task = looked.task
    why, tally = commit(findings.encode()), looked.tally.tree()
    event = ReviewSigned(
        record_id=new_id(),
        task=task,
        account=account(),
        positions=(0, looked.upto),
        records=looked.tally.records,
        tally=hashlib.sha256(canonical(tally)).hexdigest(),
        findings=why.value,
        size=head.size if head else 0,
        root=head.root.hex() if head else "",
    )
    tree = {
        "format": "gwanmun/review/v1",
        "record_id": event.record_id,
        "agency": task.agency,
        **event.facts(),
        "tally": tally,
        "findings": findings,
        "findings_salt": why.salt.hex(),
    }
    draft = path.with_name(f".{path.name}.{event.record_id}.draft")
    try:
        write_whole(draft, json.dumps(tree, ensure_ascii=False, indent=2).encode() + b"\n")
        await append_alone(database, keys, event, build=build)
        draft.rename(path)
        sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)
    return event


def _odd(at: int) -> bool:
    moment = datetime.fromtimestamp(at / _MILLISECONDS, UTC).astimezone(KST)
    return not _FIRST_HOUR <= moment.hour < _LAST_HOUR or moment.weekday() >= _SATURDAY


def _all(counts: Counter[str]) -> JsonObject:
    return {name: counts[name] for name in sorted(counts)}


def _most(counts: Counter[str]) -> Iterable[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_LISTED]
