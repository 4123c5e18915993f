"""`gwanmun up`: everything on this machine with one command, for trying it out."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from gateway.demo.children import UpFailed
from gateway.demo.engine_script import MODEL_NAME
from gateway.demo.local_engine import LocalEngine, WrongEngine, local_engine
from gateway.demo.realm import RealmError
from gateway.demo.up import Options
from gateway.demo.up import up as run
from gateway.identity.keyfile import KeyFileError
from gateway.outward.http import origin_of
from gateway.store.errors import StoreError

DEFAULT_DATA = Path("var/gwanmun")
_HIGHEST_PORT = 65_535 - 3

# The longer options; each stands in the signature under its own name.
_Engine = Annotated[
    str | None,
    typer.Option(
        "--engine",
        help="실제 엔진: vllm:모델폴더, llama:파일.gguf(이 컴퓨터에서 시작), 또는 vLLM의 주소. "
        "없으면 리허설 엔진.",
    ),
]
_Vllm = Annotated[
    Path | None,
    typer.Option("--vllm", help="vllm 명령이나 그것이 있는 가상 환경. 없으면 PATH에서 찾음."),
]
_Dist = Annotated[
    Path | None,
    typer.Option(
        "--keycloak-dist",
        help="받아 둔 Keycloak 배포판(zip 또는 푼 폴더). 없으면 Maven으로 받습니다.",
    ),
]


def up(  # noqa: PLR0913 each is an option of the command
    data: Annotated[
        Path | None, typer.Option("--data", help="데이터 디렉터리. 없으면 var/gwanmun.")
    ] = None,
    port: Annotated[
        int,
        typer.Option(
            "--port", min=1, max=_HIGHEST_PORT, help="관문의 포트. 여기부터 네 개를 씁니다."
        ),
    ] = 8080,
    engine: _Engine = None,
    model: Annotated[
        str | None, typer.Option("--model", help="그 엔진이 제공하는 모델의 이름.")
    ] = None,
    vllm: _Vllm = None,
    engine_flags: Annotated[
        str, typer.Option("--engine-flags", help="시작할 엔진에 그대로 전달할 옵션들.")
    ] = "",
    keycloak: Annotated[
        bool,
        typer.Option(
            "--keycloak", help="시연용 로그인 서버 대신 실제 Keycloak을 씁니다 (Java 17 이상)."
        ),
    ] = False,
    keycloak_dist: _Dist = None,
    pace: Annotated[
        float | None,
        typer.Option("--pace", min=0, help="리허설 엔진의 속도(초당 토큰 수). 0은 쉬지 않음."),
    ] = None,
) -> None:
    """체험용으로 게이트웨이·로그인·리허설 엔진을 모두 시작합니다. Ctrl-C로 멈춥니다."""
    local = _local(engine, vllm, engine_flags)
    if local is not None:
        engine, model = None, _own_name(local, model)
    else:
        _check_engine(engine, model)
    _check_keycloak(keycloak, keycloak_dist)
    options = Options(
        data_dir=(data or DEFAULT_DATA).absolute(),
        default_data_dir=data is None,
        port=port,
        engine_url=engine.rstrip("/").removesuffix("/v1") if engine else None,
        model=model or MODEL_NAME,
        pace=pace,
        local=local,
        keycloak=keycloak,
        keycloak_dist=keycloak_dist,
    )
    try:
        asyncio.run(run(options, _say))
    except (UpFailed, StoreError, RealmError, KeyFileError) as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(1) from None


def _local(engine: str | None, vllm: Path | None, flags: str) -> LocalEngine | None:
    try:
        return local_engine(engine or "", vllm, flags)
    except WrongEngine as error:
        _usage(*str(error).split("\n"))


def _check_engine(engine: str | None, model: str | None) -> None:
    if (engine is None) != (model is None):
        _usage(
            "--engine과 --model은 함께 지정해야 합니다.", "--engine and --model belong together."
        )
    if engine is not None and not origin_of(engine):
        _usage(
            "--engine은 http:// 또는 https:// 주소여야 합니다.",
            "--engine must be an http(s) URL.",
        )


def _check_keycloak(keycloak: bool, dist: Path | None) -> None:
    if dist is not None and not (keycloak and dist.exists()):
        _usage(
            "--keycloak-dist는 --keycloak과 함께, 있는 파일이나 폴더를 지정해야 합니다.",
            "--keycloak-dist goes with --keycloak and names a file or folder that exists.",
        )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _own_name(local: LocalEngine, model: str | None) -> str:
    """The model's name is its folder's or file's; another one is refused."""
    if model not in (None, local.model):
        _usage(
            f"--model은 쓰지 않습니다. 이름은 {local.model}입니다.",
            f"--model is not for this engine: its name is {local.model}.",
        )
    return local.model


def _usage(korean: str, english: str) -> NoReturn:
    sys.stderr.write(f"{korean}\n{english}\n")
    raise typer.Exit(2)
