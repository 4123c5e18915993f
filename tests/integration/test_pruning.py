"""Retention of events: what is due goes, every proof stays, and nothing else can go that way."""

import asyncio
import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from exporting import BUILD, beside
from keeping import Kept, KeptInFile
from recording import AGENCY, OTHER_AGENCY, closed, opened, refused, running
from serve import write_config
from tiling import Cosigner
from typer.testing import CliRunner

from gateway.commands.audit import app
from gateway.commands.export import ExportRefused, agency_lines
from gateway.domain import Grade
from gateway.exports.archive import archive_days
from gateway.exports.archive_folder import FolderPlace
from gateway.exports.record import KST
from gateway.ledger.pruning import MOST_IN_ACT, Keep, Pruner, RecordsPruned
from gateway.proofs.agency import verify_agency
from gateway.proofs.policy import Policy
from gateway.proofs.pruned import GRACE_DAYS
from gateway.proofs.reader import FileReader, LogUnreadable
from gateway.proofs.receipt import Standing, find_promised, verify_receipt
from gateway.proofs.records import Flaw
from gateway.proofs.trust import Trust
from gateway.proofs.verify import verify
from gateway.store.database import database_path

CLI = CliRunner()
BEGIN, DAY = 1_800_000_000.0, 86_400.0
KEEP = Keep(
    requests={Grade.O: 365, Grade.S: 375, Grade.C: 385}, refusals=365, inquiries=730, rights=1_095
)


async def write(kept: Kept, day: float, **agencies: Grade) -> dict[str, Any]:
    """One request of each agency on a day; returns the receipts by agency."""
    receipts = {}
    async with running(kept, clock=lambda: BEGIN + day * DAY) as ledger:
        ids = {}
        for name, grade in agencies.items():
            agency = name.removeprefix("a")
            opening = ledger.open(opened(agency, engine_grade=grade))
            await opening.durable
            ledger.close(opening, closed(opening.record_id))
            ids[agency] = opening.record_id
        ledger.refused(refused())
    async with running(kept, clock=lambda: BEGIN + day * DAY) as ledger:
        for agency, record_id in ids.items():
            receipts[agency] = await ledger.receipt(record_id, agency)
    return receipts


async def pruned(kept: Kept, day: float, **changes: Any) -> list[RecordsPruned]:
    async with beside(kept) as database:
        pruner = Pruner(
            database=database,
            keys=kept.keys(),
            keep=KEEP,
            account="gwanmun",
            build=BUILD,
            now=BEGIN + day * DAY,
            **changes,
        )
        acts = await pruner.run()
    async with running(kept, clock=lambda: BEGIN + day * DAY):
        pass  # seals what was written
    return acts


def actions(kept: Kept) -> Mapping[str, int]:
    rows = kept.ask("SELECT action, count(*) FROM event GROUP BY action")
    return {action: count for action, count in rows if not action.startswith("writer.")}


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return KeptInFile(tmp_path)


async def test_what_is_due_by_action_and_grade_goes_and_the_log_verifies(kept: Kept) -> None:
    await write(kept, 0, a1741000=Grade.O, a1352000=Grade.S)
    await write(kept, 15, a1741000=Grade.O)
    assert await _beside(kept, 364) == []
    before = kept.verified()
    acts = await pruned(kept, 376)
    assert {(act.agency, act.events) for act in acts} == {(AGENCY, 2), (OTHER_AGENCY, 2), ("", 1)}
    assert actions(kept) == {
        "request.opened": 1,
        "request.closed": 1,
        "auth.refused": 1,
        "records.pruned": 3,
    }
    report = kept.verified()
    assert (report.problem, report.pruned, report.prunings) == (None, 5, 3)
    assert report.events == before.events - 5 + report.size - before.size
    assert await pruned(kept, 376) == []
    assert sum(act.events for act in await pruned(kept, 855)) == 3  # acts stay for ever
    assert kept.verified().problem is None


async def test_act_tells_its_rules_and_the_agency_sees_its_own(kept: Kept) -> None:
    await write(kept, 0, a1741000=Grade.C)
    await pruned(kept, 386)
    rows = kept.ask("SELECT body FROM event WHERE action = 'records.pruned' AND agency = ?", AGENCY)
    (act,) = [json.loads(body) for (body,) in rows]
    assert act["rules"] == {
        "request.C": {"days": 385, "sealed_before": "2027-01-16T08:00:00.000Z", "size": 7}
    }
    assert act["events"] == 2
    with FileReader(database_path(kept.data_dir)) as reader:
        lines = [*agency_lines(reader, AGENCY)]
        entries = [each for each in reader.entries(10**6) if isinstance(each, bytes)]
    trust = Trust.read(kept.trust_file)
    report = verify_agency(iter(lines), iter(entries), trust)
    assert (report.problem, report.records, report.pruned) == (None, 3, 2)
    for missing, flaw in ((1, None), (3, Flaw.AGENCY_COUNT)):
        left = [line for at, line in enumerate(lines) if at != missing]
        found = verify_agency(iter(left), iter(entries), trust)
        assert found.problem
        assert flaw in (None, found.problem.flaw)
    forged = [line.replace("request.opened", "request.closed") for line in lines]
    found = verify_agency(iter(forged), iter(entries), trust)
    assert found.problem
    assert found.problem.flaw is Flaw.PRUNED


async def test_export_waits_for_the_act_to_be_sealed(kept: Kept) -> None:
    await write(kept, 0, a1741000=Grade.O)
    await _beside(kept, 366)
    with FileReader(database_path(kept.data_dir)) as reader:
        with pytest.raises(ExportRefused, match="not sealed yet"):
            list(agency_lines(reader, AGENCY))
        async with running(kept, clock=lambda: BEGIN + 11 * DAY):
            pass
        assert len(list(agency_lines(reader, AGENCY))) == 4


async def test_receipt_of_a_pruned_record_still_proves_it(kept: Kept) -> None:
    receipts = await write(kept, 0, a1741000=Grade.S)
    await pruned(kept, 376)
    trust = Trust.read(kept.trust_file)
    told = json.loads(json.dumps(asdict(receipts[AGENCY])))
    proven = verify_receipt(told, trust)
    with FileReader(database_path(kept.data_dir)) as reader:
        found = find_promised(reader, proven)
    assert found.standings == (Standing.PRUNED, Standing.PRUNED)
    assert found.kept


async def test_unsealed_unarchived_and_unclosed_events_stay(kept: Kept) -> None:
    await write(kept, 0, a1741000=Grade.O)
    (position,) = kept.ask("SELECT position FROM event WHERE action = 'request.closed'")[0]
    acts = await pruned(kept, 366, upto=position - 1)
    assert [act.agency for act in acts] == []
    acts = await pruned(kept, 366, upto=position)
    assert [act.agency for act in acts] == [AGENCY]
    async with running(kept, clock=lambda: BEGIN, seal_seconds=3_600.0) as ledger:
        opening = ledger.open(opened(AGENCY, engine_grade=Grade.O))
        await opening.durable
        assert [act.agency for act in await _beside(kept)] == [""]
        ledger.close(opening, closed(opening.record_id))


async def _beside(kept: Kept, day: float = 455) -> list[RecordsPruned]:
    async with beside(kept) as database:
        return await Pruner(
            database=database,
            keys=kept.keys(),
            keep=KEEP,
            account="gwanmun",
            build=BUILD,
            now=BEGIN + day * DAY,
        ).run()


async def test_many_records_take_several_acts(kept: Kept) -> None:
    async with running(kept, clock=lambda: BEGIN) as ledger:
        openings = [ledger.open(opened()) for _ in range(MOST_IN_ACT // 2 + 1)]
        await asyncio.gather(*(opening.durable for opening in openings))
        for opening in openings:
            ledger.close(opening, closed(opening.record_id))
    acts = await pruned(kept, 376)
    assert sum(act.events for act in acts) == MOST_IN_ACT + 2
    assert 2 <= len(acts) <= 4
    assert max(act.events for act in acts) <= MOST_IN_ACT
    assert kept.verified().problem is None


@pytest.mark.parametrize(
    ("seen_on_day", "early"), [(0, False), (1 + GRACE_DAYS, False), (2 + GRACE_DAYS, True)]
)
async def test_witnesses_name_what_was_pruned_too_early(
    kept: Kept, seen_on_day: float, early: bool
) -> None:
    """The act says that 7 leaves were sealed before day 1; a witness saw fewer later than that."""
    async with running(kept, clock=lambda: BEGIN):
        pass
    (size, note) = kept.ask("SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1")[0]
    await write(kept, 0, a1741000=Grade.O)
    await _beside(kept, 366)
    witness = Cosigner("witness.example.go.kr/1")
    seen = int(BEGIN + seen_on_day * DAY)
    row = (size, str(witness.key), seen, witness.line(note, seen))
    kept.tamper(("INSERT INTO cosignature VALUES (?, ?, ?, ?)", row))
    policy = Policy.parse(f"witness one {witness.key}\nquorum one\n")
    problem = kept.verified(policy=policy).problem
    assert kept.verified().problem is None
    assert (problem is not None) == early
    if problem:
        assert (problem.flaw, "witnesses saw" in problem.detail) == (Flaw.PRUNED, True)


LEFT = "INSERT INTO pruned SELECT position, writer, sequence, action, '{}' FROM event WHERE {}"
OF_ONE = "position = (SELECT max(position) FROM event WHERE action = 'request.closed')"
CRIMES: dict[str, tuple[Flaw, tuple[str, ...]]] = {
    "an event goes without a row": (
        Flaw.EVENT_MISSING,
        (f"DELETE FROM event WHERE {OF_ONE}",),
    ),
    "an event goes in the name of a real act": (
        Flaw.PRUNED,
        (
            "INSERT INTO pruned SELECT position, writer, sequence, action, (SELECT max(act) FROM "
            f"pruned) FROM event WHERE {OF_ONE}",
            f"DELETE FROM event WHERE {OF_ONE}",
        ),
    ),
    "an event goes in the name of no act": (
        Flaw.PRUNED,
        (LEFT.format("0" * 32, OF_ONE), f"DELETE FROM event WHERE {OF_ONE}"),
    ),
    "an event is called gone and stands": (Flaw.PRUNED, (LEFT.format("0" * 32, OF_ONE),)),
    "a row is taken away": (
        Flaw.EVENT_MISSING,
        ("DELETE FROM pruned WHERE position = (SELECT max(position) FROM pruned)",),
    ),
    "a row says another action": (Flaw.PRUNED, ("UPDATE pruned SET action = 'request.refused'",)),
    "a row says another number": (
        Flaw.SEQUENCE,
        ("UPDATE pruned SET sequence = sequence + 100",),
    ),
    "a row says another act": (
        Flaw.PRUNED,
        (f"UPDATE pruned SET act = '{'0' * 32}' WHERE action = 'request.opened'",),
    ),
    "a writer's start is called pruned": (
        Flaw.SEQUENCE,
        (
            LEFT.format("0" * 32, "action = 'writer.started' AND position > 1"),
            "DELETE FROM event WHERE action = 'writer.started' AND position > 1",
        ),
    ),
    "an act is taken away": (
        Flaw.EVENT_MISSING,
        ("DELETE FROM event WHERE action = 'records.pruned'",),
    ),
}


@pytest.fixture(scope="module")
def pruned_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory in which something was pruned and something stands."""
    kept = KeptInFile(tmp_path_factory.mktemp("pruned"))

    async def made() -> None:
        await write(kept, 0, a1741000=Grade.O, a1352000=Grade.S)
        await write(kept, 15, a1741000=Grade.O)
        await pruned(kept, 366)

    asyncio.run(made())
    assert kept.verified().problem is None
    return kept.data_dir


@pytest.mark.parametrize("crime", CRIMES)
def test_every_other_way_to_lose_a_record_is_named(
    pruned_log: Path, tmp_path: Path, crime: str
) -> None:
    kept = KeptInFile(shutil.copytree(pruned_log, tmp_path / "copy"))
    flaw, statements = CRIMES[crime]
    kept.tamper(*statements)
    problem = kept.verified().problem
    assert problem
    assert problem.flaw is flaw, problem


@pytest.mark.parametrize(
    "change",
    [
        "body = CAST(replace(CAST(body AS TEXT), 'clerk-1', 'clerk-2') AS BLOB)",
        "action = 'request.refused'",
        "record_id = 'ffffffffffffffffffffffffffffffff'",
        "salt = zeroblob(32)",
    ],
)
async def test_what_was_changed_is_evidence_and_stays(kept: Kept, change: str) -> None:
    await write(kept, 0, a1741000=Grade.C)
    kept.tamper(f"UPDATE event SET {change} WHERE action = 'request.opened'")
    before = kept.ask("SELECT count(*) FROM event")
    with pytest.raises(ValueError, match=r"sealed|opening"):
        await _beside(kept)
    assert kept.ask("SELECT count(*) FROM event") == before
    assert kept.ask("SELECT count(*) FROM pruned") == [(0,)]


async def test_event_goes_only_where_its_row_stays(kept: Kept) -> None:
    await write(kept, 0, a1741000=Grade.O)
    with pytest.raises(kept.refused):
        kept.strictly("DELETE FROM event WHERE action = 'request.opened'")
    with pytest.raises(kept.refused):
        kept.strictly("DELETE FROM pruned") if await pruned(kept, 366) else None
    with pytest.raises(kept.refused):
        kept.strictly("UPDATE pruned SET act = ''")


async def test_pruned_body_and_salt_are_overwritten_in_the_file(kept: Kept) -> None:
    await write(kept, 0, a1741000=Grade.O)
    rows = kept.ask("SELECT body, salt FROM event WHERE action LIKE 'request.%'")
    values = [bytes(value) for row in rows for value in row]
    path = database_path(kept.data_dir)
    assert all(value in path.read_bytes() for value in values)
    await pruned(kept, 366)
    assert not [value for value in values if value in path.read_bytes()]


async def test_pruning_meanwhile_is_no_accusation(kept: Kept) -> None:
    await write(kept, 0, a1741000=Grade.O)

    with FileReader(database_path(kept.data_dir)) as reader:
        bounds = reader.bounds()
        await _beside(kept)
        reader.bounds = lambda: bounds  # type: ignore[method-assign]
        with pytest.raises(LogUnreadable, match="pruned meanwhile"):
            verify(reader, Trust.read(kept.trust_file))
    assert kept.verified().problem is None


def test_command_prunes_by_law_and_what_was_archived(kept: Kept, tmp_path: Path) -> None:
    asyncio.run(write(kept, (time.time() - BEGIN) / DAY - 4 * 365, a1741000=Grade.S))
    data = str(kept.data_dir)
    empty = tmp_path / "worm"
    empty.mkdir()
    done = CLI.invoke(app, ["prune", "--data", data, "--archive", str(empty)])
    assert (done.exit_code, done.stdout) == (0, "지운 기록 0개\n")
    done = CLI.invoke(app, ["prune", "--data", data])
    assert done.exit_code == 0
    assert done.stdout.endswith("지운 기록 3개\n")
    assert kept.verified().problem is None
    words = CLI.invoke(app, ["verify", data]).stdout
    assert "보유 기간이 끝나 지운 기록 3개" in words


async def test_sealing_that_is_said_to_be_older_makes_nothing_due(kept: Kept) -> None:
    """When a checkpoint was sealed is not signed; when an event happened is."""
    await write(kept, 100, a1741000=Grade.O)
    kept.tamper(f"UPDATE checkpoint SET sealed_at = sealed_at - {50 * DAY}")
    assert await pruned(kept, 430) == []
    assert actions(kept)["request.opened"] == 1


async def test_act_of_the_future_is_named_by_witnesses(kept: Kept) -> None:
    """Who holds the writer's key may write any time into an act; a quorum saw it stand earlier."""
    await write(kept, 0, a1741000=Grade.O)
    await _beside(kept, 455)
    async with running(kept, clock=lambda: BEGIN + DAY):
        pass
    (size, note) = kept.ask("SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1")[0]
    witness = Cosigner("witness.example.go.kr/1")
    policy = Policy.parse(f"witness one {witness.key}\nquorum one\n")
    for seen, early in ((BEGIN + DAY, True), (BEGIN + 455 * DAY, False)):
        row = (size, str(witness.key), int(seen), witness.line(note, int(seen)))
        kept.tamper("DELETE FROM cosignature", ("INSERT INTO cosignature VALUES (?, ?, ?, ?)", row))
        problem = kept.verified(policy=policy).problem
        assert (problem is not None) == early
        if problem:
            assert (problem.flaw, "before its time" in problem.detail) == (Flaw.PRUNED, True)


@pytest.mark.parametrize("given", [[], ["--data"]])
def test_command_keeps_to_the_settings_whatever_the_place(tmp_path: Path, given: list[str]) -> None:
    kept = KeptInFile(tmp_path / "data")
    old = time.time() - 800 * DAY

    async def written() -> None:
        async with running(kept, clock=lambda: old) as ledger:
            ledger.refused(refused())

    asyncio.run(written())
    own = {"refusal_days": 900}
    config = write_config(tmp_path, "http://127.0.0.1:1", "http://127.0.0.1:2", retention=own)
    env = {"GWANMUN_CONFIG": str(config)}
    words = ["prune", *given, *([str(kept.data_dir)] if given else [])]
    done = CliRunner(env=env).invoke(app, words)
    assert (done.exit_code, "지운 기록 0개" in done.output) == (0, True), done.output


def test_archive_that_is_no_folder_is_named(pruned_log: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    words = ["prune", "--data", str(pruned_log), "--archive", str(tmp_path / "file")]
    done = CLI.invoke(app, words)
    assert (done.exit_code, "cannot be read" in done.output) == (2, True)


@pytest.mark.parametrize(
    ("keep", "says"),
    [
        (Keep(requests={Grade.O: 0}, refusals=365, inquiries=730, rights=1_095), "the least is"),
        (Keep(requests={Grade.O: 364}, refusals=365, inquiries=730, rights=1_095), "the least is"),
        (Keep(requests={Grade.O: 365}, refusals=365, inquiries=730, rights=1_095), ""),
    ],
)
async def test_act_below_the_law_is_named(kept: Kept, keep: Keep, says: str) -> None:
    """Who holds the writer's key and the database may prune by other days than settings allow."""
    await write(kept, 0, a1741000=Grade.O)
    async with beside(kept) as database:
        pruner = Pruner(
            database=database,
            keys=kept.keys(),
            keep=keep,
            account="gwanmun",
            build=BUILD,
            now=BEGIN + 400 * DAY,
        )
        assert await pruner.run()
    problem = kept.verified().problem
    assert (problem is not None) == bool(says)
    if problem:
        assert (problem.flaw, says in problem.detail) == (Flaw.PRUNED, True)


def test_command_tells_the_acts_that_stand_before_one_fails(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.ledger.pruning.MOST_IN_ACT", 4)
    old = (time.time() - BEGIN) / DAY - 4 * 365
    asyncio.run(write(kept, old, a1741000=Grade.S, a1352000=Grade.S))
    asyncio.run(write(kept, old, a1741000=Grade.S))
    change = "body = CAST(replace(CAST(body AS TEXT), 'clerk-1', 'clerk-2') AS BLOB)"
    last = "(SELECT max(position) FROM event WHERE action = 'request.opened')"
    kept.tamper(f"UPDATE event SET {change} WHERE position = {last}")
    done = CLI.invoke(app, ["prune", "--data", str(kept.data_dir)])
    assert (done.exit_code, "audit verify" in done.stderr) == (2, True)
    rows = kept.ask("SELECT record_id FROM event WHERE action = 'records.pruned'")
    assert rows
    assert {act for (act,) in rows} == {
        line.split()[-1] for line in done.stdout.splitlines() if line.startswith("기관")
    }
    gone = kept.ask("SELECT count(*) FROM pruned")[0][0]
    assert done.stdout.endswith(f"지운 기록 {gone}개\n")


async def archived(kept: Kept, folder: Path, day: float) -> None:
    """What was written before a day."""
    today = datetime.fromtimestamp(BEGIN + day * DAY, KST).date()
    async with beside(kept) as database:
        await archive_days(database, kept.keys(), FolderPlace(folder), today=today)


@pytest.mark.parametrize("flaw", ["", "file_changed", "file_missing", "missing", "previous"])
def test_command_prunes_nothing_where_the_archive_is_broken(
    kept: Kept, tmp_path: Path, flaw: str
) -> None:
    """The last day's manifest is whole in each of these."""
    old = (time.time() - BEGIN) / DAY - 4 * 365
    asyncio.run(write(kept, old, a1741000=Grade.S))
    asyncio.run(write(kept, old + 1_000, a1741000=Grade.S))
    folder = tmp_path / "worm"
    folder.mkdir()
    asyncio.run(archived(kept, folder, old + 5))
    first, second = sorted(folder.iterdir())[:2]
    file = first / f"agency-{AGENCY}.jsonl"
    if flaw == "file_changed":
        file.chmod(0o600)
        file.write_bytes(file.read_bytes().replace(b"clerk-1", b"clerk-2"))
    elif flaw == "file_missing":
        file.unlink()
    elif flaw:
        shutil.rmtree(second if flaw == "missing" else first)
    done = CLI.invoke(app, ["prune", "--data", str(kept.data_dir), "--archive", str(folder)])
    said = f"[{flaw}]" if flaw else "기록 2개를"
    assert (done.exit_code, said in done.output) == (2 if flaw else 0, True), done.output
    assert (kept.ask("SELECT count(*) FROM pruned") == [(0,)]) == bool(flaw)
