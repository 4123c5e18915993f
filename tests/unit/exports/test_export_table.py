"""CSV and XLSX: what a spreadsheet shows of an event, and that it never calculates."""

import csv
import io
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
from exporting import BUILD, as_record, every_event, made
from hypothesis import given
from hypothesis import strategies as st
from recording import closed, opened, person

from gateway.exports import formats
from gateway.exports.formats import Format, TooManyRecords, open_file
from gateway.exports.record import Record
from gateway.exports.table import COLUMNS, cells, csv_header, csv_line, korean_time, neutral
from gateway.store.private_file import held

NAMES = [column.name for column in COLUMNS]
_SHEET = {"s": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}


def row(record: Record) -> dict[str, object]:
    return dict(zip(NAMES, cells(record), strict=True))


def worksheet(path: Path) -> list[list[str]]:
    """Every cell's text; a formula would stand in an element of its own, and is refused here."""
    with zipfile.ZipFile(path) as book:
        tree = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    assert tree.findall(".//s:f", _SHEET) == []
    return [
        ["".join(cell.itertext()) for cell in line.findall("s:c", _SHEET)]
        for line in tree.findall(".//s:row", _SHEET)
    ]


def test_row_of_an_opening_says_who_asked_for_what_and_when_in_korea() -> None:
    found = row(as_record(opened()))
    assert found["time"] == "2027-01-15T17:00:00.123+09:00"
    assert (found["sub"], found["department"], found["address"]) == (
        "clerk-1",
        "주민과",
        "192.0.2.17",
    )
    assert (found["found"], found["grade_input"]) == ("KR_RRN=1; PERSON=3", "S")


def test_row_of_a_closing_says_who_had_asked() -> None:
    opening = opened()
    found = row(as_record(closed(opening.record_id, agency="1741000"), opening=opening))
    assert (found["sub"], found["model"], found["outcome"]) == ("clerk-1", "rehearsal", "complete")
    assert (found["input_tokens"], found["whole_ms"], found["attempts"]) == (10, 1500, "one")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("+82-2-000-0000", "'+82-2-000-0000"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\n=1", "'\n=1"),
        ("\0=1", "'\0=1"),
        ("＝1+1", "'＝1+1"),
        ("＋1", "'＋1"),
        ("－1", "'－1"),
        ("＠SUM", "'＠SUM"),
        ("a=1", "a=1"),
        ("'=1", "'=1"),
        ("가나다", "가나다"),
        ("", ""),
    ],
)
def test_cell_that_would_be_a_formula_is_text(text: str, shown: str) -> None:
    assert neutral(text) == shown


def test_formula_as_a_client_s_name_is_text_in_both(tmp_path: Path) -> None:
    hostile = as_record(opened(principal=person(client='=HYPERLINK("http://192.0.2.1","x")')))
    line = next(csv.DictReader(io.StringIO((csv_header() + csv_line(hostile)).decode("utf-8-sig"))))
    assert line["접속 프로그램 (client)"].startswith("'=HYPERLINK")
    path = tmp_path / "file.xlsx"
    with held(path), open_file(Format.XLSX, path, BUILD) as file:
        file.write(hostile)
        file.finish()
    assert worksheet(path)[1][NAMES.index("client")].startswith("'=HYPERLINK")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), max_size=4))
def test_csv_of_any_text_comes_back_as_one_row(texts: list[str]) -> None:
    subject, department, client, acr = [*texts, "", "", "", ""][:4]
    who = person(subject=subject, department=department, client=client, acr=acr)
    raw = csv_header() + csv_line(as_record(opened(principal=who)))
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""), strict=True))
    assert len(rows) == 2
    assert rows[0] == [column.header for column in COLUMNS]
    assert rows[1][NAMES.index("sub")] == neutral(subject)
    assert rows[1][NAMES.index("department")] == neutral(department)


def test_csv_lines_end_as_rfc_4180_says() -> None:
    assert csv_header().endswith(b"\r\n")
    assert csv_line(as_record(made())).endswith(b'"\r\n')


def test_workbook_holds_every_event_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "file.xlsx"
    records = [as_record(event) for event in every_event().values()]
    with held(path), open_file(Format.XLSX, path, BUILD) as file:
        for record in records:
            file.write(record)
        file.finish()
    rows = worksheet(path)
    assert rows[0] == [column.header for column in COLUMNS]
    assert [line[1] for line in rows[1:]] == [record.action for record in records]
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["file.xlsx"]


def test_workbook_that_is_not_finished_leaves_no_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "file.xlsx"
    with held(path), open_file(Format.XLSX, path, BUILD) as file:
        file.write(as_record(opened()))
    assert [each.name for each in tmp_path.iterdir()] == ["file.xlsx"]
    assert path.read_bytes() == b""


def test_workbook_refuses_more_rows_than_excel_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "_XLSX_ROWS", 1)
    with held(path := tmp_path / "file.xlsx"), open_file(Format.XLSX, path, BUILD) as file:
        file.write(as_record(opened()))
        with pytest.raises(TooManyRecords):
            file.write(as_record(opened()))


def test_korean_time_of_the_last_moment_of_a_korean_day() -> None:
    assert korean_time(1_800_025_199_999) == "2027-01-15T23:59:59.999+09:00"
