"""Rights as they are seen: an event whenever somebody comes with others than the last time.

Rights come with the identity provider's tokens, and who gave them stands in its own log. Ours tells
when they first counted here (안전성 확보조치 기준 제5조제3항: 권한 부여, 변경, 말소의 내역). It is
told beside the requests, which carry the roles in their own records: nobody waits for it, and what
cannot be written is tried again.
"""

import asyncio
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import orjson

from gateway.domain import Principal
from gateway.errors import AuditUnavailable
from gateway.ledger.events import bounded, new_id
from gateway.ledger.writer import Ledger
from gateway.store.database import Database
from gateway.store.errors import StoreUnavailable
from gateway.store.principals import PrincipalRow, keep_seen, last_seen
from inference.task import JsonObject

RIGHTS_CHANGED: Final = "rights.changed"

_REMEMBERED: Final = 100_000  # subjects that this process need not look up
_WAITING: Final = 10_000  # further ones are told when they come again
_RETRY_SECONDS: Final = 2.0
_DRAIN_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RightsChanged:
    """Somebody was seen with these rights in an agency, after those; None: with none there.

    Who goes from one agency to another loses in the one what he had, and gets in the other what he
    has: neither agency reads of the other.
    """

    record_id: str
    agency: str
    subject: str
    client: str
    before: JsonObject | None
    after: JsonObject | None

    def facts(self) -> JsonObject:
        """The body without what all events share."""
        return {
            "action": RIGHTS_CHANGED,
            "sub": self.subject,
            "client": self.client,
            "before": self.before,
            "after": self.after,
        }


class RightsWatch:
    """Tells of changed rights; an async context manager with one task."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self._database = database
        self._ledger = ledger
        self._known: OrderedDict[tuple[str, str], PrincipalRow] = OrderedDict()
        self._waiting: OrderedDict[tuple[str, str], PrincipalRow] = OrderedDict()
        self._come = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="rights")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Tells what waits, for a while; what is left is told when they come again."""
        self._stopping = True
        self._come.set()
        if self._task:
            await asyncio.wait({self._task}, timeout=_DRAIN_SECONDS)
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def saw(self, principal: Principal) -> None:
        """Notes with which rights somebody has come; never waits, never fails."""
        row = _row(principal)
        key = row.subject, row.client
        if self._known.get(key) == row:
            self._known.move_to_end(key)
        elif key in self._waiting or len(self._waiting) < _WAITING:
            self._waiting[key] = row
            self._come.set()

    async def _run(self) -> None:
        while not self._stopping or self._waiting:
            await self._come.wait()
            self._come.clear()
            while self._waiting:
                key, row = self._waiting.popitem(last=False)
                try:
                    await self._tell(row)
                except (AuditUnavailable, StoreUnavailable):
                    if self._stopping:
                        return
                    self._waiting.setdefault(key, row)
                    await self._pause()
                else:
                    self._remember(key, row)

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_RETRY_SECONDS):
                while not self._stopping:
                    self._come.clear()
                    await self._come.wait()

    def _remember(self, key: tuple[str, str], row: PrincipalRow) -> None:
        self._known[key] = row
        self._known.move_to_end(key)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    async def _tell(self, row: PrincipalRow) -> None:
        """The events first: what is told twice after a crash does no harm, a gap would."""
        last = await last_seen(self._database, row.subject, row.client)
        if last == row:
            return
        for event in _changes(last, row):
            await self._ledger.record(event)
        await keep_seen(self._database, row)


def _row(principal: Principal) -> PrincipalRow:
    rights = {
        "roles": sorted(role.value for role in principal.roles),
        "department": bounded(principal.department),
        "ceiling": principal.ceiling.name,
    }
    return PrincipalRow(
        subject=bounded(principal.subject),
        client=bounded(principal.client),
        agency=bounded(principal.agency),
        rights=orjson.dumps(rights).decode(),
    )


def _changes(last: PrincipalRow | None, row: PrincipalRow) -> list[RightsChanged]:
    before, after = _read(last.rights) if last else None, _read(row.rights)
    if last and last.agency != row.agency:
        return [_change(last, last.agency, before, None), _change(row, row.agency, None, after)]
    return [_change(row, row.agency, before, after)]


def _read(rights: str) -> JsonObject | None:
    """None for what is not of our writing: this table is no proof, the events are."""
    with suppress(ValueError):
        found = orjson.loads(rights)
        return found if isinstance(found, dict) else None
    return None


def _change(
    row: PrincipalRow, agency: str, before: JsonObject | None, after: JsonObject | None
) -> RightsChanged:
    return RightsChanged(
        record_id=new_id(),
        agency=agency,
        subject=row.subject,
        client=row.client,
        before=before,
        after=after,
    )
