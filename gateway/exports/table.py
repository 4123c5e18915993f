"""The columns of the formats that people open in a spreadsheet, and the cells of one event.

Text that a spreadsheet would take for a formula gets an apostrophe before it (OWASP, "CSV
Injection"; ASVS 5.0, 1.2.10): a caller chooses its client's name, and an officer opens the file.
The last column holds the event's own bytes, so that nothing of it is lost.
"""

import csv
import io
from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple, TypeAlias

from gateway.exports.record import KST, Record

Cell: TypeAlias = str | int | None
# OWASP's list, with the full-width forms that Excel takes for the same in East Asian locales, and
# the null character of ASVS.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")
_BOM: Final = "\ufeff"  # without it Excel reads UTF-8 as the system's code page


class Column(NamedTuple):
    """A column: its header in Korean, its stable name, and what stands in it."""

    title: str
    name: str
    cell: Callable[[Record], Cell]

    @property
    def header(self) -> str:
        """Both names."""
        return f"{self.title} ({self.name})"


def _text(*path: str) -> Callable[[Record], Cell]:
    return lambda record: record.text(*path)


def _number(*path: str) -> Callable[[Record], Cell]:
    return lambda record: record.number(*path)


def _counts(*path: str) -> Callable[[Record], Cell]:
    return lambda record: counted(record.values(*path))


def counted(values: dict[str, int]) -> str:
    """Counts by name in one line: `KR_RRN=1; PERSON=3`."""
    return "; ".join(f"{name}={times}" for name, times in sorted(values.items()))


def korean_time(at: int) -> str:
    """Unix milliseconds as ISO 8601 in Korean time."""
    moment = datetime.fromtimestamp(at // 1_000, KST).replace(microsecond=at % 1_000 * 1_000)
    return moment.isoformat(timespec="milliseconds")


COLUMNS: Final = (
    Column("시각", "time", lambda record: korean_time(record.at)),
    Column("행위", "action", lambda record: record.action),
    Column("기록 번호", "record_id", lambda record: record.record_id),
    Column("기관", "agency", lambda record: record.agency),
    Column("식별자", "sub", _text("actor", "sub")),
    Column("부서", "department", _text("actor", "department")),
    Column("역할", "roles", lambda record: "; ".join(record.texts("actor", "roles"))),
    Column("인증 수준", "acr", _text("actor", "acr")),
    Column("접속 프로그램", "client", _text("actor", "client")),
    Column("접속지", "address", _text("origin", "address")),
    Column("접속 경로", "surface", _text("origin", "surface")),
    Column("목적", "purpose", _text("purpose")),
    Column("모델", "model", _text("model")),
    Column("요청한 등급", "grade_claimed", _text("grade", "claimed")),
    Column("입력 등급", "grade_input", _text("grade", "input")),
    Column("모델에 보낸 등급", "grade_engine", _text("grade", "engine")),
    Column("찾은 개인정보", "found", _counts("found", "occurrences")),
    Column("되돌린 것", "restored", _counts("restored")),
    Column("가린 것", "blanked", _counts("blanked")),
    Column("결과", "outcome", _text("outcome")),
    Column("코드", "code", _text("code")),
    Column("이유", "reason", _text("reason")),
    Column("횟수", "count", _number("count")),
    Column("글자 수", "characters", _number("characters")),
    Column("입력 토큰", "input_tokens", _number("tokens", "input")),
    Column("출력 토큰", "output_tokens", _number("tokens", "output")),
    Column("걸린 시간(ms)", "whole_ms", _number("duration_ms", "whole")),
    Column("엔진", "attempts", lambda record: "; ".join(record.texts("attempts"))),
    Column("정책", "policy", _text("policy")),
    Column("검출기", "detector", _text("detector")),
    Column("기록기", "writer", lambda record: record.writer),
    Column("기록기의 번호", "sequence", lambda record: record.sequence),
    Column("본문 SHA-256", "event_sha256", lambda record: record.hash),
    Column("본문", "event", lambda record: record.body.decode()),
)


def cells(record: Record) -> list[Cell]:
    """One event's cells, in the order of COLUMNS; no text among them is a formula."""
    return [neutral(column.cell(record)) for column in COLUMNS]


def neutral(cell: Cell) -> Cell:
    """The cell itself, or with an apostrophe where a spreadsheet would calculate."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def csv_header() -> bytes:
    """The beginning of a CSV file: the byte order mark and the headers."""
    return (_BOM + _csv([column.header for column in COLUMNS])).encode()


def csv_line(record: Record) -> bytes:
    """One event as a line of CSV (RFC 4180: CRLF, quotes doubled), every cell in quotes."""
    return _csv(cells(record)).encode()


def _csv(row: list[Cell] | list[str]) -> str:
    line = io.StringIO(newline="")
    csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow(row)
    return line.getvalue()
