"""The write path on both databases: places, group commit, failure of the store, recovery."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from keeping import Kept
from recording import (
    AGENCY,
    FAST,
    Clock,
    ask,
    closed,
    in_force,
    opened,
    person,
    prepare,
    record,
    refused,
    running,
    tamper,
    verified,
)

from gateway.errors import AuditUnavailable
from gateway.ledger.in_force import KeysInForce
from gateway.ledger.sealer import SealingRefused
from gateway.ledger.writer import Ledger, LedgerOptions


def actions(place: Path | Kept) -> list[str]:
    rows = ask(place, "SELECT action FROM event ORDER BY position")
    return [action for (action,) in rows]


def blobs(row: Sequence[object]) -> list[bytes]:
    return [value for value in row if isinstance(value, bytes)]


async def until_healthy(ledger: Ledger, expected: bool) -> None:
    async with asyncio.timeout(20):
        while (await ledger.state()).healthy is not expected:
            await asyncio.sleep(0.02)


async def test_a_record_is_durable_before_its_opening_resolves(kept: Kept) -> None:
    async with running(kept) as ledger:
        opening = ledger.open(opened())
        await opening.durable
        assert actions(kept) == ["writer.started", "request.opened"]
        ledger.close(opening, closed(opening.record_id))
    assert actions(kept)[2:] == ["request.closed", "writer.stopped"]
    report = verified(kept)
    assert report.problem is None
    assert (report.size, report.unsealed, report.open, report.running) == (4, 0, 0, 0)


async def test_many_openings_share_commits(kept: Kept) -> None:
    async with running(kept, seal_seconds=60) as ledger:
        openings = [ledger.open(opened()) for _ in range(500)]
        await asyncio.gather(*(opening.durable for opening in openings))
        for opening in openings:
            ledger.close(opening, closed(opening.record_id))
        pages = (await ledger.state()).queued
        assert pages == 500
    assert actions(kept).count("request.closed") == 500
    assert verified(kept).problem is None


async def test_an_opening_reserves_the_place_of_its_closing(kept: Kept) -> None:
    async with running(kept, queue_places=10) as ledger:
        first = [ledger.open(opened()) for _ in range(5)]
        with pytest.raises(AuditUnavailable):
            ledger.open(opened())
        await asyncio.gather(*(opening.durable for opening in first))
        # Five places are free again, five are kept for closings.
        more = [ledger.open(opened()) for _ in range(2)]
        with pytest.raises(AuditUnavailable):
            ledger.open(opened())
        for opening in (*first, *more):
            ledger.close(opening, closed(opening.record_id))
            ledger.close(opening, closed(opening.record_id))
        async with asyncio.timeout(5):
            while (await ledger.state()).queued:
                await asyncio.sleep(0.01)
        await record(ledger)
    assert actions(kept).count("request.closed") == 8
    assert verified(kept).problem is None


async def test_refusals_never_take_the_place_of_a_request(kept: Kept) -> None:
    clock = Clock()
    async with running(kept, queue_places=2, clock=clock) as ledger:
        for number in range(20_000):
            ledger.refused(refused(origin=opened().origin))
            ledger.refused(refused(person(subject=f"s{number}")))
        await record(ledger)
        clock.now += 60
        ledger.refused(refused())
    leaves = verified(kept)
    assert leaves.problem is None
    rows = ask(kept, "SELECT body FROM event WHERE action = 'auth.refused'")
    assert len(rows) == 2
    assert actions(kept).count("request.refused") <= 500


async def test_a_million_bad_tokens_add_few_leaves_and_refuse_no_request(kept: Kept) -> None:
    clock, events = Clock(), [refused(reason=word) for word in ("expired", "signature", "issuer")]
    async with running(kept, clock=clock) as ledger:
        for second in range(600):
            for number in range(1_000_000 // 600 // 30):
                ledger.refused(events[number % 3])
            if second % 100 == 0:
                await record(ledger)
            clock.now += 1
    assert actions(kept).count("auth.refused") <= 11
    assert verified(kept).size <= 100


async def test_a_store_that_is_away_fails_openings_and_keeps_closings(kept: Kept) -> None:
    async with running(kept, durable_seconds=0.5) as ledger:
        opening = ledger.open(opened())
        await opening.durable
        with kept.hold_writes():
            late = ledger.open(opened())
            with pytest.raises(AuditUnavailable):
                await late.durable
            ledger.close(opening, closed(opening.record_id))
            await asyncio.sleep(kept.patience_seconds + 0.5)
            await until_healthy(ledger, False)
            with pytest.raises(AuditUnavailable):
                ledger.open(opened())
            ledger.close(late, closed(late.record_id))
        await until_healthy(ledger, True)
        last = await record(ledger)
    rows = ask(kept, "SELECT record_id, action FROM event WHERE agency <> ''")
    assert [row for row in rows if row[1] != "request.refused"] == [
        (opening.record_id, "request.opened"),
        (opening.record_id, "request.closed"),
        (last, "request.opened"),
        (last, "request.closed"),
    ]
    assert [row[0] for row in rows if row[1] == "request.refused"] == [late.record_id]
    assert verified(kept).problem is None


async def test_dropped_openings_are_counted_as_refused_for_want_of_a_record(
    kept: Kept,
) -> None:
    """A 503 that no record was kept for is told as soon as records are kept again."""
    clock = Clock()
    async with running(kept, durable_seconds=0.3, clock=clock) as ledger:
        with kept.hold_writes():
            taken = ledger.open(opened())
            await asyncio.sleep(0.1)  # the writer waits for the lock with it
            waiting = [ledger.open(opened()) for _ in range(3)]
            for opening in (taken, *waiting):
                with pytest.raises(AuditUnavailable):
                    await opening.durable
                ledger.close(opening, closed(opening.record_id))
            await asyncio.sleep(kept.patience_seconds + 0.5)
            assert (await ledger.state()).trouble == "store"
        await until_healthy(ledger, True)
        clock.now += 60
        await record(ledger)
    events = [
        json.loads(body)
        for (body,) in ask(kept, "SELECT body FROM event WHERE action = 'request.refused'")
    ]
    assert {(event["code"], event["agency"]) for event in events} == {("audit_unavailable", AGENCY)}
    assert sum(event["count"] for event in events) == 4
    assert events[0]["id"] == waiting[0].record_id
    assert actions(kept).count("request.opened") == 1
    assert verified(kept).problem is None


async def test_an_opening_that_timed_out_but_was_written_still_gets_its_closing(
    kept: Kept,
) -> None:
    async with running(kept, durable_seconds=0.2) as ledger:
        with kept.hold_writes():
            late = ledger.open(opened())
            with pytest.raises(AuditUnavailable):
                await late.durable
            ledger.close(late, closed(late.record_id))
            # The lock goes before SQLite's own patience ends: the commit succeeds after all.
        async with asyncio.timeout(5):
            while (await ledger.state()).queued:
                await asyncio.sleep(0.01)
    assert actions(kept)[1:3] == ["request.opened", "request.closed"]
    assert verified(kept).problem is None


async def test_a_database_that_is_moved_away_answers_no_and_recovers(tmp_path: Path) -> None:
    folder, aside = tmp_path / "data", tmp_path / "aside"
    async with running(folder, heartbeat_seconds=0.1) as ledger:
        await record(ledger)
        folder.rename(aside)
        await until_healthy(ledger, False)
        assert (await ledger.state()).trouble == "store"
        with pytest.raises(AuditUnavailable):
            ledger.open(opened())
        aside.rename(folder)
        await until_healthy(ledger, True)
        await record(ledger)
    report = verified(folder)
    assert (report.problem, report.open) == (None, 0)


async def test_another_database_in_its_place_is_never_written(tmp_path: Path) -> None:
    folder, aside = tmp_path / "data", tmp_path / "aside"
    prepare(tmp_path / "other")
    async with running(folder, heartbeat_seconds=0.1, drain_seconds=1) as ledger:
        await record(ledger)
        folder.rename(aside)
        (tmp_path / "other").rename(folder)
        await until_healthy(ledger, False)
        await asyncio.sleep(1)
        with pytest.raises(AuditUnavailable):
            ledger.open(opened())
    assert actions(folder) == []
    assert verified(aside).problem is None


async def test_too_little_disk_opens_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, disk_reserve_bytes=2**62) as ledger:
        state = await ledger.state()
        assert (state.healthy, state.trouble) == (False, "disk")
        with pytest.raises(AuditUnavailable):
            ledger.open(opened())


async def test_too_much_unsealed_opens_nothing(kept: Kept) -> None:
    async with running(kept, unsealed_limit=3, seal_seconds=60) as ledger:
        await record(ledger)
        await record(ledger)
        async with asyncio.timeout(5):
            while (await ledger.state()).healthy:
                await asyncio.sleep(0.01)
        assert (await ledger.state()).trouble == "backlog"
        with pytest.raises(AuditUnavailable):
            ledger.open(opened())
    assert verified(kept).problem is None


async def test_a_time_without_room_is_told_once_when_there_is_room_again(kept: Kept) -> None:
    async with running(kept, unsealed_limit=5, seal_seconds=1) as ledger:
        async with asyncio.timeout(20):
            while (await ledger.state()).trouble != "backlog":
                await record(ledger)
        for _ in range(3):
            with pytest.raises(AuditUnavailable):
                ledger.open(opened())
        await until_healthy(ledger, True)
        await record(ledger)
    (told,) = told_of(kept, "log.full")
    assert (told["cause"], told["refused"], told["agency"]) == ("backlog", 3, "")
    assert told["from"] <= told["until"]
    assert verified(kept).problem is None


def told_of(kept: Kept, action: str) -> list[dict[str, Any]]:
    rows = ask(kept, "SELECT body FROM event WHERE action LIKE ? ORDER BY position", action)
    return [json.loads(bytes(body)) for (body,) in rows]


async def test_every_start_tells_what_it_works_by_and_what_has_changed(kept: Kept) -> None:
    starts = [
        in_force("기본-1@sha256:aa", server={"port": 1}, limits={}),
        in_force("기본-1@sha256:aa", server={"port": 1}, limits={}),
        in_force("엄격-1@sha256:bb", server={"port": 2}, limits={}, log={}),
    ]
    for applied in starts:
        async with running(kept, in_force=applied) as ledger:
            await record(ledger)
    told = told_of(kept, "config.applied")
    assert [one["changed"] for one in told] == [None, [], ["log", "server"]]
    assert [one["settings"] for one in told] == [dict(one.groups) for one in starts]
    changes = told_of(kept, "policy.changed")
    assert [(one["before"], one["after"]) for one in changes] == [
        ("기본-1@sha256:aa", "엄격-1@sha256:bb")
    ]
    first = ["writer.started", "config.applied", "key.issued", "key.issued", "request.opened"]
    assert actions(kept)[:5] == first
    assert verified(kept).problem is None


async def test_what_became_of_keys_is_told_at_the_next_start(kept: Kept) -> None:
    starts = [
        KeysInForce(sealer=("a", "b"), writers=("w",)),
        KeysInForce(sealer=("a", "b"), writers=("w",)),
        KeysInForce(sealer=("c",), writers=("w",), held=True),
        KeysInForce(sealer=("d",), writers=("w", "x")),
    ]
    for keys in starts:
        async with running(kept, in_force=in_force(keys=keys)):
            pass
    told = [(event["action"], event["role"], event["keys"]) for event in told_of(kept, "key.%")]
    assert told == [
        ("key.issued", "sealer", ["a", "b"]),
        ("key.issued", "writer", ["w"]),
        ("key.rotated", "sealer", ["c"]),
        ("key.destroyed", "sealer", ["a", "b"]),
        ("key.rotated", "sealer", ["d"]),
        ("key.issued", "writer", ["x"]),
    ]
    assert verified(kept).problem is None


async def test_a_head_that_nobody_signed_stops_the_ledger_and_is_named(kept: Kept) -> None:
    async with running(kept) as ledger:
        await record(ledger)
        async with asyncio.timeout(5):
            while (await ledger.state()).unsealed:
                await asyncio.sleep(0.01)
        assert (await ledger.state()).trouble == ""
        tamper(kept, ("UPDATE tree_head SET root = ?", (bytes(32),)))
        await record(ledger)
        await until_healthy(ledger, False)
        assert (await ledger.state()).trouble == "sealing_refused"
        with pytest.raises(AuditUnavailable):
            ledger.open(opened())
    with pytest.raises(SealingRefused, match="not what its key has signed") as refused:
        async with running(kept):
            pass
    assert "머리값이 서명과 다릅니다" in str(refused.value)


async def test_a_request_still_running_at_the_end_is_closed_as_lost(kept: Kept) -> None:
    async with running(kept) as ledger:
        opening = ledger.open(opened())
        await opening.durable
    ledger.close(opening, closed(opening.record_id))
    assert actions(kept)[-2:] == ["request.closed", "writer.stopped"]
    assert b'"outcome":"lost"' in ask(kept, "SELECT body FROM event")[2][0]
    assert verified(kept).problem is None


async def test_nothing_is_opened_before_or_after_the_ledger_runs(kept: Kept) -> None:
    kept.prepare()
    async with kept.database() as database:
        ledger = Ledger(LedgerOptions(**FAST), database, kept.keys())
        with pytest.raises(AuditUnavailable):
            ledger.open(opened())
        async with ledger:
            await record(ledger)
        with pytest.raises(AuditUnavailable):
            ledger.open(opened())
        ledger.refused(refused())


async def test_tables_hold_no_name_and_refuse_change(kept: Kept) -> None:
    async with running(kept) as ledger:
        await record(ledger)
    rows = [row for table in ("event", "leaf") for row in ask(kept, f"SELECT * FROM {table}")]
    assert person().name not in str(rows)
    assert not any(person().name.encode() in value for row in rows for value in blobs(row))
    for table, key in (("event", "position"), ("leaf", "leaf_index"), ("checkpoint", "size")):
        for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET {key} = {key} + 100"):
            with pytest.raises(kept.refused, match="insert-only"):
                kept.strictly(statement)


async def test_agencies_are_numbered_apart_and_see_only_their_own(kept: Kept) -> None:
    async with running(kept) as ledger:
        mine = [await record(ledger) for _ in range(3)]
        other = await record(ledger, "1352000")
        ledger.refused(refused(person("1352000"), code="limit_exceeded"))
        await asyncio.sleep(0.3)
        assert [view.record_id for view in await ledger.recent(AGENCY, 10)] == mine[::-1]
        views = await ledger.recent("1352000", 10)
        assert [(view.outcome, view.code) for view in views] == [
            ("refused", "limit_exceeded"),
            ("complete", ""),
        ]
        assert views[1].record_id == other
        assert all(view.sealed for view in views)
        assert await ledger.receipt(other, AGENCY) is None
        assert await ledger.recent("", 10) == []
        assert await ledger.recent(AGENCY, 0) == []
    rows = ask(kept, "SELECT agency, agency_number FROM leaf ORDER BY leaf_index")
    for agency in (AGENCY, "1352000", ""):
        numbers = [number for label, number in rows if label == agency]
        assert numbers == list(range(len(numbers)))
