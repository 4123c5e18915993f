"""`gwanmun content`: erases sealed content of single records before its time."""

import asyncio
import importlib.metadata
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from gateway.app_ledger import StartRefused, content_sealer, database_of
from gateway.commands.config import ConfigOption, load
from gateway.commands.officer import AGENCY, OFFICER, fitting, reason_of, refused
from gateway.errors import AuditUnavailable
from gateway.ledger.content import ContentSealer
from gateway.ledger.erasures import MOST_RECORDS, ContentErased, Erasure, NoContent, erase
from gateway.ledger.errand import account, errand_keys
from gateway.ledger.keys import KeysUnusable
from gateway.ledger.reveals import why_text
from gateway.ledger.week_keys import WeekKeyMissing
from gateway.settings import Settings
from gateway.store.errors import StoreError

app = typer.Typer(
    add_completion=False, rich_markup_mode=None, help="봉인된 내용을 기한 전에 지웁니다."
)


@app.callback()
def _content() -> None:
    """봉인된 내용을 기한 전에 지웁니다."""


@app.command("erase")
def erase_content(
    records: Annotated[list[str], typer.Argument(metavar="기록…", help="기록의 번호. 100개까지.")],
    agency: Annotated[str, typer.Option("--agency", help="기관 코드.")],
    officer: Annotated[str, typer.Option("--officer", help="지우는 담당자의 식별자. 이름 말고.")],
    case: Annotated[str, typer.Option("--case", help="사건 번호. 기록에는 확인값만 남습니다.")],
    reason_file: Annotated[
        Path | None, typer.Option("--reason-file", help="사유가 든 파일. 없으면 물어봅니다.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """기록의 봉인된 내용과 키를 지웁니다. 되돌릴 수 없습니다. 끝값: 0 됨, 2 안 됨.

    지운 목록은 주간 키 옆에 남아, 백업에서 되살아난 것도 다시 지웁니다. 기록과 증명은 남습니다.
    """
    settings = load(config)
    try:
        sealer = content_sealer(settings)
    except StartRefused as error:
        raise refused(str(error)) from None
    if sealer is None:
        raise refused("내용을 남기지 않는 설정입니다. (No content is kept: content.key_dir.)")
    if len(records) > MOST_RECORDS:
        raise refused(f"한 번에 {MOST_RECORDS}개까지입니다. (At most {MOST_RECORDS} at once.)")
    wanted = Erasure(
        agency=fitting(AGENCY, agency, "--agency"),
        officer=fitting(OFFICER, officer, "--officer"),
        account=account(),
        records=tuple(dict.fromkeys(records)),
        why=why_text(case, reason_of(reason_file)),
        now=time.time(),
    )
    erased = _tried(settings, sealer, wanted)
    sys.stdout.write(
        f"기록 {len(erased.records)}개의 내용을 지웠습니다. 지운 기록의 번호 {erased.record_id}\n"
    )


def _tried(settings: Settings, sealer: ContentSealer, wanted: Erasure) -> ContentErased:
    """What was erased, or why not in words."""
    try:
        return asyncio.run(_erased(settings, sealer, wanted))
    except NoContent as error:
        raise refused(
            f"{error}: 이 기관에 봉인된 내용이 없습니다. (No sealed content in this agency.)"
        ) from None
    except (WeekKeyMissing, AuditUnavailable):
        raise refused(
            "content.week_key_dir: 읽거나 쓸 수 없어 지우지 못했습니다. 일부는 이미 목록에 올랐을 "
            "수 있으니, 고친 뒤 같은 명령을 다시 실행하십시오.\n"
            "content.week_key_dir: cannot be read or written; nothing was erased, but some records "
            "may be listed by now: mend it and repeat the command."
        ) from None
    except (KeysUnusable, StoreError) as error:
        words = (
            "데이터베이스를 읽거나 쓸 수 없었습니다. 다시 실행하십시오.\n"
            "The database could not be read or written: repeat the command."
        )
        raise refused(str(error) or words) from None


async def _erased(settings: Settings, sealer: ContentSealer, wanted: Erasure) -> ContentErased:
    keys = errand_keys(settings.store.data_dir, settings.ledger.key_dir)
    build = importlib.metadata.version("gwanmun")
    async with database_of(settings, lock=False) as database:
        return await erase(database, keys, sealer, wanted, build=build)
