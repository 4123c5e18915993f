"""The one grammar of surrogates: what replace issues and avoids, what restore tolerates and awaits.

Issued: `[성명_1]`, for a further spelling of an equal value `[전화번호_1b]`. Models bend these:
`search` takes the bent forms for the same surrogate. `literals` finds, in a caller's own text, at
least everything that `search` could ever accept, so that no number of a caller's literal is given
to a person. Nothing here knows a value.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from redaction.entity import ENTITIES

_LONGEST_NUMBER = 6
_LARGEST_NUMBER = 10**_LONGEST_NUMBER - 1

_KOREAN = tuple(entity.label for entity in ENTITIES.values())
_WORDS = (*_KOREAN, *(entity.english for entity in ENTITIES.values()))
_LABELS = dict(zip(map(str.casefold, _WORDS), 2 * _KOREAN, strict=True))
# What is left of a label when its beginning is cut away: 미국여권번호, 여권번호.
_WITHIN = {label: tuple(other for other in _KOREAN if label.endswith(other)) for label in _KOREAN}


def _either(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(set(words), key=lambda w: (-len(w), w)))


def _beginnings(words: Iterable[str]) -> str:
    return _either(word[:end] for word in words for end in range(1, len(word) + 1))


_BARE_LABEL = _either(_KOREAN)
_ANY_LABEL = f"(?ai:{_either(_WORDS)})"
_OPEN = r"\\\[|[\[［【]"
_CLOSE = r"\\\]|[\]］】]"
_CLOSES = {"[": "]", "\\[": "\\]", "［": "］", "【": "】"}
_BEFORE_LABEL = r"[ \u00a0]?\*{0,2}[ \u00a0]?"
_JOINT = r"[ \u00a0]?\\?[_＿\-]?[ \u00a0]?"  # `_`, `\_`, a space, nothing: inside brackets only
_NUMBER = rf"[1-9１-９][0-9０-９]{{0,{_LONGEST_NUMBER - 1}}}"
_LETTERS = r"[a-z]{0,3}"
_BEFORE_CLOSE = r"\*{0,2}[ \u00a0]?(?P<inner>[가-힣]{1,6})?[ \u00a0]?\*{0,2}"
_BARE_JOINT = r"\\?_"
_NEVER_BESIDE_BARE = r"A-Za-z0-9０-９_./:@\-"

_COMPLETE = (
    rf"(?P<open>{_OPEN})(?P<lead>{_BEFORE_LABEL})(?P<label>{_ANY_LABEL}){_JOINT}"
    rf"(?P<number>{_NUMBER})(?P<letters>{_LETTERS})(?P<trail>{_BEFORE_CLOSE})(?P<close>{_CLOSE})"
    rf"|(?P<bare>{_BARE_LABEL}){_BARE_JOINT}(?P<bare_number>{_NUMBER})(?P<bare_letters>{_LETTERS})"
    rf"(?![{_NEVER_BESIDE_BARE}])"
)
_TAIL = _BEFORE_CLOSE.replace("?P<inner>", "?:")
_UNFINISHED = (
    rf"(?P<unfinished>(?:\\|(?:{_OPEN}){_BEFORE_LABEL}"
    rf"(?:{_ANY_LABEL}|(?ai:{_beginnings(_WORDS)}))?"
    rf"|(?:{_OPEN}){_BEFORE_LABEL}(?:{_ANY_LABEL}){_JOINT}(?:{_NUMBER}{_LETTERS}{_TAIL}\\?)?)\Z)"
    rf"|(?P<unfinished_bare>(?:{_beginnings(_KOREAN)}"
    rf"|(?:{_BARE_LABEL})\\?(?:_(?:{_NUMBER}{_LETTERS})?)?)\Z)"
)
_SURROGATE = re.compile(f"{_COMPLETE}|{_UNFINISHED}")
_STARTS = re.compile(rf"[\\\[［【{''.join(sorted({label[0] for label in _KOREAN}))}]")
_NO_BARE_BEHIND = re.compile(rf"[{_NEVER_BESIDE_BARE}가-힣]")
_LITERAL = re.compile(
    rf"(?:{_OPEN}){_BEFORE_LABEL}(?P<label>{_ANY_LABEL}){_JOINT}"
    rf"(?P<number>{_NUMBER}){_LETTERS}(?:{_TAIL}(?:{_CLOSE}))?"
    rf"|(?P<bare>{_BARE_LABEL}){_BARE_JOINT}(?P<bare_number>{_NUMBER}){_LETTERS}"
)


class Found(NamedTuple):
    """A tolerated form in engine text: where it stands, its canonical name, and what it holds.

    `name` is `성명_1b`, whatever language or spelling stood there. `inner` is Hangul that stood
    inside the brackets behind the number (`[성명_1은]`). `lead` and `trail` are emphasis signs
    inside the brackets. `bare`: a form without brackets, which counts in running text only.
    `unfinished`: the text ended before one could tell; it is no form yet.
    """

    start: int
    end: int
    name: str
    inner: str = ""
    lead: str = ""
    trail: str = ""
    bare: bool = False
    unfinished: bool = False


class Literal(NamedTuple):
    """Caller's text that restore might take for a surrogate, under one of these `names`."""

    start: int
    end: int
    label: str
    names: tuple[str, ...]


def label_of(entity: str, language: str) -> str:
    """The label of an entity's surrogates in a policy's language.

    Raises:
        KeyError: no such entity.
    """
    return ENTITIES[entity].label if language == "ko" else ENTITIES[entity].english


def name_of(label: str, number: int, spelling: int) -> str:
    """The canonical name `성명_1b`: `spelling` 0 has no letter, 1 is b, 25 is z, 26 is aa.

    Raises:
        OverflowError: the number or the spelling lies beyond what restore would recognise.
    """
    letters, rest = "", spelling + 1
    while rest:
        rest, place = divmod(rest - 1, 26)
        letters = chr(ord("a") + place) + letters
    if number > _LARGEST_NUMBER or len(letters) > 3:
        raise OverflowError
    return f"{_LABELS[label.casefold()]}_{number}{letters if spelling else ''}"


def written(name: str, label: str) -> str:
    """The surrogate that replace issues for a canonical name, with the label of its language."""
    return f"[{label}_{name.rpartition('_')[2]}]"


def blank(entity: str, language: str) -> str:
    """What people see in the place of a withheld or made-up value; no rule reads it."""
    label = label_of(entity, language)
    return f"〈{label} 가림〉" if language == "ko" else f"〈{label} withheld〉"


def may_start(text: str) -> bool:
    """Whether any character of the text could begin a surrogate; the fast path of restore."""
    return _STARTS.search(text) is not None


def search(text: str, position: int, before_text: str, whole: bool) -> Found | None:
    """The next tolerated or unfinished form that begins at `position` or later.

    `before_text` is the character before `text` ("" at its beginning): a bracketless form counts
    only where no letter, digit, path or address sign touches it. `whole`: nothing follows `text`,
    so that nothing is unfinished.
    """
    while match := _SURROGATE.search(text, position):
        start = match.start()
        before = text[start - 1] if start else before_text
        bare = match["bare"] or match["unfinished_bare"]
        if not (bare and before and _NO_BARE_BEHIND.match(before)):
            waits = match["unfinished"] or match["unfinished_bare"]
            if (waits or (match["bare"] and match.end() == len(text))) and not whole:
                return Found(start, len(text), "", unfinished=True)
            if not waits and (found := _found(match)):
                return found
        position = start + 1
    return None


def literals(text: str) -> Iterator[Literal]:
    """Everything in a caller's text whose number must not mean anybody, ascending.

    A number is given with all its beginnings, a label with the labels that it ends with: the rest
    may later be covered and cut off.
    """
    for match in _LITERAL.finditer(text):
        label = _LABELS[(match["label"] or match["bare"]).casefold()]
        digits = match["number"] or match["bare_number"]
        names = tuple(
            f"{within}_{int(digits[:end])}"
            for within in _WITHIN[label]
            for end in range(1, len(digits) + 1)
        )
        yield Literal(match.start(), match.end(), label, names)


def _found(match: re.Match[str]) -> Found | None:
    """What a complete match says; None if its closing sign does not fit the opening one."""
    if match["bare"]:
        name = _name(match["bare"], match["bare_number"], match["bare_letters"])
        return Found(match.start(), match.end(), name, bare=True)
    if _CLOSES[match["open"]] != match["close"]:
        return None
    name = _name(match["label"], match["number"], match["letters"])
    inner = match["inner"] or ""
    stars = _stars(match["lead"]), _stars(match["trail"])
    return Found(match.start(), match.end(), name, inner, *stars)


def _name(label: str, number: str, letters: str) -> str:
    return f"{_LABELS[label.casefold()]}_{int(number)}{letters}"


def _stars(text: str) -> str:
    return "*" * text.count("*")
