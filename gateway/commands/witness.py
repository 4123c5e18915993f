"""`gwanmun witness`: confirms, for another administration, that its log only grows.

A witness sees nothing but the size and root of a log. It needs its folder and nothing else of this
program: no database, no settings.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
import uvloop

from gateway.app_ledger import StartRefused
from gateway.ledger.key_files import KeysUnusable
from gateway.ledger.witness import Followed, Witness, make_witness
from gateway.proofs.trust import Trust, TrustUnreadable
from gateway.proofs.witness import MOST_BYTES, Refused
from gateway.server import run_witness
from gateway.store.data_dir import DataDirectoryLock
from gateway.store.errors import StoreError
from gateway.store.private_file import write_whole

REFUSED, FAILED = 1, 2

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    help="다른 기관의 기록부가 늘기만 하는지 확인해 서명합니다.",
)

FolderArgument = Annotated[
    Path, typer.Argument(metavar="폴더", help="확인자의 폴더 (키, 따르는 기록부, 서명한 상태).")
]


@app.callback()
def _witness() -> None:
    """다른 기관의 기록부가 늘기만 하는지 확인해 서명합니다."""


@app.command()
def init(
    folder: FolderArgument,
    name: Annotated[
        str,
        typer.Option("--name", help="확인자의 이름: 기관의 주소로 시작 (witness.example.go.kr/1)."),
    ],
    ed25519: Annotated[
        bool,
        typer.Option(
            "--ed25519", help="양자 내성이 있는 ML-DSA-44가 아니라 Ed25519 키를 만듭니다."
        ),
    ] = False,
) -> None:
    """확인자의 키를 만들고 공개 키를 보여 줍니다. 끝값: 0 됨, 2 안 됨.

    ML-DSA-44를 모르는 프로그램이 이 확인자의 서명을 검증해야 할 때만 --ed25519를 쓰십시오.
    """
    try:
        key = make_witness(folder, name, classic=ed25519)
    except KeysUnusable as error:
        _fail(str(error))
    sys.stdout.write(f"{key}\n")


@app.command()
def follow(
    folder: FolderArgument,
    trust: Annotated[
        Path, typer.Argument(metavar="공개키파일", help="기록부의 공개 키 파일(trust.json).")
    ],
) -> None:
    """따를 기록부를 더하거나, 키가 바뀐 기록부의 새 공개 키를 받습니다. 끝값: 0 됨, 2 안 됨.

    파일이 정말 그 기관의 것인지는 다른 길로 확인하십시오.
    """
    try:
        witness = Witness.open(folder)
        pins = Trust.read(trust)
        known = witness.logs().get(pins.origin)
        if known and not _follows(pins, known.trust):
            _fail(
                f"{trust}: 이미 따르는 기록부의 키에서 이어지지 않습니다.\n"
                f"{trust}: does not follow from the keys that are pinned."
            )
        write_whole(witness.pins_file(pins.origin), pins.text().encode(), 0o644)
    except (KeysUnusable, TrustUnreadable, OSError) as error:
        _fail(str(error))
    sys.stdout.write(f"{pins.origin}\n")


@app.command("list")
def list_logs(
    folder: FolderArgument,
    as_json: Annotated[bool, typer.Option("--json", help="JSON으로 씁니다.")] = False,
) -> None:
    """따르는 기록부와 마지막으로 서명한 크기와 뿌리를 보여 줍니다. 끝값: 0 됨, 2 안 됨."""
    try:
        witness = Witness.open(folder)
        logs = witness.logs()
    except KeysUnusable as error:
        _fail(str(error))
    if as_json:
        tree = {
            "key": str(witness.key),
            "logs": [_facts(origin, log) for origin, log in logs.items()],
        }
        sys.stdout.write(json.dumps(tree, ensure_ascii=False) + "\n")
        return
    sys.stdout.write(f"{witness.key}\n")
    for origin, log in logs.items():
        sys.stdout.write(f"{origin}  잎 {log.known.size}개  뿌리 {log.known.root.hex()}\n")


@app.command()
def serve(
    folder: FolderArgument,
    host: Annotated[str, typer.Option("--host", help="듣는 주소.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="듣는 포트.")] = 8085,
) -> None:
    """확인자를 시작합니다 (POST /add-checkpoint). 끝값: 0 끝남, 2 안 됨.

    TLS는 앞의 프록시가 맡습니다.
    """
    try:
        with DataDirectoryLock(folder):
            uvloop.run(run_witness(Witness.open(folder), host, port))
    except (KeysUnusable, StoreError, StartRefused) as error:
        _fail(str(error))


@app.command()
def sign(
    folder: FolderArgument,
    request: Annotated[
        Path, typer.Argument(metavar="요청파일", help="관문이 쓴 요청 (add-checkpoint).")
    ],
    answer: Annotated[
        Path, typer.Argument(metavar="답파일", help="관문에 돌려줄 파일 (cosignature).")
    ],
) -> None:
    """망이 이어지지 않은 기록부의 요청 파일에 서명합니다. 끝값: 0 됨, 1 서명하지 않음, 2 안 됨.

    크기가 맞지 않으면(409) 답 파일에 마지막으로 서명한 크기를 적습니다. 관문이 다시 요청합니다.
    """
    try:
        with DataDirectoryLock(folder):
            body = _read(request)
            line = Witness.open(folder).add_checkpoint(body)
            write_whole(answer, line.encode(), 0o644)
    except Refused as refused:
        _answer_refusal(answer, refused)
    except (KeysUnusable, StoreError, OSError) as error:
        _fail(str(error))
    sys.stdout.write(f"{answer}\n")


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MOST_BYTES + 1)


def _answer_refusal(answer: Path, refused: Refused) -> NoReturn:
    if refused.status == 409:
        write_whole(answer, refused.body.encode(), 0o644)
    sys.stderr.write(
        f"서명하지 않았습니다 ({refused.status}): {refused.body}"
        f"Not signed ({refused.status}): {refused.body}"
    )
    raise typer.Exit(REFUSED)


def _follows(pins: Trust, known: Trust) -> bool:
    """The same first keys, and all rotations that are known."""
    same = [str(key) for key in pins.generations[0]] == [str(key) for key in known.generations[0]]
    return same and pins.rotations[: len(known.rotations)] == known.rotations


def _facts(origin: str, log: Followed) -> dict[str, object]:
    return {
        "origin": origin,
        "size": log.known.size,
        "root": log.known.root.hex(),
        "checkpoint": log.note,
        "read_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _fail(message: str) -> NoReturn:
    sys.stderr.write(f"{message}\n")
    raise typer.Exit(FAILED)
