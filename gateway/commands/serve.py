"""`gwanmun serve`: one gateway process, until SIGTERM or Ctrl-C."""

import sys

import typer
import uvloop

from gateway.app_ledger import StartRefused
from gateway.commands.config import ConfigOption, load_whole
from gateway.server import run


def serve(config: ConfigOption = None) -> None:
    """게이트웨이 하나를 시작합니다. SIGTERM을 받으면 진행 중인 답을 마치고 끝냅니다."""
    settings = load_whole(config)
    try:
        uvloop.run(run(settings))
    except StartRefused as refused:
        sys.stderr.write(f"{refused}\n")
        raise typer.Exit(2) from None
