"""성명 (PERSON): a name before a title or 씨/님, behind a field's label, or behind a person's role.

Sources of the words: kr/name_words.py. Without a model only such contexts say that a word is a
name; one found anywhere in a text covers its other occurrences (redaction/recognizers/cover.py).
Never decides by a single syllable, so 김 씨 stays.
"""

import re
from collections.abc import Iterator

from redaction.entity import Span
from redaction.recognizers.kr.name_words import (
    BODY_ENDINGS,
    COMPOUND_SURNAMES,
    ENGLISH_LABELS,
    GIVEN,
    LABELS,
    PARTICLES,
    RUNNING_LABELS,
    SURNAMES,
    TITLES,
    WEAK_TITLES,
    is_noun,
)
from redaction.recognizers.recognizer import Canary, Recognizer

_FIRST = "".join(sorted(SURNAMES | {name[0] for name in COMPOUND_SURNAMES}))
_TITLE = re.compile(
    rf"(?<![가-힣])(?P<name>[{_FIRST}][가-힣]{{1,3}}?)(?P<gap>[ ]?)(?P<title>(?:{TITLES})님?|씨|님)"
    rf"(?=$|[^가-힣]|(?:{PARTICLES})(?![가-힣])|(?:{PARTICLES})(?:{PARTICLES}))"
)
# Between a field's label and its value: a remark in brackets, then a colon or arrow, a table's
# border, or the quotes of a JSON member.
_OPENING = (
    r"[ \t]{0,8}(?:\([^()\n]{1,10}\)[ \t]{0,2})?"
    r"(?:[:=→|>〉】\]]|</t[hd]>[ \t]{0,4}<td[^<>\n]{0,40}>|\"[ ]?:[ ]?\")[ \t\"'*]{0,8}"
)
_FIELD = re.compile(rf"(?<![가-힣])(?:{LABELS})[*\"']{{0,2}}{_OPENING}")
# Names of members in agencies' JSON and tables; only a usual Korean name behind them is one, since
# `name` is also what functions, files and products have.
_ENGLISH_FIELD = re.compile(rf"(?<![A-Za-z])(?:{ENGLISH_LABELS}){_OPENING}", re.IGNORECASE)
_RUNNING = re.compile(rf"(?<![가-힣])(?:{RUNNING_LABELS})(?:[ ]{{1,2}}|\()(?=[{_FIRST}])")
_SELF = re.compile(
    r"(?<![가-힣])(?:저는|제[ ]?이름은|이름은|성명은|성함은|본인은)[ ]{1,2}"
    rf"(?P<name>[{_FIRST}][가-힣]{{1,3}}?)"
    r"(?=입니다|이라고|라고|이에요|예요|이고|이며|이라는|라는|올시다|[ ]?\()"
)
_IN_BRACKETS = re.compile(
    rf"(?<![가-힣])(?:{LABELS}|{RUNNING_LABELS})[ ]?\((?P<name>[{_FIRST}][가-힣]{{1,3}})\)"
)
_BRACKET = re.compile(
    rf"(?<![가-힣])(?P<name>[{_FIRST}][가-힣]{{1,3}})[ ]?\("
    r"(?=[ ]?(?:[0-9]{6}|01[0-9]|남[,/ )]|여[,/ )]|만?[ ]?[0-9]{2}세))"
)
_HANGUL = re.compile(r"[가-힣]{2,10}")
_SPACED = re.compile(rf"(?P<name>[{_FIRST}][ ]{{1,3}}[가-힣][ ]{{1,3}}[가-힣])(?![가-힣])")
_LATIN = re.compile(r"[A-Z][A-Za-z'-]{1,24}(?:,?[ ][A-Z][A-Za-z'.-]{0,24}){1,3}(?![A-Za-z0-9])")
_TAIL = re.compile(
    rf"(?:{PARTICLES}|(?:{TITLES})님?)(?:(?:{PARTICLES})(?:{PARTICLES})?)?(?![가-힣])"
)
_UNNAMED = "모"  # 김모 씨: a surname, made anonymous
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


def _believed(name: str, title: str, *, apart: bool) -> bool:
    """Whether a plausible name before a title is one; 씨 speaks for names more than offices do."""
    if len(name) == 2 and name[1] == _UNNAMED:
        return False
    if title == "씨":
        return True
    if len(name) == 2 and (not apart or title in WEAK_TITLES or title == "님"):
        return False
    if name[-1] in BODY_ENDINGS and title not in ("님", "귀하"):
        return False
    return _usual(name)


def _before_titles(text: str) -> Iterator[Span]:
    for match in _TITLE.finditer(text):
        name, title = match["name"], match["title"]
        title = title.removesuffix("님") or title
        if not _plausible(name):
            continue
        if not _believed(name, title, apart=bool(match["gap"])):
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


def _behind_english_labels(text: str) -> Iterator[Span]:
    for match in _ENGLISH_FIELD.finditer(text):
        run = _HANGUL.match(text, match.end())
        name = split_name(run[0]) if run else None
        if name is not None and _usual(name):
            yield Span(match.end(), match.end() + len(name), "PERSON", 0.85, "person.label")


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


def _named(text: str) -> Iterator[Span]:
    for pattern, rule in (
        (_BRACKET, "person.bracket"),
        (_IN_BRACKETS, "person.bracket"),
        (_SELF, "person.self"),
    ):
        for match in pattern.finditer(text):
            if _plausible(match["name"]) and _usual(match["name"]):
                yield Span(match.start("name"), match.end("name"), "PERSON", 0.85, rule)


def _find(text: str) -> Iterator[Span]:
    yield from _before_titles(text)
    yield from _behind_labels(text)
    yield from _behind_english_labels(text)
    yield from _behind_roles(text)
    yield from _named(text)


PERSON = Recognizer(
    "PERSON",
    _find,
    Canary("PERSON", "민원인 김철수에게 안내문을 보냅니다.", "김철수"),
    numeric=False,
)
