"""How a name can be written other than in plain Hangul: romanised, masked, in Hanja, spaced out.

Also anonymous names, as the press and court decisions write them: A씨, 김 씨, 김모 씨. Such a
surname or letter counts as a name, with a low score, as the annotators of KLUE-NER have it: what
is told of A belongs to a person whom others may know.
"""

import re
from collections.abc import Iterable, Iterator

from redaction.entity import Span
from redaction.recognizers.kr.name_words import (
    COMPOUND_SURNAMES,
    PARTICLES,
    SURNAMES,
    VIETNAMESE_MIDDLE,
    VIETNAMESE_SURNAMES,
    begun,
    grouped,
    spaced_noun,
)

_SURNAME = "".join(sorted(SURNAMES))

# Usual spellings of surnames in Latin letters: 문화체육관광부 고시 국어의 로마자 표기법 제3장 제4항
# leaves them to their bearers; these are those of passports. Those that are also English words, or
# very short, are believed only with a hyphen in the given name.
_ROMAN_SURNAMES = grouped(
    "Kim|Gim|Lee|Rhee|Park|Pak|Bak|Choi|Choe|Jung|Jeong|Chung|Cheong|Kang|Gang|Cho|Yoon|Yun|Jang"
    "|Chang|Lim|Yim|Han|Seo|Suh|Shin|Kwon|Gwon|Hwang|Ahn|Jeon|Jun|Chun|Hong|Yoo|Ryu|Koh|Moon"
    "|Mun|Yang|Sohn|Bae|Pae|Baek|Paik|Heo|Hur|Huh|Nam|Shim|Noh|Roh|Kwak|Gwak|Seong|Cha|Joo"
    "|Woo|Koo|Jin|Eom|Chae|Cheon|Hyun|Ham|Byun|Byeon|Yeom|Yeo|Choo|Seok|Seol"
    "|Yeon|Pyo|Myung|Myeong|Wang|Keum|Geum|Yook|Maeng|Tak|Kook|Namgung|Namkoong|Hwangbo|Jegal"
    "|Sagong|Seonwoo|Sunwoo|Dokgo"
)
_SHORT_SURNAMES = grouped(
    "Yi|Jo|Im|Oh|Sin|An|Yu|You|Ko|Go|Son|Sim|No|Ha|Ju|Chu|Wu|Gu|Ku|Na|Ra|Min|Ji|Um"
    "|Song|Moon|Bang|Gong|Kong|Sung|Won|Do|So|Sun|Ma|Gil|Wi|Ki|Gi|Ban|Ok|In|Je|Guk|Chi"
)
# 국어의 로마자 표기법 제2장, and the vowels of older spellings (oo, ee, u).
_SYLLABLE = (
    r"(?:kk|tt|pp|ss|jj|ch|sh|[gkndtrlmbpshj])?"
    r"(?:yae|yeo|yoo|wae|woo|eui|you|ya|ye|yo|yu|yi|wa|we|wi|wo|eo|eu|ae|oe|ui|ee|oo|ou|a|e|i|o|u)"
    r"(?:ng|n|m|l|k|g|b|p|t|h)?"
)
_PAIR = rf"{_SYLLABLE}(?:[ -]{_SYLLABLE}|{_SYLLABLE})"
_HYPHENED = rf"{_SYLLABLE}-{_SYLLABLE}"
_ROMANISED = re.compile(
    rf"(?:(?:{_ROMAN_SURNAMES}),?[ ](?:{_PAIR})"
    rf"|(?:{_SHORT_SURNAMES}),?[ ]{_HYPHENED}"
    rf"|{_HYPHENED}[ ](?:{_ROMAN_SURNAMES}|{_SHORT_SURNAMES})"
    rf"|(?-i:(?=[A-Z][a-z]+[ ][A-Z][a-z]+)(?i:{_SYLLABLE}{_SYLLABLE}[ ](?:{_ROMAN_SURNAMES}))))"
    r"(?![A-Za-z0-9@_-])",
    re.IGNORECASE,
)

# Vietnam's usual surnames and, behind the rarer ones, middle names, without their accents.
_VIETNAMESE_LATIN = re.compile(
    r"(?:(?:Nguyễn|Trần|Lê|Phạm|Hoàng|Huỳnh|Phan|Vũ|Võ|Bùi|Hồ|Ngô|Dương|Lý)"
    r"(?:[ ][A-ZĐ][a-zà-ỹđ]{1,6}){1,3}"
    r"|(?:Nguyen|Tran|Pham|Hoang|Huynh|Duong|Truong|Phan)(?:[ ][A-Z][a-z]{1,6}){1,3}"
    r"|(?:Le|Do|Vu|Vo|Dang|Bui|Ngo|Ho|Ly|Dinh|Trinh)[ ](?:Thi|Van|Duc|Minh|Thanh|Ngoc|Quoc|Xuan)"
    r"(?:[ ][A-Z][a-z]{1,6}){1,2})(?![A-Za-z0-9@_-])",
    re.IGNORECASE,
)

# Where one of these names may begin: a word, and behind a space the next one.
_CAPITAL = re.compile(r"[A-Z](?<![A-Za-z0-9._@/-].)(?=[^ ,가-힣]{1,20},?[ ][^\W\d_가-힣])")

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
    """Romanised, masked, spaced and anonymous names in normalised text, in linear time."""
    for capital in _CAPITAL.finditer(text):
        start = capital.start()
        match = _ROMANISED.match(text, start) or _VIETNAMESE_LATIN.match(text, start)
        if match and _capitals(match[0]):
            yield Span(match.start(), match.end(), "PERSON", 0.85, "person.latin")
    for match in _MASKED.finditer(text) if _SIGN_BEHIND.search(text) else ():
        yield Span(match.start(), match.end(), "PERSON", 0.86, "person.masked")
    for match in _SPACED.finditer(text):
        if not spaced_noun(text, match.start(), match["name"].replace(" ", "")):
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


def _capitals(name: str) -> bool:
    """Whether each word is written with a capital, or the whole in capitals."""
    return all(word[0].isupper() for word in name.replace(",", " ").split())
