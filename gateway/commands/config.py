"""`gwanmun config check`: are the settings right, before anything starts?"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.settings import Settings, SettingsError, read_settings

app = typer.Typer(add_completion=False, rich_markup_mode=None, help="설정을 점검합니다.")

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="설정 파일(YAML). 없으면 GWANMUN_CONFIG.")
]


@app.callback()
def _config() -> None:
    """설정을 점검합니다."""


@app.command()
def check(config: ConfigOption = None) -> None:
    """설정 파일과 GWANMUN_ 변수를 읽어 틀린 곳을 알려 줍니다. 끝값: 0 맞음, 2 틀림."""
    settings = load(config)
    names = ", ".join(model.name for model in settings.models)
    sys.stdout.write(f"설정이 올바릅니다. 모델: {names}. 발급자: {settings.identity.issuer}\n")


def load(config: Path | None) -> Settings:
    """The settings, or a message in plain words and exit status 2."""
    try:
        return read_settings(config)
    except SettingsError as error:
        sys.stderr.write(f"설정이 올바르지 않습니다. (The settings are wrong.)\n{error}\n")
        raise typer.Exit(2) from None
