"""Texts for commands: whole files or lines of JSON, read within bounds and refused by name.

Takes names of files ("-" is standard input); gives Texts one by one, however long the input is. An
error names a file or the number of a line and says in Korean and English what is wrong, with a
stable code; never content.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from json import dumps, loads
from typing import BinaryIO, NamedTuple

import orjson

from gateway import os_words

LONGEST_TEXT_BYTES = 8 * 1024 * 1024  # as a request's body
STANDARD_INPUT = "-"


class BadInput(Exception):
    """Input that cannot be read: where and why, in Korean and English, and a code."""


class Text(NamedTuple):
    """One text. `place` names it in errors, `size` is what it took of the input in bytes."""

    id: object
    text: str
    place: str
    size: int


class Source(NamedTuple):
    """An opened input."""

    name: str
    file: BinaryIO


def open_sources(names: Sequence[str], stack: ExitStack) -> list[Source]:
    """The inputs in their order; `stack` closes those that are files.

    Raises:
        BadInput: one cannot be opened.
    """
    return [Source(name, _open(name, stack)) for name in names]


def read_text(name: str) -> str:
    """One whole text.

    Raises:
        BadInput: it cannot be read.
    """
    with ExitStack() as stack:
        (text,) = whole_texts(open_sources([name], stack))
        return text.text


def whole_texts(sources: Sequence[Source]) -> Iterator[Text]:
    """Each input as one text.

    Raises:
        BadInput: one cannot be read; the texts before it have been given.
    """
    for source in sources:
        raw = _read(source, source.file.read)
        yield Text(source.name, _decode(raw, source.name), source.name, len(raw))


def json_lines(sources: Sequence[Source]) -> Iterator[Text]:
    """Each line `{"id": …, "text": …}` of all inputs as a text; empty lines are left out.

    Raises:
        BadInput: one cannot be read; the lines before it have been given.
    """
    number = 0
    for source in sources:
        first = True
        while raw := _read(source, source.file.readline):
            number += 1
            place = f"{number}번째 줄(line {number})"
            line = _decode(raw, place).removeprefix("\ufeff" if first else "")
            first = False
            if line.strip():
                yield _line(line, place, len(raw))


def size_of(sources: Sequence[Source]) -> int | None:
    """How many bytes there are to read in all; None where that cannot be known (a pipe)."""
    total = 0
    for source in sources:
        if not source.file.seekable():
            return None
        here = source.file.tell()
        total += source.file.seek(0, 2) - here
        source.file.seek(here)
    return total


def check_before(sources: Sequence[Source], *, lines: bool) -> None:
    """Reads every input that can be read twice once, so that bad input gives no output at all.

    Raises:
        BadInput: one cannot be read.
    """
    if any(not source.file.seekable() for source in sources):
        return
    places = [source.file.tell() for source in sources]
    for _ in json_lines(sources) if lines else whole_texts(sources):
        pass
    for source, place in zip(sources, places, strict=True):
        source.file.seek(place)


def _open(name: str, stack: ExitStack) -> BinaryIO:
    if name == STANDARD_INPUT:
        return sys.stdin.buffer
    try:
        return stack.enter_context(open(name, "rb"))
    except (OSError, ValueError) as error:
        raise _unreadable(name, error) from None


def _read(source: Source, read: Callable[[int], bytes]) -> bytes:
    try:
        return read(LONGEST_TEXT_BYTES + 1)
    except OSError as error:
        raise _unreadable(source.name, error) from None


def _unreadable(name: str, error: Exception) -> BadInput:
    known = error if isinstance(error, OSError) else OSError()
    return _bad(
        name,
        "input_unreadable",
        f"열 수 없습니다: {os_words.korean(known)}.",
        f"Cannot open: {os_words.english(known)}.",
    )


def _bad(place: str, code: str, korean: str, english: str) -> BadInput:
    return BadInput(f"{place}: {korean} ({english}) [{code}]")


def _decode(raw: bytes, place: str) -> str:
    if len(raw) > LONGEST_TEXT_BYTES:
        raise _bad(
            place,
            "input_too_large",
            "글 하나가 8 MiB보다 깁니다. 나누어 주십시오.",
            "A text is longer than 8 MiB; split it.",
        )
    if b"\0" in raw:
        raise _bad(
            place,
            "input_binary",
            "글이 아니라 이진 파일입니다(HWP·PDF·DOCX 등은 글로 바꾸어 주십시오).",
            "This is binary, not text; extract its text first.",
        )
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _not_utf8(raw, place) from None


def _not_utf8(raw: bytes, place: str) -> BadInput:
    """Old Korean files are common enough to be told apart from rubbish."""
    try:
        old = any("가" <= char <= "힣" for char in raw.decode("euc_kr"))
    except UnicodeDecodeError:
        old = False
    if old:
        return _bad(
            place,
            "input_not_utf8",
            "UTF-8이 아닙니다. EUC-KR(CP949)로 보입니다: iconv -f CP949 -t UTF-8",
            "Not UTF-8; it looks like CP949.",
        )
    return _bad(place, "input_not_utf8", "UTF-8이 아닙니다.", "Not UTF-8.")


def _line(line: str, place: str, size: int) -> Text:
    try:
        entry = orjson.loads(line)
    except orjson.JSONDecodeError:
        if _has_lone_surrogate(line):
            raise _bad(
                place,
                "input_not_json",
                "JSON이지만 짝이 없는 서로게이트(\\ud800 따위)가 있어 글자가 아닙니다.",
                "JSON, but with a lone surrogate, which is no character.",
            ) from None
        raise _bad(place, "input_not_json", "JSON이 아닙니다.", "Not JSON.") from None
    if not isinstance(entry, dict) or not isinstance(entry.get("text"), str):
        raise _bad(
            place,
            "input_wrong_shape",
            '"text"가 문자열인 객체가 아닙니다.',
            'Not an object whose "text" is a string.',
        )
    return Text(entry.get("id"), entry["text"], place, size)


def _has_lone_surrogate(line: str) -> bool:
    """Whether JSON is refused only because an escape names half a character."""
    try:
        dumps(loads(line), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    except (ValueError, RecursionError):
        pass
    return False
