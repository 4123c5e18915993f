"""The recognizer packs that exist, by name, and the reading of one text with them.

`find` is the whole detector without Presidio: what the detector's processes register there, and
what the scanner of engine text uses by itself.
"""

from collections.abc import Sequence
from types import MappingProxyType

from redaction.entity import Span
from redaction.normalize import views
from redaction.recognizers.cover import NameCover
from redaction.recognizers.kr.pack import KR
from redaction.recognizers.recognizer import Pack
from redaction.recognizers.resolve import resolve

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


def find(text: str, packs: Sequence[Pack]) -> tuple[Span, ...]:
    """The spans of a text, ascending and disjoint, with the original's code-point offsets."""
    spans: list[Span] = []
    for view in views(text):
        read = [
            span
            for pack in packs
            for recognizer in pack.recognizers
            for span in recognizer.find(view.text)
        ]
        kept = list(resolve(read))
        cover = NameCover.of(view.text[s.start : s.end] for s in kept if s.entity == "PERSON")
        kept.extend(cover.spans(view.text))
        for span in kept:
            start, end = view.original(span.start, span.end)
            spans.append(span._replace(start=start, end=end))
    return resolve(spans)
