"""`gwanmun up`: everything on this machine with one command, for trying it out."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.demo.children import UpFailed
from gateway.demo.engine_script import MODEL_NAME
from gateway.demo.realm import RealmError
from gateway.demo.up import Options
from gateway.demo.up import up as run
from gateway.identity.keyfile import KeyFileError
from gateway.outward.http import origin_of
from gateway.store.errors import StoreError

DEFAULT_DATA = Path("var/gwanmun")
_HIGHEST_PORT = 65_535 - 3


def up(
    data: Annotated[
        Path | None, typer.Option("--data", help="데이터 디렉터리. 없으면 var/gwanmun.")
    ] = None,
    port: Annotated[
        int,
        typer.Option(
            "--port", min=1, max=_HIGHEST_PORT, help="관문의 포트. 여기부터 네 개를 씁니다."
        ),
    ] = 8080,
    engine: Annotated[
        str | None, typer.Option("--engine", help="실제 vLLM의 주소. 없으면 리허설 엔진.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="그 엔진이 제공하는 모델의 이름.")
    ] = None,
    pace: Annotated[
        float | None,
        typer.Option("--pace", min=0, help="리허설 엔진의 속도(초당 토큰 수). 0은 쉬지 않음."),
    ] = None,
) -> None:
    """체험용으로 게이트웨이·로그인·리허설 엔진을 모두 시작합니다. Ctrl-C로 멈춥니다."""
    if (engine is None) != (model is None):
        _usage(
            "--engine과 --model은 함께 지정해야 합니다.", "--engine and --model belong together."
        )
    if engine is not None and not origin_of(engine):
        _usage(
            "--engine은 http:// 또는 https:// 주소여야 합니다.",
            "--engine must be an http(s) URL.",
        )
    options = Options(
        data_dir=(data or DEFAULT_DATA).absolute(),
        default_data_dir=data is None,
        port=port,
        engine_url=engine.rstrip("/").removesuffix("/v1") if engine else None,
        model=model or MODEL_NAME,
        pace=pace,
    )
    try:
        asyncio.run(run(options, _say))
    except (UpFailed, StoreError, RealmError, KeyFileError) as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(1) from None


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _usage(korean: str, english: str) -> None:
    sys.stderr.write(f"{korean}\n{english}\n")
    raise typer.Exit(2)
