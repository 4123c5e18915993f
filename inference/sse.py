"""Server-sent events: bytes of an engine in, events out, the same under any split.

Follows the WHATWG HTML standard, section 9.2.6 "Interpreting an event stream", with three
differences that a hostile engine calls for: bytes that are not UTF-8 end the stream instead of
becoming U+FFFD, lines and events and the whole stream are bounded, and `id` and `retry` mean
nothing here. Lines end at CR, LF or CRLF only: U+2028, U+0085 and their like are text.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from inference.errors import EngineFailed

_MEBIBYTE = 1024 * 1024
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """One dispatched event. `type` is "message" where the stream named none."""

    type: str
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SseBounds:
    """The most bytes of one line, of one event's data, and of a whole stream."""

    line_bytes: int = _MEBIBYTE
    event_bytes: int = 4 * _MEBIBYTE
    total_bytes: int = 256 * _MEBIBYTE


class SseReader:
    """Reads one stream; feed it the bytes as they come, and take all events before the next feed.

    An event whose closing blank line never comes is never given, as the standard says. Every event
    before the first mistake is given, however the bytes were cut; after it the reader is spent.
    """

    def __init__(self, bounds: SseBounds | None = None) -> None:
        self._bounds = bounds or SseBounds()
        self._line = bytearray()
        self._total = 0
        self._after_cr = False
        self._first_line = True
        self._type = ""
        self._data: list[str] = []
        self._data_bytes = 0

    def feed(self, piece: bytes) -> Iterator[Event]:
        """The events that `piece` completes, in order; none, one or several.

        Raises:
            EngineFailed: not UTF-8, or a bound was passed.
        """
        self._total += len(piece)
        if self._total > self._bounds.total_bytes:
            raise EngineFailed
        if self._after_cr and piece:
            self._after_cr = False
            piece = piece.removeprefix(b"\n")
        self._after_cr = self._after_cr or piece.endswith(b"\r")
        # bytes.splitlines, unlike str.splitlines, splits at CR, LF and CRLF only.
        for part in piece.splitlines(keepends=True):
            self._extend(part.rstrip(b"\r\n"))
            if part.endswith((b"\n", b"\r")):
                line = bytes(self._line)
                self._line.clear()
                event = self._take(line)
                if event is not None:
                    yield event

    def _extend(self, piece: bytes) -> None:
        if len(self._line) + len(piece) > self._bounds.line_bytes:
            raise EngineFailed
        self._line += piece

    def _take(self, line: bytes) -> Event | None:
        """Interprets one whole line; a blank one dispatches what stands before it."""
        if self._first_line:
            self._first_line = False
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if not line:
            event = Event(self._type or "message", "\n".join(self._data)) if self._data else None
            self._type, self._data, self._data_bytes = "", [], 0
            return event
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data_bytes += len(value) + 1
            if self._data_bytes > self._bounds.event_bytes:
                raise EngineFailed
            self._data.append(_text(value))
        elif name == b"event":
            self._type = _text(value)
        return None


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        pass
    # Raised outside the handler: the codec's exception holds the engine's bytes, and `from None`
    # would only hide it.
    raise EngineFailed
