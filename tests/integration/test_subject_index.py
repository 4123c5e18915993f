"""Who handled this person? In both databases, in the record's own transaction, for one agency."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from keeping import Kept
from recording import AGENCY, ORIGIN, OTHER_AGENCY, Clock, ask, closed, opened, person, running

from gateway.errors import AuditUnavailable, LimitExceeded
from gateway.ledger.beside import Beside
from gateway.ledger.commitment import opens
from gateway.ledger.lookup import Lookup, Question
from gateway.ledger.retention import retention
from gateway.ledger.subjects import SubjectIndex, SubjectRules
from gateway.ledger.writer import Ledger
from gateway.store.subjects import delete_subjects
from redaction.entity import Origin
from redaction.mapping import Mapping, Value
from redaction.policy import Operator

DAY = 86_400.0
REASON = "정보주체의 열람 요구 (접수 17호)"
INDEX = SubjectIndex(b"k" * 32, SubjectRules(queries_per_day=3))


@asynccontextmanager
async def looking(kept: Kept, **options: Any) -> AsyncIterator[tuple[Ledger, Lookup]]:
    async with running(kept, **options) as ledger:
        yield ledger, Lookup(ledger._database, ledger, INDEX)


async def left(kept: Kept, tokens: int) -> None:
    async with asyncio.timeout(20):
        while ask(kept, "SELECT count(*) FROM subject") != [(tokens,)]:
            await asyncio.sleep(0.02)


def phone(number: int) -> str:
    return f"010-{number // 10_000:04}-{number % 10_000:04}"


def held(*numbers: int) -> Mapping:
    return Mapping(
        [
            Value("[전화]", phone(n), "PHONE_NUMBER", Operator.REPLACE, frozenset({Origin.USER}))
            for n in numbers
        ]
    )


async def handle(ledger: Ledger, *numbers: int, agency: str = AGENCY) -> str:
    event = opened(agency)
    rows = INDEX.rows(agency, event.record_id, held(*numbers), ledger.now())
    opening = ledger.open(event, beside=Beside(subjects=rows))
    await opening.durable
    ledger.close(opening, closed(event.record_id))
    return event.record_id


def question(ledger: Ledger, number: int, agency: str = AGENCY) -> Question:
    return Question(
        principal=person(agency),
        origin=ORIGIN,
        identifier=phone(number).replace("-", " "),
        reason=REASON,
        since=ledger.now() - 400 * DAY,
        until=ledger.now() + DAY,
    )


async def test_records_of_a_person_are_found_by_the_agency_that_has_them_alone(kept: Kept) -> None:
    async with looking(kept) as (ledger, lookup):
        first, second = await handle(ledger, 1, 2), await handle(ledger, 1)
        other = await handle(ledger, 1, agency=OTHER_AGENCY)
        found = await lookup.ask(question(ledger, 1))
        assert {record.record_id for record in found.found} == {first, second}
        assert {record.kinds for record in found.found} == {("PHONE_NUMBER",)}
        theirs = await lookup.ask(question(ledger, 1, OTHER_AGENCY))
        assert [record.record_id for record in theirs.found] == [other]
        assert (await lookup.ask(question(ledger, 3))).found == ()


async def test_a_lookup_is_an_event_that_tells_neither_whom_nor_why(kept: Kept) -> None:
    async with looking(kept) as (ledger, lookup):
        await handle(ledger, 1)
        asked = await lookup.ask(question(ledger, 1))
    ((body, agency),) = ask(kept, "SELECT body, agency FROM event WHERE action = 'audit.queried'")
    event = json.loads(body)
    assert (agency, event["id"], event["actor"]["sub"]) == (AGENCY, asked.query_id, "clerk-1")
    assert (event["found"], event["statute"]) == (1, "")
    assert opens(event["reason_commitment"], asked.reason.salt, REASON.encode())
    ((token,),) = ask(kept, "SELECT token FROM subject")
    for secret in (phone(1), phone(1).replace("-", ""), "열람", bytes(token).hex()):
        assert secret not in body.decode()
    assert kept.verified().problem is None


async def test_lookups_of_one_agency_are_counted_over_restarts(kept: Kept) -> None:
    for _ in range(3):
        async with looking(kept) as (ledger, lookup):
            await lookup.ask(question(ledger, 1))
    clock = Clock()
    clock.now = ledger.now()
    async with looking(kept, clock=clock) as (ledger, lookup):
        with pytest.raises(LimitExceeded):
            await lookup.ask(question(ledger, 1))
        await lookup.ask(question(ledger, 1, OTHER_AGENCY))
        clock.now += DAY
        await lookup.ask(question(ledger, 1))


async def test_more_identifiers_than_one_statement_holds_are_all_found(kept: Kept) -> None:
    async with looking(kept) as (ledger, lookup):
        record = await handle(ledger, *range(2_345))
        assert ask(kept, "SELECT count(*) FROM subject") == [(2_345,)]
        for number in (0, 1_000, 2_344):
            found = await lookup.ask(question(ledger, number))
            assert [each.record_id for each in found.found] == [record]


async def test_what_was_not_recorded_is_not_in_the_index_either(kept: Kept) -> None:
    async with running(kept, durable_seconds=0.3) as ledger:
        await handle(ledger, 1)
        with kept.hold_writes():
            with pytest.raises(AuditUnavailable):
                await handle(ledger, 2)
            await asyncio.sleep(kept.patience_seconds + 0.5)
    records = {row[0] for row in ask(kept, "SELECT DISTINCT record_id FROM subject")}
    begun = {row[0] for row in ask(kept, "SELECT record_id FROM event WHERE action LIKE '%opened'")}
    assert records == begun
    assert len(records) == 1


async def test_no_answer_without_the_event(kept: Kept) -> None:
    async with looking(kept, durable_seconds=0.3) as (ledger, lookup):
        await handle(ledger, 1)
        with kept.hold_writes():
            with pytest.raises(AuditUnavailable):
                await lookup.ask(question(ledger, 1))
            await asyncio.sleep(kept.patience_seconds + 0.5)


async def test_retention_deletes_tokens_and_leaves_the_records(kept: Kept) -> None:
    clock = Clock()
    async with looking(kept, clock=clock) as (ledger, lookup):
        database = lookup.database
        await handle(ledger, 1, 2)
        clock.now += 3 * 3_600
        await handle(ledger, 2)
        clock.now += 10 * DAY
        await handle(ledger, 3)
        assert await database.transact(partial(delete_subjects, before=clock.now - 5 * DAY))
        assert ask(kept, "SELECT count(*) FROM subject") == [(2,)]
        async with retention(database, ledger, subject_days=5, clock=clock):
            await left(kept, 1)
        async with retention(database, ledger, subject_days=0, clock=lambda: clock.now + 1):
            await left(kept, 0)
    assert ask(kept, "SELECT count(*) FROM event WHERE action = 'request.opened'") == [(3,)]
    assert kept.verified().problem is None


async def test_same_record_told_twice_stays_one_row(kept: Kept) -> None:
    """A value in two spellings has one token."""
    spelt = held(1)
    twice = Mapping([*spelt.values, replace(spelt.values[0], original="+82 10 0000 0001")])
    event = opened()
    async with running(kept) as ledger:
        rows = INDEX.rows(AGENCY, event.record_id, twice, ledger.now())
        opening = ledger.open(event, beside=Beside(subjects=[*rows, *rows]))
        await opening.durable
        ledger.close(opening, closed(event.record_id))
    assert ask(kept, "SELECT count(*) FROM subject") == [(1,)]
