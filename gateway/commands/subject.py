"""`gwanmun audit subject`: asks a running gateway which records handled a person.

The identifier and the reason are typed at a prompt or come from standard input, never as arguments,
which other users of a machine can read in its list of processes.
"""

import json
import sys
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from gateway.commands.gateway_client import (
    AuthoritiesOption,
    Gateway,
    TokenOption,
    UrlOption,
    read_token,
    stop,
)
from gateway.exports.record import KST

NOT_FOUND = 1
PATH = "/v1/audit/subject"
_DAYS = 31


def subject(
    url: UrlOption,
    token_file: TokenOption,
    since: Annotated[
        str | None, typer.Option("--from", help="첫날(한국 시간). 없으면 31일 전.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="마지막 날(한국 시간). 없으면 오늘.")
    ] = None,
    ca_file: AuthoritiesOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON으로 씁니다.")] = False,
) -> None:
    """한 사람의 정보를 처리한 기록을 식별정보로 찾습니다. 찾은 일 자체가 기록됩니다.

    끝값: 0 찾음, 1 없음, 2 안 됨. 식별정보와 사유는 물어봅니다. 터미널이 아니면 표준 입력의 첫
    줄이 식별정보, 나머지가 사유입니다.
    """
    identifier, reason = _asked()
    today = datetime.now(KST).date()
    body = {
        "identifier": identifier,
        "reason": reason,
        "from": since or (today - timedelta(days=_DAYS)).isoformat(),
        "to": until or today.isoformat(),
    }
    told = Gateway(url, read_token(token_file), ca_file).post(PATH, body)
    if as_json:
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
    else:
        _show(told)
    raise typer.Exit(0 if told["records"] else NOT_FOUND)


def _asked() -> tuple[str, str]:
    """The identifier, hidden while it is typed, and the reason."""
    if sys.stdin.isatty():
        identifier = typer.prompt("식별정보 (identifier)", hide_input=True, err=True)
        reason = typer.prompt("사유 (reason)", err=True)
        return str(identifier), str(reason)
    first, _, rest = sys.stdin.read().partition("\n")
    if not first.strip() or not rest.strip():
        stop(
            "표준 입력의 첫 줄에 식별정보, 다음 줄부터 사유를 주십시오.\n"
            "Give the identifier in the first line of standard input, the reason below it."
        )
    return first.strip(), rest.strip()


def _show(told: dict[str, Any]) -> None:
    for record in told["records"]:
        sys.stdout.write(f"{record['time']}  {record['record_id']}  {','.join(record['kinds'])}\n")
    more = " 더 있습니다. 기간을 줄이십시오." if told["more"] else ""
    sys.stdout.write(f"기록 {len(told['records'])}개.{more} 찾은 일의 기록: {told['query_id']}\n")
    reason = told["reason"]
    sys.stdout.write(
        "사유를 나중에 증명하려면 사유의 글과 함께 보관하십시오: "
        f"{reason['commitment']} {reason['salt']}\n"
    )
