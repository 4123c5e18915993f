"""An officer's export: one agency's records in a file, the event that says so, and its slip.

1. The records go into a draft beside the file, which is synced and hashed. 2. The event with count
and hash is written and durable. 3. Only then the draft takes the file's name. Before the event
there is no file, and after any failure no draft; a killed command leaves at most a draft
(`.NAME.draft`, and a workbook's rows in `.NAME.draft.parts`) for its owner alone, which the next
one of that name takes over, and a told export that nobody has. A command holds its draft, so of two
with one name the second is refused before it has told anything.

The slip (`NAME.slip.json`) stands beside the file: the event's facts, the officer's reason and the
salt of its commitment, so that whoever holds all three can show that they belong together.
"""

import json
import os
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from gateway.exports.event import ExportMade
from gateway.exports.formats import Format, RecordFile, open_file, settle, sweep
from gateway.exports.record import Record, all_records
from gateway.ledger.commitment import commit
from gateway.ledger.errand import account, append_alone
from gateway.ledger.events import new_id
from gateway.ledger.keys import LedgerKeys
from gateway.store.database import Database
from gateway.store.exports import Selection, last_position
from gateway.store.private_file import held, sync_folder, write_whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What an officer wants: `begin` is the first moment and `end` the first one no more (Unix
    seconds; None is open), `actions` are all if empty.
    """

    agency: str
    officer: str
    reason: str
    format: Format
    begin: float | None
    end: float | None
    actions: tuple[str, ...]

    def holds(self, record: Record) -> bool:
        """Whether an event's own time is within."""
        begun = self.begin is None or record.at >= self.begin * 1_000
        return begun and (self.end is None or record.at < self.end * 1_000)


class Made(NamedTuple):
    """What was written: how many events, and the SHA-256 of the file in hex."""

    record_id: str
    records: int
    sha256: str


async def make_export(
    database: Database, keys: LedgerKeys, order: Order, path: Path, *, build: str
) -> Made:
    """Writes the file and its slip.

    Raises:
        FileExistsError: one of the two is there already, or the draft of a command that is running.
        OSError: the folder cannot be written.
        StoreUnavailable: the database cannot be read or written; there is no file.
        TooManyRecords: the format does not hold so many.
        RecordUnreadable: an event was not written by this program; there is no file.
    """
    slip, draft = slip_of(path), path.with_name(f".{path.name}.draft")
    with held(draft), ExitStack() as stack:  # from here on the name is this command's
        stack.callback(draft.unlink, missing_ok=True)
        sweep(draft)
        with open_file(order.format, draft, build) as file:
            for each in (path, slip):
                if each.exists():
                    raise FileExistsError(17, os.strerror(17), str(each))
            async with database.reading_of(order.agency) as connection:
                upto = await last_position(connection)
            selection = Selection(order.agency, 0, upto, order.actions)
            records = all_records(database, selection, trust=keys.pins)
            count = await _write(file, order, records)
            why = commit(order.reason.encode())
            event = ExportMade(
                record_id=new_id(),
                agency=order.agency,
                officer=order.officer,
                account=account(),
                format=order.format.value,
                begin=order.begin,
                end=order.end,
                actions=order.actions,
                positions=(selection.after, upto),
                records=count,
                size_bytes=draft.stat().st_size,
                sha256=settle(draft),
                reason=why.value,
            )
            await append_alone(database, keys, event, build=build)
            write_whole(slip, _slip(event, order.reason, why.salt))
            draft.rename(path)
            sync_folder(path.parent)
    return Made(event.record_id, count, event.sha256)


def slip_of(path: Path) -> Path:
    """Where the slip of a file stands."""
    return path.with_name(f"{path.name}.slip.json")


async def _write(file: RecordFile, order: Order, records: AsyncIterator[Record]) -> int:
    count = 0
    async for record in records:
        if order.holds(record):
            file.write(record)
            count += 1
    file.finish()
    return count


def _slip(event: ExportMade, reason: str, salt: bytes) -> bytes:
    tree = {
        "format": "gwanmun/export-slip/v1",
        "record_id": event.record_id,
        "agency": event.agency,
        **event.facts(),
        "reason": reason,
        "reason_salt": salt.hex(),
    }
    return json.dumps(tree, ensure_ascii=False, indent=2).encode() + b"\n"
