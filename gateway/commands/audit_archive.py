"""`gwanmun audit archive` and `verify-manifests`: a folder per day, and that none was changed.

The days lie in a folder or in a bucket with object lock; the words are the same.
"""

import asyncio
import json
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from gateway import os_words
from gateway.commands.archive_place import PlaceArgument, archive_place
from gateway.commands.officer import refused
from gateway.commands.place import ledger_settings
from gateway.exports.archive import Locks, Place, archive_days
from gateway.exports.continuing import OtherHistory
from gateway.exports.record import KST
from gateway.ledger.errand import errand_keys
from gateway.ledger.keys import KeysUnusable, LedgerKeys
from gateway.proofs.manifest import ChainReport, DayFlaw, DayProblem, Manifest, verify_chain
from gateway.proofs.trust import Trust, TrustUnreadable
from gateway.settings import StoreSettings
from gateway.store.database import Database
from gateway.store.errors import StoreError
from inference.task import JsonObject

BROKEN = 1
_DRAFTS = "archive-drafts"  # in the data directory: days on their way to a bucket
_MOST_SHOWN = 20  # findings in words
_FLAWS: dict[DayFlaw, str] = {
    DayFlaw.MISSING: "그날의 목록이 없습니다",
    DayFlaw.MALFORMED: "목록의 형식이 깨졌습니다",
    DayFlaw.OTHER_LOG: "다른 기록부의 목록입니다",
    DayFlaw.UNKNOWN_KEY: "믿는 공개 키로 서명되지 않았습니다",
    DayFlaw.SIGNATURE: "서명이 맞지 않습니다 (목록이 바뀜)",
    DayFlaw.PREVIOUS: "앞날의 목록과 이어지지 않습니다 (앞날이 바뀌었거나 없어짐)",
    DayFlaw.POSITIONS: "앞날과 기록의 위치가 이어지지 않습니다",
    DayFlaw.FILE_MISSING: "파일이 없습니다",
    DayFlaw.FILE_CHANGED: "파일이 바뀌었습니다",
    DayFlaw.FILE_UNKNOWN: "목록에 없는 파일이 있습니다",
    DayFlaw.OVERWRITTEN: "그 위에 다른 판이 쓰였습니다 (처음 판으로 검증함)",
    DayFlaw.MARKED_DELETED: "삭제 표시가 덮였습니다 (처음 판으로 검증함)",
    DayFlaw.RETENTION: "설정보다 약하게 또는 짧게 잠겨 있습니다",
}


def archive(
    folder: PlaceArgument,
    data: Annotated[
        Path | None, typer.Option("--data", help="데이터 디렉터리(SQLite). 없으면 설정의 것.")
    ] = None,
) -> None:
    """어제까지의 기록을 날짜별 폴더에 담고 서명된 목록을 붙입니다. 끝값: 0 됨, 2 안 됨.

    하루에 한 번 실행하십시오. 거른 날은 다음에 함께 담습니다.
    """
    store, key_dir = (StoreSettings(data_dir=data), None) if data else ledger_settings()
    try:
        keys = errand_keys(store.data_dir, key_dir)
        with archive_place(folder, drafts=store.data_dir / _DRAFTS) as place:
            made = asyncio.run(_made(store, keys, place))
    except (KeysUnusable, StoreError) as error:
        words = "데이터베이스를 읽을 수 없습니다.\nThe database cannot be read."
        raise refused(str(error) or words) from None
    except OtherHistory as error:
        raise refused(str(error)) from None
    except ValueError:
        raise refused(
            "마지막 목록이나 기록이 이 기록부가 서명한 것이 아닙니다. `gwanmun audit "
            "verify-manifests`와 `verify`를 실행하십시오.\n"
            "The last manifest or a record is not what this log has signed. Run `gwanmun audit "
            "verify-manifests` and `verify`."
        ) from None
    except OSError as error:
        raise refused(
            f"{error.filename or folder}: 쓸 수 없습니다 ({os_words.korean(error)}).\n"
            f"{error.filename or folder}: cannot be written ({os_words.english(error)})."
        ) from None
    for manifest in made:
        events = sum(each.events for each in manifest.files)
        sys.stdout.write(f"{manifest.day}: 기록 {events}개, 목록의 SHA-256 {manifest.hash}\n")
    sys.stdout.write(f"담은 날 {len(made)}일 ({folder})\n")


def verify_manifests(
    folder: PlaceArgument,
    trust: Annotated[Path, typer.Option("--trust", help="믿는 공개 키의 파일(trust.json).")],
    until: Annotated[
        str, typer.Option("--until", help="이날까지 있어야 합니다. 없으면 어제(한국 시각).")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="JSON으로 씁니다.")] = False,
) -> None:
    """날짜별 폴더가 빠지거나 바뀌지 않았는지 봅니다. 끝값: 0 맞음, 1 틀림, 2 못 봄."""
    try:
        wanted = date.fromisoformat(until) if until else _today() - timedelta(days=1)
    except ValueError:
        raise refused("--until: 날짜가 아닙니다. (not a date)") from None
    try:
        with archive_place(folder) as place:
            report = verify_chain(place, Trust.read(trust), until=wanted)
            locks = place.locks()
    except TrustUnreadable as error:
        raise refused(f"{trust}: 공개 키 파일을 읽을 수 없습니다. ({error})") from None
    except OSError:
        raise refused(f"{folder}: 읽을 수 없습니다. (cannot be read)") from None
    sys.stdout.write(_json(report, locks) if as_json else _words(report, locks))
    if report.problem or report.surface:
        raise typer.Exit(BROKEN)


async def _made(store: StoreSettings, keys: LedgerKeys, place: Place) -> list[Manifest]:
    async with Database(
        store.data_dir,
        store.database_url,
        password_file=store.password_file,
        ca_file=store.ca_file,
        lock=False,  # a gateway may hold it: this only reads beside it
    ) as database:
        return await archive_days(database, keys, place, today=_today())


def _today() -> date:
    return datetime.now(KST).date()


def _json(report: ChainReport, locks: Locks | None) -> str:
    """`surface` and `retention` stand there for a bucket alone."""
    problem = report.problem or next(iter(report.surface), None)
    tree: JsonObject = {
        "verified": problem is None,
        "first": report.first.isoformat() if report.first else None,
        "last": report.last.isoformat() if report.last else None,
        "days": report.days,
        "problem": _fact(problem) if problem else None,
    }
    if locks is not None:
        least = locks.least_until
        tree["surface"] = [_fact(each) for each in report.surface]
        tree["retention"] = {
            "mode": locks.mode,
            "days": locks.days,
            "least_until": _utc(least) if least else None,
        }
    return json.dumps(tree, ensure_ascii=False) + "\n"


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _fact(problem: DayProblem) -> JsonObject:
    return {"day": problem.day.isoformat(), "flaw": problem.flaw.value, "file": problem.file}


def _words(report: ChainReport, locks: Locks | None) -> str:
    lines = []
    if report.problem:
        lines += [f"맞는 날 {report.days}일", f"검증 실패 (broken): {_told(report.problem)}"]
    elif report.surface:
        lines.append(
            f"처음 판은 모두 맞습니다 (the first versions are whole): {report.first}부터 "
            f"{report.last}까지 {report.days}일"
        )
    else:
        lines.append(f"검증 완료 (verified): {report.first}부터 {report.last}까지 {report.days}일")
    lines += [f"  {_told(each)}" for each in report.surface[:_MOST_SHOWN]]
    if len(report.surface) > _MOST_SHOWN:
        lines.append(f"  외 {len(report.surface) - _MOST_SHOWN}개 (more in --json)")
    if locks is not None and locks.least_until is not None:
        lines.append(
            f"잠금 (object lock): 설정 {locks.mode} {locks.days}일, 가장 먼저 끝나는 때 "
            f"{locks.least_until.astimezone(KST).isoformat(timespec='seconds')}"
        )
    return "\n".join(lines) + "\n"


def _told(problem: DayProblem) -> str:
    file = f", {problem.file}" if problem.file.isprintable() and problem.file else ""
    return f"{problem.day}{file}: {_FLAWS[problem.flaw]} [{problem.flaw.value}]"
