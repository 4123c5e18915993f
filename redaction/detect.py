"""Step detect: fields in, Findings out; it knows no policy.

Each field is read by itself and, where the model reads it directly behind the one before, also
joined with what stands there: a value across the border is cut into one span per field. A value
found anywhere covers its other occurrences in all fields; such spans carry `COVER_RULE`. Never
passes a text on that no detector has read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from redaction.entity import COVER_RULE, Field, Findings, Span
from redaction.normalize import normalize, views
from redaction.pool import Detector
from redaction.recognizers.cover import Cover
from redaction.recognizers.resolve import resolve

# How much is read on each side of a border: longer than any label, its gap and its value together.
_REACH = 128
_JOINTS = ("", "\n")


@dataclass(frozen=True, slots=True)
class _Window:
    """A text across one border: the end of what stands before it and the start of what follows.

    `pieces` says which part of the text is which field's: (field, start in the window, start in
    the field, length). `border` is where the field `right` begins in the window; `open_left` and
    `open_right` say that the window was cut inside a word.
    """

    text: str
    pieces: tuple[tuple[int, int, int, int], ...]
    border: int
    right: int
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
        crosses = span.start < self.border < span.end
        if not crosses and span.end <= self.border:
            # Only what follows told: a later discovery, which must not number this field anew.
            yield from ((where, part._replace(rule=COVER_RULE)) for where, part in parts)
        elif crosses or (len(parts) == 1 and parts[0][0] == self.right):
            yield from parts


async def detect(fields: Sequence[Field], detector: Detector) -> Findings:
    """Finds personal data in all fields, in one round trip to a detector.

    Raises:
        DetectionUnavailable: no detector answered in time.
    """
    windows = [window for where in range(1, len(fields)) for window in _windows(fields, where)]
    texts = [field.text for field in fields] + [window.text for window in windows]
    answers = await detector.spans(texts)
    own, joint = answers[: len(fields)], answers[len(fields) :]
    found: list[list[Span]] = [list(spans) for spans in own]
    values = {
        (span.entity, field.text[span.start : span.end])
        for field, spans in zip(fields, own, strict=True)
        for span in spans
    }
    for window, across in zip(windows, joint, strict=True):
        for span in across:
            values.add((span.entity, window.text[span.start : span.end]))
            for where, part in window.own(span):
                found[where].append(part)
    cover = Cover.of((entity, normalize(value).text) for entity, value in values)
    return Findings(
        tuple(
            resolve(spans, weaker=_covered(field.text, cover))
            for field, spans in zip(fields, found, strict=True)
        ),
        detector.version,
    )


def _covered(text: str, cover: Cover) -> Iterator[Span]:
    if cover.empty:
        return
    for view in views(text):
        for span in cover.spans(view.text):
            start, end = view.original(span.start, span.end)
            yield span._replace(start=start, end=end, rule=COVER_RULE)


def _windows(fields: Sequence[Field], right: int) -> Iterator[_Window]:
    """The windows across the border before field `right`: read as one word, and as two lines."""
    if not fields[right].joins_previous or not fields[right].text:
        return
    left_parts, open_left = _before(fields, right)
    right_parts, open_right = _after(fields, right)
    if not left_parts:
        return
    for joint in _JOINTS:
        pieces: list[tuple[int, int, int, int]] = []
        words: list[str] = []
        length = border = 0
        for where, start, end in (*left_parts, *right_parts):
            if words:
                words.append(joint)
                length += len(joint)
            if where == right:
                border = length
            words.append(fields[where].text[start:end])
            pieces.append((where, length, start, end - start))
            length += end - start
        yield _Window("".join(words), tuple(pieces), border, right, open_left, open_right)


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


def _after(fields: Sequence[Field], right: int) -> tuple[_Parts, bool]:
    """The first characters behind a border, over as many joined fields as that takes."""
    parts: _Parts = []
    wanted, where = _REACH, right
    while wanted > 0 and where < len(fields):
        if where > right and not fields[where].joins_previous:
            break
        text = fields[where].text
        end = min(len(text), wanted)
        if text:
            parts.append((where, 0, end))
        wanted -= end
        if end < len(text):
            return parts, not text[end].isspace()
        where += 1
    return parts, False
