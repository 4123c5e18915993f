"""Exports beside a running ledger: told before they exist, of one agency, whole or not at all."""

import asyncio
import csv
import hashlib
import io
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from exporting import export, lines_of, order, wait_for_events
from keeping import Kept, KeptInFile
from recording import AGENCY, OTHER_AGENCY, opened, record, running, verified
from typer.testing import CliRunner

from gateway.commands.audit import app
from gateway.exports.formats import Format, TooManyRecords
from gateway.exports.make import Made
from gateway.ledger.commitment import opens
from gateway.store.errors import StoreUnavailable
from gateway.store.private_file import held

CLI = CliRunner()


def told(kept: Kept) -> list[dict[str, object]]:
    """The facts of every export that the ledger knows of."""
    rows = kept.ask("SELECT body FROM event WHERE action = 'export.made' ORDER BY position")
    return [json.loads(bytes(body)) for (body,) in rows]


@pytest.mark.parametrize("form", list(Format))
async def test_export_is_told_with_count_and_hash_of_what_was_written(
    kept: Kept, tmp_path: Path, form: Format
) -> None:
    path = tmp_path / "out.file"
    async with running(kept) as ledger:
        for _ in range(3):
            await record(ledger)
        await wait_for_events(kept, "request.closed", 3)
        made = await export(kept, order(form), path)
        await record(ledger)  # the gateway goes on writing behind the command
    (event,) = told(kept)
    assert event["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest() == made.sha256
    assert (event["records"], event["bytes"]) == (6, path.stat().st_size)
    assert event["agency"] == AGENCY
    assert path.stat().st_mode & 0o777 == 0o600
    report = verified(kept)
    assert (report.problem, report.unsealed) == (None, 0)


async def test_reason_stands_in_the_slip_and_only_its_commitment_in_the_ledger(
    kept: Kept, tmp_path: Path
) -> None:
    path, reason = tmp_path / "out.csv", "민원 2027-15 확인"
    async with running(kept) as ledger:
        await record(ledger)
        await export(kept, order(Format.CSV, reason=reason), path)
    (event,) = told(kept)
    slip = json.loads((tmp_path / "out.csv.slip.json").read_text(encoding="utf-8"))
    assert slip["reason"] == reason
    salt = bytes.fromhex(slip["reason_salt"])
    assert opens(str(event["reason_commitment"]), salt, reason.encode())
    assert not opens(str(event["reason_commitment"]), salt, f"{reason}.".encode())
    assert "민원" not in json.dumps(event, ensure_ascii=False)


@pytest.mark.parametrize("form", list(Format))
async def test_export_holds_no_byte_of_another_agency(
    kept: Kept, tmp_path: Path, form: Format
) -> None:
    async with running(kept) as ledger:
        theirs = [await record(ledger, OTHER_AGENCY) for _ in range(2)]
        await record(ledger)
        await wait_for_events(kept, "request.closed", 3)
        path = tmp_path / "out.jsonl"
        await export(kept, order(form), path)
        await export(kept, order(Format.JSON_LINES), tmp_path / "all.jsonl")
    content = path.read_bytes() + (tmp_path / "out.jsonl.slip.json").read_bytes()
    for foreign in (OTHER_AGENCY, *theirs):
        assert foreign.encode() not in content
    if form is not Format.XLSX:  # a deflated file would hide it from the search above
        return
    assert [line["agency"] for line in lines_of(tmp_path / "all.jsonl")] == [AGENCY] * 3


async def test_lines_are_the_agency_s_events_in_order_with_their_signed_hashes(
    kept: Kept, tmp_path: Path
) -> None:
    async with running(kept) as ledger:
        ids = [await record(ledger) for _ in range(2)]
        await wait_for_events(kept, "request.closed", 2)
        await export(kept, order(), tmp_path / "out.jsonl")
    raw = (tmp_path / "out.jsonl").read_bytes().splitlines()
    query = "SELECT body FROM event WHERE agency = ? AND action LIKE 'request%' ORDER BY position"
    assert raw == [bytes(body) for (body,) in kept.ask(query, AGENCY)]
    assert {json.loads(line)["id"] for line in raw} == set(ids)


async def test_export_of_a_time_and_of_some_actions(kept: Kept, tmp_path: Path) -> None:
    now = [1_800_000_000.0]
    async with running(kept, clock=lambda: now[0]) as ledger:
        for number in range(3):
            now[0] = 1_800_000_000.0 + 60 * number
            await record(ledger)
            await wait_for_events(kept, "request.closed", number + 1)
        within = order(begin=1_800_000_060.0, end=1_800_000_120.0)
        await export(kept, within, tmp_path / "minute")
        await export(kept, order(actions=("request.closed",)), tmp_path / "closed")
    minute, closings = lines_of(tmp_path / "minute"), lines_of(tmp_path / "closed")
    assert {line["time"] for line in minute} == {"2027-01-15T08:01:00.000Z"}
    assert [line["action"] for line in minute] == ["request.opened", "request.closed"]
    assert [line["action"] for line in closings] == ["request.closed"] * 3


async def test_export_that_cannot_be_told_is_not_made(tmp_path: Path) -> None:
    kept = KeptInFile(tmp_path / "data")
    folder = tmp_path / "out"
    folder.mkdir()
    async with running(kept) as ledger:
        await record(ledger)
    with kept.hold_writes(), pytest.raises(StoreUnavailable):
        await export(kept, order(), folder / "file")
    assert list(folder.iterdir()) == []


async def test_export_never_writes_over_a_file(kept: Kept, tmp_path: Path) -> None:
    async with running(kept) as ledger:
        await record(ledger)
        for taken in ("out.csv", "out.csv.slip.json"):
            (tmp_path / taken).write_text("keep")
            with pytest.raises(FileExistsError):
                await export(kept, order(), tmp_path / "out.csv")
            assert (tmp_path / taken).read_text() == "keep"
            (tmp_path / taken).unlink()
    assert told(kept) == []


@pytest.mark.parametrize("form", [Format.CSV, Format.XLSX])
async def test_of_two_commands_with_one_name_the_second_tells_nothing(
    kept: Kept, tmp_path: Path, form: Format
) -> None:
    path = tmp_path / "out.file"
    async with running(kept) as ledger:
        await record(ledger)
        both = (export(kept, order(form), path) for _ in range(2))
        ends = await asyncio.gather(*both, return_exceptions=True)
    (made,) = (end for end in ends if isinstance(end, Made))
    assert sum(isinstance(end, FileExistsError) for end in ends) == 1
    (event,) = told(kept)
    assert event["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest() == made.sha256
    slip = json.loads((tmp_path / "out.file.slip.json").read_text(encoding="utf-8"))
    assert slip["record_id"] == made.record_id
    assert path.stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / ".out.file.draft").exists()


async def test_export_that_does_not_fit_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = KeptInFile(tmp_path / "data")
    monkeypatch.setattr("gateway.exports.formats._XLSX_ROWS", 1)
    (tmp_path / "out").mkdir()
    async with running(kept) as ledger:
        await record(ledger)
        await wait_for_events(kept, "request.closed", 1)
        with pytest.raises(TooManyRecords):
            await export(kept, order(Format.XLSX), tmp_path / "out" / "file.xlsx")
    assert list((tmp_path / "out").iterdir()) == []
    assert told(kept) == []


async def test_killed_command_leaves_no_file_under_its_name(tmp_path: Path) -> None:
    kept = KeptInFile(tmp_path / "data")
    async with running(kept) as ledger:
        await record(ledger)
    folder = tmp_path / "out"
    folder.mkdir()
    command = f"""
import signal, os
from gateway.exports import make
make.append_alone = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
from gateway.cli import main
main(["audit", "export", {str(folder / "f.csv")!r}, "--agency", {AGENCY!r}, "--officer", "o-1",
      "--data", {str(kept.data_dir)!r}])
"""
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", command], input=b"why\n", check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert [each.name for each in folder.iterdir()] == [".f.csv.draft"]
    assert (folder / ".f.csv.draft").stat().st_mode & 0o777 == 0o600
    with (
        held(folder / ".f.csv.draft"),  # a running command's
        pytest.raises(FileExistsError, match=r"\.f\.csv\.draft"),
    ):
        await export(kept, order(Format.CSV), folder / "f.csv")
    (folder / ".f.csv.draft").chmod(0o644)  # others may have it open
    with pytest.raises(FileExistsError, match=r"\.f\.csv\.draft"):
        await export(kept, order(Format.CSV), folder / "f.csv")
    (folder / ".f.csv.draft").chmod(0o600)
    await export(kept, order(Format.CSV), folder / "f.csv")
    assert {each.name for each in folder.iterdir()} == {"f.csv", "f.csv.slip.json"}


@pytest.mark.parametrize("next_form", [Format.XLSX, Format.CSV])
async def test_what_a_killed_workbook_left_goes_with_its_draft(
    tmp_path: Path, next_form: Format
) -> None:
    kept = KeptInFile(tmp_path / "data")
    async with running(kept) as ledger:
        await record(ledger)
    folder = tmp_path / "out"
    folder.mkdir()
    command = f"""
import os, signal
from gateway.exports import formats
formats._Workbook.finish = lambda _: os.kill(os.getpid(), signal.SIGKILL)
from gateway.cli import main
main(["audit", "export", {str(folder / "f")!r}, "--agency", {AGENCY!r}, "--officer", "o-1",
      "--format", "xlsx", "--data", {str(kept.data_dir)!r}])
"""
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", command], input=b"why\n", check=False
    )
    assert done.returncode == -signal.SIGKILL
    left = [each for each in folder.iterdir() if each.is_dir()]
    assert [each.stat().st_mode & 0o777 for each in left] == [0o700]
    other = folder / ".f.draft.parts.draft"  # of an export to "f.draft.parts"
    other.write_text("")
    await export(kept, order(next_form), folder / "f")
    assert {each.name for each in folder.iterdir()} == {"f", "f.slip.json", other.name}


class Case:
    """The command on a data directory, as somebody types it."""

    def __init__(self, data: Path, folder: Path) -> None:
        self.data, self.file = data, folder / "out.csv"

    def run(self, *more: str, reason: str = "정기 점검\n", agency: str = AGENCY) -> tuple[int, str]:
        words = ["export", str(self.file), "--agency", agency, "--data", str(self.data)]
        done = CLI.invoke(app, [*words, "--officer", "officer-7", *more], input=reason)
        return done.exit_code, done.output


@pytest.fixture
async def case(tmp_path: Path) -> Case:
    async with running(tmp_path / "data") as ledger:
        opening = ledger.open(opened())
        await opening.durable
    return Case(tmp_path / "data", tmp_path)


def test_command_asks_for_the_reason_and_says_what_it_made(case: Case) -> None:
    code, output = case.run()
    assert code == 0, output
    assert "사유" in output
    assert hashlib.sha256(case.file.read_bytes()).hexdigest() in output
    text = case.file.read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["행위 (action)"] for row in rows] == ["request.opened", "request.closed"]


@pytest.mark.parametrize(
    ("more", "reason", "agency", "says"),
    [
        ((), "\n \n", AGENCY, "reason"),
        ((), "\n", AGENCY, "reason"),
        ((), "", AGENCY, "reason"),
        ((), "가" * 1_001 + "\n", AGENCY, "1000"),
        (("--officer", "홍 길동"), "why\n", AGENCY, "--officer"),
        ((), "why\n", "", "--agency"),
        (("--from", "어제"), "why\n", AGENCY, "--from"),
        (("--from", "2026-11-02", "--to", "2026-11-01"), "why\n", AGENCY, "later"),
        (("--from", "2026-11-02T09:00", "--to", "2026-11-02T09:00"), "why\n", AGENCY, "later"),
        (("--action", "Request"), "why\n", AGENCY, "--action"),
    ],
    ids=[
        *("spaces", "no reason", "no input", "long reason", "a name", "no agency", "no time"),
        *("ends before it begins", "no time between", "no action"),
    ],
)
def test_command_refuses_and_writes_nothing(
    case: Case, more: tuple[str, ...], reason: str, agency: str, says: str
) -> None:
    code, output = case.run(*more, reason=reason, agency=agency)
    assert code == 2
    assert says in output
    assert not case.file.exists()


def test_command_takes_a_day_in_korea_to_its_end(case: Case) -> None:
    (time,) = case_times(case.data)[:1]
    day = time[:10]
    code, output = case.run("--from", day, "--to", day)
    assert code == 0, output
    event = told(KeptInFile(case.data))[0]
    selected = event["selected"]
    assert isinstance(selected, dict)
    assert selected["from"].endswith("T15:00:00.000Z")
    assert selected["to"] == f"{day}T15:00:00.000Z"


def case_times(data: Path) -> list[str]:
    query = "SELECT body FROM event WHERE action = 'request.opened'"
    return [json.loads(body)["time"] for (body,) in KeptInFile(data).ask(query)]


def test_command_on_a_place_without_keys_says_so(tmp_path: Path) -> None:
    code, output = Case(tmp_path, tmp_path).run()
    assert code == 2
    assert "trust.json" in output
