"""`gwanmun restore`: puts a backup in the database's place, or looks at one that others put back.

Nothing is replaced before all of it is verified. Exit statuses: 0 done, 1 it must not be served as
it is, 2 it could not be done.
"""

import asyncio
import importlib.metadata
import sys
import time
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from gateway import os_words
from gateway.commands.config import ConfigOption, load
from gateway.commands.officer import refused
from gateway.commands.verified import explain
from gateway.exports.age_file import AgeUnusable, decrypt, read_identities
from gateway.exports.backup import Backup, BackupInvalid, last_head, unpack
from gateway.exports.restore import (
    Standing,
    put_in_place,
    standing,
    still_there,
    tell,
)
from gateway.ledger.erasure_list import FOLDER as ERASED
from gateway.ledger.erasure_list import ErasureList
from gateway.ledger.errand import account, errand_keys
from gateway.ledger.events import new_id
from gateway.ledger.keys import KeysUnusable, LedgerKeys
from gateway.ledger.restored import DatabaseRestored
from gateway.ledger.sealed_state import FILE_NAME as SEALED_FILE
from gateway.ledger.sealed_state import SealedState, StateUnusable
from gateway.ledger.week_keys import WeekKeyMissing
from gateway.proofs.ahead import cores
from gateway.proofs.note import Checkpoint
from gateway.proofs.reader import FileReader, LogUnreadable
from gateway.proofs.verify import DATABASE_NAME, verify
from gateway.settings import StoreSettings, is_configured
from gateway.store.data_dir import DataDirectoryLock, passing_folder
from gateway.store.database import Database
from gateway.store.errors import StoreError
from gateway.store.log_reader import ServerReader
from gateway.store.place import PostgresPlace, SqlitePlace, find_place
from gateway.store.schema import migrate

WRONG = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _House:
    """The installation whose database it is; `sealed` are its files of what was last sealed, and
    `elsewhere` is that of the settings' own installation, where the database is put beside it.
    """

    store: StoreSettings
    place: SqlitePlace | PostgresPlace
    keys: LedgerKeys
    sealed: tuple[Path, ...]
    elsewhere: tuple[Path, ...]
    erasures: ErasureList | None

    def listed(self) -> list[str]:
        return self.erasures.record_ids() if self.erasures else []

    def database(self, folder: Path | None = None) -> Database:
        """The installation's, or the file in a folder; beside whoever else uses it."""
        if folder:
            return Database(folder, lock=False)
        store = self.store
        return Database(
            store.data_dir,
            store.database_url,
            password_file=store.password_file,
            ca_file=store.ca_file,
            lock=False,
        )


@dataclass(frozen=True, slots=True)
class _Looked:
    """A database that verifies, and the most that was remembered of it."""

    size: int
    root: str
    known: Checkpoint | None
    older: bool


def restore(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[파일]",
            help="`gwanmun backup make`의 파일(SQLite). 없으면 다른 방법(pg_restore 등)으로 되돌린 "
            "데이터베이스를 봅니다.",
        ),
    ] = None,
    identity: Annotated[
        Path | None, typer.Option("--identity", help="백업의 비밀 키 파일(age). 파일을 주면 필요.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="살피기만 하고 바꾸지 않습니다.")] = False,
    accept_older: Annotated[
        bool,
        typer.Option(
            "--accept-older",
            help="마지막으로 봉인한 것보다 오래된 것을 받아들입니다. 그 뒤의 기록은 없어지며, "
            "받아들인 것이 기록됩니다. 보안담당자가 정하십시오.",
        ),
    ] = False,
    data: Annotated[
        Path | None, typer.Option("--data", help="데이터 디렉터리(SQLite). 없으면 설정의 것.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """백업을 검증한 뒤 데이터베이스의 자리에 둡니다. 관문을 멈추고 하십시오.

    기한 전에 지운 내용은 다시 지웁니다. 끝값: 0 됨, 1 그대로 쓰면 안 됨, 2 안 됨.
    """
    try:
        house = _house(data, config)
        with ExitStack() as stack:
            if not check:
                stack.enter_context(DataDirectoryLock(house.store.data_dir))
            if file is None:
                _accept(house, check=check, accept_older=accept_older)
            elif identity is None:
                raise refused("--identity: 백업의 비밀 키 파일을 주십시오. (Give the identity.)")
            else:
                folder = stack.enter_context(_folder(house))
                backup = _opened(file, identity, folder, house)
                _replace(house, backup, folder, check=check, accept_older=accept_older)
    except (AgeUnusable, KeysUnusable, StateUnusable, StoreError) as error:
        words = "데이터베이스를 읽거나 쓸 수 없습니다.\nThe database cannot be read or written."
        raise refused(str(error) or words) from None
    except LogUnreadable as error:
        raise refused(f"기록을 읽을 수 없습니다. ({error})") from None
    except WeekKeyMissing:
        raise refused(
            "content.week_key_dir: 지운 내용의 목록을 읽을 수 없습니다. "
            "(The list of erasures cannot be read.)"
        ) from None
    except OSError as error:
        place = error.filename or "데이터 디렉터리 (data directory)"
        raise refused(f"{place}: {os_words.korean(error)}. ({os_words.english(error)}.)") from None


def _house(data: Path | None, config: Path | None) -> _House:
    store = StoreSettings(data_dir=data) if data else StoreSettings()
    key_dir = sealed = weeks = None
    at_home = True
    if is_configured(config):
        settings = load(config)
        weeks = settings.content.week_key_dir  # wherever it is put: what was erased stays erased
        sealed = settings.ledger.sealed_file  # and what was sealed is known
        at_home = store.data_dir.resolve() == settings.store.data_dir.resolve()
        if not data:
            at_home, store, key_dir = True, settings.store, settings.ledger.key_dir
    told = (sealed,) if sealed else ()
    place = find_place(
        store.data_dir,
        store.database_url,
        password_file=store.password_file,
        ca_file=store.ca_file,
    )
    return _House(
        store=store,
        place=place,
        keys=errand_keys(store.data_dir, key_dir),
        sealed=(store.data_dir / SEALED_FILE, *(told if at_home else ())),
        elsewhere=() if at_home else told,
        erasures=ErasureList(weeks / ERASED) if weeks else None,
    )


def _folder(house: _House) -> AbstractContextManager[Path]:
    """Where the database stands unencrypted until it only has to be renamed."""
    if isinstance(house.place, PostgresPlace):
        raise refused(
            "PostgreSQL은 pg_restore로 되돌린 뒤 파일 없이 `gwanmun restore`를 실행하십시오.\n"
            "For PostgreSQL use pg_restore, then run `gwanmun restore` without a file."
        )
    return passing_folder(house.place.path.parent, "restore")


def _opened(file: Path, identity: Path, folder: Path, house: _House) -> Backup:
    identities = read_identities(identity)
    try:
        return decrypt(file, identities, lambda source: unpack(source, folder, house.keys.pins))
    except BackupInvalid as error:
        _wrong(
            f"{file}: 이 기록부의 온전한 백업이 아닙니다.\n"
            f"{file}: not a whole backup of this log: {error}."
        )


def _replace(
    house: _House, backup: Backup, folder: Path, *, check: bool, accept_older: bool
) -> None:
    assert isinstance(house.place, SqlitePlace)  # noqa: S101 `_folder` has looked
    draft = folder / DATABASE_NAME
    migrate(folder, draft)  # adds tables to an older version's, and changes no record
    looked = _looked(house, FileReader(draft), accept_older=accept_older)
    if (looked.size, looked.root) != (backup.size, backup.root):
        _wrong("백업의 목록과 데이터베이스가 다릅니다. (The database is not the manifest's.)")
    if check:
        sys.stdout.write("살피기만 했습니다. (Nothing was changed.)\n")
        return
    asyncio.run(_tell(house, looked, backup, folder))
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    aside = put_in_place(draft, house.place.path, stamp)
    _forget(house, looked, stamp)  # last: what is remembered keeps gateways off a half-done restore
    kept = f" 이전 것은 {aside}에 있습니다." if aside else ""
    sys.stdout.write(f"되돌렸습니다: {house.place.path}.{kept}\n")


def _accept(house: _House, *, check: bool, accept_older: bool) -> None:
    """A database that was put back by other tools."""
    place = house.place
    reader = ServerReader(place) if isinstance(place, PostgresPlace) else FileReader(place.path)
    looked = _looked(house, reader, accept_older=accept_older)
    if not check:
        asyncio.run(_tell(house, looked, None, None))
        _forget(house, looked, time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()))
        sys.stdout.write("받아들이고 기록했습니다. (Accepted, and recorded.)\n")


def _looked(house: _House, reader: FileReader | ServerReader, *, accept_older: bool) -> _Looked:
    """1. All of it verifies. 2. It is not another log. 3. It is not older, or that was accepted."""
    known = _known(house)
    with reader as opened:
        report = verify(opened, house.keys.pins, processes=cores())
        if report.problem:
            _wrong(f"검증 실패 (broken): {explain(report.problem)}")
        stands = {standing(opened, report.size, each) for each in known}
    sys.stdout.write(
        f"검증 완료 (verified): 봉인된 기록 {report.size}개, 뿌리 {report.root}, "
        f"지운 기록 {report.pruned}개\n"
    )
    if Standing.OTHER in stands:
        _wrong(
            "마지막으로 봉인한 것에서 이어지지 않는 다른 기록부입니다. 쓸 수 없습니다.\n"
            "Another history than what was last sealed; it cannot be used."
        )
    older = Standing.OLDER in stands
    most = max(known, key=lambda each: each.size, default=None)
    if older and most and not accept_older:
        _wrong(
            f"마지막으로 봉인한 것({most.size}개)보다 오래되었습니다({report.size}개). 그 사이의 "
            "기록이 없어집니다. 보안담당자가 정했다면 --accept-older를 주십시오.\n"
            f"Older ({report.size}) than what was last sealed ({most.size}): the records between "
            "would be lost. If the security officer has so decided, give --accept-older."
        )
    return _Looked(report.size, report.root, most, older)


def _known(house: _House) -> list[Checkpoint]:
    """Every checkpoint that is remembered, and the last that the present file holds."""
    origin = house.keys.origin
    files = (*house.sealed, *(each for each in house.elsewhere if _is_of(each, origin)))
    found = [SealedState(each).read(house.keys.pins) for each in files]
    if isinstance(house.place, SqlitePlace):
        with suppress(LogUnreadable, BackupInvalid):  # it is why there are backups
            found.append(last_head(house.place.path, house.keys.pins))
    return [each for each in found if each and each.size]


def _is_of(file: Path, origin: str) -> bool:
    """Whether another installation's file is of the same log, by its first line."""
    try:
        with file.open(encoding="utf-8", errors="replace") as opened:
            return opened.readline().rstrip("\n") == origin
    except FileNotFoundError:
        return False


async def _tell(house: _House, looked: _Looked, backup: Backup | None, folder: Path | None) -> None:
    async with house.database(folder) as database:
        erased = await still_there(database, house.listed())
        event = DatabaseRestored(
            record_id=new_id(),
            account=account(),
            size=looked.size,
            root=looked.root,
            made=backup.made if backup else "",
            manifest=backup.hash if backup else "",
            remembered=looked.known,
            erased=len(erased),
        )
        build = importlib.metadata.version("gwanmun")
        await tell(database, house.keys, event, erased, build=build)
    sys.stdout.write(f"다시 지운 내용의 기록 {len(erased)}개\n")


def _forget(house: _House, looked: _Looked, stamp: str) -> None:
    """What was remembered of the log that is no more is kept aside."""
    for path in house.sealed:
        if looked.older and path.exists():
            path.rename(path.with_name(f"{path.name}.replaced-{stamp}"))


def _wrong(words: str) -> NoReturn:
    sys.stderr.write(f"{words}\n")
    raise typer.Exit(WRONG)
