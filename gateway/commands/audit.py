"""`gwanmun audit verify` and `gwanmun audit show`: the ledger without the gateway.

Both only read, need no settings, and work beside a running gateway. The words that scripts rely on
stand in `--json`.
"""

import dataclasses
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.commands import receipt as receipts
from gateway.commands.place import existing, store_settings
from gateway.proofs.reader import EventRow, LogReader, LogUnreadable
from gateway.proofs.records import Flaw, Problem
from gateway.proofs.trust import FILE_NAME, Trust, TrustUnreadable
from gateway.proofs.verify import DATABASE_NAME, Report, verify_log

BROKEN, CANNOT_VERIFY = 1, 2

app = typer.Typer(add_completion=False, rich_markup_mode=None, help="기록을 검증하고 봅니다.")

_FLAWS: dict[Flaw, str] = {
    Flaw.MALFORMED: "기록의 형식이 깨졌습니다",
    Flaw.NOT_CANONICAL: "기록의 내용이 정해진 형식이 아닙니다",
    Flaw.COLUMNS_DIFFER: "표의 값과 서명된 내용이 서로 다릅니다",
    Flaw.UNKNOWN_KEY: "믿는 공개 키로 서명되지 않았습니다",
    Flaw.SIGNATURE: "서명이 맞지 않습니다 (내용, 소금값, 기관 또는 번호가 바뀜)",
    Flaw.SEQUENCE: "기록기의 번호가 이어지지 않습니다 (앞의 기록이 없거나 순서가 바뀜)",
    Flaw.WRITER_LIFE: "기록기의 시작과 끝이 맞지 않습니다",
    Flaw.PREVIOUS_MISSING: "앞에 있어야 할 기록이 없습니다",
    Flaw.CLOSED_UNOPENED: "열린 적이 없거나 이미 닫힌 기록을 닫았습니다",
    Flaw.OPENED_TWICE: "같은 기록이 두 번 열렸습니다",
    Flaw.NEVER_CLOSED: "기록기가 끝났는데 닫히지 않은 기록입니다",
    Flaw.EVENT_MISSING: "봉인된 기록이 지워졌습니다",
    Flaw.LEAF_MISSING: "봉인된 기록의 잎이 없습니다",
    Flaw.LEAF_INDEX: "잎의 순서가 바뀌었습니다",
    Flaw.AGENCY_NUMBER: "기관의 번호가 이어지지 않습니다",
    Flaw.ENTRY: "잎이 기록과 맞지 않습니다",
    Flaw.ROOT: "나무의 뿌리가 서명된 값과 다릅니다",
    Flaw.CHECKPOINT: "서명된 확인점이 없거나 서명이 맞지 않습니다",
    Flaw.SUBTREE: "보관된 부분 나무의 값이 다릅니다",
    Flaw.HEAD: "나무의 머리값이 확인점과 다릅니다",
    Flaw.TAIL_MISSING: "마지막 기록들이 지워졌습니다",
}

_UNWITNESSED = (
    "외부 증인의 서명이 없습니다(unwitnessed): 데이터베이스를 쥔 사람이 기록의 끝을 통째로 "
    "잘라 냈다면 이 검증만으로는 알 수 없습니다.\n"
)
_OWN_PINS = (
    "주의: 공개 키를 검증 대상과 같은 곳에서 읽었습니다. "
    "따로 보관한 파일을 --trust로 지정하십시오.\n"
)

PathArgument = Annotated[
    Path | None,
    typer.Argument(help="데이터 디렉터리나 데이터베이스 파일. 없으면 설정의 것이나 var/gwanmun."),
]
DataOption = Annotated[Path | None, typer.Option("--data", help="경로를 적는 다른 방법.")]
TrustOption = Annotated[
    Path | None, typer.Option("--trust", help="믿는 공개 키의 파일(trust.json).")
]
ReceiptOption = Annotated[
    Path | None,
    typer.Option(
        "--receipt",
        help="영수증의 파일(JSON). 경로도 주면 약속된 기록이 그 기록부에 있는지도 봅니다.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON으로 씁니다.")]


@app.callback()
def _audit() -> None:
    """기록을 검증하고 봅니다."""


@app.command()
def verify(
    path: PathArgument = None,
    data: DataOption = None,
    trust: TrustOption = None,
    receipt: ReceiptOption = None,
    as_json: JsonOption = False,
) -> None:
    """기록이 바뀌거나 지워지거나 뒤섞이지 않았는지 봅니다. 끝값: 0 맞음, 1 틀림, 2 못 봄."""
    if receipt:
        _verify_receipt(existing(receipt), path or data, trust, as_json=as_json)
        return
    place = _place(path or data)
    pins = trust or _pins(place)
    try:
        report = verify_log(place, Trust.read(pins))
    except TrustUnreadable as error:
        raise _cannot(pins, "공개 키 파일을 읽을 수 없습니다.", str(error)) from None
    except LogUnreadable as error:
        raise _cannot(place, "기록을 읽을 수 없습니다.", str(error)) from None
    sys.stdout.write(_json(report) if as_json else _words(report, own_pins=trust is None))
    if report.problem:
        raise typer.Exit(BROKEN)


@app.command()
def show(
    path: PathArgument = None,
    data: DataOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="몇 개까지.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """마지막 기록들을 오래된 것부터 보여 줍니다. 검증은 하지 않습니다."""
    place = _place(path or data)
    try:
        with LogReader(place / DATABASE_NAME if place.is_dir() else place) as reader:
            events = reader.last_events(limit)[::-1]
            size = reader.bounds().checkpoint
    except LogUnreadable as error:
        raise _cannot(place, "기록을 읽을 수 없습니다.", str(error)) from None
    if as_json:
        sys.stdout.writelines(f"{_body(event)}\n" for event in events)
        return
    sys.stdout.writelines(f"{_line(event)}\n" for event in events)
    sys.stdout.write(f"봉인된 기록 {size}개, 보인 기록 {len(events)}개\n")


def _place(given: Path | None) -> Path:
    return existing(given or store_settings().data_dir)


def _pins(place: Path) -> Path:
    return (place if place.is_dir() else place.parent) / FILE_NAME


def _verify_receipt(file: Path, given: Path | None, trust: Path | None, *, as_json: bool) -> None:
    place = existing(given) if given else None
    pins = trust or (_pins(place) if place else None)
    if pins is None:
        sys.stderr.write(
            "믿는 공개 키의 파일을 --trust로 주십시오. (Give the pins with --trust.)\n"
        )
        raise typer.Exit(CANNOT_VERIFY)
    try:
        checked = receipts.check(file, Trust.read(pins), place)
    except receipts.ReceiptUnreadable as error:
        raise _cannot(file, "영수증을 읽을 수 없습니다.", str(error)) from None
    except TrustUnreadable as error:
        raise _cannot(pins, "공개 키 파일을 읽을 수 없습니다.", str(error)) from None
    except LogUnreadable as error:
        raise _cannot(place or file, "기록을 읽을 수 없습니다.", str(error)) from None
    receipts.show(checked, as_json=as_json)
    if trust is None and not as_json:
        sys.stdout.write(_OWN_PINS)
    if checked.problem:
        raise typer.Exit(BROKEN)


def _cannot(path: Path, korean: str, english: str) -> typer.Exit:
    sys.stderr.write(f"{path}: {korean} ({english})\n")
    return typer.Exit(CANNOT_VERIFY)


def _json(report: Report) -> str:
    tree = dataclasses.asdict(report)
    tree["verified"] = report.problem is None
    return json.dumps(tree, ensure_ascii=False) + "\n"


def _words(report: Report, *, own_pins: bool) -> str:
    lines = [
        f"기록부 {report.origin}\n",
        f"기록 {report.events}개, 봉인 {report.size}개, 확인점 {report.checkpoints}개, "
        f"봉인 전 {report.unsealed}개, 진행 중 {report.open}개, 기록기 {report.writers}개\n",
        f"뿌리 {report.root}\n",
    ]
    if report.problem:
        lines.append(f"검증 실패 (broken): {_explain(report.problem)}\n")
    else:
        lines.append("검증 완료 (verified): 읽은 모든 기록이 서명된 그대로입니다.\n")
    lines.append(_UNWITNESSED)
    lines.append(_OWN_PINS if own_pins else "")
    return "".join(lines)


def _explain(problem: Problem) -> str:
    where = [f"기록 {_plain(problem.record_id)}"] if problem.record_id else []
    where += [] if problem.leaf_index is None else [f"잎 {problem.leaf_index}"]
    where += [] if problem.position is None else [f"위치 {problem.position}"]
    place = ", ".join(where) or "기록부 전체"
    detail = f"; {_plain(problem.detail)}" if problem.detail else ""
    return f"{place}: {_FLAWS[problem.flaw]} [{problem.flaw.value}{detail}]"


def _line(event: EventRow) -> str:
    try:
        facts = json.loads(_body(event))
        parts = [facts.get("time"), event.agency or "-", event.action, event.record_id]
        parts += [facts[name] for name in ("outcome", "code", "model") if facts.get(name)]
        return "  ".join(_plain(part) for part in parts)
    except (ValueError, AttributeError):
        return f"{event.position}: 읽을 수 없는 기록"


def _body(event: EventRow) -> str:
    return event.body.decode(errors="replace") if isinstance(event.body, bytes) else ""


def _plain(value: object) -> str:
    """Nothing in a row that somebody else wrote may steer the reader's terminal."""
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}"
        for character in str(value)
    )
