"""`gwanmun backup`: an encrypted copy of a SQLite ledger, made beside the running gateway."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from gateway import os_words
from gateway.commands.config import ConfigOption, load
from gateway.commands.officer import refused
from gateway.exports.age_file import AgeUnusable, new_identity, read_recipients
from gateway.exports.backup import Backup, BackupInvalid, make_backup
from gateway.ledger.errand import errand_keys
from gateway.ledger.keys import KeysUnusable
from gateway.proofs.reader import LogUnreadable
from gateway.settings import StoreSettings, is_configured
from gateway.store.errors import StoreError
from gateway.store.place import PostgresPlace, find_place
from gateway.store.private_file import create

app = typer.Typer(
    add_completion=False, rich_markup_mode=None, help="기록부를 암호화해 백업합니다 (SQLite)."
)


@app.callback()
def _backup() -> None:
    """기록부를 암호화해 백업합니다 (SQLite)."""


@app.command("key")
def key(
    private: Annotated[Path, typer.Argument(metavar="비밀키", help="만들 비밀 키 파일.")],
    public: Annotated[Path, typer.Argument(metavar="공개키", help="만들 공개 키 파일.")],
) -> None:
    """백업의 키 한 쌍(age)을 만듭니다. 망에서 떼어 놓은 기계에서 하십시오. 끝값: 0 됨, 2 안 됨."""
    for path in (private, public):
        if path.exists() or path.is_symlink() or private == public:
            raise refused(f"{path}: 이미 있는 이름입니다. (The name is taken.)")
    identity, recipient = new_identity()
    for path, text in ((private, identity), (public, f"{recipient}\n")):
        try:
            with create(path) as file:
                file.write(text.encode())
        except OSError as error:
            raise refused(_words(path, error)) from None
    sys.stdout.write(f"{public}만 관문의 기계에 두십시오. {private}은 금고에 두십시오.\n")


@app.command("make")
def make(
    path: Annotated[Path, typer.Argument(metavar="파일", help="새로 만들 백업 파일.")],
    to: Annotated[Path, typer.Option("--to", help="공개 키(age1…)의 파일.")],
    data: Annotated[
        Path | None, typer.Option("--data", help="데이터 디렉터리(SQLite). 없으면 설정의 것.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """데이터베이스의 한 순간을 공개 키로 암호화해 파일 하나에 씁니다. 끝값: 0 됨, 2 안 됨.

    관문이 실행되는 동안 해도 됩니다. 서명 키와 주간 키는 담지 않으니 따로 보관하십시오.
    """
    store, key_dir = StoreSettings(data_dir=data) if data else StoreSettings(), None
    if not data and is_configured(config):
        settings = load(config)
        store, key_dir = settings.store, settings.ledger.key_dir
    made = _made(store, key_dir, path, to)
    sys.stdout.write(
        f"백업했습니다: {path} ({path.stat().st_size} bytes)\n"
        f"봉인된 기록 {made.size}개, 뿌리 {made.root}\n목록의 SHA-256 {made.hash}\n"
    )


def _made(store: StoreSettings, key_dir: Path | None, path: Path, to: Path) -> Backup:
    """What was made, or why not in words."""
    try:
        place = find_place(store.data_dir, store.database_url)
        if isinstance(place, PostgresPlace):
            raise refused(
                "PostgreSQL은 pg_dump나 pg_basebackup으로 백업합니다 (docs/backup.md).\n"
                "PostgreSQL is backed up by pg_dump or pg_basebackup (docs/backup.md)."
            )
        keys = errand_keys(store.data_dir, key_dir)
        return make_backup(place.path, keys, path, read_recipients(to), at=time.time())
    except (AgeUnusable, KeysUnusable, StoreError) as error:
        words = (
            "데이터베이스를 읽거나 그 옆에 사본을 쓸 수 없습니다.\n"
            "The database cannot be read, or no copy be written beside it."
        )
        raise refused(str(error) or words) from None
    except (BackupInvalid, LogUnreadable) as error:
        raise refused(
            f"이 키의 기록부가 아닙니다. (Not the ledger of these keys: {error}.)"
        ) from None
    except OSError as error:
        raise refused(_words(Path(error.filename or path), error)) from None


def _words(path: Path, error: OSError) -> str:
    return (
        f"{path}: 쓸 수 없습니다 ({os_words.korean(error)}).\n"
        f"{path}: cannot be written ({os_words.english(error)})."
    )
