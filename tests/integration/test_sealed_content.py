"""Sealed content in both databases: with its record or not at all, and gone once its time is up."""

import asyncio
import json
from functools import partial
from pathlib import Path

import pytest
from keeping import Kept
from recording import AGENCY, Clock, ask, closed, opened, running
from sealing import ANSWER, Pair, beside, handle, rows, until_written

from gateway.errors import AuditUnavailable
from gateway.ledger.content import approve, open_text
from gateway.ledger.jwe import CannotOpen
from gateway.ledger.retention import retention
from gateway.store.content import delete_content

DAY = 86_400.0


def commitments(kept: Kept) -> dict[str, str]:
    bodies = [json.loads(body) for (body,) in ask(kept, "SELECT body FROM event")]
    return {body["action"]: body["content"] for body in bodies if "content" in body}


async def test_prompt_and_answer_are_sealed_with_their_events(kept: Kept, tmp_path: Path) -> None:
    pair = Pair.made()
    sealer = pair.sealer(tmp_path / "weeks", AGENCY)
    async with running(kept) as ledger:
        await handle(ledger, sealer)
    answer, prompt = rows(kept)
    committed = commitments(kept)
    texts = []
    for row, action in ((prompt, "request.opened"), (answer, "request.closed")):
        inner = approve(sealer.outer(row), pair.cpo)
        texts.append(open_text(inner, pair.officers, row, committed[action]).text)
    assert texts == ["[성명_1]에게", ANSWER]
    assert kept.verified().problem is None


async def test_what_was_not_recorded_is_not_kept_either(kept: Kept, tmp_path: Path) -> None:
    sealer = Pair.made().sealer(tmp_path / "weeks", AGENCY)
    async with running(kept, durable_seconds=0.3) as ledger:
        whole = await handle(ledger, sealer)
        with kept.hold_writes():
            with pytest.raises(AuditUnavailable):
                await handle(ledger, sealer)
            await asyncio.sleep(kept.patience_seconds + 0.5)
    assert {row.record_id for row in rows(kept)} == {whole}
    assert kept.verified().problem is None


async def test_content_that_cannot_be_written_fails_the_record(kept: Kept, tmp_path: Path) -> None:
    """The event's transaction is the content's: a row that the database refuses keeps both out."""
    sealer = Pair.made().sealer(tmp_path / "weeks", AGENCY)
    async with running(kept, durable_seconds=0.5) as ledger:
        first = await handle(ledger, sealer)
        event = opened()
        made = beside(sealer, first, ledger.now())  # the place of another record is taken
        opening = ledger.open(event, beside=made)
        with pytest.raises(AuditUnavailable):
            await opening.durable
        ledger.close(opening, closed(event.record_id))
    begun = ask(kept, "SELECT record_id FROM event WHERE action = 'request.opened'")
    assert begun == [(first,)]
    assert {row.record_id for row in rows(kept)} == {first}


async def until_told(kept: Kept, action: str, weeks: list[str]) -> None:
    """The events of week keys name these, and none else."""
    query = "SELECT body FROM event WHERE action = ?"
    told: list[str] = []
    async with asyncio.timeout(20):
        while told != weeks:
            await asyncio.sleep(0.02)
            bodies = [json.loads(bytes(body)) for (body,) in kept.ask(query, action)]
            told = sorted(
                week for each in bodies if each["role"] == "week" for week in each["keys"]
            )


async def test_retention_ends_content_and_leaves_every_proof(kept: Kept, tmp_path: Path) -> None:
    pair, clock = Pair.made(), Clock()
    sealer = pair.sealer(tmp_path / "weeks", AGENCY)
    async with running(kept, clock=clock) as ledger:
        await handle(ledger, sealer)
        await until_written(kept, 2)
        backup = rows(kept)
        clock.now += 15 * DAY
        await handle(ledger, sealer)
        await until_written(kept, 4)
        clock.now += 15 * DAY  # twenty days and the rest of its week: the first one's is over
        async with retention(ledger._database, ledger, subject_days=1, content=sealer, clock=clock):
            await until_written(kept, 2)
            await until_told(kept, "key.destroyed", [backup[0].week])
        await until_told(kept, "key.issued", sorted({row.week for row in backup + rows(kept)}))
        for row in rows(kept):
            approve(sealer.outer(row), pair.cpo)
    for row in backup:  # an old copy of the database does not bring it back
        with pytest.raises(CannotOpen):
            sealer.outer(row)
    assert kept.verified().problem is None


async def test_only_what_has_expired_is_deleted(kept: Kept, tmp_path: Path) -> None:
    sealer = Pair.made().sealer(tmp_path / "weeks", AGENCY)
    async with running(kept) as ledger:
        await handle(ledger, sealer)
        await until_written(kept, 2)
        before = partial(delete_content, before=ledger.now() + 19 * DAY)
        assert await ledger._database.transact(before) is False
        assert len(rows(kept)) == 2
        after = partial(delete_content, before=ledger.now() + 21 * DAY)
        assert await ledger._database.transact(after) is False
        assert rows(kept) == []
