"""Overlapping spans become disjoint ones, always in the same way.

The more certain span wins; of equals the longer one, then the kind with more at stake, then the
earlier. What a losing span covers beyond the winner stays with the winner's neighbour only if that
span was found by itself: nothing is cut here.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable
from types import MappingProxyType

from redaction.entity import Span

# Of two equally certain readings the one with more at stake counts (개인정보 보호법 제24조 first).
_STAKE = MappingProxyType(
    {
        entity: stake
        for stake, entity in enumerate(
            (
                "KR_RRN",
                "KR_FRN",
                "KR_PASSPORT",
                "KR_DRIVER_LICENSE",
                "CREDIT_CARD",
                "KR_BANK_ACCOUNT",
                "PHONE_NUMBER",
                "EMAIL_ADDRESS",
                "KR_BRN",
                "PERSON",
            )
        )
    }
)


def _rank(span: Span) -> tuple[float, int, int, int, str]:
    stake = _STAKE.get(span.entity, len(_STAKE))
    return (-round(span.score, 2), span.start - span.end, stake, span.start, span.rule)


def resolve(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The spans that remain, ascending and disjoint; empty ones are dropped."""
    candidates = sorted({span for span in spans if span.end > span.start}, key=_rank)
    if len(candidates) < 2:
        return tuple(candidates)
    kept: list[tuple[int, int, Span]] = []
    for span in candidates:
        place = bisect_left(kept, (span.start, span.end))
        clear_left = place == 0 or kept[place - 1][1] <= span.start
        clear_right = place == len(kept) or kept[place][0] >= span.end
        if clear_left and clear_right:
            insort(kept, (span.start, span.end, span), key=lambda entry: entry[:2])
    return tuple(entry[2] for entry in kept)
