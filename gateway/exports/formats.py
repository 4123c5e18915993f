"""The formats of an export, and a file of each: opened private, written event by event."""

import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

import xlsxwriter

from gateway.exports.cef import cef_line
from gateway.exports.ocsf import ocsf_line
from gateway.exports.record import Record
from gateway.exports.table import COLUMNS, cells, csv_header, csv_line

_XLSX_ROWS: Final = 1_048_576 - 1  # Excel's limit, less the headers
_XLSX_CELL: Final = 32_767  # characters, Excel's limit
_TOO_LONG: Final = "(너무 길어 생략: jsonl로 내보내십시오)"
_PIECE_BYTES: Final = 1 << 20


class Format(StrEnum):
    """What a file of records may be."""

    CSV = "csv"
    XLSX = "xlsx"
    JSON_LINES = "jsonl"
    OCSF = "ocsf"
    CEF = "cef"


class TooManyRecords(Exception):
    """A worksheet has no more rows."""


class RecordFile(Protocol):
    """A file that takes events; a context manager that closes it, whole only if told `finish`."""

    def write(self, record: Record) -> None:
        """Adds an event.

        Raises:
            OSError: it cannot be written.
            TooManyRecords: it has no place for it.
        """

    def finish(self) -> None:
        """Writes what is left.

        Raises:
            OSError: it cannot be written.
        """


def json_line(record: Record) -> bytes:
    """One event as a line: byte for byte what was hashed and signed."""
    return record.body + b"\n"


def line_of(form: Format, build: str) -> Callable[[Record], bytes]:
    """How a format of lines writes one event; `build` is this program's version."""
    return {
        Format.CSV: csv_line,
        Format.JSON_LINES: json_line,
        Format.OCSF: lambda record: ocsf_line(record, build),
        Format.CEF: lambda record: cef_line(record, build),
    }[form]


def open_file(form: Format, path: Path, build: str) -> AbstractContextManager[RecordFile]:
    """A file that is there already, empty and for its owner alone, to be written.

    Raises:
        OSError: on entering, it cannot be opened.
    """
    if form is Format.XLSX:
        return _Workbook(path)
    return _Lines(path, csv_header() if form is Format.CSV else b"", line_of(form, build))


def sweep(path: Path) -> None:
    """Removes the folder of temporary files beside an export's draft, of a command that was killed
    too. The draft has to be held.

    Raises:
        OSError: it cannot be removed.
    """
    with suppress(FileNotFoundError):
        shutil.rmtree(_parts(path))


def _parts(path: Path) -> Path:
    """Where a workbook's rows wait; no export has a draft of this name."""
    return path.with_name(f"{path.name}.parts")


def settle(path: Path) -> str:
    """Makes a finished file durable and gives the SHA-256 of what it holds, in hex.

    Raises:
        OSError: it cannot be read or synced.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        os.fsync(file.fileno())
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


class _Lines:
    def __init__(self, path: Path, header: bytes, line: Callable[[Record], bytes]) -> None:
        self._path = path
        self._header = header
        self._line = line

    def __enter__(self) -> Self:
        self._file = self._path.open("r+b")
        self._file.write(self._header)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def write(self, record: Record) -> None:
        """See RecordFile."""
        self._file.write(self._line(record))

    def finish(self) -> None:
        """See RecordFile."""
        self._file.flush()


class _Workbook:
    """One worksheet; each row goes to a private temporary file as the next one begins."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows = 0

    def __enter__(self) -> Self:
        folder = _parts(self._path)
        folder.mkdir(mode=0o700)
        options = {
            "constant_memory": True,
            "tmpdir": str(folder),
            "strings_to_formulas": False,
            "strings_to_numbers": False,
            "strings_to_urls": False,
        }
        self._book = xlsxwriter.Workbook(str(self._path), options)
        self._sheet = self._book.add_worksheet("기록")
        self._sheet.freeze_panes(1, 0)
        bold = self._book.add_format({"bold": True})
        for number, column in enumerate(COLUMNS):
            self._sheet.write_string(0, number, column.header, bold)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._book.fileclosed = True  # else its finalizer would write what nobody wants
        self._sheet.row_data_fh.close()
        sweep(self._path)

    def write(self, record: Record) -> None:
        """See RecordFile."""
        if self._rows == _XLSX_ROWS:
            raise TooManyRecords
        self._rows += 1
        for number, cell in enumerate(cells(record)):
            if isinstance(cell, str):
                text = cell if len(cell) <= _XLSX_CELL else _TOO_LONG
                self._sheet.write_string(self._rows, number, text)
            elif cell is not None:
                self._sheet.write_number(self._rows, number, cell)

    def finish(self) -> None:
        """See RecordFile."""
        try:
            self._book.close()
        except xlsxwriter.exceptions.FileCreateError as error:
            raise OSError(f"{self._path}: cannot be written") from error
