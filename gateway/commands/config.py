"""`gwanmun config check`: are the settings right, before anything starts?"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from gateway import os_words
from gateway.exports.destinations import SecretUnusable, webhook_key
from gateway.ledger.keys import KeysUnusable, mounted_keys
from gateway.ledger.witness_files import folder_of, is_folder
from gateway.outward.http import TrustUnusable, origin_of, trust
from gateway.policy_file import load_hash_key, load_policy, require_hash_key
from gateway.proofs.policy import Policy, PolicyInvalid
from gateway.settings import Settings, SettingsError, read_settings
from gateway.store.errors import UnsupportedDatabase
from gateway.store.place import SETTING, PostgresPlace, find_place
from redaction.policy_words import PolicyRefused

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
    yield from _keys(settings)
    yield from _policy(settings)
    yield from _witnesses(settings)
    identity, valkey = settings.identity, settings.valkey
    for name, ca_file in (
        ("identity.private_ca_file", identity.private_ca_file),
        ("valkey.ca_file", valkey.ca_file),
        ("witnesses.ca_file", settings.witnesses.ca_file),
        ("forward.syslog_ca_file", settings.forward.syslog_ca_file),
        ("forward.webhook_ca_file", settings.forward.webhook_ca_file),
    ):
        try:
            trust(ca_file)
        except TrustUnusable as error:
            yield f"{name}: {error}"
    yield from _secret("identity.browser_secret_file", identity.browser_secret_file)
    yield from _secret("valkey.password_file", valkey.password_file)
    yield from _webhook(settings.forward.webhook_secret_file)
    for number, model in enumerate(settings.models):
        for at, replica in enumerate(model.replicas):
            name = f"models[{number}].replicas[{at}].credential_file"
            yield from _secret(name, replica.credential_file)


def _database(settings: Settings) -> Iterator[str]:
    """The owner's secrets are not looked at: where serving happens they need not be."""
    store = settings.store
    for setting, url in ((SETTING, store.database_url), ("store.owner_url", store.owner_url)):
        try:
            place = find_place(store.data_dir, url, setting=setting)
        except UnsupportedDatabase as error:
            yield str(error)
            continue
        if url and setting != SETTING and not isinstance(place, PostgresPlace):
            yield f"{setting}: {UnsupportedDatabase(setting)}"
    yield from _secret("store.password_file", store.password_file)
    try:
        trust(store.ca_file)
    except TrustUnusable as error:
        yield f"store.ca_file: {error}"


def _keys(settings: Settings) -> Iterator[str]:
    """Shared keys must be there already; those of one gateway are made at its first start."""
    ledger = settings.ledger
    if ledger.key_dir is None:
        return
    try:
        mounted_keys(ledger.key_dir, writes=False, seals=False)
    except KeysUnusable as error:
        yield f"ledger.key_dir: {error}"


def _policy(settings: Settings) -> Iterator[str]:
    redaction = settings.redaction
    try:
        require_hash_key(load_policy(redaction.policy), load_hash_key(redaction.hash_key_file))
    except PolicyRefused as error:
        yield from (f"redaction.policy: {line}" for line in str(error).splitlines())


def _webhook(secret: Path | None) -> Iterator[str]:
    try:
        if secret is not None:
            webhook_key(secret)
    except SecretUnusable as error:
        yield f"forward.webhook_secret_file: {error}"


def _witnesses(settings: Settings) -> Iterator[str]:
    """Each witness is asked at a URL, or through a folder that is there."""
    path = settings.witnesses.policy_file
    if path is None:
        return
    try:
        policy = Policy.read(path)
    except PolicyInvalid as error:
        yield (
            f"witnesses.policy_file: {path}: 외부 확인자의 파일이 아닙니다. "
            f"(Not a policy of witnesses: {error}.)"
        )
        return
    for witness in policy.witnesses.values():
        if is_folder(witness.url):
            if not folder_of(witness.url).is_dir():
                yield (
                    f"witnesses.policy_file: {witness.name}: 폴더 {folder_of(witness.url)}이(가) "
                    f"없습니다. (The folder does not exist.)"
                )
        elif witness.url and not origin_of(witness.url):
            yield (
                f"witnesses.policy_file: {witness.name}: {witness.url}은(는) https:// 주소도 "
                f"file:// 폴더도 아닙니다. (Neither an https:// URL nor a file:// folder.)"
            )


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
