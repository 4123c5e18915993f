"""A clock that goes backwards: the log's order is its own, and nothing is refused, lost or early.

Each event says the time that the clock has shown; nobody corrects it afterwards.
"""

import asyncio
import json
from itertools import pairwise
from pathlib import Path

import pytest
from keeping import Kept, KeptInFile
from people import principal
from recording import AGENCY, Clock, ask, record, refused, running, verified
from sealing import DAYS
from tiling import Cosigner
from whole_records import Handling, Secrets, check_whole

from gateway.domain import Grade
from gateway.errors import Unauthenticated
from gateway.identity.sessions import Sessions
from gateway.ledger.retention import retention
from gateway.ledger.week_keys import week_of
from gateway.ledger.witnesses import Witnesses, Witnessing
from gateway.proofs.policy import Policy
from gateway.settings import IdentitySettings
from gateway.store.sessions import SessionStore

DAY = 86_400.0


async def test_events_stand_in_the_order_of_the_log_whatever_the_clock_says(kept: Kept) -> None:
    clock, steps = Clock(), (0.0, -1.0, -3_600.0, 7_200.0, -400 * DAY, -0.001)
    async with running(kept, clock=clock) as ledger:
        ids = []
        for step in steps:
            clock.now += step
            ids.append(await record(ledger))
            ledger.refused(refused())
            assert (await ledger.state()).healthy
    report = verified(kept)
    assert (report.problem, report.open, report.unsealed) == (None, 0, 0)
    query = "SELECT record_id, body FROM event WHERE action = 'request.opened' ORDER BY position"
    rows = ask(kept, query)
    assert [record_id for record_id, _ in rows] == ids
    times = [json.loads(bytes(body))["time"] for _, body in rows]
    assert [later < earlier for earlier, later in pairwise(times)] == [
        step < 0 for step in steps[1:]
    ]
    counted = ask(kept, "SELECT body FROM event WHERE action = 'auth.refused'")
    told = [json.loads(bytes(body)) for (body,) in counted]
    assert sum(each["count"] for facts in told for each in facts["refused"]) == len(steps)


async def test_agencies_heads_are_signed_on_time_though_the_clock_went_back(kept: Kept) -> None:
    clock = Clock()
    heads = "SELECT count(*) FROM agency_head WHERE agency = ?"

    async def until_heads(count: int) -> None:
        async with asyncio.timeout(20):
            while ask(kept, heads, AGENCY)[0][0] < count:
                await asyncio.sleep(0.02)

    async with running(kept, clock=clock, agency_head_seconds=0.05) as ledger:
        await record(ledger)
        await until_heads(1)
        clock.now -= 400 * DAY
        ((before,),) = ask(kept, heads, AGENCY)
        await record(ledger)
        await until_heads(before + 1)
    assert verified(kept).problem is None


async def test_witnesses_that_are_away_are_an_alarm_though_the_clock_went_back(
    tmp_path: Path,
) -> None:
    clock, kept = Clock(), KeptInFile(tmp_path / "data")
    nobody = Cosigner("alpha.example.go.kr/1")
    policy = Policy.parse(f"witness a {nobody.key} http://127.0.0.1:9\nquorum a\n")
    how = Witnessing(policy=policy, round_seconds=0.05, stale_seconds=0.3, clock=clock)
    async with running(kept, clock=clock) as ledger:
        await record(ledger)
    clock.now -= DAY
    async with kept.database() as database, Witnesses(database, how) as witnesses:
        await witnesses.ask()
        assert not witnesses.stale
        async with asyncio.timeout(20):
            while not witnesses.stale:
                await asyncio.sleep(0.05)
                await witnesses.ask()


async def test_retention_deletes_nothing_before_its_time_and_all_of_it_in_the_end(
    kept: Kept, tmp_path: Path
) -> None:
    clock, secrets = Clock(), Secrets.made(tmp_path / "secrets")
    sealer = secrets.sealer()

    async def handle() -> str:
        handling = Handling(ledger, sealer)
        record_id = await handling.begin()
        handling.end()
        return record_id

    async def content_rows(expected: int) -> None:
        async with asyncio.timeout(20):
            while ask(kept, "SELECT count(*) FROM content") != [(expected,)]:
                await asyncio.sleep(0.02)

    async with running(kept, clock=clock) as ledger:
        ids = [await handle()]
        clock.now -= 40 * DAY
        ids.append(await handle())
        await content_rows(4)
        async with retention(
            ledger._database, ledger, subject_days=20, content=sealer, clock=clock
        ):
            await asyncio.sleep(0.2)
        check_whole(kept, secrets, ids)
        clock.now += 40 * DAY  # right again: what was written in between is over by its own time
        async with retention(
            ledger._database, ledger, subject_days=20, content=sealer, clock=clock
        ):
            await content_rows(2)
        assert sealer.weeks.read(week_of(clock.now, Grade.S))
        clock.now += (DAYS[Grade.S] + 7) * DAY
        async with retention(
            ledger._database, ledger, subject_days=20, content=sealer, clock=clock
        ):
            await content_rows(0)
    assert verified(kept).problem is None


async def test_session_ends_when_it_should_though_the_clock_went_back_and_came_right(
    kept: Kept,
) -> None:
    clock = Clock()
    settings = IdentitySettings(
        issuer="https://issuer.example", session_idle_seconds=1_800, session_seconds=7_200
    )
    kept.prepare()
    async with kept.database() as database:
        sessions = Sessions(SessionStore(database), b"k" * 32, settings, now=clock)
        secret = await sessions.begin(principal(), "")
        for step in (-DAY, 60.0, DAY - 60.0, 1_700.0, 1_700.0, 1_700.0, 1_700.0):
            clock.now += step
            await sessions.find(secret)
        clock.now += 500.0
        with pytest.raises(Unauthenticated):
            await sessions.find(secret)
