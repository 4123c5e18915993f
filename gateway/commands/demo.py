"""`gwanmun demo …`: tokens and links of the demo that `gwanmun up` runs."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.demo.instance import Instance, NoInstance, find_instance
from gateway.demo.people import ACCOUNTS
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
    """접근 토큰 하나를 표준 출력에 씁니다. 한 시간 동안 쓸 수 있습니다."""
    account = ACCOUNTS.get(name)
    if account is None:
        names = "\n".join(f"  {key:<12} {one.name} · {one.duty}" for key, one in ACCOUNTS.items())
        sys.stderr.write(
            f"그런 이름이 없습니다. (No such name.) 다음 중에서 고르십시오.\n{names}\n"
        )
        raise typer.Exit(2)
    client = account.key if account.service else CLI_CLIENT
    realm = _realm(data)
    sys.stdout.write(f"{realm.access_token(account, client, lifetime=TOKEN_SECONDS)}\n")


@app.command()
def link(data: DataOption = None) -> None:
    """브라우저에서 한 번 열 수 있는 새 시작 링크를 만듭니다."""
    realm = _realm(data)
    sys.stdout.write(f"{realm.ticket_url(realm.new_ticket())}\n")


def _realm(data: Path | None) -> Realm:
    try:
        instance: Instance = find_instance(data)
        return Realm.open(instance.demo_dir, instance.provider_port)
    except (NoInstance, RealmError, KeyFileError) as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(1) from None
