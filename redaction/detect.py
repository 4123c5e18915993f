"""Step detect: fields in, Findings out; it knows no policy.

Each field is read by itself and, where the model reads it directly behind the one before, also
joined with what stands there: a value across the border is cut into one span per field. A field
with a label is also read behind it, as on a form (`성명: 김철수`). A value found anywhere covers
its other occurrences in all fields; such spans carry `COVER_RULE`. Never passes a text on that no
detector has read.
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
    """
    windows = [window for where in range(len(fields)) for window in _windows(fields, where)]
    texts = [field.text for field in fields] + [window.text for window in windows]
    answers = await detector.spans(texts)
    own, joint = answers[: len(fields)], answers[len(fields) :]
    found: list[list[Span]] = [list(spans) for spans in own]
    late: list[list[Span]] = [[] for _ in fields]
    values = {
        (span.entity, field.text[span.start : span.end])
        for field, spans in zip(fields, own, strict=True)
        for span in spans
    }
    for window, across in zip(windows, joint, strict=True):
        for span in across:
            for where, part in window.own(span):
                values.add((span.entity, window.text[span.start : span.end]))
                (late if part.rule == COVER_RULE else found)[where].append(part)
    cover = Cover.of((entity, normalize(value).text) for entity, value in values)
    return Findings(
        tuple(
            resolve(spans, weaker=(*later, *_covered(field.text, cover)))
            for field, spans, later in zip(fields, found, late, strict=True)
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
