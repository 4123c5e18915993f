"""Deletes what has been kept for long enough; in the background, and never in a request's way.

Content ends twice: its rows are deleted, and the week's key is destroyed, which ends it in every
copy of the database too. What was erased before its time and came back with a backup ends again.
Keys are destroyed only after an event that tells of it; those that were made are told of soon.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial

from gateway.errors import AuditUnavailable
from gateway.ledger.content import ContentSealer
from gateway.ledger.erasures import erase_listed
from gateway.ledger.events import new_id
from gateway.ledger.in_force import KEY_DESTROYED, KEY_ISSUED, KeyAct
from gateway.ledger.week_keys import WeekKeyMissing
from gateway.ledger.writer import Ledger
from gateway.store.content import delete_content
from gateway.store.database import Database
from gateway.store.errors import StoreUnavailable
from gateway.store.subjects import delete_subjects

ROUND_SECONDS = 3_600.0
_TELL_SECONDS = 60.0
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
        await _tell_made(ledger, content)


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
            with suppress(WeekKeyMissing, AuditUnavailable):
                await _destroy_due(ledger, content, clock())
        with suppress(StoreUnavailable):
            while await database.transact(
                partial(delete_subjects, before=clock() - days * _DAY_SECONDS)
            ):
                pass
            while await database.transact(partial(delete_content, before=clock())):
                pass
        await _paused(ledger, content)


async def _destroy_due(ledger: Ledger, content: ContentSealer, at: float) -> None:
    weeks = await asyncio.to_thread(content.weeks.due, at, content.days)
    if weeks:
        await ledger.record(_key_act(KEY_DESTROYED, weeks))
        await asyncio.to_thread(content.weeks.destroy, weeks)


async def _paused(ledger: Ledger, content: ContentSealer | None) -> None:
    """A round's time, in which new week keys are told of once a minute."""
    for _ in range(round(ROUND_SECONDS / _TELL_SECONDS)):
        await _tell_made(ledger, content)
        await asyncio.sleep(_TELL_SECONDS)


async def _tell_made(ledger: Ledger, content: ContentSealer | None) -> None:
    """Tells of the week keys that this process has made; what cannot be told now stays to be."""
    made = content.weeks.made if content else None
    if made:
        weeks = [*made]
        with suppress(AuditUnavailable):
            await ledger.record(_key_act(KEY_ISSUED, weeks))
            for _ in weeks:
                made.popleft()


def _key_act(action: str, weeks: Sequence[str]) -> KeyAct:
    return KeyAct(action=action, record_id=new_id(), role="week", keys=tuple(weeks))
