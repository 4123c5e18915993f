"""What commands for officers ask in the same way: who, of which agency, when, and why."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import typer

from gateway import os_words
from gateway.exports.record import KST, RecordUnreadable
from gateway.ledger.keys import KeysUnusable
from gateway.store.errors import StoreError

FAILED: Final = 2
OFFICER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,127}")
AGENCY: Final = re.compile(r"[^\s\x00-\x1f]{1,128}")
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOST_REASON: Final = 1_000


def refused(words: str) -> typer.Exit:
    """Says why not, on standard error; to be raised."""
    sys.stderr.write(f"{words}\n")
    return typer.Exit(FAILED)


@contextmanager
def in_plain_words(file: Path | None = None) -> Iterator[None]:
    """Says what went wrong with keys, database, records or `file`, and ends the command."""
    try:
        yield
    except (KeysUnusable, StoreError) as error:
        words = "데이터베이스를 읽거나 쓸 수 없습니다.\nThe database cannot be read or written."
        raise refused(str(error) or words) from None
    except RecordUnreadable as error:
        raise refused(
            f"위치 {error.position}의 기록을 이 프로그램이 쓰지 않았거나 누가 바꾸었습니다. "
            "`gwanmun audit verify`를 실행하십시오.\n"
            f"The record at position {error.position} is not as this program wrote it. Run "
            "`gwanmun audit verify`."
        ) from None
    except ValueError:
        raise refused(
            "이 프로그램이 쓰지 않은 기록이 있습니다. `gwanmun audit verify`를 실행하십시오.\n"
            "There is a record that this program did not write. Run `gwanmun audit verify`."
        ) from None
    except OSError as error:
        name = error.filename or file
        raise refused(
            f"{name}: 쓸 수 없습니다 ({os_words.korean(error)}).\n"
            f"{name}: cannot be written ({os_words.english(error)})."
        ) from None


def fitting(pattern: re.Pattern[str], text: str, name: str) -> str:
    """The text, if it is of the form.

    Raises:
        typer.Exit: it is not.
    """
    if not pattern.fullmatch(text):
        raise refused(f"{name}: 값의 형식이 다릅니다. (not a value of this kind)")
    return text


def reason_of(file: Path | None, asks: str = "사유 (reason)") -> str:
    """What the officer says, in a file or to a question.

    Raises:
        typer.Exit: there is none, or it is too long.
    """
    try:
        found = (
            file.read_text(encoding="utf-8") if file else str(typer.prompt(asks, err=True))
        ).strip()
    except (OSError, UnicodeDecodeError):
        raise refused(f"{file}: 읽을 수 없습니다. (cannot be read)") from None
    except typer.Abort:  # the input has ended, or somebody broke off
        found = ""
    if not 0 < len(found) <= _MOST_REASON:
        raise refused(
            f"{asks}: {_MOST_REASON}자까지 적으십시오. "
            f"(At most {_MOST_REASON} characters, and some, are needed.)"
        )
    return found


def moment_of(text: str, name: str, *, whole_day: bool = False) -> float | None:
    """Unix seconds of a time, Korean unless it says otherwise; None without one.

    Raises:
        typer.Exit: it is no time.
    """
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if whole_day and _DAY.fullmatch(text):
            moment += timedelta(days=1)
        return (moment if moment.tzinfo else moment.replace(tzinfo=KST)).astimezone(UTC).timestamp()
    except (ValueError, OverflowError):
        raise refused(f"{name}: 날짜나 시각이 아닙니다. (not a date or time)") from None


def require_order(begin: float | None, end: float | None) -> None:
    """Refuses a time that ends before it begins: nothing could lie in it. Unix seconds.

    Raises:
        typer.Exit: it does.
    """
    if begin is not None and end is not None and begin >= end:
        raise refused("--to가 --from보다 늦어야 합니다. (--to has to be later than --from.)")
