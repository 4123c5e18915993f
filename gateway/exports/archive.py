"""The daily archive: every event of each whole day in files per agency, with a signed manifest.

Days are Korean. An event belongs to the first day that was not archived yet when the order of
commits reached it: one that was committed late stands in a later day's file, never in none and
never in two. A day is made as a draft on this machine, and handed whole to the place that keeps it:
a folder (archive_folder.py) or a bucket with object lock (archive_bucket.py).
"""

import os
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import quote

from gateway.exports.continuing import require_same_history
from gateway.exports.formats import json_line, settle
from gateway.exports.record import KST, Record, read_records
from gateway.ledger.keys import LedgerKeys
from gateway.proofs.manifest import (
    FILE_NAME,
    ArchivedFile,
    Days,
    LastEvent,
    Manifest,
    last_manifest,
    manifest_bytes,
)
from gateway.store.database import Database
from gateway.store.exports import PAGE, Selection, last_position
from gateway.store.private_file import write_whole

_PLATFORM_FILE: Final = "platform.jsonl"
_READ_ONLY: Final = 0o440
_ONE_DAY: Final = timedelta(days=1)


class ArchiveUnusable(Exception):
    """The place cannot take or show days; the message says why, in Korean and English."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A whole day on this machine: its files and its manifest, durable; `upto` is a position."""

    day: date
    folder: Path
    upto: int


@dataclass(frozen=True, slots=True)
class Locks:
    """How days have to be locked, and when the first lock ends of all that were read."""

    mode: str
    days: int
    least_until: datetime | None


class Place(Days, Protocol):
    """What keeps the archive's days. `days` names those that are there whole."""

    def begun(self, day: date) -> int | None:
        """The position up to which a day goes that is there in part; None if nothing of it is.

        Raises:
            ArchiveUnusable: it cannot be read, or is not of a command like this.
        """

    def draft(self, day: date) -> Path:
        """A new, empty folder to make a day in, in place of one that was left."""

    def keep(self, draft: Draft) -> None:
        """Keeps a day for good. Nothing that is there is written over.

        Raises:
            ArchiveUnusable: it cannot, or other files of this day are there.
            OSError: the draft cannot be read or moved.
        """

    def locks(self) -> Locks | None:
        """How what was read so far is locked; None where nothing is."""


async def archive_days(
    database: Database, keys: LedgerKeys, place: Place, *, today: date
) -> list[Manifest]:
    """Archives every day before `today` that is not yet; returns their manifests.

    Raises:
        ValueError: the archive's last manifest, or an event, is not what this log has signed.
        ArchiveUnusable: the place does not take them.
        OtherHistory: the archive is not of what stands in the database.
        OSError: a folder cannot be written.
        StoreUnavailable: the database cannot be read.
    """
    made: list[Manifest] = []
    before = last_manifest(place, keys.pins)
    await require_same_history(database, before)
    async with database.reading() as connection:
        bound = await last_position(connection)
        first = await read_records(connection, Selection(None, 0, bound), 1)
    day = before.day + _ONE_DAY if before else day_of(first[0]) if first else today
    while day < today:
        begun = place.begun(day)
        span = (before, bound if begun is None else begun)
        before = await _archive_day(database, keys, place, (day, *span))
        made.append(before)
        day += _ONE_DAY
    return made


def day_of(record: Record) -> date:
    """The Korean day of an event."""
    return datetime.fromtimestamp(record.at // 1_000, KST).date()


async def _archive_day(
    database: Database,
    keys: LedgerKeys,
    place: Place,
    span: tuple[date, Manifest | None, int],
) -> Manifest:
    day, before, bound = span
    draft = place.draft(day)
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
    place.keep(Draft(day=day, folder=draft, upto=upto))
    written = last_manifest(place, keys.pins)
    if written is None or written.day != day:
        raise ValueError("the day that was kept is not the newest")
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
