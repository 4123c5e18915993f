"""Reviews beside a running ledger: the tally of one agency's time, signed with its findings."""

import asyncio
import hashlib
import json
from datetime import datetime
from pathlib import Path

import pytest
from exporting import wait_for_events
from keeping import Kept, KeptInFile
from recording import (
    AGENCY,
    OTHER_AGENCY,
    Clock,
    opened,
    person,
    record,
    refused,
    running,
    verified,
)
from typer.testing import CliRunner

from gateway.commands.audit import app
from gateway.exports.record import KST
from gateway.exports.review import Looked, Period, Task, look_over, sign_review
from gateway.ledger.commitment import opens
from gateway.proofs.entry import canonical

CLI = CliRunner()
MONDAY_NOON = datetime(2027, 1, 11, 12, tzinfo=KST).timestamp()
DAY = 86_400.0


def task(begin: float = MONDAY_NOON - DAY, end: float = MONDAY_NOON + 30 * DAY) -> Task:
    return Task(agency=AGENCY, officer="officer-7", period=Period(begin=begin, end=end))


async def looked(kept: Kept, wanted: Task) -> Looked:
    async with kept.database() as database:
        return await look_over(database, kept.keys(), wanted)


async def test_tally_is_of_one_agency_and_time(kept: Kept) -> None:
    clock = Clock()
    clock.now = MONDAY_NOON - 9 * DAY
    async with running(kept, clock=clock) as ledger:
        await record(ledger)  # before
        clock.now = MONDAY_NOON
        await record(ledger)
        await record(ledger, OTHER_AGENCY)
        ledger.refused(refused(person()))
        clock.now = MONDAY_NOON + 11 * 3600  # 23 o'clock
        await record(ledger)
        clock.now = MONDAY_NOON + 5 * DAY  # Saturday
        opening = ledger.open(opened(principal=person(subject="clerk-2")))
        await opening.durable
        await wait_for_events(kept, "request.closed", 4)
    tree = (await looked(kept, task())).tally.tree()
    assert tree["actions"] == {"request.closed": 3, "request.opened": 3, "request.refused": 1}
    assert tree["most_requests"] == {"clerk-1": 2, "clerk-2": 1}
    assert tree["at_odd_hours"] == {"clerk-1": 1, "clerk-2": 1}
    assert tree["outcomes"] == {"complete": 2, "lost": 1}
    assert tree["grades"] == {"S": 3}
    assert tree["personal_data"] == {"KR_RRN": 3, "PERSON": 9}
    assert tree["refusals"] == {refused().code: 1}


async def test_event_binds_tally_findings_and_tree(kept: Kept, tmp_path: Path) -> None:
    async with running(kept) as ledger:
        await record(ledger)
        await wait_for_events(kept, "request.closed", 1)
    wanted = task(0.0, 4e9)
    async with kept.database() as database:
        seen = await look_over(database, kept.keys(), wanted)
        findings = "이상 없음"
        file = tmp_path / "review.json"
        event = await sign_review(database, kept.keys(), seen, findings, file, build="1.0")
    held = json.loads(file.read_text())
    ((body,),) = kept.ask("SELECT body FROM event WHERE action = 'review.signed'")
    told = json.loads(bytes(body))
    assert told["tally_sha256"] == hashlib.sha256(canonical(held["tally"])).hexdigest()
    salt = bytes.fromhex(held["findings_salt"])
    assert opens(told["findings_commitment"], salt, findings.encode())
    assert findings not in bytes(body).decode()
    ((size, root),) = kept.ask("SELECT size, root FROM tree_head")
    assert told["tree"] == {"size": size, "root": bytes(root).hex()} == held["tree"]
    assert (told["records"], told["agency"], event.record_id) == (2, AGENCY, told["id"])
    assert verified(kept).problem is None


async def test_command_shows_asks_and_writes_a_file(tmp_path: Path) -> None:
    kept = KeptInFile(tmp_path / "data")
    async with running(kept) as ledger:
        await record(ledger)
    file = tmp_path / "review.json"
    words = ["review", str(file), "--agency", AGENCY, "--officer", "officer-7"]
    words += ["--data", str(kept.data_dir)]
    done = await asyncio.to_thread(CLI.invoke, app, words, input="이상 없음\n")
    assert done.exit_code == 0, done.output
    assert "기록 2개, 요청한 사람 1명" in done.output
    assert json.loads(file.read_text())["findings"] == "이상 없음"
    assert file.stat().st_mode & 0o777 == 0o600
    again = await asyncio.to_thread(CLI.invoke, app, words, input="이상 없음\n")
    assert (again.exit_code, "already" in again.output) == (2, True)
    assert kept.ask("SELECT count(*) FROM event WHERE action = 'review.signed'") == [(1,)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--officer", "홍 길동"], "--officer"),
        (["--from", "someday"], "--from"),
        (["--to", "9999-12-31"], "--to"),
        (["--from", "0001-01-01"], "--from"),
        (["--from", "2026-11-02", "--to", "2026-11-01"], "later"),
        (["--from", "9998-12-31"], "later"),  # than now
        (["--findings-file", "/nowhere"], "cannot be read"),
    ],
)
async def test_wrong_words_write_nothing(tmp_path: Path, words: list[str], said: str) -> None:
    kept = KeptInFile(tmp_path / "data")
    async with running(kept) as ledger:
        await record(ledger)
    file = tmp_path / "review.json"
    given = {"--agency": AGENCY, "--officer": "officer-7", "--data": str(kept.data_dir)}
    given |= dict(zip(words[::2], words[1::2], strict=True))
    line = ["review", str(file), *(word for pair in given.items() for word in pair)]
    done = await asyncio.to_thread(CLI.invoke, app, line)
    assert done.exit_code == 2
    assert said in done.output
    assert not file.exists()
    assert kept.ask("SELECT count(*) FROM event WHERE action = 'review.signed'") == [(0,)]


@pytest.mark.parametrize("name", ["nowhere/review.json", "a" * 300])
async def test_file_that_cannot_be_written_signs_nothing(tmp_path: Path, name: str) -> None:
    kept = KeptInFile(tmp_path / "data")
    async with running(kept) as ledger:
        await record(ledger)
    line = ["review", str(tmp_path / name), "--agency", AGENCY, "--officer", "officer-7"]
    line += ["--data", str(kept.data_dir)]
    done = await asyncio.to_thread(CLI.invoke, app, line, input="이상 없음\n")
    assert (done.exit_code, "cannot be written" in done.output) == (2, True), done.output
    assert kept.ask("SELECT count(*) FROM event WHERE action = 'review.signed'") == [(0,)]


async def test_what_callers_chose_does_not_steer_the_terminal(tmp_path: Path) -> None:
    kept = KeptInFile(tmp_path / "data")
    name = "clerk\x1b[2J\u202e\n1"
    async with running(kept) as ledger:
        opening = ledger.open(opened(principal=person(subject=name)))
        await opening.durable
    file = tmp_path / "review.json"
    line = ["review", str(file), "--agency", AGENCY, "--officer", "officer-7"]
    line += ["--data", str(kept.data_dir)]
    done = await asyncio.to_thread(CLI.invoke, app, line, input="이상 없음\n")
    assert done.exit_code == 0, done.output
    assert "clerk\ufffd[2J\ufffd\ufffd1" in done.output
    assert json.loads(file.read_text())["tally"]["most_requests"] == {name: 1}  # as it is


CHANGED = {
    "a caller": (
        "request.opened",
        "body = CAST(replace(CAST(body AS TEXT), 'clerk-1', 'clerk-2') AS BLOB)",
    ),
    "a grade": (
        "request.opened",
        "body = CAST(replace(CAST(body AS TEXT), '\"S\"', '\"O\"') AS BLOB)",
    ),
    "an action": ("request.closed", "action = 'request.refused'"),
    "a signature": ("request.closed", "signature = zeroblob(64)"),
}


@pytest.mark.parametrize("change", CHANGED)
async def test_record_that_was_changed_is_neither_reviewed_nor_exported(
    tmp_path: Path, change: str
) -> None:
    kept = KeptInFile(tmp_path / "data")
    async with running(kept) as ledger:
        await record(ledger)
        await wait_for_events(kept, "request.closed", 1)
    action, statement = CHANGED[change]
    ((position,),) = kept.ask("SELECT position FROM event WHERE action = ?", action)
    kept.tamper(f"UPDATE event SET {statement} WHERE position = {position}")
    for command in ("review", "export"):
        file = tmp_path / command
        line = [command, str(file), "--agency", AGENCY, "--officer", "officer-7"]
        line += ["--data", str(kept.data_dir)]
        done = await asyncio.to_thread(CLI.invoke, app, line, input="이상 없음\n")
        assert (done.exit_code, f"position {position} " in done.output) == (2, True), done.output
        assert [*tmp_path.glob(f"*{command}*")] == []
    made = "SELECT count(*) FROM event WHERE action IN ('review.signed', 'export.made')"
    assert kept.ask(made) == [(0,)]


async def test_export_of_closings_alone_asks_for_the_signature_of_their_openings(
    tmp_path: Path,
) -> None:
    kept = KeptInFile(tmp_path / "data")
    async with running(kept) as ledger:
        await record(ledger)
        await wait_for_events(kept, "request.closed", 1)
    ((position,),) = kept.ask("SELECT position FROM event WHERE action = 'request.opened'")
    kept.tamper(f"UPDATE event SET {CHANGED['a caller'][1]} WHERE position = {position}")
    line = ["export", str(tmp_path / "f"), "--agency", AGENCY, "--officer", "officer-7"]
    line += ["--action", "request.closed", "--data", str(kept.data_dir)]
    done = await asyncio.to_thread(CLI.invoke, app, line, input="why\n")
    assert (done.exit_code, f"position {position} " in done.output) == (2, True), done.output
