"""Where a command that works on a ledger looks: the path it was given, the settings, the default.

The settings are read only if some are given, so that an officer needs none to look at a copy.
"""

import sys
from pathlib import Path

import typer

from gateway.commands.config import load
from gateway.settings import StoreSettings, is_configured

NOT_FOUND = 2


def store_settings(config: Path | None = None) -> StoreSettings:
    """Those of the settings if any are given, else the defaults if their directory is there.

    Raises:
        typer.Exit: there is no place to look; standard error says so.
    """
    if is_configured(config):
        return load(config).store
    store = StoreSettings()
    if not store.data_dir.is_dir():
        sys.stderr.write("경로를 주십시오: 데이터 디렉터리. (Give a path: the data directory.)\n")
        raise typer.Exit(NOT_FOUND)
    return store


def ledger_settings() -> tuple[StoreSettings, Path | None]:
    """As `store_settings`, with the directory of the shared keys if there is one."""
    if is_configured():
        settings = load(None)
        return settings.store, settings.ledger.key_dir
    return store_settings(), None


def existing(path: Path) -> Path:
    """The path itself.

    Raises:
        typer.Exit: it is not there; standard error says so.
    """
    if not path.exists():
        sys.stderr.write(f"{path}이(가) 없습니다. ({path} does not exist.)\n")
        raise typer.Exit(NOT_FOUND)
    return path
