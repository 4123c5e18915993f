"""The daily archive: every event of each whole day in files per agency, with a signed manifest.

Days are Korean. An event belongs to the first day that was not archived yet when the order of
commits reached it: one that was committed late stands in a later day's file, never in none and
never in two. A day's folder is made aside and takes its name when all of it is durable. Files are
made read-only; that nobody writes over them is for the place where they lie (WORM) to see to.
"""

import os
import shutil
from datetime import date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Final
from urllib.parse import quote

from gateway.exports.continuing import require_same_history
from gateway.exports.formats import json_line, settle
from gateway.exports.record import KST, Record, read_records
from gateway.ledger.keys import LedgerKeys
from gateway.proofs.manifest import (
    FILE_NAME,
    ArchivedFile,
    LastEvent,
    Manifest,
    last_manifest,
    manifest_bytes,
)
from gateway.store.database import Database
from gateway.store.exports import PAGE, Selection, last_position
from gateway.store.private_file import sync_folder, write_whole

_PLATFORM_FILE: Final = "platform.jsonl"
_READ_ONLY: Final = 0o440
_ONE_DAY: Final = timedelta(days=1)


async def archive_days(
    database: Database, keys: LedgerKeys, folder: Path, *, today: date
) -> list[Manifest]:
    """Archives every day before `today` that is not yet; returns their manifests.

    Raises:
        ValueError: the archive's last manifest, or an event, is not what this log has signed.
        OtherHistory: the archive is not of what stands in the database.
        OSError: the folder cannot be written.
        StoreUnavailable: the database cannot be read.
    """
    made: list[Manifest] = []
    before = last_manifest(folder, keys.pins)
    await require_same_history(database, before)
    async with database.reading() as connection:
        bound = await last_position(connection)
        first = await read_records(connection, Selection(None, 0, bound), 1)
    day = before.day + _ONE_DAY if before else day_of(first[0]) if first else today
    while day < today:
        before = await _archive_day(database, keys, folder, (day, before, bound))
        made.append(before)
        day += _ONE_DAY
    return made


def day_of(record: Record) -> date:
    """The Korean day of an event."""
    return datetime.fromtimestamp(record.at // 1_000, KST).date()


async def _archive_day(
    database: Database,
    keys: LedgerKeys,
    folder: Path,
    place: tuple[date, Manifest | None, int],
) -> Manifest:
    day, before, bound = place
    draft = folder / f".{day.isoformat()}.draft"
    shutil.rmtree(draft, ignore_errors=True)  # of a command that was killed
    draft.mkdir(mode=0o750)
    after = before.upto if before else 0
    counts: dict[str, int] = {}
    upto, last = after, before.last if before else None
    while True:
        async with database.reading() as connection:
            page = await read_records(connection, Selection(None, upto, bound))
        within = _until(page, day)
        _append(draft, within, counts)
        if within:
            upto, last = within[-1].position, _last(within[-1])
        if len(within) < PAGE:
            break
    manifest = Manifest(
        origin=keys.origin,
        day=day,
        after=after,
        upto=upto,
        files=tuple(_settled(draft / name, counts[name]) for name in sorted(counts)),
        previous=(before.day, before.hash) if before else None,
        last=last,
    )
    write_whole(draft / FILE_NAME, manifest_bytes(manifest, keys.writing_key), _READ_ONLY)
    draft.rename(folder / day.isoformat())
    sync_folder(folder)
    written = last_manifest(folder, keys.pins)
    assert written is not None  # noqa: S101 it was just made
    return written


def _until(page: list[Record], day: date) -> list[Record]:
    """The events before the first of a later day."""
    number = next((at for at, each in enumerate(page) if day_of(each) > day), len(page))
    return page[:number]


def _last(record: Record) -> LastEvent:
    return LastEvent(record.writer, record.sequence, record.hash)


def _append(draft: Path, records: list[Record], counts: dict[str, int]) -> None:
    for agency, group in groupby(sorted(records, key=_by_agency), key=lambda each: each.agency):
        lines = [json_line(record) for record in group]
        name = f"agency-{quote(agency, safe='')}.jsonl" if agency else _PLATFORM_FILE
        descriptor = os.open(
            draft / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640
        )
        with os.fdopen(descriptor, "ab") as file:
            file.writelines(lines)
        counts[name] = counts.get(name, 0) + len(lines)


def _by_agency(record: Record) -> tuple[str, int]:
    return record.agency, record.position


def _settled(path: Path, events: int) -> ArchivedFile:
    digest = settle(path)
    path.chmod(_READ_ONLY)
    return ArchivedFile(path.name, path.stat().st_size, digest, events)
