"""`gwanmun migrate`: brings the database's tables to what this program knows."""

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from gateway.commands.place import store_settings
from gateway.settings import StoreSettings
from gateway.store.database import database_path
from gateway.store.errors import StoreError, StoreUnavailable
from gateway.store.schema import migrate as bring_up

FAILED = 2


def migrate(
    data: Annotated[
        Path | None,
        typer.Option("--data", help="데이터 디렉터리. 없으면 설정의 것이나 var/gwanmun."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="설정 파일(YAML). 없으면 GWANMUN_CONFIG.")
    ] = None,
) -> None:
    """데이터베이스를 만들거나 새 구조로 맞춥니다. 여러 번 해도 됩니다. 끝값: 0 됨, 2 안 됨."""
    store = StoreSettings(data_dir=data) if data else store_settings(config)
    folder = store.data_dir
    try:
        done = bring_up(folder, database_path(folder, store.database_url))
    except StoreUnavailable:
        _fail(
            f"{folder}: 데이터베이스를 읽거나 쓸 수 없습니다.\n"
            f"{folder}: the database cannot be read or written."
        )
    except StoreError as error:
        _fail(str(error))
    if done.before == done.after:
        sys.stdout.write(f"이미 최신 구조입니다: {done.after}\n")
    else:
        sys.stdout.write(f"구조를 맞추었습니다: {done.before} → {done.after}\n")


def _fail(message: str) -> NoReturn:
    sys.stderr.write(f"{message}\n")
    raise typer.Exit(FAILED)
