"""Overlapping spans become disjoint ones, always in the same way.

A sure 고유식별정보 wins over everything, then a sure kind of the floor: what is withheld must not
come back because it also reads as a part of something else. Then the more certain span wins; of
equals the longer one, then the kind with more at stake, then the earlier. What a winner leaves of
a loser remains a span of the loser's kind: nothing that was found goes out because it lost.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from operator import attrgetter
from types import MappingProxyType

from redaction.entity import ENTITIES, Span

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
                "SECRET",
                "CREDIT_CARD",
                "KR_BANK_ACCOUNT",
                "PHONE_NUMBER",
                "EMAIL_ADDRESS",
                "KR_HEALTH_INSURANCE",
                "KR_CUSTOMS_CODE",
                "KR_MILITARY_NUMBER",
                "KR_ADDRESS",
                "KR_BIRTH_DATE",
                "KR_VEHICLE_PLATE",
                "KR_BRN",
                "KR_CRN",
                "COORDINATES",
                "IP_ADDRESS",
                "MAC_ADDRESS",
                "KR_MEMBER_NUMBER",
                "PERSON",
            )
        )
    }
)
# A form alone, without a label, a check digit or separators, says less than the text around it.
_SURE = 0.7


def _tier(span: Span) -> int:
    entity = ENTITIES.get(span.entity)
    if entity is None or span.score < _SURE or not entity.floor:
        return 2
    return 0 if entity.unique_identifier else 1


def _rank(span: Span) -> tuple[int, float, int, int, int, str, float]:
    stake = _STAKE.get(span.entity, len(_STAKE))
    length = span.end - span.start
    score = round(span.score, 2)
    return (_tier(span), -score, -length, stake, span.start, span.rule, -span.score)


def resolve(
    spans: Iterable[Span], weaker: Iterable[Span] = (), *, text: str | None = None
) -> tuple[Span, ...]:
    """The spans that remain, ascending and disjoint; empty ones are dropped.

    `weaker` spans win against none of the others, whatever their score. With the `text` that the
    offsets speak of, the rest of a loser begins and ends with a letter or a digit of it.
    """
    found = sorted(set(spans))
    others = set(weaker)
    if not others and _apart(found):
        return tuple(found)
    ordered = sorted([*((span, False) for span in found), *((span, True) for span in others)])
    kept: list[Span] = []
    group: list[tuple[Span, bool]] = []
    end = 0
    for span, weak in ordered:
        if span.start >= end:
            kept += _settle(group, text)
            group = []
        if span.end > span.start:
            group.append((span, weak))
            end = max(end, span.end)
    return (*kept, *_settle(group, text))


def _apart(spans: list[Span]) -> bool:
    """Whether ascending spans are disjoint, and none of them empty."""
    end = 0
    for span in spans:
        if not end <= span.start < span.end:
            return False
        end = span.end
    return True


def _settle(group: list[tuple[Span, bool]], text: str | None) -> list[Span]:
    """The winners of a group of spans that touch one another, and what they leave of the others."""
    if len(group) == 1:
        return [group[0][0]]
    kept: list[Span] = []
    for span, _ in sorted(group, key=lambda entry: (entry[1], _rank(entry[0]))):
        for part in list(_left(span, kept)):
            rest = part if part == span or text is None else _trimmed(part, text)
            if rest.start < rest.end:
                kept.insert(bisect_left(kept, rest.start, key=attrgetter("start")), rest)
    return kept


def _left(span: Span, kept: list[Span]) -> Iterator[Span]:
    """The parts of a span that none of the kept ones covers."""
    start = span.start
    at = bisect_right(kept, start, key=attrgetter("end"))
    while at < len(kept) and kept[at].start < span.end:
        if start < kept[at].start:
            yield span._replace(start=start, end=kept[at].start)
        start = kept[at].end
        at += 1
    if start < span.end:
        yield span._replace(start=start)


def _trimmed(span: Span, text: str) -> Span:
    start, end = span.start, span.end
    while start < end and not text[start].isalnum():
        start += 1
    while start < end and not text[end - 1].isalnum():
        end -= 1
    return span._replace(start=start, end=end)
