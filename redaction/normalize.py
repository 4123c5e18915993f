"""One reading of a text for recognizers, with the way back to the original's code points.

Takes a text, gives Views: the same text with full-width and other digits, dashes and spaces made
plain, invisible characters dropped and decomposed Hangul composed; and, where a text holds them,
further views with JSON, HTML and percent escapes or one level of base64 undone. A hit in a view
maps back to the whole original range that was read. Linear in the length of the text. Never decides
what is personal.
"""

import base64
import binascii
import html
import re
import unicodedata
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

# Everything that a recognizer may read as it stands: most texts hold nothing else. ASCII without
# control characters, precomposed Hangul, common Korean punctuation, Han and kana.
_UNUSUAL = re.compile(
    "[^\t\n\v\f\r -~가-힣‘’“”…「」『』〈〉《》【】、。·→※○●■□▶△▲☎ㄱ-ㅠㅢㅣ一-鿿ぁ-ゖァ-ヺ]"
)

# UAX #15, section on Hangul: L V T? sequences of conjoining jamo, or a syllable without a final
# followed by one.
_JAMO = re.compile("[\u1100-\u1112][\u1161-\u1175][\u11a8-\u11c2]?|[가-힣][\u11a8-\u11c2]")

# Read as a hyphen between digits although they are no dashes: minus sign, katakana and
# half-width length marks, Hangul jamo eu, box drawings.
_DASHES = frozenset("\u2212\u2043\u30fc\uff70\u3161\u1173\u2500\u2501\u02d7\u0335\u0336")
_WAVES = frozenset("\u301c\u3030\uff5e")
_DOTS = frozenset("\u00b7\u318d\u2022\u2027\u2219\u22c5\u30fb\uff65\u0387\u16eb")

# Default_Ignorable_Code_Point (Unicode DerivedCoreProperties.txt) outside category Cf.
_IGNORABLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\ufe00-\ufe0f\U000e0000-\U000e0fff]"
)
_LINES = frozenset("\u0085\u2028\u2029")


@dataclass(frozen=True, slots=True)
class View:
    """A reading of a text. `text` is what recognizers match.

    The three arrays describe consecutive pieces: where each begins in the view, and which range of
    the text beneath it stands for. `whole` marks pieces that only map as a whole. Empty arrays say
    that offsets are the same.
    """

    text: str = field(repr=False)
    _at: "array[int]" = field(default_factory=lambda: array("q"), repr=False)
    _start: "array[int]" = field(default_factory=lambda: array("q"), repr=False)
    _end: "array[int]" = field(default_factory=lambda: array("q"), repr=False)
    _whole: bytes = field(default=b"", repr=False)
    _beneath: "View | None" = field(default=None, repr=False)

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The original's code-point range (end exclusive) for a non-empty range of the view."""
        if self._at:
            start, end = self._left(start), self._right(end)
        return self._beneath.original(start, end) if self._beneath else (start, end)

    def _left(self, position: int) -> int:
        piece = bisect_right(self._at, position) - 1
        inside = 0 if self._whole[piece] else position - self._at[piece]
        return self._start[piece] + inside

    def _right(self, position: int) -> int:
        piece = bisect_right(self._at, position - 1) - 1
        if self._whole[piece]:
            return self._end[piece]
        return self._start[piece] + position - self._at[piece]


@dataclass(slots=True)
class _Builder:
    """Collects pieces in order: kept as they are, or read as something else."""

    source: str
    parts: list[str] = field(default_factory=list)
    at: "array[int]" = field(default_factory=lambda: array("q"))
    start: "array[int]" = field(default_factory=lambda: array("q"))
    end: "array[int]" = field(default_factory=lambda: array("q"))
    whole: bytearray = field(default_factory=bytearray)
    read_to: int = 0
    length: int = 0

    def read(self, start: int, end: int, reading: str) -> None:
        """The source from `start` to `end` reads as `reading`; what stands before it is kept."""
        self._keep(start)
        if reading:
            self._add(reading, start, end, whole=True)
        self.read_to = end

    def view(self, beneath: View | None = None) -> View:
        self._keep(len(self.source))
        text = "".join(self.parts)
        return View(text, self.at, self.start, self.end, bytes(self.whole), beneath)

    def _keep(self, end: int) -> None:
        if end > self.read_to:
            self._add(self.source[self.read_to : end], self.read_to, end, whole=False)

    def _add(self, part: str, start: int, end: int, *, whole: bool) -> None:
        self.parts.append(part)
        self.at.append(self.length)
        self.start.append(start)
        self.end.append(end)
        self.whole.append(whole)
        self.length += len(part)


def normalize(text: str) -> View:
    """The text with digits, dashes, spaces and Hangul in their plain form."""
    if _UNUSUAL.search(text) is None:
        return View(text)
    plain = {ord(char): _plain(char) for char in set(_UNUSUAL.findall(text))}
    dropped = "".join(chr(code) for code, reading in plain.items() if not reading)
    composed = _JAMO.search(text) is not None
    # One character for one character keeps every offset; only then is a map needed at all.
    if not dropped and not composed:
        return View(text.translate(plain))
    pattern = _JAMO.pattern if composed else ""
    if dropped:
        pattern += ("|" if pattern else "") + f"[{re.escape(dropped)}]"
    builder = _Builder(text)
    for match in re.finditer(pattern, text):
        reading = unicodedata.normalize("NFC", match[0]) if len(match[0]) > 1 else ""
        builder.read(match.start(), match.end(), reading)
    mapped = builder.view()
    remaining = {code: reading for code, reading in plain.items() if reading}
    return View(
        mapped.text.translate(remaining), mapped._at, mapped._start, mapped._end, mapped._whole
    )


def _plain(char: str) -> str:
    """How one unusual character is read: a single character, or nothing if it is invisible."""
    category = unicodedata.category(char)
    if char in _LINES:
        return "\n"
    if char in _DASHES or (category == "Pd" and char not in _WAVES):
        return "-"
    if category in ("Cf", "Cc", "Mn", "Me") or _IGNORABLE.match(char):
        return ""
    if category == "Zs":
        return " "
    if char in _DOTS:
        return "·"
    decimal = unicodedata.decimal(char, None)
    if decimal is not None:
        return str(decimal)
    compatible = unicodedata.normalize("NFKC", char)
    # Compatibility jamo would become conjoining ones, which nobody reads.
    return compatible if len(compatible) == 1 and not "\u1100" <= compatible <= "\u11ff" else char


# RFC 8259 section 7 (JSON strings); HTML Living Standard, character references; RFC 3986 section
# 2.1 (percent-encoding). Bounded, so that each character is read a constant number of times.
_ESCAPE = re.compile(
    r"\\u[0-9a-fA-F]{4}(?:\\u[dD][c-fC-F][0-9a-fA-F]{2})?"
    r"|\\x[0-9a-fA-F]{2}"
    r'|\\[nrtbf"/\\]'
    r"|&#(?:[0-9]{1,7}|[xX][0-9a-fA-F]{1,6});?"
    r"|&[A-Za-z]{2,31};"
    r"|%[0-9A-Fa-f]{2}"
)
_SHORT = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "/": "/", "\\": "\\"}
# Lead byte of UTF-8 → length of its sequence (RFC 3629 section 4).
_PERCENT = re.compile(
    "%[0-7][0-9A-Fa-f]"
    "|%[cCdD][0-9A-Fa-f]%[89abAB][0-9A-Fa-f]"
    "|%[eE][0-9A-Fa-f](?:%[89abAB][0-9A-Fa-f]){2}"
    "|%[fF][0-4](?:%[89abAB][0-9A-Fa-f]){3}"
)


def unescaped(text: str) -> View | None:
    """The text with JSON, HTML and percent escapes undone once, or None where it holds none."""
    if _ESCAPE.search(text) is None:
        return None
    builder = _Builder(text)
    position = 0
    while match := _ESCAPE.search(text, position):
        position = match.end()
        if match[0][0] == "%":
            sequence = _PERCENT.match(text, match.start())
            reading = _percent(sequence[0]) if sequence else None
            position = sequence.end() if sequence else position
        else:
            reading = _reading(match[0])
        if reading is not None:
            builder.read(match.start(), position, reading)
    return builder.view()


def _reading(escape: str) -> str | None:
    if escape[0] == "&":
        reading = html.unescape(escape)
        return None if reading == escape else reading
    if escape[1] == "x":
        return chr(int(escape[2:], 16))
    if escape[1] != "u":
        return _SHORT[escape[1]]
    codes = [int(code, 16) for code in escape[2:].split("\\u")]
    raw = b"".join(code.to_bytes(2, "big") for code in codes)
    return raw.decode("utf-16-be", "replace")


def _percent(sequence: str) -> str | None:
    try:
        return bytes.fromhex(sequence.replace("%", "")).decode("utf-8")
    except UnicodeDecodeError:
        return None


# RFC 4648 sections 4 and 5. Sixteen characters hold twelve bytes: four syllables, or a telephone
# number. Shorter runs are words.
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
# The same in lines (RFC 2045 section 6.8), which are one encoding only if nothing else fits.
_BASE64_BLOCK = re.compile(r"[A-Za-z0-9+/_-]{12,}(?:\r?\n[A-Za-z0-9+/_-]{2,})*={0,2}")
_PRINTABLE = re.compile(r"[^\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd]")


def decoded(text: str) -> View | None:
    """The text with runs of base64 that hold text decoded once, or None where there are none."""
    builder = _Builder(text)
    for block in _BASE64_BLOCK.finditer(text):
        for start, end in _encodings(text, block):
            reading = _base64(text[start:end])
            if reading:
                builder.read(start, end, reading)
    return builder.view() if builder.read_to else None


def _encodings(text: str, block: re.Match[str]) -> list[tuple[int, int]]:
    """The ranges of a block to be decoded: all of it if that is text, or each line for itself."""
    lines = [match.span() for match in _BASE64.finditer(text, *block.span())]
    if "\n" not in block[0]:
        return lines
    # The word of a sentence may follow below: then the encoding ends a line earlier.
    for end in (block.end(), text.rfind("\n", block.start(), block.end())):
        if _base64(text[block.start() : end]):
            rest = [(first, last) for first, last in lines if first >= end]
            return [(block.start(), end), *rest]
    return lines


def _base64(run: str) -> str | None:
    bare = run.rstrip("=\r\n").replace("\r", "").replace("\n", "")
    if len(bare) % 4 == 1:
        bare = bare[:-1]
    bare = bare.replace("-", "+").replace("_", "/")
    try:
        raw = base64.b64decode(bare + "=" * (-len(bare) % 4))
    except binascii.Error:
        return None
    # A line of a longer encoding may begin and end inside a character; anything worse is no text.
    reading = raw.decode("utf-8", "replace")
    inner = reading[3:-3]
    if "\ufffd" in inner or len(_PRINTABLE.findall(reading)) * 10 < len(reading) * 9:
        return None
    return reading


def views(text: str) -> Iterator[View]:
    """The readings of a text that are to be scanned: the plain one, then those with escapes undone.

    Yields at least one. Offsets of each map to the given text.
    """
    yield normalize(text)
    for beneath in (unescaped(text), decoded(text)):
        if beneath is not None:
            plain = normalize(beneath.text)
            yield View(plain.text, plain._at, plain._start, plain._end, plain._whole, beneath)
