"""`gwanmun seal`: the sealer as a process of its own, beside gateways that do not seal."""

import sys

import typer
import uvloop

from gateway.app_ledger import StartRefused
from gateway.commands.config import ConfigOption, load_whole
from gateway.server import run_sealer


def seal(config: ConfigOption = None) -> None:
    """기록을 봉인하는 프로세스 하나를 시작합니다. 둘이 함께 실행되어도 해가 없습니다."""
    settings = load_whole(config)
    try:
        uvloop.run(run_sealer(settings))
    except StartRefused as refused:
        sys.stderr.write(f"{refused}\n")
        raise typer.Exit(2) from None
