"""Which words of a country's forms stand beside a span: for people who ask why it was found.

Detection itself weighs them by its kinds' Labels; this only says which there are. Reads the same
reach on each side, normalised.
"""

from collections.abc import Iterator, Sequence

from redaction.entity import Span
from redaction.normalize import normalize
from redaction.recognizers.kr.words import WORDS
from redaction.vocabulary import Vocabulary

_REACH = 32  # what Labels and an agency's formats look at, and a little more


def keywords(text: str, span: Span, vocabulary: Vocabulary) -> tuple[str, ...]:
    """The words beside a span, in their order, each once; an agency's own for its own formats."""
    sides = (text[max(0, span.start - _REACH) : span.start], text[span.end : span.end + _REACH])
    own = [
        word
        for item in vocabulary.formats
        if span.rule == f"agency.{item.name}"
        for word in item.keywords
    ]
    return tuple(dict.fromkeys(word for side in sides for word in _words(side, own)))


def _words(side: str, own: Sequence[str]) -> Iterator[str]:
    plain = normalize(side).text
    hits = WORDS.read(plain)
    found = [(start, plain[start:end]) for start, end in zip(hits.starts, hits.ends, strict=True)]
    found += [(plain.find(word), word) for word in own if word in plain]
    yield from (word for _, word in sorted(found))
