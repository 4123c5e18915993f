"""The recognizer packs that exist, by name, and the reading of one text with them.

`find` is the whole detector without Presidio: what the detector's processes register there, and
what the scanner of engine text uses by itself.
"""

from collections.abc import Iterable, Iterator, Sequence
from types import MappingProxyType

from redaction.entity import Span
from redaction.errors import TooManyFindings
from redaction.normalize import View, views
from redaction.recognizers.cover import Cover
from redaction.recognizers.kr.pack import KR
from redaction.recognizers.recognizer import Pack, Recognizer, number_regions
from redaction.recognizers.resolve import resolve

# In one text, and in all texts of a request: a million characters of nothing but values would keep
# a detector, and all the steps behind it, busy for many seconds.
MOST_SPANS = 20_000

PACKS = MappingProxyType({pack.name: pack for pack in (KR,)})


def packs_named(names: Sequence[str]) -> tuple[Pack, ...]:
    """The packs of these names, in their order.

    Raises:
        ValueError: a name that no pack has.
    """
    unknown = [name for name in names if name not in PACKS]
    if unknown:
        raise ValueError(f"unknown recognizer pack: {unknown[0]}; there is {', '.join(PACKS)}")
    return tuple(PACKS[name] for name in names)


def bounded(spans: Iterable[Span]) -> Iterator[Span]:
    """The same spans, one after another.

    Raises:
        TooManyFindings: there are more than `MOST_SPANS`.
    """
    for count, span in enumerate(spans, 1):
        if count > MOST_SPANS:
            raise TooManyFindings
        yield span


def find(text: str, packs: Sequence[Pack]) -> tuple[Span, ...]:
    """The spans of a text, ascending and disjoint, with the original's code-point offsets.

    Raises:
        TooManyFindings: the text holds more than `MOST_SPANS`.
    """
    readings = [(view, _read(view.text, packs)) for view in views(text)]
    cover = Cover.of(
        (span.entity, view.text[span.start : span.end])
        for view, spans in readings
        for span in spans
    )
    spans = resolve(
        (_original(view, span) for view, spans in readings for span in spans),
        weaker=(
            _original(view, span)
            for view, _ in readings
            for span in bounded(cover.spans(view.text))
        ),
        text=text,
    )
    return tuple(bounded(spans))


def _original(view: View, span: Span) -> Span:
    start, end = view.original(span.start, span.end)
    return span._replace(start=start, end=end)


def _read(text: str, packs: Sequence[Pack]) -> tuple[Span, ...]:
    regions = number_regions(text)
    found: list[Span] = []
    for recognizer in (recognizer for pack in packs for recognizer in pack.recognizers):
        found += bounded(_found(recognizer, text, regions))
    return resolve(found, text=text)


def _found(recognizer: Recognizer, text: str, regions: Sequence[tuple[int, int]]) -> Iterator[Span]:
    if not recognizer.numeric:
        yield from recognizer.find(text)
        return
    for start, end in regions:
        for span in recognizer.find(text[start:end]):
            yield span._replace(start=span.start + start, end=span.end + start)
