"""Which ledger a command reads: a data directory, a SQLite file, a PostgreSQL database, or tiles.

It is what was given, else that of the settings, else the default directory. An officer who looks at
a copy, or connects as the reader, needs no settings.
"""

import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from gateway.commands.place import NOT_FOUND, existing, ledger_settings
from gateway.outward.http import origin_of
from gateway.outward.log_server import LogServer
from gateway.proofs.reader import FileReader
from gateway.proofs.tiles import TileFolder, TileSource, is_tile_folder
from gateway.proofs.trust import FILE_NAME
from gateway.proofs.verify import database_file
from gateway.store.errors import UnsupportedDatabase
from gateway.store.log_reader import ServerReader
from gateway.store.place import PostgresPlace, find_place, is_postgres

PathArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[경로|주소]",
        help="데이터 디렉터리, 데이터베이스 파일, 조각(tile)의 폴더, postgresql:// 주소 또는 "
        "기록부의 주소(https://…/log). 없으면 설정의 것이나 var/gwanmun.",
    ),
]
DataOption = Annotated[str | None, typer.Option("--data", help="경로를 적는 다른 방법.")]
PasswordOption = Annotated[
    Path | None, typer.Option("--password-file", help="주소에 적은 역할의 비밀번호 파일.")
]
AuthoritiesOption = Annotated[
    Path | None, typer.Option("--ca-file", help="서버의 TLS를 확인할 CA 인증서 파일.")
]


@dataclass(frozen=True, slots=True)
class LogPlace:
    """A ledger: the name that people know it by, its reader, and where its own pins would stand."""

    name: str
    reader: FileReader | ServerReader
    pins: Path | None


@dataclass(frozen=True, slots=True)
class TilePlace:
    """A log's tiles: their name, what they are read from, and where pins of their own would be."""

    name: str
    source: AbstractContextManager[TileSource]
    pins: Path | None


def given_place(
    given: str, *, password_file: Path | None = None, ca_file: Path | None = None
) -> LogPlace | TilePlace:
    """The ledger, or the tiles of one, that somebody has named.

    Raises:
        typer.Exit: it is not there, or the address is wrong; standard error says so.
    """
    if origin_of(given):
        return TilePlace(given, LogServer(given, ca_file=ca_file), None)
    path = Path(given)
    has_database = database_file(path).is_file()  # a checkpoint beside it must not hide it
    if not is_postgres(given) and is_tile_folder(path) and not has_database:
        return TilePlace(given, nullcontext(TileFolder(path)), path / FILE_NAME)
    return given_log(given, password_file=password_file, ca_file=ca_file)


def given_log(
    given: str, *, password_file: Path | None = None, ca_file: Path | None = None
) -> LogPlace:
    """The ledger that somebody has named.

    Raises:
        typer.Exit: it is not there, or the address is wrong; standard error says so.
    """
    if not is_postgres(given):
        path = existing(Path(given))
        folder = path if path.is_dir() else path.parent
        return LogPlace(given, FileReader(database_file(path)), folder / FILE_NAME)
    try:
        place = find_place(
            Path(), given, password_file=password_file, ca_file=ca_file, setting="postgresql://…"
        )
    except UnsupportedDatabase as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(NOT_FOUND) from None
    assert isinstance(place, PostgresPlace)  # noqa: S101 the scheme says so
    return LogPlace(f"{place.host}/{place.database}", ServerReader(place), None)


def known_log() -> LogPlace:
    """The ledger of the settings, or the default directory's.

    Raises:
        typer.Exit: there is none; standard error says so.
    """
    store, key_dir = ledger_settings()
    pins = (key_dir or store.data_dir) / FILE_NAME
    if is_postgres(store.database_url):
        found = given_log(
            store.database_url, password_file=store.password_file, ca_file=store.ca_file
        )
        return LogPlace(found.name, found.reader, pins)
    path = existing(store.data_dir)
    file = find_place(path, store.database_url)
    assert not isinstance(file, PostgresPlace)  # noqa: S101 looked at above
    return LogPlace(str(path), FileReader(file.path), pins)
