"""Overlapping spans become disjoint ones, always in the same way.

The more certain span wins; of equals the longer one, then the kind with more at stake, then the
earlier. Nothing is cut: a span that touches a winner is dropped whole.
"""

from bisect import bisect_left
from collections.abc import Iterable
from operator import attrgetter
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


def resolve(spans: Iterable[Span], weaker: Iterable[Span] = ()) -> tuple[Span, ...]:
    """The spans that remain, ascending and disjoint; empty ones are dropped.

    `weaker` spans remain only where they touch none of the others, whatever their score.
    """
    ordered = sorted(
        {(span, False) for span in spans} | {(span, True) for span in weaker},
        key=lambda entry: entry[0].start,
    )
    kept: list[Span] = []
    group: list[tuple[Span, bool]] = []
    end = 0
    for span, weak in ordered:
        if span.start >= end:
            kept += _settle(group)
            group = []
        if span.end > span.start:
            group.append((span, weak))
            end = max(end, span.end)
    return (*kept, *_settle(group))


def _settle(group: list[tuple[Span, bool]]) -> list[Span]:
    """The winners of a group of spans that touch one another."""
    if len(group) == 1:
        return [group[0][0]]
    kept: list[Span] = []
    for span, _ in sorted(group, key=lambda entry: (entry[1], _rank(entry[0]))):
        place = bisect_left(kept, span.start, key=attrgetter("start"))
        clear_left = place == 0 or kept[place - 1].end <= span.start
        clear_right = place == len(kept) or kept[place].start >= span.end
        if clear_left and clear_right:
            kept.insert(place, span)
    return kept
