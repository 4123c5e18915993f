"""The command `gwanmun`: names and one line each; a command's module is loaded when it is called.

This is the one mechanism of lazy loading: COMMANDS says where each command stands, and importing it
brings in what it needs and nothing else, so that `gwanmun --help` answers at once.
"""

import difflib
import importlib
import importlib.metadata
import sys
from collections.abc import Sequence
from typing import NamedTuple

import typer
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
    "audit": _Place("gateway.commands.audit", "app", "기록을 검증하고 봅니다 (verify, show)."),
    "config": _Place("gateway.commands.config", "app", "설정을 점검합니다 (check)."),
    "doctor": _Place("gateway.commands.doctor", "doctor", "이 기계에서 실행할 수 있는지 살핍니다."),
    "migrate": _Place("gateway.commands.migrate", "migrate", "데이터베이스 구조를 맞춥니다."),
    "demo": _Place("gateway.commands.demo", "app", "체험용 사람과 시스템의 접근 토큰 (token)."),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a command; exits with its status (2 for a command that does not exist)."""
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
    get_command(_load(first, place))(args=words[1:], prog_name=f"gwanmun {first}")


def _load(name: str, place: _Place) -> typer.Typer:
    found = getattr(importlib.import_module(place.module), place.attribute)
    if isinstance(found, typer.Typer):
        return found
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(name=name)(found)
    return alone


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
