"""`gwanmun keys`: the keys of one installation: made once, listed, and the sealer's changed."""

import json
import sys
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from gateway.identity.keyfile import NAMES, KeyFileError, read_or_create_key
from gateway.ledger.keys import FOLDER, KeysUnusable, make_keys, rotate_sealer
from gateway.proofs.trust import FILE_NAME, Trust, TrustUnreadable
from gateway.store.data_dir import DataDirectoryLock
from gateway.store.errors import StoreError

FAILED = 2

app = typer.Typer(
    add_completion=False, rich_markup_mode=None, help="키를 만들고, 보고, 봉인 키를 바꿉니다."
)

KeysArgument = Annotated[
    Path,
    typer.Argument(
        metavar="디렉터리", help="`keys init`이 만든 디렉터리, 또는 데이터 디렉터리 (trust.json)."
    ),
]


HeldOption = Annotated[
    Path | None,
    typer.Option(
        "--held",
        metavar="파일",
        help="봉인 키가 있는 곳을 한 줄에 하나씩 적은 파일: PKCS#11 모듈(pkcs11:…, RFC 7512)이나 "
        "Vault·OpenBao의 transit(transit:…).",
    ),
]


class _Home(NamedTuple):
    folder: Path
    pins: Path
    is_data_dir: bool


@app.callback()
def _keys() -> None:
    """키를 만들고, 보고, 봉인 키를 바꿉니다."""


@app.command()
def init(
    directory: Annotated[
        Path, typer.Argument(metavar="디렉터리", help="키를 만들 디렉터리. 키가 없어야 합니다.")
    ],
    held: HeldOption = None,
) -> None:
    """서명 키와 비밀 키, 공개 키 파일(trust.json)을 만듭니다. 끝값: 0 됨, 2 안 됨."""
    try:
        pins = make_keys(directory, held)
        for name in NAMES:
            read_or_create_key(directory / name)
    except (KeysUnusable, KeyFileError) as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(FAILED) from None
    sys.stdout.write(
        f"키를 만들었습니다: {directory} (기록부 {pins.origin})\n"
        f"{directory / FILE_NAME}은 공개해도 됩니다. 검증할 사람에게 따로 전해 두십시오. "
        "나머지는 비밀이며, 잃으면 기록을 이어 쓸 수 없습니다.\n"
    )


@app.command()
def rotate(directory: KeysArgument, held: HeldOption = None) -> None:
    """봉인 키를 새것으로 바꿉니다. 옛 키와 새 키가 모두 서명합니다. 끝값: 0 됨, 2 안 됨.

    관문과 봉인 프로세스를 멈추고 실행하십시오. --held가 없으면 새 키를 파일로 만듭니다. 파일에
    있던 옛 비밀 키는 남지 않습니다. 다른 곳에 있던 옛 키는 그곳의 도구로 지우십시오.
    """
    home = _home(directory)
    try:
        if home.is_data_dir:
            with DataDirectoryLock(directory):
                pins = rotate_sealer(home.folder, home.pins, held)
        else:
            pins = rotate_sealer(home.folder, home.pins, held)
    except (KeysUnusable, StoreError) as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(FAILED) from None
    sys.stdout.write(
        f"봉인 키를 바꾸었습니다 ({len(pins.rotations)}번째, 기록부 {pins.origin}).\n"
        f"모든 관문과 봉인 프로세스에 새 {home.pins}을, 봉인하는 것에는 새 봉인 키도 주고 다시 "
        "시작하십시오. 옛 공개 키를 고정해 둔 사람도 그대로 검증할 수 있습니다. 외부 확인자에게는 "
        "새 공개 키 파일을 보내십시오.\n"
    )


@app.command("list")
def list_keys(
    directory: KeysArgument,
    as_json: Annotated[bool, typer.Option("--json", help="JSON으로 씁니다.")] = False,
) -> None:
    """공개 키들을 보여 줍니다: 봉인 키와 그 내력, 기록기의 키. 끝값: 0 됨, 2 안 됨."""
    home = _home(directory)
    try:
        pins = Trust.read(home.pins)
    except TrustUnreadable as error:
        sys.stderr.write(f"{home.pins}: 공개 키 파일을 읽을 수 없습니다. ({error})\n")
        raise typer.Exit(FAILED) from None
    last = len(pins.generations) - 1
    keys = [
        {"generation": number, "current": number == last, "kind": key.kind.name, "key": str(key)}
        for number, generation in enumerate(pins.generations)
        for key in generation
    ]
    if as_json:
        tree = {"origin": pins.origin, "sealer": keys, "writers": sorted(pins.writers)}
        sys.stdout.write(json.dumps(tree, ensure_ascii=False) + "\n")
        return
    lines = [f"기록부 {pins.origin}\n"]
    lines += [
        f"봉인 키 {key['generation']} {'지금' if key['current'] else '지난'} {key['kind']:7} "
        f"{key['key']}\n"
        for key in keys
    ]
    lines += [f"기록기의 키 {name}\n" for name in sorted(pins.writers)]
    sys.stdout.write("".join(lines))


def _home(directory: Path) -> _Home:
    """A data directory keeps its keys one folder deeper than a shared folder does."""
    is_data_dir = (directory / FOLDER).is_dir()
    return _Home(
        directory / FOLDER if is_data_dir else directory, directory / FILE_NAME, is_data_dir
    )
