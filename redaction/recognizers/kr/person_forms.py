"""How a name can be written other than in plain Hangul: masked, in Hanja, spaced out.

Also anonymous names, as the press and court decisions write them: A씨, 김 씨, 김모 씨. Such a
surname or letter counts as a name, with a low score, as the annotators of KLUE-NER have it: what
is told of A belongs to a person whom others may know.
"""

import re
from collections.abc import Iterable, Iterator

from redaction.entity import Span
from redaction.recognizers.kr.name_words import (
    COMPOUND_SURNAMES,
    GIVEN,
    PARTICLES,
    SURNAMES,
    VIETNAMESE_MIDDLE,
    VIETNAMESE_SURNAMES,
    begun,
    spaced_noun,
)

_SURNAME = "".join(sorted(SURNAMES))

_PLAIN_SIGN = "[*＊○◯●〇□■×]"
_SIGN = "[*＊○◯●〇□■×△▲ＯXxOo]"
_ANONYMOUS_BEHIND = re.compile(r"씨|모[ ]?(?:군|양)?[ ]?\([0-9]")
_SIGN_BEHIND = re.compile(f"{_SIGN}(?<=[가-힣].)")
_MASKED = re.compile(
    rf"(?<![가-힣A-Za-z0-9])(?:{'|'.join(sorted(COMPOUND_SURNAMES))}|[{_SURNAME}])"
    rf"(?:{_SIGN}{{1,2}}[가-힣](?=$|[^가-힣]|(?:{PARTICLES}|님|씨))|{_PLAIN_SIGN}{{1,3}}(?!{_PLAIN_SIGN}))"
)
_HANJA = re.compile(r"(?<![一-鿿])[一-鿿]{2,4}(?![一-鿿])")
_AGAIN = re.compile(
    r"[ ]?(?:[(,][ ]?(?P<hanja>[一-鿿]{2,4})"
    r"|\([ ]?(?P<latin>[A-Z][A-Za-z'-]{1,24}(?:,?[ ][A-Z][A-Za-z'.-]{0,24}){1,3}))[ ]?[),]"
)
_SPACED = re.compile(
    rf"(?P<name>[{_SURNAME}][ ](?<![가-힣0-9]..)[ ]{{0,2}}[가-힣][ ]{{1,3}}[가-힣])"
    r"(?=[ ]{0,4}(?:\((?:인|印|서명|날인|직인)|씨|님|귀하|$|\n))"
)
_VIETNAMESE = re.compile(
    rf"(?:{begun(VIETNAMESE_SURNAMES)})[ ](?:(?:{VIETNAMESE_MIDDLE})[ ]){{1,2}}[가-힣]{{1,4}}?"
    rf"(?=$|[^가-힣]|씨|님|(?:{PARTICLES})(?![가-힣]))"
)
_ANONYMOUS = re.compile(
    rf"(?P<name>[{_SURNAME}A-Z])(?=[ 모씨])(?<![가-힣A-Za-z0-9].)"
    rf"(?:[ ]?(?:모[ ]?)?씨(?=$|[^가-힣]|(?:{PARTICLES}))"
    r"|모[ ]?(?:군|양)?[ ]?\([0-9]{1,2}[ ]?[,·세)])"
)


def written_otherwise(text: str) -> Iterator[Span]:
    """Masked, spaced and anonymous names in normalised text, in linear time."""
    for match in _MASKED.finditer(text) if _SIGN_BEHIND.search(text) else ():
        yield Span(match.start(), match.end(), "PERSON", 0.86, "person.masked")
    for match in _SPACED.finditer(text):
        letters = match["name"].replace(" ", "")
        if GIVEN.issuperset(letters[1:]) and not spaced_noun(text, match.start(), letters):
            yield Span(match.start("name"), match.end("name"), "PERSON", 0.88, "person.spaced")
    for match in _VIETNAMESE.finditer(text):
        yield Span(*match.span(), "PERSON", 0.87, "person.foreign")
    for match in _ANONYMOUS.finditer(text) if _ANONYMOUS_BEHIND.search(text) else ():
        yield Span(match.start("name"), match.end("name"), "PERSON", 0.6, "person.anonymous")


def hanja(text: str, position: int) -> Span | None:
    """A name in Hanja that begins at a position behind a field's label."""
    match = _HANJA.match(text, position)
    return Span(*match.span(), "PERSON", 0.85, "person.hanja") if match else None


def in_brackets(text: str, spans: Iterable[Span]) -> Iterator[Span]:
    """The given spans, and for each the same name in Hanja or Latin in brackets behind it."""
    for span in spans:
        yield span
        match = _AGAIN.match(text, span.end)
        if match and match.lastgroup:
            start, end = match.span(match.lastgroup)
            yield Span(start, end, "PERSON", 0.85, f"person.{match.lastgroup}")
