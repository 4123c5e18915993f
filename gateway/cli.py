"""The command `gwanmun`: names and one line each; a command's module is loaded when it is called.

This is the one mechanism of lazy loading: COMMANDS says where each command stands, and importing it
brings in what it needs and nothing else, so that `gwanmun --help` answers at once.
"""

import difflib
import importlib
import importlib.metadata
import re
import sys
from collections.abc import Sequence
from typing import NamedTuple

import typer
from typer.exceptions import TyperException
from typer.main import get_command


class _Place(NamedTuple):
    module: str
    attribute: str
    help: str


COMMANDS: dict[str, _Place] = {
    "up": _Place(
        "gateway.commands.up", "up", "체험용으로 모두 시작합니다 (게이트웨이·로그인·리허설 엔진)."
    ),
    "serve": _Place("gateway.commands.serve", "serve", "게이트웨이를 시작합니다."),
    "redact": _Place("gateway.commands.redact", "redact", "글에서 개인정보를 찾아 가립니다."),
    "policy": _Place(
        "gateway.commands.policy", "app", "정책 문서를 살핍니다 (check, explain, test)."
    ),
    "audit": _Place("gateway.commands.audit", "app", "기록을 검증하고, 보고, 사본을 만듭니다."),
    "config": _Place("gateway.commands.config", "app", "설정을 점검합니다 (check)."),
    "doctor": _Place("gateway.commands.doctor", "doctor", "이 기계에서 실행할 수 있는지 살핍니다."),
    "healthcheck": _Place(
        "gateway.commands.healthcheck", "healthcheck", "실행 중인 관문이 답하는지 묻습니다."
    ),
    "migrate": _Place("gateway.commands.migrate", "migrate", "데이터베이스 구조를 맞춥니다."),
    "secrets": _Place(
        "gateway.commands.secrets", "app", "설치 하나의 비밀과 인증서를 만듭니다 (init, renew)."
    ),
    "keys": _Place(
        "gateway.commands.keys", "app", "키를 만들고, 보고, 바꿉니다 (init, list, rotate)."
    ),
    "seal": _Place("gateway.commands.seal", "seal", "봉인만 하는 프로세스를 시작합니다."),
    "witness": _Place(
        "gateway.commands.witness", "app", "다른 기관의 기록부를 확인해 서명합니다 (외부 확인자)."
    ),
    "reveal": _Place("gateway.commands.reveal", "app", "봉인된 내용을 두 사람이 함께 엽니다."),
    "content": _Place(
        "gateway.commands.content", "app", "봉인된 내용을 기한 전에 지웁니다 (erase)."
    ),
    "backup": _Place("gateway.commands.backup", "app", "기록부를 암호화해 백업합니다 (key, make)."),
    "restore": _Place(
        "gateway.commands.restore", "restore", "백업이나 되돌린 데이터베이스를 검증해 받아들입니다."
    ),
    "demo": _Place("gateway.commands.demo", "app", "체험용 사람과 시스템의 접근 토큰 (token)."),
}

# By the beginning of typer's words, or by the name of its exception, which is private to it; the
# first that fits counts.
_USAGE = {
    "No such command": "그런 하위 명령이 없습니다.",
    "Missing command": "하위 명령을 적으십시오.",
    "Got unexpected extra argument": "쓰이지 않는 인자가 더 있습니다.",
    "NoSuchOption": "그런 선택이 없습니다.",
    "MissingParameter": "꼭 있어야 하는데 빠졌습니다.",
    "BadOptionUsage": "값이 빠졌거나 값을 받지 않는 선택입니다.",
    "BadParameter": "값이 올바르지 않습니다.",
    "NoArgsIsHelpError": "하위 명령을 적으십시오.",
    "TyperException": "명령을 쓰는 방법이 틀렸습니다.",
}
_SPEAKS_KOREAN = re.compile("[가-힣]")


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a command; exits with its status (2 for a command line that is wrong)."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    first = words[0] if words else "--help"
    if first in ("-h", "--help"):
        sys.stdout.write(_help())
        raise SystemExit(0 if words else 2)
    if first == "--version":
        sys.stdout.write(f"gwanmun {importlib.metadata.version('gwanmun')}\n")
        return
    place = COMMANDS.get(first)
    if place is None:
        near = difflib.get_close_matches(first, COMMANDS, n=1)
        hint = f" 혹시 {near[0]}입니까?" if near else ""
        sys.stderr.write(f"그런 명령이 없습니다. (Unknown command.){hint}\n\n{_help()}")
        raise SystemExit(2)
    command = get_command(_load(first, place))
    try:
        status = command(args=words[1:], prog_name=f"gwanmun {first}", standalone_mode=False)
    except TyperException as error:
        sys.stderr.write(_usage_error(f"gwanmun {first}", error))
        raise SystemExit(2) from None
    raise SystemExit(status or 0)


def _load(name: str, place: _Place) -> typer.Typer:
    found = getattr(importlib.import_module(place.module), place.attribute)
    if isinstance(found, typer.Typer):
        return found
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(name=name)(found)
    return alone


def _usage_error(command: str, error: TyperException) -> str:
    """Korean by the kind of the error, then typer's own English, then where help is."""
    english = error.format_message()
    context = getattr(error, "ctx", None)
    helped = context.command_path if context is not None else command
    said = f"{english}\n"
    if not _SPEAKS_KOREAN.search(error.message):  # a command's own words hold both languages
        kinds = [kind.__name__ for kind in type(error).__mro__]
        korean = next(
            words for key, words in _USAGE.items() if key in kinds or english.startswith(key)
        )
        named = getattr(error, "option_name", "") or _parameter(error)
        said = f"{named}: {korean}\n{english}\n" if named else f"{korean}\n{english}\n"
    return f"{said}도움말(help): {helped} --help\n"


def _parameter(error: TyperException) -> str:
    options = getattr(getattr(error, "param", None), "opts", None)
    return str(options[0]) if options else ""


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {place.help}" for name, place in COMMANDS.items()]
    return "\n".join(
        (
            "관문: 정부를 위한 사설 LLM 게이트웨이",
            "",
            "사용법: gwanmun <명령> [선택…]      자세한 도움말: gwanmun <명령> --help",
            "",
            *lines,
            "",
        )
    )
