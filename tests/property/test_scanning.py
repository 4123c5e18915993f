"""Scan gives the same for any split, and never lets a whole made-up number through."""

from hypothesis import given
from hypothesis import strategies as st
from test_restoration import cuts, pieces

from redaction.entity import Field, Findings, Origin, Span
from redaction.policy import Policy
from redaction.replace import replace
from redaction.restore import Place
from redaction.scan import Scanner

POLICY = Policy("test")
PARTS = (
    *("010-9876-5432", "02-123-4567", "900101-1234568", "hong@example.com", "+82 10 1234 5678"),
    *(
        "국민은행 123456-01-234567",
        "전화",
        "[전화번호_1]",
        "성명_1",
        "M12345678",
        "4111 1111 1111 1111",
    ),
    *(
        " ",
        "-",
        ".",
        "(",
        ")",
        "\n",
        "가",
        "로 ",
        "1",
        "12",
        "0",
        "a",
        "@",
        '"',
        "\\u002d",
        "\\",
        "_",
        "/",
    ),
    *("\u200b", "０", "🙂", "\ud800", "+", "a1" * 80, "9" * 130, "x" * 70 + " "),
)
drawn_text = st.lists(st.one_of(st.sampled_from(PARTS), st.text(max_size=3)), max_size=14)
MAPPING = replace(
    [Field("010-1234-5678", Origin.USER)],
    Findings(((Span(0, 13, "PHONE_NUMBER", 1.0),),), "test"),
    POLICY,
).mapping


@given(drawn_text.map("".join), cuts, st.sampled_from(Place))
def test_any_split_scans_like_the_whole(text, sizes, place):
    whole, split = (Scanner(MAPPING, POLICY, place=place) for _ in range(2))
    once = whole.feed(text) + whole.flush()
    assert "".join([*map(split.feed, pieces(text, sizes)), split.flush()]) == once
    assert split.counts == whole.counts


@given(st.text(alphabet="가나 \n.", max_size=80), st.text(alphabet="가나 \n", max_size=5), cuts)
def test_made_up_number_in_any_text_is_blanked(before, behind, sizes):
    scanner = Scanner(MAPPING, POLICY)
    text = f"{before} 010-9876-5432{behind}"
    said = "".join([*map(scanner.feed, pieces(text, sizes)), scanner.flush()])
    assert said == f"{before} 〈전화번호 가림〉{behind}"
