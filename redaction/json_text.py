"""JSON text that arrives in pieces, told apart into strings and what stands between them.

For what must look into strings of JSON that an engine is still writing. Nothing is validated:
broken JSON gives pieces too, and no character is lost or changed.
"""

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

_STRING_STOPS = re.compile(r'["\\]')
# RFC 8259 section 7.
_SHORT = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "/": "/", "\\": "\\"}
# Brackets, then a string: no prose begins so.
_MAY_BE_NESTED = re.compile(r"[\s\[{]{0,64}")
_NESTED = re.compile(r'\s{0,16}[\[{][\s\[{]{0,48}"')
_HEXADECIMAL = frozenset("0123456789abcdefABCDEF")


class JsonPiece(NamedTuple):
    """A piece of JSON text: `raw` as it was written, `text` as it is meant.

    An escape is a piece of its own, of one character. `ends` marks the quotation mark that opens or
    closes a string: `inside` then says which (True: a string begins).
    """

    raw: str
    text: str
    inside: bool
    ends: bool = False


class JsonReader:
    """Feed/flush; the `raw` of all pieces joined is what was fed."""

    __slots__ = ("_escape", "_inside")

    def __init__(self) -> None:
        self._inside = False
        self._escape = ""

    @property
    def inside(self) -> bool:
        """Whether what comes next stands inside a string."""
        return self._inside

    def feed(self, text: str) -> Iterator[JsonPiece]:
        """The pieces of what was fed; an escape that is not whole yet waits."""
        text, self._escape = self._escape + text, ""
        position = 0
        while position < len(text):
            if not self._inside:
                stop = text.find('"', position)
                end = stop if stop >= 0 else len(text)
            else:
                found = _STRING_STOPS.search(text, position)
                end = found.start() if found else len(text)
            if end > position:
                yield JsonPiece(text[position:end], text[position:end], self._inside)
            if end == len(text):
                return
            if text[end] == '"':
                self._inside = not self._inside
                yield JsonPiece('"', '"', self._inside, ends=True)
                position = end + 1
                continue
            length = _escape_length(text, end)
            if length is None:
                self._escape = text[end:]
                return
            raw = text[end : end + length]
            yield JsonPiece(raw, _meaning(raw), True)
            position = end + length

    def flush(self) -> Iterator[JsonPiece]:
        """What waited for the rest of its escape, as it stands."""
        raw, self._escape = self._escape, ""
        if raw:
            yield JsonPiece(raw, raw, True)


class NestedJson:
    """Follows the meaning of one string of JSON, which may be JSON text again."""

    __slots__ = ("_head", "_reader")

    def __init__(self) -> None:
        self._head: str | None = ""  # None: it has been told which of the two it is
        self._reader: JsonReader | None = None

    @property
    def inside(self) -> bool:
        """Whether what comes next stands inside a string of the inner JSON."""
        return self._reader is not None and self._reader.inside

    def feed(self, text: str) -> None:
        """Takes what the string says, in pieces of any size."""
        if self._head is not None:
            self._head = text = self._head + text
            if _MAY_BE_NESTED.fullmatch(text):
                return
            self._head = None
            if _NESTED.match(text):
                self._reader = JsonReader()
        if self._reader is not None:
            for _ in self._reader.feed(text):
                pass


def quoted(text: str) -> str:
    """The text as it stands inside a JSON string."""
    plain = not any("\ud800" <= char <= "\udfff" for char in text)
    return json.dumps(text, ensure_ascii=not plain)[1:-1]


def _escape_length(text: str, start: int) -> int | None:
    """How long the escape at `start` is, None if that cannot be told yet."""
    if start + 1 == len(text):
        return None
    if text[start + 1] != "u":
        return 2
    for end in range(start + 2, start + 6):
        if end == len(text):
            return None
        if text[end] not in _HEXADECIMAL:
            return end - start
    return 6


def _meaning(raw: str) -> str:
    if len(raw) == 6:
        return chr(int(raw[2:], 16))
    return _SHORT.get(raw[1], raw) if len(raw) == 2 else raw
