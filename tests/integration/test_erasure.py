"""Content erased before its time: gone with its keys, told, and gone again after a restore."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from exporting import BUILD, beside
from keeping import Kept, KeptInFile
from recording import AGENCY, ORIGIN, OTHER_AGENCY, ask, person, running
from sealing import Pair, handle, rows, until_written
from serve import write_config
from typer.testing import CliRunner

from gateway.app import policy_document
from gateway.app_ledger import StartRefused, database_of, open_keeping, open_ledger
from gateway.commands.content import app
from gateway.errors import AuditUnavailable, NotFound
from gateway.ledger.content import ContentSealer
from gateway.ledger.erasures import ContentErased, Erasure, NoContent, erase, erase_listed
from gateway.ledger.jwe import CannotOpen
from gateway.ledger.reveals import Reveals, why_text
from gateway.ledger.week_keys import WeekKeyMissing
from gateway.ledger.writer import Ledger
from gateway.settings import read_settings
from gateway.store.content import ContentRow, add_content

DAY = 86_400.0
WHY = why_text("민원 3호", "정보주체의 삭제 요구")


async def erased(
    kept: Kept, sealer: ContentSealer, *records: str, agency: str = AGENCY, at: float
) -> ContentErased:
    wanted = Erasure(
        agency=agency, officer="officer-7", account="gwanmun", records=records, why=WHY, now=at
    )
    async with beside(kept) as database:
        return await erase(database, kept.keys(), sealer, wanted, build=BUILD)


def told(kept: Kept) -> list[dict[str, Any]]:
    query = "SELECT body FROM event WHERE action = 'content.erased' ORDER BY position"
    return [json.loads(body) for (body,) in ask(kept, query)]


async def put_back(kept: Kept, ledger: Ledger, backup: list[ContentRow]) -> None:
    """What a restored database would hold again."""
    await ledger._database.transact(lambda connection: add_content(connection, backup))


async def test_erased_content_is_gone_with_its_keys_and_the_log_verifies(
    kept: Kept, tmp_path: Path
) -> None:
    sealer = Pair.made().sealer(tmp_path / "weeks", AGENCY)
    async with running(kept) as ledger:
        one, other = await handle(ledger, sealer), await handle(ledger, sealer)
        await until_written(kept, 4)
        event = await erased(kept, sealer, one, at=ledger.now())
        assert {(row.record_id, row.part) for row in rows(kept)} == {
            (other, "prompt"),
            (other, "answer"),
            (event.record_id, "reason"),
        }
    (body,) = told(kept)
    assert body["records"] == [one]
    assert (body["cause"], body["actor"]["sub"]) == ("request", "officer-7")
    assert "민원" not in json.dumps(body, ensure_ascii=False)
    assert len(body["reason_commitment"]) == 64
    assert kept.verified().problem is None
    assert (tmp_path / "weeks/erased").stat().st_mode & 0o077 == 0


async def test_restored_content_is_erased_again_and_never_opened(
    kept: Kept, tmp_path: Path
) -> None:
    sealer = Pair.made().sealer(tmp_path / "weeks", AGENCY)
    async with running(kept) as ledger:
        one, other = await handle(ledger, sealer), await handle(ledger, sealer)
        await until_written(kept, 4)
        backup = [row for row in rows(kept) if row.record_id == one]
        await erased(kept, sealer, one, at=ledger.now())
        await put_back(kept, ledger, backup)
        for row in backup:
            with pytest.raises(CannotOpen):
                sealer.outer(row)
        reveals = Reveals(ledger._database, ledger, sealer)
        with pytest.raises(NotFound):
            await reveals.request(person(), ORIGIN, [one], why=WHY, seconds=60)
        assert await erase_listed(ledger._database, ledger, sealer) == 1
        assert await erase_listed(ledger._database, ledger, sealer) == 0
        assert {row.record_id for row in rows(kept) if row.part != "reason"} == {other}
    again = told(kept)[1]
    assert (again["cause"], again["actor"], again["records"]) == ("list", None, [one])
    assert kept.verified().problem is None


async def test_other_agencies_and_unknown_records_are_refused(kept: Kept, tmp_path: Path) -> None:
    sealer = Pair.made().sealer(tmp_path / "weeks", AGENCY, OTHER_AGENCY)
    async with running(kept) as ledger:
        one = await handle(ledger, sealer)
        await until_written(kept, 2)
        for agency, record in ((OTHER_AGENCY, one), (AGENCY, "0" * 32), (AGENCY, "../x")):
            with pytest.raises(NoContent):
                await erased(kept, sealer, one, record, agency=agency, at=ledger.now())
        assert len(rows(kept)) == 2
        assert sealer.erasures.record_ids() == []
    assert told(kept) == []


async def test_list_that_cannot_be_written_erases_nothing(kept: Kept, tmp_path: Path) -> None:
    sealer = Pair.made().sealer(tmp_path / "weeks", AGENCY)
    async with running(kept) as ledger:
        one = await handle(ledger, sealer)
        await until_written(kept, 2)
        (tmp_path / "weeks/erased").write_text("not a folder")
        with pytest.raises(WeekKeyMissing):
            await erased(kept, sealer, one, at=ledger.now())
        assert len(rows(kept)) == 2
        reveals = Reveals(ledger._database, ledger, sealer)
        (tmp_path / "weeks/erased").unlink()
        await erased(kept, sealer, one, at=ledger.now())
        await erased(kept, sealer, one, at=ledger.now())  # repeated after a doubt
        with pytest.raises(NotFound):
            await reveals.request(person(), ORIGIN, [one], why=WHY, seconds=60)
    assert len(told(kept)) == 2


async def test_list_that_cannot_be_read_opens_nothing(tmp_path: Path) -> None:
    kept = KeptInFile(tmp_path)
    sealer = Pair.made().sealer(tmp_path / "weeks", AGENCY)
    async with running(kept) as ledger:
        one = await handle(ledger, sealer)
        await until_written(kept, 2)
        (tmp_path / "weeks/erased").symlink_to(tmp_path / "weeks/erased")  # a loop
        with pytest.raises(CannotOpen):
            sealer.outer(rows(kept)[0])
        reveals = Reveals(ledger._database, ledger, sealer)
        with pytest.raises(AuditUnavailable):
            await reveals.request(person(), ORIGIN, [one], why=WHY, seconds=60)


async def test_entry_ends_when_no_week_key_can_open_a_copy(tmp_path: Path) -> None:
    sealer = Pair.made().sealer(tmp_path / "weeks", AGENCY)
    kept = KeptInFile(tmp_path)
    async with running(kept) as ledger:
        one = await handle(ledger, sealer)
        await until_written(kept, 2)
        (ends, *_) = {row.expires_at for row in rows(kept)}
        await erased(kept, sealer, one, at=ledger.now())
    sealer.erasures.forget_before(ends + 7 * DAY - 10)
    assert sealer.erasures.record_ids() == [one]
    sealer.weeks.destroy(sealer.weeks.due(ends + 7 * DAY, sealer.days))
    assert list(sealer.weeks.folder.glob("*.key")) == []
    sealer.erasures.forget_before(ends + 7 * DAY + 10)
    assert sealer.erasures.record_ids() == []


async def test_entry_stays_while_the_key_does_where_the_days_were_raised(tmp_path: Path) -> None:
    sealer, kept = Pair.made().sealer(tmp_path / "weeks", AGENCY), KeptInFile(tmp_path)
    async with running(kept) as ledger:
        one = await handle(ledger, sealer)
        await until_written(kept, 2)
        (row, *_) = rows(kept)
        await erased(kept, sealer, one, at=ledger.now())
    later = replace(sealer, days={grade: 10 * days for grade, days in sealer.days.items()})
    after = row.expires_at + 8 * DAY
    assert later.weeks.due(after, later.days) == []
    later.erasures.forget_before(after)
    with pytest.raises(CannotOpen):
        later.outer(row)
    later.weeks.destroy(later.weeks.due(after * 2, later.days))
    assert list(later.weeks.folder.glob("*.key")) == []
    later.erasures.forget_before(after)
    assert later.erasures.record_ids() == []


async def test_entry_that_says_nothing_stays_and_stops_no_other(kept: Kept, tmp_path: Path) -> None:
    sealer = Pair.made().sealer(tmp_path / "weeks", AGENCY)
    async with running(kept) as ledger:
        one = await handle(ledger, sealer)
        await until_written(kept, 2)
        sealer.erasures.add([(one, 4e9)])
        (sealer.erasures.folder / ("f" * 32)).write_text("")
        assert await erase_listed(ledger._database, ledger, sealer) == 1
    assert sealer.erasures.record_ids() == sorted([one, "f" * 32])


async def test_gateway_erases_what_a_backup_brought_back_before_it_serves(tmp_path: Path) -> None:
    kept, pair = KeptInFile(tmp_path / "data"), Pair.made()
    pair.publish(tmp_path / "public" / AGENCY)
    sealer = pair.sealer(tmp_path / "weeks", AGENCY)
    async with running(kept) as ledger:
        one = await handle(ledger, sealer)
        await until_written(kept, 2)
    sealer.erasures.add([(one, 4e9)])
    content = {"key_dir": str(tmp_path / "public"), "week_key_dir": str(tmp_path / "weeks")}
    settings = read_settings(
        write_config(tmp_path, "http://127.0.0.1:1", "http://127.0.0.1:2", content=content), {}
    )
    async with (
        database_of(settings) as database,
        open_ledger(settings, database, policy_document(settings), "kr/1") as opened,
        open_keeping(settings, database, opened),
    ):
        assert rows(kept) == []
    (tmp_path / "weeks/erased" / one).unlink()
    (tmp_path / "weeks/erased").rmdir()
    (tmp_path / "weeks/erased").write_text("not a folder")
    async with (
        database_of(settings) as database,
        open_ledger(settings, database, policy_document(settings), "kr/1") as opened,
    ):
        with pytest.raises(StartRefused, match="list of what was erased"):
            await open_keeping(settings, database, opened).__aenter__()
    assert kept.verified().problem is None


def test_command_erases_and_says_why_not(tmp_path: Path) -> None:
    kept, pair = KeptInFile(tmp_path / "data"), Pair.made()
    pair.publish(tmp_path / "public" / AGENCY)
    sealer = pair.sealer(tmp_path / "weeks", AGENCY)

    async def written() -> str:
        async with running(kept) as ledger:
            record_id = await handle(ledger, sealer)
            await until_written(kept, 2)
            return record_id

    record_id = asyncio.run(written())
    content = {"key_dir": str(tmp_path / "public"), "week_key_dir": str(tmp_path / "weeks")}
    config = write_config(tmp_path, "http://127.0.0.1:1", "http://127.0.0.1:2", content=content)
    (tmp_path / "why").write_text("정보주체의 삭제 요구")

    def command(*words: str, officer: str = "officer-7") -> Result:
        common = ("--officer", officer, "--case", "민원 3호", "--config", str(config))
        why = ("--reason-file", str(tmp_path / "why"))
        return CliRunner().invoke(app, ["erase", *words, *common, *why])

    done = command(record_id, "--agency", OTHER_AGENCY)
    assert (done.exit_code, "No sealed content" in done.output) == (2, True)
    for officer in ("", "홍길동"):  # nobody would be told as "list", and a name never stands there
        done = command(record_id, "--agency", AGENCY, officer=officer)
        assert (done.exit_code, "--officer" in done.output) == (2, True)
    done = command(record_id, "--agency", AGENCY)
    assert done.exit_code == 0, done.output
    assert [row.part for row in rows(kept)] == ["reason"]
    assert kept.verified().problem is None
