"""What `gwanmun audit verify` prints of what it found, and with which status it ends."""

import dataclasses
import json
import sys
from datetime import UTC, datetime

import typer

from gateway.proofs.agency import AgencyReport
from gateway.proofs.records import Flaw, Problem
from gateway.proofs.verify import Report
from gateway.proofs.verify_tiles import TileReport

BROKEN, CANNOT_VERIFY, UNWITNESSED = 1, 2, 3

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
    Flaw.AGENCY_NUMBER: "기관의 번호가 이어지지 않습니다 (빠진 기록이 있음)",
    Flaw.ENTRY: "잎이 기록과 맞지 않습니다",
    Flaw.ROOT: "나무의 뿌리가 서명된 값과 다릅니다",
    Flaw.CHECKPOINT: "서명된 확인점이 없거나 서명이 맞지 않습니다",
    Flaw.SUBTREE: "보관된 부분 나무의 값이 다릅니다",
    Flaw.HEAD: "나무의 머리값이 확인점과 다릅니다",
    Flaw.TAIL_MISSING: "마지막 기록들이 지워졌습니다",
    Flaw.ROTATION: "봉인 키가 바뀐 내력이 믿는 키에서 이어지지 않습니다",
    Flaw.COSIGNATURE: "외부 확인자의 서명이 맞지 않습니다",
    Flaw.AGENCY_HEAD: "기관에 서명해 준 값(기관 머리값)이 맞지 않습니다",
    Flaw.AGENCY_COUNT: "기관의 기록 수가 서명된 수와 다릅니다",
    Flaw.TILE: "조각(tile)의 내용이 바뀌었습니다",
    Flaw.TILE_MISSING: "조각(tile)이 없습니다",
    Flaw.PRUNED: "보유 기간이 끝나 지웠다는 서명된 기록과 실제로 없는 기록이 다릅니다",
}
_UNWITNESSED = (
    "확인자 없음(unwitnessed): 외부 확인자들의 서명이 정한 만큼 없습니다. 데이터베이스와 키를 쥔 "
    "사람이 기록의 끝을 통째로 잘라 냈다면 이 검증만으로는 알 수 없습니다.\n"
)
OWN_PINS = (
    "주의: 공개 키를 검증 대상과 같은 곳에서 읽었습니다. "
    "따로 보관한 파일을 --trust로 지정하십시오.\n"
)


def show_log(report: Report | TileReport, *, as_json: bool, own_pins: bool, demanded: bool) -> None:
    """Prints what was found of a log; `demanded` says that a policy was given.

    Raises:
        typer.Exit: it is broken, or has no quorum although one was demanded.
    """
    if as_json:
        _print_json(report)
    else:
        lines = [f"기록부 {report.origin}\n", _counts(report), f"뿌리 {report.root}\n"]
        lines += [
            _verdict(report.problem, "검증 완료 (verified): 읽은 모두가 서명된 그대로입니다.")
        ]
        lines += [_witnesses(report), OWN_PINS if own_pins else ""]
        sys.stdout.write("".join(lines))
    if report.problem:
        raise typer.Exit(BROKEN)
    if demanded and not report.witnessed:
        raise typer.Exit(UNWITNESSED)


def show_agency(report: AgencyReport, *, as_json: bool, own_pins: bool) -> None:
    """Prints what was found of an agency's export.

    Raises:
        typer.Exit: it is broken.
    """
    if as_json:
        _print_json(report)
    else:
        newer = report.records - report.covered
        begin = f"{report.first}번부터 " if report.first else ""
        good = f"검증 완료 (verified): {begin}빠지거나 바뀐 기록이 없습니다."
        sys.stdout.write(
            f"기록부 {report.origin}, 기관 {_plain(report.agency)}\n"
            f"기록 {report.records}개, 그중 {report.covered}개를 {report.size}개의 잎에 대한 "
            f"기관 머리값이 세었습니다.\n"
            + _verdict(report.problem, good)
            + (
                f"보유 기간이 끝나 지운 {report.pruned}개가 그 안에 있습니다.\n"
                if report.pruned
                else ""
            )
            + (f"머리값보다 새로운 {newer}개는 세지 않았습니다.\n" if newer > 0 else "")
            + (OWN_PINS if own_pins else "")
        )
    if report.problem:
        raise typer.Exit(BROKEN)


def cannot(place: object, korean: str, english: str) -> typer.Exit:
    """What stops a verification, said on standard error; the exception to raise."""
    sys.stderr.write(f"{place}: {korean} ({english})\n")
    return typer.Exit(CANNOT_VERIFY)


def _print_json(report: Report | TileReport | AgencyReport) -> None:
    tree = dataclasses.asdict(report)
    tree["verified"] = report.problem is None
    sys.stdout.write(json.dumps(tree, ensure_ascii=False) + "\n")


def _counts(report: Report | TileReport) -> str:
    if isinstance(report, TileReport):
        return f"잎 {report.size}개, 조각 {report.files}개\n"
    return (
        f"기록 {report.events}개, 봉인 {report.size}개, 확인점 {report.checkpoints}개, "
        f"봉인 전 {report.unsealed}개, 진행 중 {report.open}개, 기록기 {report.writers}개\n"
    ) + (
        f"보유 기간이 끝나 지운 기록 {report.pruned}개 (pruned), 모두 서명된 기록 "
        f"{report.prunings}개가 말하는 그대로입니다.\n"
        if report.pruned and report.problem is None
        else ""
    )


def _verdict(problem: Problem | None, good: str) -> str:
    return f"검증 실패 (broken): {explain(problem)}\n" if problem else f"{good}\n"


def _witnesses(report: Report | TileReport) -> str:
    if not report.witnessed or report.witnessed_at is None:
        return _UNWITNESSED
    at = datetime.fromtimestamp(report.witnessed_at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    names = ", ".join(map(_plain, report.witnesses))
    return f"외부 확인자 (witnessed): 잎 {report.witnessed_size}개까지, {at}, {names}\n"


def explain(problem: Problem) -> str:
    """The first thing that is wrong, in words."""
    where = [f"기록 {_plain(problem.record_id)}"] if problem.record_id else []
    where += [] if problem.leaf_index is None else [f"잎 {problem.leaf_index}"]
    where += [] if problem.position is None else [f"위치 {problem.position}"]
    place = ", ".join(where) or "전체"
    detail = f"; {_plain(problem.detail)}" if problem.detail else ""
    return f"{place}: {_FLAWS[problem.flaw]} [{problem.flaw.value}{detail}]"


def _plain(value: object) -> str:
    """Nothing in a row that somebody else wrote may steer the reader's terminal."""
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}"
        for character in str(value)
    )
