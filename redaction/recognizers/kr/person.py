"""성명 (PERSON): a name before a title or 씨/님, behind a field's label, or behind a person's role.

Sources of the words: kr/name_words.py. These rules know forms, tables and titles; of running text
the name finder knows more (kr/names.py). A name found anywhere in a text covers its other
occurrences (redaction/recognizers/cover.py).
"""

import re
from collections.abc import Iterator

from redaction.entity import Span
from redaction.recognizers.kr.historic import is_historic
from redaction.recognizers.kr.name_words import (
    BODY_ENDINGS,
    COMPOUND_SURNAMES,
    ENGLISH_LABELS,
    ENGLISH_OWNERS,
    GIVEN,
    LABELS,
    PARTICLES,
    RUNNING_LABELS,
    STRONG_TITLES,
    SURNAMES,
    TITLE_INITIALS,
    TITLES,
    UNJOINED,
    begun,
    grouped,
    is_closed,
    is_noun,
)
from redaction.recognizers.kr.person_forms import hanja, in_brackets, written_otherwise
from redaction.recognizers.kr.person_latin import in_latin
from redaction.recognizers.kr.person_tables import in_columns
from redaction.recognizers.recognizer import Canary, Reading, Recognizer

_FIRST = "".join(sorted(SURNAMES | {name[0] for name in COMPOUND_SURNAMES}))
# Each of these patterns begins with letters, not with a look behind, that a search strides over.
_SURNAME = rf"[{_FIRST}]{UNJOINED}"
_TITLE = re.compile(
    rf"(?P<name>{_SURNAME}[가-힣]{{1,3}}?)(?P<gap>[ ]?)"
    rf"(?=[{TITLE_INITIALS}씨님])(?P<title>(?:{TITLES})님?|씨|님)"
    rf"(?=$|[^가-힣]|(?:{PARTICLES})(?![가-힣])|(?:{PARTICLES})(?:{PARTICLES}))"
)
# Between a field's label and its value: a remark in brackets, then a colon or arrow, a table's
# border, or the quotes of a JSON member.
_OPENING = (
    r"[ \t]{0,8}(?:\([^()\n]{1,10}\)[ \t]{0,2})?"
    r"(?:[:=→|>〉】\]]|</t[hd]>[ \t]{0,4}<td[^<>\n]{0,40}>|\"[ ]?:[ ]?\")[ \t\"'*]{0,8}"
)
# 이름이 김철수에서 김민수로: names may follow these without a colon.
_NAMED = re.compile(
    rf"(?:{begun('이름|성명|성함|명의자')})[이가은는을][ ]{{1,2}}(?=[{_FIRST}][가-힣])"
)
_CALLED_LATIN = re.compile(
    rf"(?:{begun('성[ ]{0,4}명|이름|영문[ ]?성명|영문[ ]?이름')})[ ]{{0,2}}"
    r"(?:\((?:한자|영문|로마자|漢字)\))?[ ]{1,4}"
    r"(?=[A-Z一-鿿])"
)
_QUOTED = re.compile(rf"[=(,][ ]?(?P<quote>['\"])(?P<name>[{_FIRST}][가-힣]{{1,3}})(?P=quote)")
# A label stands before a field, before brackets, or before a name in running text.
_LABEL = re.compile(grouped(f"{LABELS}|{RUNNING_LABELS}"))
_FIELD_BEHIND = re.compile(rf"[*\"']{{0,2}}{_OPENING}")
_RUNNING_BEHIND = re.compile(rf"(?:[은는][ ]|인[ ]|[ ]{{1,4}}|\()(?=[{_FIRST}])")
_IN_BRACKETS_BEHIND = re.compile(rf"[ ]?\((?P<name>[{_FIRST}][가-힣]{{1,3}})\)")
_IS_FIELD = re.compile(grouped(LABELS))
_IS_TITLE = re.compile(rf"(?:{TITLES}|씨|님)님?")
_IS_RUNNING = re.compile(grouped(RUNNING_LABELS))
# Names of members in agencies' JSON and tables; only a usual Korean name behind them is one, since
# `name` is also what functions, files and products have.
_ENGLISH_FIELD = re.compile(
    rf"(?:{grouped(ENGLISH_LABELS)})(?:[ _-]?(?:kr|ko|kor))?{_OPENING}(?=[{_FIRST}])"
)
_OWNER = re.compile(rf"(?<![a-z])(?:{ENGLISH_OWNERS})?[ _-]?$")
_LONGEST_OWNER = 12
_SELF = re.compile(
    rf"(?:{begun('저는|제[ ]?이름은|이름은|성명은|성함은|본인은|존함은')})[ ]{{1,2}}"
    rf"(?P<name>[{_FIRST}][가-힣]{{1,3}}?)"
    r"(?=입니다|이라고|라고|이에요|예요|이고|이며|이라는|라는|올시다|[ ]?\()"
)
_NAME_WORDS = ("이름", "성명", "성함", "명의자", "성 ")
# 저 심학수라고 합니다: a search for what stands behind the name costs least.
_SAYS = "라고[ ]?(?:합니다|해요|하는데|합니다만)"
_CALLS_HIMSELF = re.compile(rf"(?P<name>{_SURNAME}[가-힣]{{2}})(?=이?{_SAYS})")
_OPENED = (
    r"\((?=[ ]?(?:망\)|[0-9]{6}|01[0-9]|남[,/ )]|여[,/ )]|만?[ ]?[0-9]{2}세"
    r"|사번|학번|군번|생년|주민|여권))"
)
# 진말순  F/78
_SEX_AND_AGE = re.compile(
    rf"(?P<name>{_SURNAME}[가-힣]{{2}})(?=[ ]{{1,3}}\(?[FM남여][ ]?[/,·][ ]?[0-9]{{1,3}}(?![0-9]))"
)
# 홍길동900101-1234567
_GLUED = re.compile(rf"(?P<name>{_SURNAME}[가-힣]{{2}})(?=[0-9]{{6}}-[0-9])")
_NEEDED_BIRTH = re.compile("[0-9]{6}-[0-9]")
_NEEDED_AGE = re.compile("[FM남여][ ]?[/,·][ ]?[0-9]")
_BRACKET = re.compile(rf"(?P<name>{_SURNAME}[가-힣]{{1,3}})[ ]?{_OPENED}")
_NEEDED_OPENED, _NEEDED_SAYS = re.compile(_OPENED), re.compile(_SAYS)
_HANGUL = re.compile(r"[가-힣]{2,10}")
_SPACED = re.compile(rf"(?P<name>[{_FIRST}][ ]{{1,3}}[가-힣][ ]{{1,3}}[가-힣])(?![가-힣])")
_LATIN = re.compile(r"[A-Z][A-Za-z'-]{1,24}(?:,?[ ][A-Z][A-Za-z'.-]{0,24}){1,3}(?![A-Za-z0-9])")
_TAIL = re.compile(
    rf"(?:{PARTICLES}|(?:{TITLES})님?)(?:(?:{PARTICLES})(?:{PARTICLES})?)?(?![가-힣])"
)
_UNNAMED = "모"  # 김모 씨: a surname, made anonymous
# Particles that hardly ever end a given name, so that 김철를 is read as 김철 and 를.
_NEVER_LAST = frozenset("를는에와과께의")
# Syllables that are as often a particle; a given name of three syllables is believed without them.
_PARTICLE_ENDS = frozenset("은는이가을를의와과도만로에께님씨군양")
_NOUN_ENDS = _PARTICLE_ENDS | {"라"}  # 명의라고 들었습니다
_COPULA = re.compile("이(?:고|며|라|나|랑|에요|다|라고|라는|었다|었던|므로|지만)")


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
    if not surname or not 1 <= given <= 3 or is_noun(name):
        return False
    if given == 3:
        return surname == 1 and _newer(name)
    return not (len(name) == 3 and surname == 1 and is_noun(name[:2]) and not _usual(name))


def _newer(name: str) -> bool:
    """A surname and a given name of three syllables that begins with none of the known nouns."""
    parts = (name[:2], name[:3], name[1:3], name[2:], name[1:])
    return _usual(name) and name[-1] not in _PARTICLE_ENDS and not any(map(is_noun, parts))


def split_name(run: str) -> str | None:
    """The name at the beginning of a run of Hangul whose rest is particles or a title, or None."""
    lengths = (4, 3, 2) if run[:2] in COMPOUND_SURNAMES else (3, 2)
    if len(run) == 4 and lengths[0] == 3 and _newer(run):
        return run
    for length in lengths:
        name, rest = run[:length], run[length:]
        if len(name) < length or not _plausible(name):
            continue
        if length > 2 and name[-1] in _NEVER_LAST and not rest:
            continue
        if name[-1] == "이" and rest and _COPULA.fullmatch("이" + rest) and is_closed(name[-2]):
            continue  # 김철이고: 김철 and 이고
        if not rest or _TAIL.fullmatch(rest):
            return name
    return None


def _believed(name: str, title: str, *, apart: bool) -> bool:
    """Whether a plausible name before a title is one; 씨 speaks for names more than offices do."""
    if len(name) == 2 and name[1] == _UNNAMED:
        return False
    if title == "씨":
        return True
    if len(name) == 2 and not (apart and title in STRONG_TITLES):
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
        if title == "님" and _IS_TITLE.fullmatch(name, 1):
            continue  # 황주임님: person_talk.py
        if not _believed(name, title, apart=bool(match["gap"])) or is_noun(name[-1] + title):
            continue
        if is_historic(name, text, match.end("name")):
            continue
        end = match.end("name")
        # 황보람이 대표로 있다: a particle, where a compound surname would need four syllables.
        if len(name) == 4 and match["gap"] and name[-1] == "이" and is_closed(name[-2]):
            end -= 1
        yield Span(match.start("name"), end, "PERSON", 0.85, "person.title")


def _value(text: str, position: int) -> Span | None:
    """The name that begins at a position behind a field's label."""
    run = _HANGUL.match(text, position)
    if run:
        name = split_name(run[0])
        # A field holds nothing but its value: three or four syllables before a break are one.
        whole = len(run[0]) <= 4 and _surname_length(run[0]) and not is_noun(run[0])
        if name is None and whole and _usual(run[0]):
            name = run[0]
        # Two syllables may be the first word of a foreign name.
        foreign = _foreign(text, position) if name is None or len(name) == 2 else None
        if foreign is None and name is not None:
            return Span(position, position + len(name), "PERSON", 0.9, "person.label")
        return foreign
    for pattern, rule in ((_SPACED, "person.spaced"), (_LATIN, "person.latin")):
        match = pattern.match(text, position)
        if match:
            return Span(position, match.end(), "PERSON", 0.89, rule)
    return hanja(text, position)


# Two to four words that fill a field: a foreign name in Hangul.
_WORDS = re.compile(
    r"[가-힣]{1,6}(?:[ ][가-힣]{1,6}){1,3}(?=[ ]?(?:$|[\n\"'|,;(<\t/]|[ ]{2}))"
    r"(?![ ]?,[가-힣 ]{1,20}:)"
)


def _foreign(text: str, position: int) -> Span | None:
    match = _WORDS.match(text, position)
    if match is None or any(_is_word(word) for word in match[0].split()):
        return None
    post, _, name = match[0].rpartition(" ")
    if len(name) == 3 and len(post) > 2 and " " not in post and _plausible(name) and _usual(name):
        start = match.end() - len(name)  # 간호조무사 공유진
        return Span(start, match.end(), "PERSON", 0.8, "person.label")
    return Span(position, match.end(), "PERSON", 0.7, "person.foreign")


def _is_word(word: str) -> bool:
    """Whether a word is known to be no part of a foreign name."""
    return (
        is_noun(word)
        or _IS_TITLE.fullmatch(word) is not None
        or _IS_FIELD.fullmatch(word) is not None
        or word[-1] in BODY_ENDINGS
    )


# More names in the same field: 참석자: 김철수, 이영희, 박민수
_NEXT = re.compile(r"[ ]?(?:,|·|/|、|및|와|과)[ ]{0,2}(?=[가-힣]{2,4})")
_LONGEST_LIST = 200


def _behind_labels(text: str) -> Iterator[Span]:
    for label in _LABEL.finditer(text):
        start, end = label.span()
        if start and "가" <= text[start - 1] <= "힣":
            continue
        opening = _FIELD_BEHIND.match(text, end) if _IS_FIELD.fullmatch(label[0]) else None
        if opening is not None:
            yield from _listed(text, opening.end())
            continue
        yield from _bracketed(text, end)
        running = _RUNNING_BEHIND.match(text, end) if _IS_RUNNING.fullmatch(label[0]) else None
        if running is not None:
            yield from _behind_role(text, running.end())


def _listed(text: str, position: int) -> Iterator[Span]:
    span = _value(text, position)
    listed = 0
    while span is not None and listed < _LONGEST_LIST:
        yield span
        following = _NEXT.match(text, span.end)
        span = _value(text, following.end()) if following else None
        listed += 1


def _bracketed(text: str, position: int) -> Iterator[Span]:
    match = _IN_BRACKETS_BEHIND.match(text, position)
    if match and _plausible(match["name"]) and _usual(match["name"]):
        yield Span(*match.span("name"), "PERSON", 0.85, "person.bracket")


def _behind_english_labels(text: str, lowered: str) -> Iterator[Span]:
    if len(lowered) != len(text):  # a few letters become two: then only what is small is read
        lowered = text
    for match in _ENGLISH_FIELD.finditer(lowered):
        before = lowered[max(0, match.start() - _LONGEST_OWNER) : match.start()]
        if _OWNER.search(before) is None:
            continue
        run = _HANGUL.match(text, match.end())
        name = split_name(run[0]) if run else None
        if name is not None and _usual(name):
            yield Span(match.end(), match.end() + len(name), "PERSON", 0.85, "person.label")


def _behind_role(text: str, position: int) -> Iterator[Span]:
    run = _HANGUL.match(text, position)
    name = split_name(run[0]) if run else None
    if name is None or not _usual(name) or (is_noun(name[:-1]) and name[-1] in _NOUN_ENDS):
        return  # 담임 부재로: a noun with its particle
    end = position + len(name)
    # Two syllables behind a role are a noun unless a bracket or a title follows.
    if len(name) == 2 and not re.match(r"[ ]?\(|[ ]?(?:씨|님)", text[end : end + 2]):
        return
    yield Span(position, end, "PERSON", 0.75, "person.role")


def _named(text: str) -> Iterator[Span]:
    for pattern, rule, needed in (
        (_BRACKET, "person.bracket", _NEEDED_OPENED),
        (_SEX_AND_AGE, "person.bracket", _NEEDED_AGE),
        (_GLUED, "person.bracket", _NEEDED_BIRTH),
        (_SELF, "person.self", None),
        (_CALLS_HIMSELF, "person.self", _NEEDED_SAYS),
    ):
        for match in pattern.finditer(text) if needed is None or needed.search(text) else ():
            if _plausible(match["name"]) and (pattern is _SELF or _usual(match["name"])):
                yield Span(match.start("name"), match.end("name"), "PERSON", 0.85, rule)


def _holds(text: str, words: tuple[str, ...]) -> bool:
    """Whether a text holds any of the words that a pattern needs: looked for much faster."""
    return any(word in text for word in words)


def _without_colons(text: str) -> Iterator[Span]:
    named = _holds(text, _NAME_WORDS)
    for match in _NAMED.finditer(text) if named else ():
        run = _HANGUL.match(text, match.end())
        name = split_name(run[0]) if run else None
        if name is not None and len(name) > 2 and _usual(name):
            yield Span(match.end(), match.end() + len(name), "PERSON", 0.8, "person.self")
    for match in _CALLED_LATIN.finditer(text) if named else ():
        span = _value(text, match.end())
        if span is not None:
            yield span
    for match in _QUOTED.finditer(text) if _holds(text, ("'", '"')) else ():
        if len(match["name"]) > 2 and _plausible(match["name"]) and _usual(match["name"]):
            yield Span(*match.span("name"), "PERSON", 0.75, "person.quoted")


def _in_hangul(reading: Reading) -> Iterator[Span]:
    text = reading.text
    yield from _before_titles(text)
    yield from _behind_labels(text)
    yield from _behind_english_labels(text, reading.shared(str.lower))
    yield from _named(text)
    yield from _without_colons(text)
    yield from in_columns(text, _value)


def _find(reading: Reading) -> Iterator[Span]:
    yield from in_brackets(reading.text, _in_hangul(reading))
    yield from written_otherwise(reading.text)
    yield from in_latin(reading.text)


PERSON = Recognizer(
    "PERSON",
    _find,
    Canary("PERSON", "민원인 김철수에게 안내문을 보냅니다.", "김철수"),
    numeric=False,
)
