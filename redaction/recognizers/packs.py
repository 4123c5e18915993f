"""The recognizer packs that exist, by name, and the reading of one text with them.

`find` is the whole detector without Presidio: what the detector's processes register there, and
what the scanner of engine text uses by itself.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from types import MappingProxyType

from redaction.entity import Span
from redaction.errors import TooManyFindings
from redaction.normalize import View, views
from redaction.recognizers.cover import Cover
from redaction.recognizers.kr.pack import KR, KR_OFFICES
from redaction.recognizers.recognizer import Pack, Reading
from redaction.recognizers.resolve import resolve

# In one text, and in all texts of a request: a million characters of nothing but values would keep
# a detector, and all the steps behind it, busy for many seconds.
MOST_SPANS = 20_000

_DIGIT = re.compile("[0-9]")

PACKS = MappingProxyType({pack.name: pack for pack in (KR, KR_OFFICES)})
ABROAD = ("eu", "us")
"""Packs of Presidio's own recognizers; only the detector's processes have them."""

PACK_NAMES = (*PACKS, *ABROAD)
"""Every pack that may be named."""


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
    known = [{(span.start, span.end) for span in spans} for _, spans in readings]
    again = [
        _original(view, span)
        for place, (view, spans) in enumerate(readings)
        for span in bounded(cover.spans(view.text, spans))
        if (span.start, span.end) not in known[place]
    ]
    spans = [_original(view, span) for view, spans in readings for span in spans]
    if len(readings) == 1 and not again:
        return tuple(bounded(spans))
    return tuple(bounded(resolve(spans, weaker=again, text=text)))


def _original(view: View, span: Span) -> Span:
    start, end = view.original(span.start, span.end)
    moved = start != span.start or end != span.end
    return span._replace(start=start, end=end) if moved else span


def _read(text: str, packs: Sequence[Pack]) -> tuple[Span, ...]:
    reading = Reading(text)
    digits = _DIGIT.search(text) is not None
    found: list[Span] = []
    for pack in packs:
        for recognizer in pack.recognizers:
            if digits or not recognizer.numeric:
                before = len(found)
                found += islice(recognizer.find(reading), MOST_SPANS + 1)
                if len(found) - before > MOST_SPANS:
                    raise TooManyFindings
    return resolve(found, text=text)
