"""An event whenever somebody comes with other rights than the last time, and only then."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from keeping import Kept, KeptInFile
from recording import AGENCY, FAST, OTHER_AGENCY, person

from gateway.demo.engine_script import Script
from gateway.domain import Grade, Role
from gateway.errors import AuditUnavailable
from gateway.ledger import rights
from gateway.ledger.events import Event
from gateway.ledger.rights import RightsWatch
from gateway.ledger.writer import Ledger, LedgerOptions

STAFF = {"roles": ["staff"], "department": "주민과", "ceiling": "S"}


@asynccontextmanager
async def watching(kept: Kept) -> AsyncIterator[RightsWatch]:
    """A gateway's watch; at its end all that waits has been told."""
    kept.prepare()
    async with (
        kept.database() as database,
        Ledger(LedgerOptions(**FAST), database, kept.keys()) as ledger,
        RightsWatch(database, ledger) as watch,
    ):
        yield watch


def told(kept: Kept, agency: str = AGENCY) -> list[dict[str, Any]]:
    query = (
        "SELECT body FROM event WHERE action = 'rights.changed' AND agency = ? ORDER BY position"
    )
    return [json.loads(bytes(body)) for (body,) in kept.ask(query, agency)]


def changes(kept: Kept, agency: str = AGENCY) -> list[tuple[Any, Any]]:
    return [(each["before"], each["after"]) for each in told(kept, agency)]


async def test_rights_are_told_when_they_are_new_and_when_they_change(kept: Kept) -> None:
    staff = person(roles=frozenset({Role.STAFF}))
    async with watching(kept) as watch:
        watch.saw(staff)
        watch.saw(staff)
    async with watching(kept) as another:  # of a gateway that has never seen him
        another.saw(staff)
    assert changes(kept) == [(None, STAFF)]
    assert (told(kept)[0]["sub"], told(kept)[0]["client"]) == ("clerk-1", "chat-app")
    raised = STAFF | {"roles": ["auditor", "staff"], "ceiling": "C"}
    async with watching(kept) as watch:
        watch.saw(person(roles=frozenset({Role.STAFF, Role.AUDITOR}), ceiling=Grade.C))
    async with watching(kept) as watch:
        watch.saw(person(roles=frozenset(), department="총무과"))
    bare = {"roles": [], "department": "총무과", "ceiling": "S"}
    assert changes(kept)[1:] == [(STAFF, raised), (raised, bare)]
    assert kept.verified().problem is None


async def test_each_client_has_rights_of_its_own(kept: Kept) -> None:
    """One person's tokens for two clients may differ for good; that is no change."""
    narrow = person(client="batch", roles=frozenset({Role.STAFF}))
    async with watching(kept) as watch:
        for _ in range(3):
            watch.saw(person())
            watch.saw(narrow)
            await asyncio.sleep(0.05)
    assert sorted(each["client"] for each in told(kept)) == ["batch", "chat-app"]


async def test_who_changes_agencies_is_told_to_each_what_is_its_own(kept: Kept) -> None:
    async with watching(kept) as watch:
        watch.saw(person(roles=frozenset({Role.STAFF})))
    async with watching(kept) as watch:
        watch.saw(person(OTHER_AGENCY, roles=frozenset({Role.DEVELOPER}), department="회계과"))
    assert changes(kept) == [(None, STAFF), (STAFF, None)]
    assert changes(kept, OTHER_AGENCY) == [(None, told(kept, OTHER_AGENCY)[0]["after"])]
    assert "회계과" not in json.dumps(told(kept), ensure_ascii=False)
    assert "주민과" not in json.dumps(told(kept, OTHER_AGENCY), ensure_ascii=False)


async def test_what_cannot_be_written_is_tried_again(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rights, "_RETRY_SECONDS", 0.02)
    tries, record = [], Ledger.record

    async def refusing(ledger: Ledger, event: Event) -> None:
        tries.append(event)
        if len(tries) < 4:
            raise AuditUnavailable
        await record(ledger, event)

    monkeypatch.setattr(Ledger, "record", refusing)
    async with watching(kept) as watch:
        watch.saw(person())
        watch.saw(person(subject="clerk-2"))
        async with asyncio.timeout(20):
            while len(told(kept)) < 2:
                await asyncio.sleep(0.02)
    assert {each["sub"] for each in told(kept)} == {"clerk-1", "clerk-2"}


async def test_a_table_that_somebody_wrote_into_stops_nothing(kept: Kept) -> None:
    async with watching(kept) as watch:
        watch.saw(person())
    kept.tamper("UPDATE principal SET rights = 'none of ours'")
    async with watching(kept) as watch:
        watch.saw(person())
        watch.saw(person(subject="clerk-2"))
    assert [each["before"] for each in told(kept)] == [None, None, None]


@pytest.mark.asyncio(loop_scope="session")
async def test_caller_of_a_gateway_is_told_once_with_the_rights_of_his_token(a_line: Any) -> None:
    line = await a_line(Script())
    kept = KeptInFile(line.data_dir)
    await line.ask(stream=False)
    await line.ask(stream=False)
    async with asyncio.timeout(10):
        while not told(kept, line.agency):
            await asyncio.sleep(0.02)
    ((before, after),) = changes(kept, line.agency)
    assert (before, after["roles"]) == (None, ["staff"])
