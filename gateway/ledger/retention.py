"""Deletes what has been kept for long enough; in the background, and never in a request's way.

Content ends twice: its rows are deleted, and the week's key is destroyed, which ends it in every
copy of the database too. What was erased before its time and came back with a backup ends again.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

from gateway.ledger.content import ContentSealer
from gateway.ledger.erasures import erase_listed
from gateway.ledger.week_keys import WeekKeyMissing
from gateway.ledger.writer import Ledger
from gateway.store.content import delete_content
from gateway.store.database import Database
from gateway.store.errors import StoreUnavailable
from gateway.store.subjects import delete_subjects

ROUND_SECONDS = 3_600.0
_DAY_SECONDS = 86_400.0


@asynccontextmanager
async def retention(
    database: Database,
    ledger: Ledger,
    *,
    subject_days: int,
    content: ContentSealer | None = None,
    clock: Callable[[], float],
) -> AsyncIterator[None]:
    """Deletes what is too old, now and every hour while the block runs.

    Tokens older than `subject_days`; content by the time that stands in its rows, and the keys of
    weeks by the grades' days. `clock` gives Unix
    seconds.
    """
    task = asyncio.create_task(
        _run(database, ledger, subject_days, content, clock), name="retention"
    )
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _run(
    database: Database,
    ledger: Ledger,
    days: int,
    content: ContentSealer | None,
    clock: Callable[[], float],
) -> None:
    while True:
        # What cannot be deleted now can be in an hour.
        if content is not None:
            with suppress(WeekKeyMissing, StoreUnavailable):
                await erase_listed(database, ledger, content)
            with suppress(WeekKeyMissing):
                await asyncio.to_thread(content.weeks.destroy_before, clock(), content.days)
        with suppress(StoreUnavailable):
            while await database.transact(
                partial(delete_subjects, before=clock() - days * _DAY_SECONDS)
            ):
                pass
            while await database.transact(partial(delete_content, before=clock())):
                pass
        await asyncio.sleep(ROUND_SECONDS)
