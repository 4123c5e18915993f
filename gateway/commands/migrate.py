"""`gwanmun migrate`: brings the database's tables to what this program knows."""

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from gateway.commands.place import store_settings
from gateway.settings import StoreSettings
from gateway.store.errors import StoreError, StoreUnavailable
from gateway.store.place import SqlitePlace, find_place
from gateway.store.schema import Migrated
from gateway.store.schema import migrate as migrate_file
from gateway.store.server_schema import migrate_server

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
    """데이터베이스를 만들거나 새 구조로 맞춥니다. 여러 번 해도 됩니다. 끝값: 0 됨, 2 안 됨.

    PostgreSQL에서는 store.owner_url의 역할로 표를 만들고 다른 역할의 권한을 맞춥니다.
    """
    store = StoreSettings(data_dir=data) if data else store_settings(config)
    try:
        done = _bring_up(store)
    except StoreUnavailable as error:
        _fail(
            str(error)
            or f"{store.data_dir}: 데이터베이스를 읽거나 쓸 수 없습니다.\n"
            f"{store.data_dir}: the database cannot be read or written."
        )
    except StoreError as error:
        _fail(str(error))
    if done.before == done.after:
        sys.stdout.write(f"이미 최신 구조입니다: {done.after}\n")
    else:
        sys.stdout.write(f"구조를 맞추었습니다: {done.before} → {done.after}\n")


def _bring_up(store: StoreSettings) -> Migrated:
    place = find_place(store.data_dir, store.database_url)
    if isinstance(place, SqlitePlace):
        return migrate_file(store.data_dir, place.path)
    if not store.owner_url:
        _fail(
            "store.owner_url: 표의 소유자 역할로 접속할 주소를 설정하십시오 "
            "(postgresql://gwanmun_owner@…).\n"
            "store.owner_url: set the URL of the role that owns the tables "
            "(postgresql://gwanmun_owner@…)."
        )
    owner = find_place(
        store.data_dir,
        store.owner_url,
        password_file=store.owner_password_file,
        ca_file=store.ca_file,
        setting="store.owner_url",
    )
    if isinstance(owner, SqlitePlace) or owner.database != place.database:
        _fail(
            "store.owner_url: store.database_url과 같은 PostgreSQL 데이터베이스여야 합니다.\n"
            "store.owner_url: must name the same PostgreSQL database as store.database_url."
        )
    return migrate_server(owner)


def _fail(message: str) -> NoReturn:
    sys.stderr.write(f"{message}\n")
    raise typer.Exit(FAILED)
