"""`gwanmun config check`: are the settings right, before anything starts?"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from gateway import os_words
from gateway.outward.http import TrustUnusable, trust
from gateway.settings import Settings, SettingsError, read_settings
from gateway.store.database import database_path
from gateway.store.errors import UnsupportedDatabase

app = typer.Typer(add_completion=False, rich_markup_mode=None, help="설정을 점검합니다.")

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="설정 파일(YAML). 없으면 GWANMUN_CONFIG.")
]


@app.callback()
def _config() -> None:
    """설정을 점검합니다."""


@app.command()
def check(config: ConfigOption = None) -> None:
    """설정과 그 안에 적힌 파일을 읽어 틀린 곳을 알려 줍니다. 끝값: 0 맞음, 2 틀림."""
    settings = load_whole(config)
    names = ", ".join(model.name for model in settings.models)
    sys.stdout.write(f"설정이 올바릅니다. 모델: {names}. 발급자: {settings.identity.issuer}\n")


def load(config: Path | None) -> Settings:
    """The settings, or a message in plain words and exit status 2."""
    try:
        return read_settings(config)
    except SettingsError as error:
        _refuse(str(error))


def load_whole(config: Path | None) -> Settings:
    """As `load`, and what the settings point to must be there: what serving needs."""
    settings = load(config)
    if problems := list(pointed_at(settings)):
        _refuse("\n".join(problems))
    return settings


def pointed_at(settings: Settings) -> Iterator[str]:
    """What is wrong with the files and the database that the settings name; opens no network."""
    yield from _database(settings)
    identity = settings.identity
    try:
        trust(identity.private_ca_file)
    except TrustUnusable as error:
        yield f"identity.private_ca_file: {error}"
    yield from _secret("identity.browser_secret_file", identity.browser_secret_file)
    for number, model in enumerate(settings.models):
        for at, replica in enumerate(model.replicas):
            name = f"models[{number}].replicas[{at}].credential_file"
            yield from _secret(name, replica.credential_file)


def _database(settings: Settings) -> Iterator[str]:
    try:
        database_path(settings.store.data_dir, settings.store.database_url)
    except UnsupportedDatabase as error:
        yield str(error)


def _secret(name: str, path: Path | None) -> Iterator[str]:
    if path is None:
        return
    try:
        if not path.read_text(encoding="utf-8").strip():
            yield f"{name}: {path}: 빈 파일입니다. (Is empty.)"
    except OSError as error:
        yield f"{name}: {path}: {os_words.korean(error)}. ({os_words.english(error)}.)"
    except UnicodeDecodeError:
        yield f"{name}: {path}: UTF-8이 아닙니다. (Not UTF-8.)"


def _refuse(problems: str) -> NoReturn:
    sys.stderr.write(f"설정이 올바르지 않습니다. (The settings are wrong.)\n{problems}\n")
    raise typer.Exit(2) from None
