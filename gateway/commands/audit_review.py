"""`gwanmun audit review`: an officer looks over an agency's records, and the ledger says so."""

import asyncio
import importlib.metadata
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from gateway.commands.gateway_client import plain
from gateway.commands.officer import (
    AGENCY,
    OFFICER,
    fitting,
    in_plain_words,
    moment_of,
    reason_of,
    refused,
    require_order,
)
from gateway.commands.place import ledger_settings
from gateway.exports.record import KST
from gateway.exports.review import Looked, Period, ReviewSigned, Task, look_over, sign_review
from gateway.ledger.errand import errand_keys
from gateway.ledger.keys import LedgerKeys
from gateway.settings import StoreSettings
from gateway.store.database import Database

_DAYS = 31


def review(  # noqa: PLR0913 each is a word of the command line
    file: Annotated[Path, typer.Argument(metavar="파일", help="새로 만들 점검서. 없어야 합니다.")],
    agency: Annotated[str, typer.Option("--agency", help="기관 코드.")],
    officer: Annotated[
        str, typer.Option("--officer", help="점검하는 담당자의 식별자(이름이 아닌 것).")
    ],
    begin: Annotated[
        str, typer.Option("--from", help="이때부터 (한국 시각). 없으면 31일 전.")
    ] = "",
    end: Annotated[
        str, typer.Option("--to", help="이때 전까지. 날짜만 적으면 그날 끝까지. 없으면 지금.")
    ] = "",
    findings_file: Annotated[
        Path | None,
        typer.Option("--findings-file", help="점검 의견이 적힌 파일. 없으면 물어봅니다."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="데이터 디렉터리(SQLite). 없으면 설정의 것.")
    ] = None,
) -> None:
    """한 기관의 기록을 점검하고, 점검한 사실을 기록합니다. 끝값: 0 됨, 2 안 됨.

    먼저 집계를 보여 준 뒤 점검 의견을 묻습니다. 의견은 점검서에만 남고 기록부에는 그 확인값만
    남습니다.
    """
    task = Task(
        agency=fitting(AGENCY, agency, "--agency"),
        officer=fitting(OFFICER, officer, "--officer"),
        period=_period(begin, end),
    )
    store, key_dir = (StoreSettings(data_dir=data), None) if data else ledger_settings()
    with in_plain_words(file):
        if file.exists():
            raise refused(f"{file}: 이미 있습니다. (it is there already)")
        keys = errand_keys(store.data_dir, key_dir)
        looked = asyncio.run(_looked(store, keys, task))
        _show(looked)
        findings = reason_of(findings_file, "점검 의견 (findings)")
        event = asyncio.run(_signed(store, keys, looked, findings, file))
    sys.stdout.write(
        f"점검을 기록했습니다: {event.record_id} (기록 {event.records}개, "
        f"트리 크기 {event.size}). 점검서 {file}\n"
    )


def _period(begin: str, end: str) -> Period:
    now = datetime.now(KST)
    since, until = moment_of(begin, "--from"), moment_of(end, "--to", whole_day=True)
    period = Period(
        begin=(now - timedelta(days=_DAYS)).timestamp() if since is None else since,
        end=now.timestamp() if until is None else until,
    )
    require_order(period.begin, period.end)
    return period


def _show(looked: Looked) -> None:
    titles = {
        "actions": "행위",
        "outcomes": "처리 결과",
        "grades": "등급",
        "personal_data": "개인정보 종류",
        "refusals": "거절 이유",
        "most_requests": "요청이 많은 사람",
        "at_odd_hours": "야간과 주말의 요청",
    }
    tree = looked.tally.tree()
    lines = [f"기록 {tree['records']}개, 요청한 사람 {tree['callers']}명\n"]
    for name, title in titles.items():
        counts = tree[name]
        if isinstance(counts, dict) and counts:
            lines.append(f"{title}\n")
            lines += [
                f"  {plain(each, lines=False):40} {times:>8}\n" for each, times in counts.items()
            ]
    sys.stdout.write("".join(lines))


def _database(store: StoreSettings) -> Database:
    return Database(
        store.data_dir,
        store.database_url,
        password_file=store.password_file,
        ca_file=store.ca_file,
        lock=False,  # a gateway may hold it
    )


async def _looked(store: StoreSettings, keys: LedgerKeys, task: Task) -> Looked:
    async with _database(store) as database:
        return await look_over(database, keys, task)


async def _signed(
    store: StoreSettings, keys: LedgerKeys, looked: Looked, findings: str, file: Path
) -> ReviewSigned:
    build = importlib.metadata.version("gwanmun")
    async with _database(store) as database:
        return await sign_review(database, keys, looked, findings, file, build=build)
