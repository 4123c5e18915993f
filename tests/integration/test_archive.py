"""The daily archive: every event once, and each way to change it named with its day."""

import asyncio
import base64
import hashlib
import json
import shutil
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result
from exporting import beside, lines_of, wait_for_events
from keeping import Kept, KeptInFile
from recording import AGENCY, OTHER_AGENCY, record, running
from typer.testing import CliRunner

from gateway.commands.audit import app
from gateway.exports.archive import archive_days
from gateway.exports.archive_folder import FolderPlace
from gateway.exports.continuing import OtherHistory
from gateway.exports.record import KST
from gateway.proofs.entry import canonical
from gateway.proofs.manifest import (
    ChainReport,
    DayFlaw,
    LastEvent,
    Manifest,
    manifest_bytes,
    verify_chain,
)
from gateway.proofs.trust import Trust

CLI = CliRunner()
FIRST = date(2027, 1, 15)  # 1,800,000,000 is 17:00 of this day in Korea
SECONDS = 86_400


async def write_days(kept: Kept, *days: int) -> None:
    """Two agencies' records on days counted from the first."""
    for number in days:
        async with running(kept, clock=lambda: 1_800_000_000.0 + SECONDS * number) as ledger:  # noqa: B023
            await record(ledger)
            await record(ledger, OTHER_AGENCY)


async def archived(kept: Kept, folder: Path, today: date) -> list[Manifest]:
    async with beside(kept) as database:
        return await archive_days(database, kept.keys(), FolderPlace(folder), today=today)


def checked(kept: Kept, folder: Path, until: date | None = None) -> ChainReport:
    return verify_chain(FolderPlace(folder), Trust.read(kept.trust_file), until=until)


async def test_every_event_of_whole_days_is_archived_once_by_day_and_agency(
    kept: Kept, tmp_path: Path
) -> None:
    folder = tmp_path / "worm"
    folder.mkdir()
    await write_days(kept, 0, 2, 3)
    made = await archived(kept, folder, FIRST + timedelta(3))
    assert [each.day for each in made] == [FIRST + timedelta(number) for number in range(3)]
    assert [sum(file.events for file in each.files) for each in made] == [6, 0, 6]
    names = {path.name for path in (folder / "2027-01-15").iterdir()}
    assert names == {
        f"agency-{AGENCY}.jsonl",
        f"agency-{OTHER_AGENCY}.jsonl",
        "platform.jsonl",
        "manifest.json",
    }
    mine = folder / "2027-01-15" / f"agency-{AGENCY}.jsonl"
    assert {line["agency"] for line in lines_of(mine)} == {AGENCY}
    assert mine.stat().st_mode & 0o777 == 0o440
    assert await archived(kept, folder, FIRST + timedelta(3)) == []
    await archived(kept, folder, FIRST + timedelta(4))  # the next day goes on from there
    files = sorted(folder.glob("*/*.jsonl"))
    kept_lines = sorted(line for path in files for line in path.read_bytes().splitlines())
    rows = kept.ask("SELECT body FROM event")
    assert kept_lines == sorted(bytes(body) for (body,) in rows)
    report = checked(kept, folder, FIRST + timedelta(3))
    assert (report.days, report.problem) == (4, None)


def change(path: Path, how: Callable[[bytes], bytes]) -> None:
    path.chmod(0o640)
    path.write_bytes(how(path.read_bytes()))


def flipped(raw: bytes) -> bytes:
    return bytes((raw[0] ^ 1,)) + raw[1:]


DAYS = ["2027-01-15", "2027-01-16", "2027-01-17"]
MINE = f"agency-{AGENCY}.jsonl"


@pytest.mark.parametrize(
    ("harm", "day", "flaw", "file"),
    [
        (lambda f: change(f / DAYS[2] / MINE, flipped), DAYS[2], "file_changed", MINE),
        (lambda f: change(f / DAYS[0] / MINE, lambda raw: raw[:-1]), DAYS[0], "file_changed", MINE),
        (lambda f: (f / DAYS[2] / MINE).unlink(), DAYS[2], "file_missing", MINE),
        (lambda f: (f / DAYS[1] / "more").write_text(""), DAYS[1], "file_unknown", "more"),
        (lambda f: shutil.rmtree(f / DAYS[1]), DAYS[1], "missing", ""),
        (lambda f: shutil.rmtree(f / DAYS[2]), DAYS[2], "missing", ""),
        (lambda f: shutil.rmtree(f / DAYS[0]), DAYS[1], "previous", ""),
        (lambda f: (f / DAYS[1] / "manifest.json").unlink(), DAYS[1], "missing", ""),
        (
            lambda f: change(
                f / DAYS[2] / "manifest.json", lambda raw: raw.replace(b'"events":2', b'"events":3')
            ),
            DAYS[2],
            "signature",
            "",
        ),
        (
            lambda f: change(f / DAYS[2] / "manifest.json", lambda raw: raw + b"\n"),
            DAYS[2],
            "malformed",
            "",
        ),
        (
            lambda f: (
                shutil.copyfile(f / DAYS[0] / "manifest.json", f / DAYS[1] / "other")
                and (f / DAYS[1] / "other").replace(f / DAYS[1] / "manifest.json")
            ),
            DAYS[1],
            "missing",
            "",
        ),
    ],
    ids=[
        *("changed", "shortened", "file gone", "file added", "day gone", "last day gone"),
        *("first day gone", "manifest gone", "manifest changed", "not canonical", "another day's"),
    ],
)
async def test_first_day_that_is_wrong_is_named(
    tmp_path: Path, harm: Callable[[Path], object], day: str, flaw: str, file: str
) -> None:
    kept, folder = KeptInFile(tmp_path / "data"), tmp_path / "worm"
    folder.mkdir()
    await write_days(kept, 0, 2)
    await archived(kept, folder, FIRST + timedelta(3))
    harm(folder)
    found = checked(kept, folder, FIRST + timedelta(2)).problem
    assert found is not None
    assert (found.day.isoformat(), found.flaw, found.file) == (day, flaw, file)


async def test_chain_that_was_made_anew_by_another_key_is_refused(tmp_path: Path) -> None:
    kept, folder = KeptInFile(tmp_path / "data"), tmp_path / "worm"
    folder.mkdir()
    await write_days(kept, 0)
    (manifest,) = await archived(kept, folder, FIRST + timedelta(1))
    other = KeptInFile(tmp_path / "third")
    await write_days(other, 0)
    forged = manifest_bytes(manifest, other.keys().writing_key)
    change(folder / DAYS[0] / "manifest.json", lambda _: forged)
    found = checked(kept, folder).problem
    assert found is not None
    assert found.flaw is DayFlaw.UNKNOWN_KEY
    with pytest.raises(ValueError, match="unknown_key"):
        await archived(kept, folder, FIRST + timedelta(2))


ONE, TWO = FIRST + timedelta(1), FIRST + timedelta(2)


def copied(kept: KeptInFile, to: Path) -> KeptInFile:
    """The data directory as it is now."""
    return KeptInFile(shutil.copytree(kept.data_dir, to))


@pytest.mark.parametrize("days_after", [0, 1], ids=["is not there", "is another"])
async def test_archive_does_not_go_on_by_positions_that_were_given_out_again(
    tmp_path: Path, days_after: int
) -> None:
    kept, folder = KeptInFile(tmp_path / "data"), tmp_path / "worm"
    folder.mkdir()
    await write_days(kept, 0)
    older = copied(kept, tmp_path / "older")
    (older.data_dir / "sealed").unlink()  # an older database was accepted
    await write_days(kept, 0)
    await archived(kept, folder, ONE)
    await write_days(older, *[1] * days_after)
    with pytest.raises(OtherHistory, match="begin a new one"):
        await archived(older, folder, FIRST + timedelta(3))
    assert [each.name for each in folder.iterdir()] == [DAYS[0]]
    new = tmp_path / "new"
    new.mkdir()
    made = await archived(older, new, FIRST + timedelta(3))
    rows = older.ask("SELECT count(*) FROM event")
    assert [(sum(file.events for each in made for file in each.files),)] == rows
    assert checked(older, new).problem is None


async def test_archive_goes_on_behind_what_an_older_database_still_holds(tmp_path: Path) -> None:
    kept, folder = KeptInFile(tmp_path / "data"), tmp_path / "worm"
    folder.mkdir()
    await write_days(kept, 0)
    await archived(kept, folder, ONE)
    older = copied(kept, tmp_path / "older")
    (older.data_dir / "sealed").unlink()
    await write_days(kept, 1)  # is lost
    await write_days(older, 1)
    (made,) = await archived(older, folder, TWO)
    assert sum(each.events for each in made.files) == 6


async def test_manifest_names_the_event_at_its_end_and_days_without_any_keep_it(
    kept: Kept, tmp_path: Path
) -> None:
    folder = tmp_path / "worm"
    folder.mkdir()
    await write_days(kept, 0, 3)
    made = await archived(kept, folder, FIRST + timedelta(3))
    rows = kept.ask("SELECT writer, sequence, body FROM event WHERE position = ?", made[0].upto)
    ((writer, sequence, body),) = rows
    told = LastEvent(writer, sequence, hashlib.sha256(bytes(body)).hexdigest())
    assert [each.last for each in made] == [told] * 3
    tree = json.loads((folder / DAYS[2] / "manifest.json").read_bytes())
    assert tree["last"] == told._asdict()


def as_before(folder: Path, kept: Kept) -> None:
    """The manifest that an older version wrote."""
    path = folder / DAYS[0] / "manifest.json"
    tree = json.loads(path.read_bytes())
    del tree["last"], tree["signature"]
    key = kept.keys().writing_key
    signature = key.sign(b"gwanmun/day-manifest/v1\n" + canonical(tree))
    told = {**tree, "signature": base64.b64encode(signature).decode()}
    change(path, lambda _: canonical(told) + b"\n")


async def test_manifest_of_an_older_version_is_read_and_gone_on_from(tmp_path: Path) -> None:
    kept, folder = KeptInFile(tmp_path / "data"), tmp_path / "worm"
    folder.mkdir()
    await write_days(kept, 0)
    older = copied(kept, tmp_path / "older")
    await write_days(kept, 0, 1)
    await archived(kept, folder, ONE)
    as_before(folder, kept)
    assert checked(kept, folder).problem is None
    with pytest.raises(OtherHistory):  # it is behind the archive's end
        await archived(older, folder, TWO)
    (made,) = await archived(kept, folder, TWO)
    assert made.last is not None
    assert checked(kept, folder).problem is None


LONG_AGO = time.time() - 3 * 365 * SECONDS
AFTER_THAT = datetime.fromtimestamp(LONG_AGO, KST).date() + timedelta(1)


async def write_long_ago(kept: Kept) -> None:
    async with running(kept, clock=lambda: LONG_AGO) as ledger:
        await record(ledger)


async def command(kept: KeptInFile, *words: str) -> Result:
    line = [*words, "--data", str(kept.data_dir)]
    return await asyncio.to_thread(CLI.invoke, app, line)


async def test_commands_name_an_archive_of_another_history(tmp_path: Path) -> None:
    kept, folder = KeptInFile(tmp_path / "data"), tmp_path / "worm"
    folder.mkdir()
    await write_long_ago(kept)
    older = copied(kept, tmp_path / "older")
    (older.data_dir / "sealed").unlink()
    await write_long_ago(kept)
    await archived(kept, folder, AFTER_THAT)
    await write_long_ago(older)
    for words in (["archive", str(folder)], ["prune", "--archive", str(folder)]):
        done = await command(older, *words)
        assert (done.exit_code, "begin a new one" in done.stderr) == (2, True), done.output
    assert older.ask("SELECT count(*) FROM pruned") == [(0,)]
    done = await command(kept, "prune", "--archive", str(folder))
    assert (done.exit_code, "기록 4개를" in done.output) == (0, True), done.output


async def test_archive_goes_on_where_the_event_at_its_end_was_pruned(tmp_path: Path) -> None:
    kept, folder = KeptInFile(tmp_path / "data"), tmp_path / "worm"
    folder.mkdir()
    async with running(kept, clock=lambda: LONG_AGO) as ledger:
        await record(ledger)
        await wait_for_events(kept, "request.closed", 1)
        (day,) = await archived(kept, folder, AFTER_THAT)
    assert (await command(kept, "prune", "--archive", str(folder))).exit_code == 0
    assert kept.ask("SELECT action FROM pruned WHERE position = ?", day.upto) == [
        ("request.closed",)
    ]
    assert (await command(kept, "prune", "--archive", str(folder))).exit_code == 0
    (made,) = await archived(kept, folder, AFTER_THAT + timedelta(1))
    assert made.upto > day.upto
    kept.tamper("UPDATE pruned SET sequence = sequence + 100")  # of another history
    shutil.rmtree(folder / made.day.isoformat())
    with pytest.raises(OtherHistory):
        await archived(kept, folder, AFTER_THAT + timedelta(1))


async def test_commands_archive_and_name_the_missing_day(tmp_path: Path) -> None:
    kept, folder = KeptInFile(tmp_path / "data"), tmp_path / "worm"
    folder.mkdir()
    async with running(kept, clock=lambda: 1_700_000_000.0) as ledger:  # 2023-11-15 in Korea
        await record(ledger)
    words = [str(folder), "--trust", str(kept.trust_file), "--json"]
    empty = CLI.invoke(app, ["verify-manifests", *words, "--until", "2023-11-15"])
    assert (empty.exit_code, json.loads(empty.output)["problem"]["flaw"]) == (1, "missing")
    async with beside(kept) as database:
        await archive_days(database, kept.keys(), FolderPlace(folder), today=date(2023, 11, 17))
    right = CLI.invoke(app, ["verify-manifests", *words, "--until", "2023-11-16"])
    assert (right.exit_code, json.loads(right.output)["days"]) == (0, 2)
    late = CLI.invoke(app, ["verify-manifests", *words, "--until", "2023-11-17"])
    assert (late.exit_code, json.loads(late.output)["problem"]["day"]) == (1, "2023-11-17")
    none = CLI.invoke(app, ["archive", str(tmp_path / "nowhere"), "--data", str(kept.data_dir)])
    assert none.exit_code == 2
