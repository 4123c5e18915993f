"""`gwanmun audit verify --proof`: one receipt alone, or against the log that gave it.

The words that scripts rely on stand in `--json`: `problem` is null, the part of the receipt that
fails, or one of "removed", "changed", "moved", "other_record", "checkpoint_gone", "log".
"""

import dataclasses
import json
import sys
from pathlib import Path
from typing import NamedTuple

from gateway.commands.log_place import LogPlace, TilePlace
from gateway.commands.verified import OWN_PINS
from gateway.proofs.ahead import cores
from gateway.proofs.note import NoteInvalid
from gateway.proofs.policy import Policy
from gateway.proofs.receipt import (
    KEPT,
    Found,
    Proven,
    ReceiptInvalid,
    Standing,
    find_leaves,
    find_promised,
    verify_receipt,
)
from gateway.proofs.signed import known_keys
from gateway.proofs.trust import Trust
from gateway.proofs.verify import Report, verify
from gateway.proofs.verify_tiles import TileReport, TileRun
from gateway.proofs.witnessed import Witnessed, cosigned, quorum

_PARTS = {
    "format": "영수증의 형식이 다릅니다",
    "form": "영수증의 형식이 깨졌습니다",
    "promises": "약속이 하나도 없습니다",
    "checkpoint": "확인점이 이 기록부의 것이 아니거나 서명이 맞지 않습니다",
    "key": "믿는 공개 키로 서명되지 않은 약속입니다",
    "signature": "기록기의 서명이 맞지 않습니다",
    "sealed": "봉인되었다고 하지만 확인점이 없습니다",
    "entry": "잎이 약속과 맞지 않습니다",
    "inclusion": "잎이 확인점의 나무에 들어 있지 않습니다",
}
_STANDINGS = {
    Standing.STANDS: "기록부에 있고 봉인되었습니다",
    Standing.UNSEALED: "기록부에 있고 봉인을 기다립니다",
    Standing.PRUNED: "보유 기간이 끝나 지워졌고, 그 자리와 값은 약속한 그대로 남아 있습니다",
    Standing.REMOVED: "기록부에 없습니다. 서명된 약속이 있으므로 기록이 지워졌다는 증거입니다",
    Standing.CHANGED: "기록부에는 다른 내용이 있습니다. 기록이 바뀌었다는 증거입니다",
    Standing.MOVED: "기록부의 다른 자리에 있습니다. 기록부가 다시 쓰였다는 증거입니다",
    Standing.OTHER_RECORD: "영수증에 적힌 기록의 것이 아닙니다",
    Standing.UNSEEN: "봉인 전의 약속이라 조각만으로는 볼 수 없습니다",
}
_GONE = "checkpoint_gone"


class ReceiptUnreadable(Exception):
    """The file with the receipt is missing or is not JSON."""


class Checked(NamedTuple):
    """A receipt and what was found of it; `found` and `report` are None without a log.

    `witnessed` is the quorum that has signed the receipt's own checkpoint, if there is one.
    """

    proven: Proven | None
    problem: str
    found: Found | None = None
    report: Report | TileReport | None = None
    witnessed: Witnessed | None = None


def check(
    file: Path, trust: Trust, policy: Policy | None, place: LogPlace | TilePlace | None
) -> Checked:
    """Verifies the receipt in a file; with a place also that log, and that the log keeps it.

    Raises:
        ReceiptUnreadable: the file cannot be read.
        LogUnreadable: the log cannot be read.
    """
    try:
        receipt = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        raise ReceiptUnreadable("not a file with JSON") from None
    try:
        proven = verify_receipt(receipt, _known_keys(place, trust))
        note = str(receipt["checkpoint"]) if proven.checkpoint else ""
        signatures = cosigned(note, "", policy) if policy else ()
    except ReceiptInvalid as error:
        return Checked(None, str(error))
    except NoteInvalid:
        return Checked(None, "checkpoint")
    size = proven.checkpoint.size if proven.checkpoint else 0
    witnessed = quorum(size, signatures, policy) if policy else None
    if place is None:
        return Checked(proven, "", witnessed=witnessed)
    report: Report | TileReport
    if isinstance(place, TilePlace):
        with place.source as source:
            run = TileRun(source, trust)
            found = find_leaves(run.entries(), proven)
            report = run.report()
    else:
        with place.reader as reader:
            report = verify(reader, trust, processes=cores())
            found = find_promised(reader, proven)
    return Checked(proven, _problem(found, report), found, report, witnessed)


def _known_keys(place: LogPlace | TilePlace | None, trust: Trust) -> Trust:
    """A log tells how its keys followed the pinned ones; a receipt alone has the pins."""
    if place is None:
        return trust
    if isinstance(place, TilePlace):
        with place.source as source:
            return TileRun(source, trust).known_keys
    with place.reader as reader:
        return known_keys(reader, trust)


def show(checked: Checked, *, as_json: bool, own_pins: bool) -> None:
    """Prints it, as JSON or in words."""
    words = OWN_PINS if own_pins and not as_json else ""
    sys.stdout.write((_json(checked) if as_json else _words(checked)) + words)


def _problem(found: Found, report: Report | TileReport) -> str:
    broken = [each for each in found.standings if each not in KEPT]
    if broken:
        return broken[0]
    if found.checkpoint is False:
        return _GONE
    return "log" if report.problem else ""


def _json(checked: Checked) -> str:
    proven, found, report = checked.proven, checked.found, checked.report
    tree: dict[str, object] = {"verified": not checked.problem, "problem": checked.problem or None}
    if proven:
        standings = found.standings if found else [None] * len(proven.promises)
        tree |= {
            "record_id": proven.record_id,
            "agency": proven.agency,
            "promises": [
                {
                    "action": each.action,
                    "writer": each.writer,
                    "sequence": each.sequence,
                    "leaf_index": each.leaf_index,
                    "in_log": standing,
                }
                for each, standing in zip(proven.promises, standings, strict=True)
            ],
            "checkpoint": proven.checkpoint.size if proven.checkpoint else None,
            "witnesses": list(checked.witnessed.administrations) if checked.witnessed else [],
            "checkpoint_in_log": found.checkpoint if found else None,
            "log": dataclasses.asdict(report) if report else None,
        }
    return json.dumps(tree, ensure_ascii=False) + "\n"


def _words(checked: Checked) -> str:
    proven = checked.proven
    if proven is None:
        part = _PARTS[checked.problem]
        return f"영수증이 맞지 않습니다 (invalid): {part} [{checked.problem}]\n"
    lines = [
        f"영수증 {_plain(proven.record_id)}, 기관 {_plain(proven.agency)}\n",
        f"기록기의 약속 {len(proven.promises)}개의 서명이 맞고, 그중 {proven.sealed}개는 "
        "서명된 확인점의 나무에 들어 있습니다.\n",
    ]
    if checked.found is None:
        lines.append(
            "기록이 지금도 남아 있는지 보려면 데이터 디렉터리나 데이터베이스의 주소를 "
            "함께 주십시오.\n"
        )
    else:
        lines += _found_words(proven, checked.found)
    if checked.report and checked.report.problem:
        lines.append(
            f"기록부가 틀렸습니다 [{checked.report.problem.flaw.value}]: "
            "--proof 없이 검증하면 자세히 알려 줍니다.\n"
        )
    if checked.witnessed:
        names = ", ".join(map(_plain, checked.witnessed.administrations))
        lines.append(f"영수증의 확인점에 외부 확인자들이 서명했습니다 (witnessed): {names}\n")
    word = f"검증 실패 (broken) [{checked.problem}]" if checked.problem else "검증 완료 (verified)"
    return "".join((*lines, f"{word}\n"))


def _found_words(proven: Proven, found: Found) -> list[str]:
    lines = [
        f"{_plain(each.action)} ({each.writer} {each.sequence}번): {_STANDINGS[standing]} "
        f"[{standing}].\n"
        for each, standing in zip(proven.promises, found.standings, strict=True)
    ]
    if found.checkpoint is False:
        lines.append(
            "기록부가 영수증의 확인점에서 이어지지 않습니다: 끝이 잘렸거나 다시 쓰였습니다 "
            f"[{_GONE}].\n"
        )
    if not found.kept:
        lines.append("영수증보다 먼저 만든 사본이라면 새 사본으로 다시 검증하십시오.\n")
    return lines


def _plain(text: str) -> str:
    """Nothing in a receipt that somebody else wrote may steer the reader's terminal."""
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )
