"""`gwanmun audit reconcile`: has somebody used an engine beside the gateway?"""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from gateway.commands.officer import in_plain_words, refused
from gateway.commands.place import ledger_settings
from gateway.exports.reconcile import (
    CountersUnreadable,
    Reading,
    Reconciled,
    read_counters,
    reconcile,
)
from gateway.settings import StoreSettings
from gateway.store.database import Database

UNACCOUNTED: Final = 1
_MOST_BYTES: Final = 8 << 20


def compare(
    metrics: Annotated[
        Path, typer.Argument(metavar="지표", help="엔진의 /metrics를 받은 파일. `-`는 표준 입력.")
    ],
    replica: Annotated[
        list[str],
        typer.Option("--replica", help="설정에 적힌 그 엔진의 이름. 여러 번 적을 수 있습니다."),
    ],
    data: Annotated[
        Path | None, typer.Option("--data", help="데이터 디렉터리(SQLite). 없으면 설정의 것.")
    ] = None,
) -> None:
    """엔진이 센 요청의 수를 기록과 대조합니다. 끝값: 0 맞음, 1 기록 없는 요청, 2 못 봄.

    지표를 먼저 받고 바로 실행하십시오. 엔진이 다시 시작해도 됩니다.
    """
    reading = _reading(metrics)
    store = StoreSettings(data_dir=data) if data else ledger_settings()[0]
    with in_plain_words():
        found = asyncio.run(_compared(store, replica, reading))
    sys.stdout.write(
        f"엔진이 센 요청 {found.served}개, 기록된 시도 {found.recorded}개, "
        f"알 수 없는 기록 {found.in_doubt}개\n"
    )
    if found.unaccounted:
        sys.stdout.write(f"기록 없는 요청이 적어도 {found.unaccounted}개 (unaccounted)\n")
        raise typer.Exit(UNACCOUNTED)
    sys.stdout.write("기록 없는 요청은 보이지 않습니다 (none found).\n")


def _reading(file: Path) -> Reading:
    try:
        with sys.stdin.buffer if str(file) == "-" else file.open("rb") as opened:
            raw = opened.read(_MOST_BYTES + 1)
        if len(raw) > _MOST_BYTES:
            raise refused(f"{file}: 지표가 너무 큽니다. (too large)")
        return read_counters(raw.decode())
    except (OSError, UnicodeDecodeError):
        raise refused(f"{file}: 읽을 수 없습니다. (cannot be read)") from None
    except CountersUnreadable as error:
        raise refused(
            f"{file}: 엔진의 지표에 {error}의 값이 없거나 여럿입니다. "
            "(no number for it in the metrics, or several)"
        ) from None


async def _compared(store: StoreSettings, replicas: list[str], reading: Reading) -> Reconciled:
    async with Database(
        store.data_dir,
        store.database_url,
        password_file=store.password_file,
        ca_file=store.ca_file,
        lock=False,  # a gateway may hold it: this only reads beside it
    ) as database:
        return await reconcile(database, replicas, reading)
