"""`gwanmun audit reconcile`: has somebody used an engine beside the gateway?"""

import asyncio
import sys
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from gateway.commands.config import load
from gateway.commands.officer import in_plain_words, refused
from gateway.commands.place import store_settings
from gateway.exports.reconcile import (
    CountersUnreadable,
    Reading,
    Reconciled,
    ReplicaUnknown,
    read_counters,
    reconcile,
)
from gateway.proofs.retention import LEAST_DAYS, Kind
from gateway.settings import Settings, StoreSettings, is_configured
from gateway.store.database import Database

UNACCOUNTED: Final = 1
_MOST_BYTES: Final = 8 << 20
_DAY_SECONDS: Final = 86_400.0


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
    settings = load(None) if is_configured() else None
    _require_kept(reading, settings)
    store = StoreSettings(data_dir=data) if data else store_settings()
    models = settings.models if settings else ()
    known = {each.name for model in models for each in model.replicas}
    try:
        with in_plain_words():
            found = asyncio.run(_compared(store, replica, reading, known))
    except ReplicaUnknown as error:
        raise refused(
            f"--replica {error}: 설정에도 기록에도 없는 이름입니다.\n"
            f"--replica {error}: neither the settings nor any record knows this name."
        ) from None
    sys.stdout.write(
        f"엔진이 센 요청 {found.served}개, 기록된 시도 {found.recorded}개, "
        f"알 수 없는 기록 {found.in_doubt}개\n"
    )
    if found.unaccounted:
        sys.stdout.write(f"기록 없는 요청이 적어도 {found.unaccounted}개 (unaccounted)\n")
        raise typer.Exit(UNACCOUNTED)
    sys.stdout.write("기록 없는 요청은 보이지 않습니다 (none found).\n")


def _require_kept(reading: Reading, settings: Settings | None) -> None:
    """Of an engine that has run for longer, records may be pruned that it counts.

    Without settings the least is taken that any allow.
    """
    days = LEAST_DAYS[Kind.REQUEST]
    if settings:
        kept = settings.retention
        days = min(kept.request_days_o, kept.request_days_s, kept.request_days_c)
    if reading.started < time.time() - days * _DAY_SECONDS:
        raise refused(
            f"엔진이 기록의 보유 기간({days}일)보다 오래 실행되었습니다. 지운 기록이 있을 수 "
            "있으니 엔진을 다시 시작한 뒤에 대조하십시오.\n"
            f"The engine has run for longer than records are kept ({days} days), so some may be "
            "pruned: compare again after it was restarted."
        )


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


async def _compared(
    store: StoreSettings, replicas: list[str], reading: Reading, known: set[str]
) -> Reconciled:
    async with Database(
        store.data_dir,
        store.database_url,
        password_file=store.password_file,
        ca_file=store.ca_file,
        lock=False,  # a gateway may hold it: this only reads beside it
    ) as database:
        return await reconcile(database, replicas, reading, known=known)
