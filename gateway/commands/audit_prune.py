"""`gwanmun audit prune`: deletes the events whose retention has ended; every proof stays."""

import asyncio
import importlib.metadata
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from gateway import os_words
from gateway.commands.archive_place import archive_place
from gateway.commands.config import load
from gateway.commands.officer import refused
from gateway.domain import Grade
from gateway.exports.continuing import OtherHistory, require_same_history
from gateway.ledger.errand import account, errand_keys
from gateway.ledger.keys import KeysUnusable, LedgerKeys
from gateway.ledger.pruning import Keep, Pruner, RecordsPruned
from gateway.proofs.manifest import Manifest, last_manifest, verify_chain
from gateway.settings import SettingsError, StoreSettings, is_configured, read_kept_settings
from gateway.settings_kept import RetentionSettings
from gateway.store.database import Database
from gateway.store.errors import StoreError


def prune(
    data: Annotated[
        Path | None, typer.Option("--data", help="데이터 디렉터리(SQLite). 없으면 설정의 것.")
    ] = None,
    archive: Annotated[
        str,
        typer.Option(
            "--archive",
            metavar="폴더|s3://버킷/앞이름",
            help="날짜별 보관(audit archive)에 담긴 기록만 지웁니다. 있으면 꼭 주십시오.",
        ),
    ] = "",
) -> None:
    """보유 기간(retention.*)이 끝난 기록을 지우고, 지웠다는 것을 서명해 남깁니다.

    끝값: 0 됨, 2 안 됨. 지운 기록의 잎과 증명은 남아 `gwanmun audit verify`가 그대로 맞습니다.
    PostgreSQL에서는 store.database_url에 gwanmun_pruner 역할을 적습니다. 하루에 한 번 실행하십시오.
    """
    store, key_dir, retention = _chosen(data)
    gone: list[int] = []  # records, act by act

    def told(act: RecordsPruned) -> None:
        gone.append(act.events)
        sys.stdout.write(
            f"기관 {act.agency or '(관문)'}: 기록 {act.events}개를 지웠습니다, "
            f"이를 남긴 기록 {act.record_id}\n"
        )

    try:
        keys = errand_keys(store.data_dir, key_dir)
        archived = _read_archive(archive, keys) if archive else None
        gone.append(0)  # from here on the total is told, be it none
        asyncio.run(_prune(store, keys, keep_of(retention), archived, told))
    except (KeysUnusable, StoreError) as error:
        words = "데이터베이스를 읽거나 쓸 수 없습니다.\nThe database cannot be read or written."
        raise refused(str(error) or words) from None
    except OtherHistory as error:
        raise refused(str(error)) from None
    except ValueError:
        raise refused(
            "이 기록부가 서명하지 않은 기록이나 목록이 있습니다. `gwanmun audit verify`를 "
            "실행하십시오.\n"
            "This log has not signed a record or manifest that is here. Run `gwanmun audit verify`."
        ) from None
    except OSError as error:
        raise refused(
            f"{error.filename or archive}: 읽을 수 없습니다 ({os_words.korean(error)}).\n"
            f"{error.filename or archive}: cannot be read ({os_words.english(error)})."
        ) from None
    finally:  # acts that are done stand, also where a later one failed
        if gone:
            sys.stdout.write(f"지운 기록 {sum(gone)}개\n")


def keep_of(retention: RetentionSettings) -> Keep:
    """The settings as the pruner's rules."""
    return Keep(
        requests={
            Grade.O: retention.request_days_o,
            Grade.S: retention.request_days_s,
            Grade.C: retention.request_days_c,
        },
        refusals=retention.refusal_days,
        inquiries=retention.inquiry_days,
        rights=retention.rights_days,
    )


def _chosen(data: Path | None) -> tuple[StoreSettings, Path | None, RetentionSettings]:
    """Store, keys and retention by the settings; with `--data` only how long things are kept."""
    if data is None and is_configured():
        settings = load(None)
        return settings.store, settings.ledger.key_dir, settings.retention
    try:
        retention = read_kept_settings().retention
    except SettingsError as error:
        raise refused(f"설정이 올바르지 않습니다. (The settings are wrong.)\n{error}") from None
    return StoreSettings(data_dir=data) if data else StoreSettings(), None, retention


class _Archived(NamedTuple):
    """An archive that was named; `last` is its newest day, None while it has none."""

    last: Manifest | None


def _read_archive(archive: str, keys: LedgerKeys) -> _Archived:
    """The end of an archive, all of which verifies."""
    with archive_place(archive) as place:
        problem = verify_chain(place, keys.pins).problem
        if problem:
            raise refused(
                f"{archive}: {problem.day}의 보관이 온전하지 않습니다 [{problem.flaw.value}]. "
                "지우지 않았습니다. `gwanmun audit verify-manifests`를 실행하십시오.\n"
                f"{archive}: the archive of {problem.day} is not whole [{problem.flaw.value}]. "
                "Nothing was pruned. Run `gwanmun audit verify-manifests`."
            )
        return _Archived(last_manifest(place, keys.pins))


async def _prune(
    store: StoreSettings,
    keys: LedgerKeys,
    keep: Keep,
    archived: _Archived | None,
    tell: Callable[[RecordsPruned], None],
) -> None:
    async with Database(
        store.data_dir,
        store.database_url,
        password_file=store.password_file,
        ca_file=store.ca_file,
        lock=False,  # a gateway may hold it: each act is one transaction beside it
        prunes=True,
    ) as database:
        pruner = Pruner(
            database=database,
            keys=keys,
            keep=keep,
            account=account(),
            build=importlib.metadata.version("gwanmun"),
            now=time.time(),
            tell=tell,
        )
        if archived:
            await require_same_history(database, archived.last)
            pruner = replace(pruner, upto=archived.last.upto if archived.last else 0)
        await pruner.run()
