"""An agency's words and formats: what is found, what stays, and hostile patterns and texts."""

import pytest

from redaction.entity import Span
from redaction.recognizers.agency import (
    LONGEST_MATCH,
    FormatFinder,
    Never,
    PatternRefused,
    agency_pack,
    compile_pattern,
)
from redaction.recognizers.packs import find
from redaction.vocabulary import Format, Vocabulary


def a_format(pattern: str, *keywords: str, required: bool = False, name: str = "번호") -> Format:
    return Format(name, "AGENCY_NUMBER", pattern, keywords, required, ("x",), ("y",))


def found(text: str, vocabulary: Vocabulary) -> list[str]:
    pack = agency_pack(vocabulary)
    assert pack is not None
    return [text[span.start : span.end] for span in find(text, [pack])]


PETITION = Format(
    "민원번호",
    "AGENCY_NUMBER",
    r"1AA-\d{4}-\d{6}",
    ("민원번호",),
    False,
    ("1AA-2601-123456",),
    ("없음",),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("민원번호 1AA-2601-123456", ["1AA-2601-123456"], id="plain"),
        pytest.param("1AA-2601-123456은 처리 중", ["1AA-2601-123456"], id="particle"),
        pytest.param("번호는1AA-2601-123456입니다", ["1AA-2601-123456"], id="no-spaces"),
        pytest.param(
            "１ＡＡ－２６０１－１２３４５６", ["１ＡＡ－２６０１－１２３４５６"], id="full-width"
        ),
        pytest.param('{"no":"1AA-2601-123456"}', ["1AA-2601-123456"], id="json"),
        pytest.param("1AA\u200b-2601-123456", ["1AA\u200b-2601-123456"], id="zero-width"),
        pytest.param("1AA-2601-1234567", [], id="digit-behind"),
        pytest.param("B1AA-2601-123456", [], id="letter-before"),
        pytest.param("1AA-2601-12345", [], id="short"),
        pytest.param(
            "1AA-2601-123456,1AA-2601-123457", ["1AA-2601-123456", "1AA-2601-123457"], id="two"
        ),
    ],
)
def test_format_is_found_in_its_written_forms_and_not_inside_others(text, expected):
    assert found(text, Vocabulary(formats=(PETITION,))) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("사건번호: 2026-1234", ["2026-1234"], id="before"),
        pytest.param("2026-1234 (사건번호)", ["2026-1234"], id="behind"),
        pytest.param("2026-1234", [], id="none"),
        pytest.param("사건번호는 아래와 같습니다." + "가" * 40 + "2026-1234", [], id="far"),
        pytest.param("문서번호 2026-1234", [], id="another"),
    ],
)
def test_format_that_requires_a_keyword_is_found_beside_one_only(text, expected):
    item = Format(
        "사건",
        "AGENCY_NUMBER",
        r"20\d{2}-\d{4}",
        ("사건번호",),
        True,
        ("사건번호 2026-1234",),
        ("x",),
    )
    assert found(text, Vocabulary(formats=(item,))) == expected


def test_keyword_makes_a_match_surer():
    finder = FormatFinder(a_format(r"20\d{2}-\d{4}", "사건"))
    (with_keyword,) = finder.find("사건 2026-1234")
    (without,) = finder.find("2026-1234")
    assert with_keyword.score > without.score
    assert without.rule == "agency.번호"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("청해진사업을 시작", ["청해진사업"], id="particle"),
        pytest.param("제2청해진사업단", ["청해진사업"], id="long-term-inside-a-word"),
        pytest.param("남이가 왔다", ["남이"], id="short-term-and-particle"),
        pytest.param("남이섬 관광", [], id="short-term-begins-a-word"),
        pytest.param("강남이 좋다", [], id="short-term-ends-a-word"),
        pytest.param("project ORION-X.", ["ORION-X"], id="latin"),
        pytest.param("orion-x를", ["orion-x"], id="latin-case-and-particle"),
        pytest.param("ORION-X2", [], id="latin-goes-on"),
        pytest.param("AORION-X", [], id="latin-before"),
        pytest.param("새  물결", [], id="spaces-count"),
        pytest.param("새 물결 사업", ["새 물결"], id="term-with-a-space"),
        pytest.param("새 물결 사업단", ["새 물결 사업단"], id="longest"),
        pytest.param("\u110e\u1165\u11bc해진사업", ["\u110e\u1165\u11bc해진사업"], id="decomposed"),
    ],
)
def test_term_is_found_as_a_word_and_not_inside_another(text, expected):
    terms = ("청해진사업", "남이", "ORION-X", "새 물결", "새 물결 사업단")
    assert found(text, Vocabulary({"AGENCY_TERM": terms})) == expected


def test_many_terms_are_one_table():
    terms = tuple(f"가나{chr(0xAC00 + number)}" for number in range(3, 5_000))
    text = "".join(f"{term} " for term in terms)
    assert len(find(text, [agency_pack(Vocabulary({"AGENCY_TERM": terms}))])) == len(terms)


@pytest.mark.parametrize(
    ("entity", "text", "spared"),
    [
        pytest.param("PERSON", "홍길동", True, id="as-it-stands"),
        pytest.param("PERSON", "홍 길 동", True, id="spaced"),
        pytest.param("PHONE_NUMBER", "02-120", True, id="number"),
        pytest.param("PHONE_NUMBER", "０２-１２０", True, id="full-width"),
        pytest.param("PERSON", "홍길동님", False, id="more"),
        pytest.param("PERSON", "김철수", False, id="another"),
        pytest.param("KR_RRN", "900101-1234568", False, id="floor"),
        pytest.param("NOWHERE", "홍길동", False, id="unknown-kind"),
    ],
)
def test_never_spares_exactly_its_words_and_nothing_of_the_floor(entity, text, spared):
    never = Never(("홍길동", "02-120", "900101-1234568"))
    assert never.spares(entity, text) is spared


def test_nothing_makes_no_pack():
    assert agency_pack(Vocabulary(never=("홍길동",))) is None


@pytest.mark.parametrize("pattern", ["(a", "a(?!b)", r"(?<=a)b", r"(a)\1", "a{2000}", "(?P<a>b"])
def test_pattern_that_re2_cannot_run_is_refused(pattern):
    with pytest.raises(PatternRefused) as refused:
        compile_pattern(pattern)
    assert refused.value.reason == "syntax"


@pytest.mark.parametrize("pattern", ["", "a*", "a?|b*", "^", "$", "(?:)"])
def test_pattern_that_matches_nothing_is_refused(pattern):
    with pytest.raises(PatternRefused) as refused:
        compile_pattern(pattern)
    assert refused.value.reason == "empty"


class CountedPattern:
    """A pattern that counts the characters that it was given to search."""

    def __init__(self, pattern: str) -> None:
        self._pattern = compile_pattern(pattern)
        self.characters = 0

    def search(self, text: str):
        self.characters += len(text)
        return self._pattern.search(text)

    def finditer(self, text: str):
        # A search behind each match may read the window's rest again, whatever RE2 does.
        for match in self._pattern.finditer(text):
            self.characters += len(text) - match.start()
            yield match


HOSTILE = [
    pytest.param("a.*b|a", "a", id="reads-the-rest-for-each"),
    pytest.param("(a|aa)+c|a", "a", id="nested"),
    pytest.param("(?s)a.*z|[a-z]", "ab", id="any-character"),
    pytest.param(r"\d+-\d+|\d", "1", id="digits"),
]


@pytest.mark.parametrize(("pattern", "unit"), HOSTILE)
def test_work_on_hostile_text_grows_with_its_length_only(pattern, unit):
    def work(length: int) -> int:
        finder = FormatFinder(a_format(pattern))
        counted = CountedPattern(pattern)
        finder._pattern = counted
        for _ in finder.find(unit * (length // len(unit))):
            pass
        return counted.characters

    small, large = work(20_000), work(80_000)
    assert large <= small * 4.4


def test_hostile_text_of_a_million_characters_is_read_to_its_end():
    finder = FormatFinder(a_format("(?:가|a.*b)*c1234"))
    (span,) = finder.find("가a" * 500_000 + " c1234")
    assert (span.start, span.end) == (1_000_001, 1_000_006)


@pytest.mark.parametrize("shift", range(0, 1_100, 137))
def test_match_is_found_wherever_it_stands(shift):
    value = "QZ" + "7" * 60
    text = " " * shift + f"{value} " * 40
    spans = list(FormatFinder(a_format(r"QZ\d{60}")).find(text))
    assert [text[span.start : span.end] for span in spans] == [value] * 40


def test_match_longer_than_the_bound_is_none():
    finder = FormatFinder(a_format("Q+"))
    assert not list(finder.find("Q" * (LONGEST_MATCH + 1)))
    assert list(finder.find("Q" * LONGEST_MATCH)) == [
        Span(0, LONGEST_MATCH, "AGENCY_NUMBER", 0.85, "agency.번호")
    ]


def test_beginning_of_a_window_is_not_taken_for_that_of_the_text():
    text = " ".join(["Q1"] * 2_000)
    assert [span.start for span in FormatFinder(a_format("^Q1")).find(text)] == [0]


def test_half_a_character_does_not_stop_a_pattern():
    (span,) = FormatFinder(a_format(r"Z\d{4}")).find("\ud800 Z1234 \udfff")
    assert (span.start, span.end) == (2, 7)
