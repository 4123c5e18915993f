"""The scorer: what was found against what is known, per kind and over all.

Three questions, three counts:

- strict: is there a found span of the same kind with the same ends? Characters that are neither
  letters nor digits at the ends of both do not count (`1985. 3. 2.` and `1985. 3. 2`).
- by character: of a kind's characters, how many were found as that kind, and the reverse.
- leak: does any character of a known datum stand outside every found span, of whatever kind? Only
  this question is about what leaves the house; the kind does not matter to it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from bench.detection.texts import CRITICAL, Gold, Text
from redaction.entity import Span

_Place = tuple[int, int, str]
Find = Callable[[str], Sequence[Span]]


@dataclass(slots=True)
class Count:
    """Right, of so many found, of so many known."""

    right: int = 0
    found: int = 0
    known: int = 0

    @property
    def precision(self) -> float:
        """0 where nothing was found."""
        return self.right / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        """0 where nothing is known."""
        return self.right / self.known if self.known else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        both = self.found + self.known
        return 2 * self.right / both if both else 0.0


@dataclass(slots=True)
class Kind:
    """One kind's counts; `leaked` entities have an uncovered character."""

    strict: Count = field(default_factory=Count)
    characters: Count = field(default_factory=Count)
    known: int = 0
    leaked: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """A text with what was missed in it and what was found beside the truth."""

    text: Text
    leaked: tuple[Gold, ...]
    beside: tuple[Span, ...]


@dataclass(slots=True)
class Score:
    """All counts of one system on one set of texts."""

    kinds: defaultdict[str, Kind] = field(default_factory=lambda: defaultdict(Kind))
    texts: int = 0
    clean_texts: int = 0
    alarmed_texts: int = 0
    other_characters: int = 0
    redacted_others: int = 0
    failures: list[Failure] = field(default_factory=list)

    def leak(self, kinds: Iterable[str] | None = None) -> tuple[int, int]:
        """How many entities of the kinds (of all) leaked, and how many there are."""
        chosen = list(self.kinds if kinds is None else (set(kinds) & self.kinds.keys()))
        return (
            sum(self.kinds[kind].leaked for kind in chosen),
            sum(self.kinds[kind].known for kind in chosen),
        )

    @property
    def critical_leak(self) -> tuple[int, int]:
        """The same for 고유식별정보, cards and accounts."""
        return self.leak(CRITICAL)


def score(texts: Iterable[Text], find: Find) -> Score:
    """Runs a system over the texts and counts; failures keep the order of the texts."""
    total = Score()
    for text in texts:
        _count(total, text, find(text.text))
    return total


def _count(total: Score, text: Text, found: Sequence[Span]) -> None:
    size = len(text.text)
    covered, known, optional = bytearray(size), bytearray(size), bytearray(size)
    for span in found:
        covered[span.start : span.end] = b"\1" * (span.end - span.start)
    for gold in text.gold:
        where = optional if gold.optional else known
        where[gold.start : gold.end] = b"\1" * (gold.end - gold.start)
    _count_strict(total, text, found)
    _count_characters(total, text, found, optional)
    leaked = [
        gold for gold in text.gold if not gold.optional and 0 in covered[gold.start : gold.end]
    ]
    for gold in text.gold:
        total.kinds[gold.kind].known += not gold.optional
    for gold in leaked:
        total.kinds[gold.kind].leaked += 1
    others = [covered[i] for i in range(size) if not known[i] and not optional[i]]
    total.other_characters += len(others)
    total.redacted_others += sum(others)
    beside = tuple(
        span
        for span in found
        if not any(known[span.start : span.end]) and not any(optional[span.start : span.end])
    )
    total.texts += 1
    if not text.personal:
        total.clean_texts += 1
        total.alarmed_texts += bool(beside)
    if leaked or beside:
        total.failures.append(Failure(text, tuple(leaked), beside))


def _count_strict(total: Score, text: Text, found: Sequence[Span]) -> None:
    """An optional gold span that was found is right or wrong for nobody."""
    must: set[_Place] = set()
    may: set[_Place] = set()
    for gold in text.gold:
        place = (*_trimmed(text.text, gold.start, gold.end), gold.kind)
        (may if gold.optional else must).add(place)
    for kind in (gold.kind for gold in text.gold if not gold.optional):
        total.kinds[kind].strict.known += 1
    for span in found:
        place = (*_trimmed(text.text, span.start, span.end), span.entity)
        if place in may or _inside_optional(span, text.gold):
            continue
        count = total.kinds[span.entity].strict
        count.found += 1
        count.right += place in must


def _inside_optional(span: Span, gold: Sequence[Gold]) -> bool:
    """Whether a span of another kind, or other ends, touches only what may be found."""
    touched = [known for known in gold if known.start < span.end and span.start < known.end]
    return bool(touched) and all(known.optional for known in touched)


def _count_characters(total: Score, text: Text, found: Sequence[Span], optional: bytearray) -> None:
    size = len(text.text)
    kinds = {span.entity for span in found} | {gold.kind for gold in text.gold}
    for kind in kinds:
        mine, truth = bytearray(size), bytearray(size)
        for span in found:
            if span.entity == kind:
                mine[span.start : span.end] = b"\1" * (span.end - span.start)
        for gold in text.gold:
            if gold.kind == kind and not gold.optional:
                truth[gold.start : gold.end] = b"\1" * (gold.end - gold.start)
        count = total.kinds[kind].characters
        count.found += sum(m and not o for m, o in zip(mine, optional, strict=True))
        count.known += sum(truth)
        count.right += sum(m and t for m, t in zip(mine, truth, strict=True))


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and not text[start].isalnum():
        start += 1
    while start < end and not text[end - 1].isalnum():
        end -= 1
    return start, end


def names_alone(texts: Iterable[Text], find: Find, known: frozenset[str] | None = None) -> Count:
    """Strict counts of PERSON alone, where every other span of the text is left out of account.

    With `known`, names that stand in it count for nobody, and only texts that hold another name
    are read: what remains are names that nobody could have learnt by heart.
    """
    count = Count()
    for text in texts:
        gold = {(g.start, g.end) for g in text.gold if g.kind == "PERSON"}
        old = {(s, e) for s, e in gold if known is not None and text.text[s:e] in known}
        if known is not None and gold == old:
            continue
        found = {(s.start, s.end) for s in find(text.text) if s.entity == "PERSON"} - old
        gold -= old
        count.right += len(found & gold)
        count.found += len(found)
        count.known += len(gold)
    return count
