"""`gwanmun audit export`: one agency's records as a file, told in the ledger before it exists."""

import asyncio
import importlib.metadata
import re
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

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
from gateway.exports.formats import Format, TooManyRecords
from gateway.exports.make import Made, Order, make_export, slip_of
from gateway.ledger.errand import errand_keys
from gateway.ledger.keys import LedgerKeys
from gateway.settings import StoreSettings
from gateway.store.database import Database

_ACTION: Final = re.compile(r"[a-z][a-z._]{0,63}")


def export(  # noqa: PLR0913 each is a word of the command line
    file: Annotated[Path, typer.Argument(metavar="파일", help="새로 만들 파일. 없어야 합니다.")],
    agency: Annotated[str, typer.Option("--agency", help="기관 코드.")],
    officer: Annotated[
        str, typer.Option("--officer", help="내보내는 담당자의 식별자(이름이 아닌 것).")
    ],
    form: Annotated[
        Format, typer.Option("--format", help="csv, xlsx, jsonl, ocsf(API Activity), cef.")
    ] = Format.CSV,
    begin: Annotated[
        str, typer.Option("--from", help="이때부터: 2026-11-01 또는 2026-11-01T09:00 (한국 시각).")
    ] = "",
    end: Annotated[str, typer.Option("--to", help="이때 전까지. 날짜만 적으면 그날 끝까지.")] = "",
    action: Annotated[
        list[str] | None, typer.Option("--action", help="이 행위만. 여러 번 적을 수 있습니다.")
    ] = None,
    reason_file: Annotated[
        Path | None, typer.Option("--reason-file", help="사유가 적힌 파일. 없으면 물어봅니다.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="데이터 디렉터리(SQLite). 없으면 설정의 것.")
    ] = None,
) -> None:
    """한 기관의 기록을 파일로 내보냅니다. 내보낸 사실이 기록됩니다. 끝값: 0 됨, 2 안 됨.

    관문이 실행 중이어도 됩니다. 사유는 파일 옆의 확인서(.slip.json)에만 남습니다.
    """
    since, until = moment_of(begin, "--from"), moment_of(end, "--to", whole_day=True)
    require_order(since, until)
    order = Order(
        agency=fitting(AGENCY, agency, "--agency"),
        officer=fitting(OFFICER, officer, "--officer"),
        reason=reason_of(reason_file),
        format=form,
        begin=since,
        end=until,
        actions=tuple(fitting(_ACTION, each, "--action") for each in action or ()),
    )
    made = _tried(order, file, data)
    sys.stdout.write(
        f"기록 {made.records}개를 내보냈습니다: {file}\n"
        f"SHA-256 {made.sha256}\n"
        f"내보낸 기록의 번호 {made.record_id}, 확인서 {slip_of(file)}\n"
    )


def _tried(order: Order, file: Path, data: Path | None) -> Made:
    """What was made, or why not in words."""
    store, key_dir = (StoreSettings(data_dir=data), None) if data else ledger_settings()
    try:
        with in_plain_words(file):
            keys = errand_keys(store.data_dir, key_dir)
            return asyncio.run(_made(store, keys, order, file))
    except TooManyRecords:
        raise refused(
            "기록이 xlsx 한 장에 다 들어가지 않습니다. 기간을 나누거나 csv로 내보내십시오.\n"
            "More records than a worksheet holds: divide the time, or export csv."
        ) from None


async def _made(store: StoreSettings, keys: LedgerKeys, order: Order, file: Path) -> Made:
    build = importlib.metadata.version("gwanmun")
    async with Database(
        store.data_dir,
        store.database_url,
        password_file=store.password_file,
        ca_file=store.ca_file,
        lock=False,  # a gateway may hold it: this is one transaction beside it
    ) as database:
        return await make_export(database, keys, order, file, build=build)
