"""One reading of a text for recognizers, with the way back to the original's code points.

Takes a text, gives Views: the same text with full-width and other digits, dashes and spaces made
plain, invisible characters dropped and decomposed Hangul composed; and, where a text holds them,
further views with JSON, HTML and percent escapes or one level of base64 undone, or with digits in
words or boxes made plain. A hit in a view maps back to the whole original range that was read.
Linear in the length of the text. Never decides what is personal.
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
from types import MappingProxyType

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


# How far around what an escape hides a recognizer may look; nothing further is read again.
_AROUND = 128
_TO_BLANK = 64
_LEFT_OUT = "\n" * 4  # no value and no label reaches over it


def _sparse(text: str, pieces: list[tuple[int, int, str]]) -> _Builder:
    """The text with ascending pieces read as something else, far from which nothing is kept.

    Of two pieces at one place the first counts.
    """
    builder = _Builder(text)
    kept = 0
    for start, end, reading in pieces:
        if start < kept:
            continue
        _leave_out(builder, kept, start)
        builder.read(start, end, reading)
        kept = end
    _leave_out(builder, kept, len(text))
    return builder


def _leave_out(builder: _Builder, start: int, end: int) -> None:
    """Leaves out what is far from both ends of a range, from blank to blank."""
    text = builder.source
    left = _AROUND + _TO_BLANK if start else 0
    right = _AROUND + _TO_BLANK if end < len(text) else 0
    if end - start < left + right + _TO_BLANK:
        return
    first = text.find("\n", start + _AROUND, start + left) if start else start
    last = text.rfind("\n", end - right, end - _AROUND) if right else end
    first = first if first >= 0 else start + _AROUND
    builder.read(first, last if last >= 0 else end - _AROUND, _LEFT_OUT)


def unescaped(text: str) -> View | None:
    """The text with JSON, HTML and percent escapes undone once, or None where it holds none."""
    if _ESCAPE.search(text) is None:
        return None
    pieces: list[tuple[int, int, str]] = []
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
            pieces.append((match.start(), position, reading))
    return _sparse(text, pieces).view() if pieces else None


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
_BASE64_BLOCK = re.compile(
    r"[A-Za-z0-9+/_-][A-Za-z0-9+/_-]{11,}(?:\r?\n[A-Za-z0-9+/_-]{2,})*={0,2}"
)
_PRINTABLE = re.compile(r"[^\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd]")


def decoded(text: str) -> View | None:
    """The text with runs of base64 that hold text decoded once, or None where there are none."""
    pieces = [
        (start, end, reading)
        for block in _BASE64_BLOCK.finditer(text)
        for start, end in _encodings(text, block)
        if (reading := _base64(text[start:end]))
    ]
    return _sparse(text, pieces).view() if pieces else None


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


# Digits one by one, as forms have boxes for them.
_BOXES = re.compile("[0-9](?:(?: | ?[-./] ?)[0-9](?![0-9])){6,19}")
# Digits in words, 공일공 다시 일이삼사, as people write a number to hide it; sixteen are a card's.
_NAMES = "공영일이삼사오육륙칠팔구"
_NAMED = re.compile(f"[{_NAMES}][{_NAMES}]{{2}}")
_IN_WORDS = re.compile(
    rf"[0-9{_NAMES}](?:(?: ?(?:[-.,·/]|다시|대시|에) ?| {{0,2}})[0-9{_NAMES}]){{6,19}}"
)
_WORD = re.compile(f"[{_NAMES}]|다시|대시|에")
_DIGIT_OF = MappingProxyType(dict(zip(_NAMES, "001234566789", strict=True)))
_ONE_DIGIT = re.compile(f"[0-9{_NAMES}]")
_LONG_END = re.compile(f"[^0-9{_NAMES}][0-9{_NAMES}]{{5}}$")
# A month and a day behind two digits: thirteen of an identifier, and a particle.
_BIRTH = re.compile("..(?:[공영0][1-9일이삼사오육칠팔구]|[1일][0-2공영일이])[0-3공영일이삼]")
_ALSO_PARTICLES = frozenset("이일")
_LEAST_NAMED = 3


def written_out(plain: View) -> View | None:
    """A normalised reading with digits in boxes or in words made plain; None if there are none."""
    text = plain.text
    pieces = [
        (at, at + 1, "")
        for box in _BOXES.finditer(text)
        if not text[max(0, box.start() - 1) : box.start()].isdigit()
        for at in range(box.start() + 1, box.end() - 1)
        if text[at] == " " and text[at - 1].isdigit() and text[at + 1].isdigit()
    ]
    if _NAMED.search(text):
        for run in _IN_WORDS.finditer(text):
            pieces += _in_words(text, run)
    return _sparse(text, sorted(pieces)).view(plain) if pieces else None


def _in_words(text: str, run: re.Match[str]) -> list[tuple[int, int, str]]:
    """The digits and hyphens of a run; a particle of the sentence at its end is no digit."""
    words = list(_WORD.finditer(text, run.start(), run.end()))
    if words and words[-1][0] in _ALSO_PARTICLES and not _usual(run[0]):
        words = words[:-1] if _usual(run[0][:-1]) or _LONG_END.search(run[0]) else words
    if sum(word[0] in _DIGIT_OF for word in words) < _LEAST_NAMED:
        return []
    return [(*word.span(), _DIGIT_OF.get(word[0], "-")) for word in words]


def _usual(run: str) -> bool:
    """Whether a run has as many digits as telephones, or cards, accounts, identifiers have."""
    count = len(_ONE_DIGIT.findall(run))
    if run[0] in "0공영":
        return count in (9, 10, 11) and not _LONG_END.search(run)
    return count in (10, 11, 12, 13, 15, 16) or (count == 14 and not _BIRTH.match(run))


def views(text: str) -> Iterator[View]:
    """The readings of a text that are to be scanned, the plain one first.

    Then those with escapes undone, with base64 decoded, and with digits in words or boxes made
    plain. Yields at least one. Offsets of each map to the given text.
    """
    plain = normalize(text)
    yield plain
    for beneath in (unescaped(text), decoded(text)):
        if beneath is not None:
            inner = normalize(beneath.text)
            yield View(inner.text, inner._at, inner._start, inner._end, inner._whole, beneath)
    written = written_out(plain)
    if written is not None:
        yield written
