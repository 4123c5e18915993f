"""Step detect: fields in, Findings out; it knows no policy.

Each field is read by itself and, where the model reads it directly behind the one before, also
joined with what stands there: a value across the border is cut into one span per field. A field
with a label is also read behind it, as on a form (`성명: 김철수`). A value found anywhere covers
its other occurrences in all fields; such spans carry `COVER_RULE`. Never passes a text on that no
detector has read.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

from redaction.entity import COVER_RULE, Field, Findings, Span
from redaction.errors import TooManyFindings
from redaction.normalize import normalize, views
from redaction.pool import Detector
from redaction.recognizers.cover import Cover
from redaction.recognizers.packs import MOST_SPANS, bounded
from redaction.recognizers.resolve import resolve
from redaction.sensitive import hints

# How much is read on each side of a border: longer than any label, its gap and its value together.
_REACH = 128
_MOST_CHARACTERS_AT_ONCE = 50_000  # settled on the event loop, in a few milliseconds
_JOINTS = ("", "\n")


@dataclass(frozen=True, slots=True)
class _Window:
    """A text across one border: the end of what stands before it and the start of one field.

    What is read here depends on no later field, so that a longer conversation says nothing new of a
    shorter one; a value over many fields crosses the border before its last.

    `pieces` says which part of the text is which field's: (field, start in the window, start in
    the field, length). `border` is where the last field begins in the window; `open_left` and
    `open_right` say that the window was cut inside a word.
    """

    text: str
    pieces: tuple[tuple[int, int, int, int], ...]
    border: int
    open_left: bool
    open_right: bool

    def own(self, span: Span) -> Iterator[tuple[int, Span]]:
        """The parts of a span per field; nothing if the cut of the window may have made it."""
        if (self.open_left and span.start == 0) or (self.open_right and span.end == len(self.text)):
            return
        parts = [
            (where, Span(start, end, span.entity, span.score, span.rule))
            for where, at, inside, length in self.pieces
            if (start := max(span.start - at, 0) + inside)
            < (end := min(span.end - at, length) + inside)
        ]
        if span.end <= self.border:
            # Only what follows told: a later discovery, which must not number this field anew.
            yield from ((where, part._replace(rule=COVER_RULE)) for where, part in parts)
        else:
            yield from parts


async def detect(fields: Sequence[Field], detector: Detector) -> Findings:
    """Finds personal data in all fields, in one round trip to a detector.

    Raises:
        DetectionUnavailable: no detector answered in time.
        TooManyFindings: the fields hold more than `MOST_SPANS` together.
    """
    windows = [window for where in range(len(fields)) for window in _windows(fields, where)]
    texts = [field.text for field in fields] + [window.text for window in windows]
    answers = await detector.spans(texts)
    own, joint = answers[: len(fields)], answers[len(fields) :]
    pairs = list(zip(windows, joint, strict=True))
    version = detector.version
    # Settling much text takes long enough to make the streams of other callers late.
    if sum(map(len, texts)) > _MOST_CHARACTERS_AT_ONCE:
        return await asyncio.to_thread(_findings, fields, own, pairs, version)
    return _findings(fields, own, pairs, version)


def _findings(
    fields: Sequence[Field], own: Sequence[tuple[Span, ...]], joint: "_Joint", version: str
) -> Findings:
    spans = _settled(fields, own, joint)
    sensitive = frozenset() if any(spans) else hints(field.text for field in fields)
    return Findings(spans, version, sensitive)


_Joint = list[tuple[_Window, tuple[Span, ...]]]


def _settled(
    fields: Sequence[Field], own: Sequence[tuple[Span, ...]], joint: _Joint
) -> tuple[tuple[Span, ...], ...]:
    """The spans of each field.

    Field by field: what has been settled of a field stays as it is when further fields follow. So
    a longer conversation neither renumbers a shorter one nor brings back what that one withheld.
    """
    settled: list[list[Span]] = []
    late: list[list[Span]] = [[] for _ in fields]
    values = {
        (span.entity, field.text[span.start : span.end])
        for field, spans in zip(fields, own, strict=True)
        for span in spans
    }
    windows: dict[int, _Joint] = {}
    for window, across in joint:
        windows.setdefault(window.pieces[-1][0], []).append((window, across))
    for where, field in enumerate(fields):
        parts: dict[int, list[Span]] = {}
        for window, across in windows.get(where, ()):
            for span in across:
                for at, part in window.own(span):
                    values.add((span.entity, window.text[span.start : span.end]))
                    parts.setdefault(at, []).append(part)
        settled.append(_with_windows(field, own[where], parts.pop(where, [])))
        for at, found in parts.items():
            settled[at], rest = _extended(settled[at], found)
            late[at] += rest
    cover = Cover.of((entity, normalize(value).text) for entity, value in values)
    found_in: list[tuple[Span, ...]] = []
    left = MOST_SPANS
    for field, spans, later in zip(fields, settled, late, strict=True):
        covered = bounded(_covered(field.text, cover))
        found_in.append(resolve(spans, weaker=(*later, *covered), text=field.text))
        left -= len(found_in[-1])
        if left < 0:
            raise TooManyFindings
    return tuple(found_in)


def _with_windows(field: Field, own: Sequence[Span], parts: Sequence[Span]) -> list[Span]:
    """A field's own spans, and the parts of those that were read with what stands before it.

    Such a part takes an own span's place only if it holds all of it.
    """
    if not parts:
        return list(own)
    held = [
        span
        for span in own
        if any(part.start <= span.start and span.end <= part.end for part in parts)
    ]
    sure = [span for span in own if span not in held]
    return list(resolve(sure, weaker=resolve((*held, *parts), text=field.text), text=field.text))


def _extended(settled: list[Span], parts: Sequence[Span]) -> tuple[list[Span], list[Span]]:
    """What has been settled with the parts that a later field revealed beside it, and the others.

    A part that touches something settled covers only what that leaves: its number comes later.
    """
    beside: list[Span] = []
    late: list[Span] = []
    for part in parts:
        at = bisect_right(settled, part.start, key=attrgetter("end"))
        touches = at < len(settled) and settled[at].start < part.end
        if touches or part.rule == COVER_RULE:
            late.append(part._replace(rule=COVER_RULE))
        else:
            beside.append(part)
    return sorted((*settled, *resolve(beside))), late


def _covered(text: str, cover: Cover) -> Iterator[Span]:
    if cover.empty:
        return
    for view in views(text):
        for span in cover.spans(view.text):
            start, end = view.original(span.start, span.end)
            yield span._replace(start=start, end=end, rule=COVER_RULE)


def _windows(fields: Sequence[Field], right: int) -> Iterator[_Window]:
    """The windows across the border before field `right`.

    What it joins is read with it as one word, and as two lines; its label as on a form.
    """
    text = fields[right].text
    end = min(len(text), _REACH)
    open_right = end < len(text) and not text[end].isspace()
    if fields[right].label and text:
        head = f"{fields[right].label}: "
        pieces = ((right, len(head), 0, end),)
        yield _Window(head + text[:end], pieces, len(head), False, open_right)
    if not fields[right].joins_previous or not text or not right:
        return
    left_parts, open_left = _before(fields, right)
    if not left_parts:
        return
    for joint in _JOINTS:
        joined: list[tuple[int, int, int, int]] = []
        words: list[str] = []
        length = border = 0
        for where, start, stop in (*left_parts, (right, 0, end)):
            if words:
                words.append(joint)
                length += len(joint)
            if where == right:
                border = length
            words.append(fields[where].text[start:stop])
            joined.append((where, length, start, stop - start))
            length += stop - start
        yield _Window("".join(words), tuple(joined), border, open_left, open_right)


_Parts = list[tuple[int, int, int]]  # field, start, end


def _before(fields: Sequence[Field], right: int) -> tuple[_Parts, bool]:
    """The last characters before a border, over as many joined fields as that takes."""
    parts: _Parts = []
    wanted, where = _REACH, right - 1
    while wanted > 0:
        text = fields[where].text
        start = max(0, len(text) - wanted)
        if text:
            parts.append((where, start, len(text)))
        wanted -= len(text) - start
        if start or not fields[where].joins_previous or not where:
            break
        where -= 1
    parts.reverse()
    if not parts or not parts[0][1]:
        return parts, False
    where, start, _ = parts[0]
    return parts, not fields[where].text[start - 1].isspace()
