"""Sentences with names for training: read, relabelled where the source is known to err, varied.

Reads lines of JSON with `text` and `spans` (see docs/names.md for the files). A labelled text is a
string and its names as (start, end), code points, end exclusive.
"""

import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from redaction.recognizers.kr.name_words import SURNAMES
from training.names.people import People, final_class

_SURNAME = "".join(sorted(SURNAMES))
# Single surnames and letters before 씨, 양, 군, 모: names by KLUE's guide, often missed in silver.
_ANONYMOUS = re.compile(
    rf"(?<![가-힣A-Za-z])(?P<name>[{_SURNAME}]|[A-Z])"
    r"(?=[ ]?모?[ ]?(?:씨|양|군)(?:[^가-힣]|$|[가는의를와도에로])|모?[ ]?\([0-9]{1,2}[,·)])"
)
_WORD = re.compile("[가-힣]{2,}")
_SWAPPED_NOUNS = 0.15
_SOME_MO = re.compile(rf"[{_SURNAME}]모")


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text, its names, and the other things that are known of it: (start, end, fine class)."""

    text: str
    names: tuple[tuple[int, int], ...]
    things: tuple[tuple[int, int, str], ...] = field(default=())


def read(path: Path) -> list[Labelled]:
    """The sentences of a file, in its order."""
    with path.open(encoding="utf-8") as lines:
        return [_labelled(json.loads(line)) for line in lines]


def read_marked(path: Path) -> list[Labelled]:
    """The lines of a text file in which names stand between ⟦ and ⟧."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [_unmarked(line) for line in lines if line]


def _unmarked(line: str) -> Labelled:
    text = ""
    names: list[tuple[int, int]] = []
    for part in re.split("(⟦[^⟧]*⟧)", line):
        if part.startswith("⟦"):
            names.append((len(text), len(text) + len(part) - 2))
        text += part.strip("⟦⟧")
    return Labelled(text, tuple(names))


def _labelled(row: dict[str, object]) -> Labelled:
    text = str(row["text"])
    spans = cast(list[dict[str, Any]], row["spans"])
    names = tuple(sorted((s["start"], s["end"]) for s in spans if s["label"] == "PERSON"))
    things = tuple(
        sorted(
            (s["start"], s["end"], s.get("fine") or s["label"])
            for s in spans
            if s["label"] != "PERSON"
        )
    )
    return Labelled(text, names, things)


def relabelled(labelled: Labelled) -> Labelled:
    """The same, but of 김 씨, A씨, 김모 씨 the surname or letter alone is the name."""
    text = labelled.text
    names = set()
    for start, end in labelled.names:
        whole = text[start:end]
        names.add((start, start + 1) if _SOME_MO.fullmatch(whole) else (start, end))
    for match in _ANONYMOUS.finditer(text):
        span = match.span("name")
        if not any(start < span[1] and span[0] < end for start, end in names):
            names.add(span)
    things = tuple(
        thing
        for thing in labelled.things
        if not any(start < thing[1] and thing[0] < end for start, end in names)
    )
    return Labelled(text, tuple(sorted(names)), things)


class Corpus:
    """The silver sentences; `epoch` gives all of them once, most with other names and things."""

    def __init__(
        self, sentences: Sequence[Labelled], chance: random.Random, nouns: Sequence[str]
    ) -> None:
        self._sentences = sentences
        self._chance = chance
        self._nouns: dict[tuple[int, int], list[str]] = defaultdict(list)
        self._is_noun = frozenset(nouns)
        for noun in nouns:
            self._nouns[final_class(noun), len(noun)].append(noun)
        self.names = Counter(s.text[a:b] for s in sentences for a, b in s.names)
        self.words = Counter(
            word[:length]
            for sentence in sentences
            for word in _WORD.findall(sentence.text)
            for length in range(2, min(len(word), 4) + 1)
        )
        """How often each beginning of a word of two to four syllables stands there."""
        self._things: dict[tuple[str, int, int], list[str]] = defaultdict(list)
        for sentence in sentences:
            for start, end, fine in sentence.things:
                value = sentence.text[start:end]
                self._things[fine, final_class(value), min(len(value), 6)].append(value)

    def epoch(self, people: People, kept: float = 0.25) -> Iterator[tuple[int, Labelled]]:
        """Pairs of a sentence's number and a variant; `kept` of them stay as they are."""
        for number, sentence in enumerate(self._sentences):
            if self._chance.random() < kept:
                yield number, sentence
            else:
                yield number, self._varied(sentence, people)

    def _varied(self, sentence: Labelled, people: People) -> Labelled:
        marks = [(a, b, "") for a, b in sentence.names] + list(sentence.things)
        parts: list[str] = []
        names: list[tuple[int, int]] = []
        things: list[tuple[int, int, str]] = []
        said: dict[str, str] = {}
        at = length = 0
        for start, end, fine in sorted(marks):
            if start < at:
                continue
            value = sentence.text[start:end]
            if value not in said:
                said[value] = self._thing(value, fine) if fine else people.like(value)
            between = self._reworded(sentence.text[at:start])
            parts += (between, said[value])
            length += len(between)
            if fine:
                things.append((length, length + len(said[value]), fine))
            else:
                names.append((length, length + len(said[value])))
            length += len(said[value])
            at = end
        parts.append(self._reworded(sentence.text[at:]))
        return Labelled("".join(parts), tuple(names), tuple(things))

    def _reworded(self, text: str) -> str:
        """The same with some of its nouns changed, so that an unknown word need not be a name."""
        return _WORD.sub(self._other_word, text)

    def _other_word(self, match: re.Match[str]) -> str:
        word = match[0]
        if self._chance.random() >= _SWAPPED_NOUNS:
            return word
        for length in (4, 3, 2):
            noun = word[:length]
            if len(noun) == length and noun in self._is_noun:
                return self._chance.choice(self._nouns[final_class(noun), length]) + word[length:]
        return word

    def _thing(self, value: str, fine: str) -> str:
        if self._chance.random() < 0.6:
            return value
        return self._chance.choice(
            self._things[fine, final_class(value), min(len(value), 6)] or [value]
        )
