"""`gwanmun demo …`: tokens and links of the demo that `gwanmun up` runs."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from gateway.demo.instance import KEYCLOAK, Instance, NoInstance, find_instance
from gateway.demo.keycloak import TokenRefused, system_token
from gateway.demo.people import ACCOUNTS, Account
from gateway.demo.realm import CLI_CLIENT, Realm, RealmError
from gateway.identity.keyfile import KeyFileError

TOKEN_SECONDS = 3_600

app = typer.Typer(
    add_completion=False, rich_markup_mode=None, help="체험용 사람과 시스템의 접근 토큰."
)

DataOption = Annotated[
    Path | None,
    typer.Option("--data", help="데이터 디렉터리. 없으면 가장 최근에 시작한 관문."),
]


@app.callback()
def _demo() -> None:
    """체험용 사람과 시스템의 접근 토큰."""


@app.command()
def token(
    name: Annotated[str, typer.Argument(help="사람이나 시스템의 이름. 예: minsu")],
    data: DataOption = None,
) -> None:
    """접근 토큰 하나를 표준 출력에 씁니다. 한 시간(Keycloak에서는 5분) 동안 쓸 수 있습니다."""
    account = ACCOUNTS.get(name)
    if account is None:
        names = "\n".join(f"  {key:<12} {one.name} · {one.duty}" for key, one in ACCOUNTS.items())
        sys.stderr.write(
            f"그런 이름이 없습니다. (No such name.) 다음 중에서 고르십시오.\n{names}\n"
        )
        raise typer.Exit(2)
    instance = _instance(data)
    if instance.provider == KEYCLOAK:
        sys.stdout.write(f"{_keycloak_token(instance, account)}\n")
        return
    client = account.key if account.service else CLI_CLIENT
    realm = _realm(instance)
    sys.stdout.write(f"{realm.access_token(account, client, lifetime=TOKEN_SECONDS)}\n")


@app.command()
def link(data: DataOption = None) -> None:
    """브라우저에서 한 번 열 수 있는 새 시작 링크를 만듭니다."""
    instance = _instance(data)
    if instance.provider == KEYCLOAK:
        _refuse(
            f"Keycloak에는 시작 링크가 없습니다. http://127.0.0.1:{instance.port} 에서 이름과 "
            "`gwanmun up --keycloak`이 보여 준 비밀번호로 로그인하십시오.\n"
            "There are no links with Keycloak: log in with a name and the password that "
            "`gwanmun up --keycloak` has shown."
        )
    realm = _realm(instance)
    sys.stdout.write(f"{realm.ticket_url(realm.new_ticket())}\n")


def _keycloak_token(instance: Instance, account: Account) -> str:
    """A system's token from Keycloak itself; people have theirs in the browser alone."""
    if not account.service:
        _refuse(
            f"Keycloak에서는 사람({account.key})의 토큰을 명령줄로 받을 수 없습니다 (비밀번호를 "
            "직접 주고받는 방식은 꺼 두었습니다). 브라우저로 로그인하거나 시스템의 토큰을 "
            "쓰십시오. 예: gwanmun demo token svc-civil\n"
            "With Keycloak a person's token cannot be had on the command line: direct grants are "
            "off. Log in with a browser, or use a system's: gwanmun demo token svc-civil"
        )
    try:
        return asyncio.run(system_token(instance.demo_dir, instance.provider_port, account.key))
    except TokenRefused as error:
        _refuse(str(error))


def _refuse(words: str) -> NoReturn:
    sys.stderr.write(f"{words}\n")
    raise typer.Exit(1)


def _instance(data: Path | None) -> Instance:
    try:
        return find_instance(data)
    except NoInstance as error:
        _refuse(str(error))


def _realm(instance: Instance) -> Realm:
    try:
        return Realm.open(instance.demo_dir, instance.provider_port)
    except (RealmError, KeyFileError) as error:
        _refuse(str(error))
