"""성명 (PERSON): a name before a title or 씨/님, behind a field's label, or behind a person's role.

Sources of the words: kr/name_words.py. Without a model only such contexts say that a word is a name; a
name found anywhere in a text covers its other occurrences there (redaction/recognizers/cover.py).
Never decides by a single syllable, so 김 씨 stays.
"""

import re
from collections.abc import Iterator

from redaction.entity import Span
from redaction.recognizers.kr.name_words import (
    BODY_ENDINGS,
    COMPOUND_SURNAMES,
    GIVEN,
    LABELS,
    is_noun,
    PARTICLES,
    RUNNING_LABELS,
    SURNAMES,
    TITLES,
    WEAK_TITLES,
)
from redaction.recognizers.recognizer import Canary, Recognizer

_FIRST = "".join(sorted(SURNAMES | {name[0] for name in COMPOUND_SURNAMES}))
_TITLE = re.compile(
    rf"(?<![가-힣])(?P<name>[{_FIRST}][가-힣]{{1,3}}?)(?P<gap>[ ]?)"
    rf"(?P<title>(?:{TITLES})님?|씨|님)(?=$|[^가-힣]|(?:{PARTICLES})(?![가-힣])|(?:{PARTICLES})(?:{PARTICLES}))"
)
_OPENING = r"[ \t]{0,8}(?:\([^()\n]{1,10}\)[ \t]{0,2})?(?:[:=→|>〉】\]]|</t[hd]>[ \t]{0,4}<td[^<>\n]{0,40}>|\"[ ]?:[ ]?\")[ \t\"'*]{0,8}"
_FIELD = re.compile(rf"(?<![가-힣])(?:{LABELS})[*\"']{{0,2}}{_OPENING}")
_RUNNING = re.compile(rf"(?<![가-힣])(?:{RUNNING_LABELS})(?:[ ]{{1,2}}|\()(?=[{_FIRST}])")
_BRACKET = re.compile(
    rf"(?<![가-힣])(?P<name>[{_FIRST}][가-힣]{{1,3}})[ ]?\((?=[ ]?(?:[0-9]{{6}}|01[0-9]|남[,/ )]|여[,/ )]|만?[ ]?[0-9]{{2}}세))"
)
_HANGUL = re.compile(r"[가-힣]{2,10}")
_SPACED = re.compile(rf"(?P<name>[{_FIRST}][ ]{{1,3}}[가-힣][ ]{{1,3}}[가-힣])(?![가-힣])")
_LATIN = re.compile(r"[A-Z][A-Za-z'-]{1,24}(?:,?[ ][A-Z][A-Za-z'.-]{0,24}){1,3}(?![A-Za-z0-9])")
_TAIL = re.compile(
    rf"(?:{PARTICLES}|(?:{TITLES})님?)(?:(?:{PARTICLES})(?:{PARTICLES})?)?(?![가-힣])"
)
# Particles that hardly ever end a given name, so that 김철를 is read as 김철 and 를.
_NEVER_LAST = frozenset("를는에와과께")


def _surname_length(word: str) -> int:
    if word[:2] in COMPOUND_SURNAMES:
        return 2
    return 1 if word[0] in SURNAMES else 0


def _usual(name: str) -> bool:
    """Every syllable behind the surname is one that given names are made of."""
    surname = _surname_length(name)
    return bool(surname) and all(syllable in GIVEN for syllable in name[surname:])


def _plausible(name: str) -> bool:
    surname = _surname_length(name)
    given = len(name) - surname
    if not surname or not 1 <= given <= 2 or is_noun(name):
        return False
    return not (len(name) == 3 and surname == 1 and is_noun(name[:2]) and not _usual(name))


def split_name(run: str) -> str | None:
    """The name at the beginning of a run of Hangul whose rest is particles or a title, or None."""
    lengths = (4, 3, 2) if run[:2] in COMPOUND_SURNAMES else (3, 2)
    for length in lengths:
        name, rest = run[:length], run[length:]
        if len(name) < length or not _plausible(name):
            continue
        if length > 2 and name[-1] in _NEVER_LAST and not rest:
            continue
        if not rest or _TAIL.fullmatch(rest):
            return name
    return None


def _before_titles(text: str) -> Iterator[Span]:
    for match in _TITLE.finditer(text):
        name, title = match["name"], match["title"]
        title = title.removesuffix("님") or title
        if not _plausible(name):
            continue
        short = len(name) == 2
        if short and (not match["gap"] or title in WEAK_TITLES or title == "님"):
            # 홍보팀장, 정책 대표: two syllables need a title that nouns do not take.
            if title != "씨":
                continue
        if name[-1] in BODY_ENDINGS and title not in ("씨", "님", "귀하") and match["gap"]:
            continue
        if title != "씨" and not _usual(name):
            continue
        yield Span(match.start("name"), match.end("name"), "PERSON", 0.85, "person.title")


def _value(text: str, position: int) -> Span | None:
    """The name that begins at a position behind a field's label."""
    run = _HANGUL.match(text, position)
    if run:
        name = split_name(run[0])
        # A field holds nothing but its value: three or four syllables before a break are one.
        whole = len(run[0]) <= 4 and _surname_length(run[0]) and not is_noun(run[0])
        if name is None and whole and _usual(run[0]):
            name = run[0]
        if name is not None:
            return Span(position, position + len(name), "PERSON", 0.9, "person.label")
        return None
    for pattern, rule in ((_SPACED, "person.spaced"), (_LATIN, "person.latin")):
        match = pattern.match(text, position)
        if match:
            return Span(position, match.end(), "PERSON", 0.85, rule)
    return None


# More names in the same field: 참석자: 김철수, 이영희, 박민수
_NEXT = re.compile(r"[ ]?(?:,|·|/|、|및|와|과)[ ]{0,2}(?=[가-힣]{2,4})")
_LONGEST_LIST = 200


def _behind_labels(text: str) -> Iterator[Span]:
    for match in _FIELD.finditer(text):
        span = _value(text, match.end())
        listed = 0
        while span is not None and listed < _LONGEST_LIST:
            yield span
            following = _NEXT.match(text, span.end)
            span = _value(text, following.end()) if following else None
            listed += 1


def _behind_roles(text: str) -> Iterator[Span]:
    for match in _RUNNING.finditer(text):
        run = _HANGUL.match(text, match.end())
        name = split_name(run[0]) if run else None
        if name is None or not _usual(name):
            continue
        end = match.end() + len(name)
        # Two syllables behind a role are a noun unless a bracket or a title follows.
        if len(name) == 2 and not re.match(r"[ ]?\(|[ ]?(?:씨|님)", text[end : end + 2]):
            continue
        yield Span(match.end(), end, "PERSON", 0.75, "person.role")


def _before_brackets(text: str) -> Iterator[Span]:
    for match in _BRACKET.finditer(text):
        name = match["name"]
        if _plausible(name) and _usual(name):
            yield Span(match.start("name"), match.end("name"), "PERSON", 0.85, "person.bracket")


def _find(text: str) -> Iterator[Span]:
    yield from _before_titles(text)
    yield from _behind_labels(text)
    yield from _behind_roles(text)
    yield from _before_brackets(text)


PERSON = Recognizer(
    "PERSON", _find, Canary("PERSON", "민원인 김철수에게 안내문을 보냅니다.", "김철수")
)
