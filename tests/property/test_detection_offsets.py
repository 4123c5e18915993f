"""For every text: views map back to it; spans are in range, ascending, disjoint and the same."""

import unicodedata
from itertools import pairwise
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from redaction.entity import Span
from redaction.normalize import normalize, views
from redaction.recognizers.kr.pack import KR
from redaction.recognizers.packs import find
from redaction.recognizers.resolve import resolve

# Pieces that recognizers, escapes and normalisation care about, among any characters at all.
PIECES = st.sampled_from(
    [
        "김철수",
        unicodedata.normalize("NFD", "김철수"),
        "성명: ",
        " 과장",
        "씨는",
        "010-1234-5678",
        "900101-1234567",
        "０１０",
        "\u200b",
        "😀",
        "👩‍👩‍👧",
        "é",
        "e\u0301",
        "\\uae40",
        "\\ud83d",
        "&#48;",
        "%EA%B9%80",
        "6rmA7LKg7IiY7J2Y7KCE7ZmU",
        "계좌번호 ",
        "110-123-456789",
        "a@b.kr",
        "-",
        "\n",
        "\u1100\u1161",
        "\u11a8",
        "가",
    ]
)
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=6)), max_size=25).map("".join)


@given(TEXTS)
def test_every_range_of_a_view_maps_into_the_text(text):
    for view in views(text):
        last = 0
        for position in range(len(view.text)):
            start, end = view.original(position, position + 1)
            assert 0 <= start < end <= len(text)
            assert start >= last
            last = start
        if view.text:
            start, end = view.original(0, len(view.text))
            assert 0 <= start < end <= len(text)


@given(TEXTS)
def test_normalize_maps_each_character_to_its_own_original(text):
    view = normalize(text)
    for position, char in enumerate(view.text):
        start, end = view.original(position, position + 1)
        original = text[start:end]
        if end - start == 1 and unicodedata.category(original) in ("Lo", "Lu", "Ll"):
            composed = unicodedata.normalize("NFKC", original)
            assert char in (original, composed, "-")


@given(TEXTS)
def test_normalize_twice_is_normalize_once(text):
    once = normalize(text).text
    assert normalize(once).text == once


@given(TEXTS)
def test_spans_are_in_range_ascending_disjoint_and_always_the_same(text):
    spans = find(text, (KR,))
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert all(left.end <= right.start for left, right in pairwise(spans))
    assert all(0.5 <= span.score <= 1 for span in spans)
    assert find(text, (KR,)) == spans


SPANS = st.builds(
    lambda start, length, entity, score: Span(start, start + length, entity, score),
    st.integers(0, 40),
    st.integers(0, 12),
    st.sampled_from(["KR_RRN", "PHONE_NUMBER", "PERSON", "OTHER"]),
    st.sampled_from([0.5, 0.7, 0.701, 0.9]),
)


@given(st.lists(SPANS, max_size=15), st.lists(SPANS, max_size=5), st.randoms())
def test_resolving_does_not_depend_on_order_and_loses_no_lonely_span(spans, weaker, random):
    kept = resolve(spans, weaker)
    shuffled = list(spans)
    random.shuffle(shuffled)
    assert resolve(shuffled, weaker) == kept
    assert all(left.end <= right.start for left, right in pairwise(kept))
    for span in spans:
        touching = [other for other in spans if other.start < span.end and span.start < other.end]
        if span.end > span.start and set(touching) == {span}:
            assert span in kept


@given(st.lists(st.floats(0.7951, 0.8049), min_size=2, max_size=9, unique=True))
def test_of_readings_that_are_equal_to_two_decimals_the_surest_wins(scores):
    kept = resolve(Span(3, 6, "PERSON", score, "person.model") for score in scores)
    assert [span.score for span in kept] == [max(scores)]


@given(st.lists(SPANS, max_size=15), st.lists(SPANS, max_size=5))
def test_resolving_leaves_nothing_uncovered_and_lets_no_sure_identifier_lose(spans, weaker):
    kept = resolve(spans, weaker)
    covered = {place for span in kept for place in range(span.start, span.end)}
    assert covered == {place for s in (*spans, *weaker) for place in range(s.start, s.end)}
    withheld = {place for span in kept if span.entity == "KR_RRN" for place in range(*span[:2])}
    assert withheld >= {
        place
        for span in spans
        if span.entity == "KR_RRN" and span.score > 0.5
        for place in range(span.start, span.end)
    }


@given(st.sampled_from(["김철수", "010-1234-5678"]), st.sampled_from(["json", "html", "percent"]))
def test_escaped_values_are_found_as_whole_escapes(value, kind):
    written = {
        "json": "".join(f"\\u{ord(char):04x}" for char in value),
        "html": "".join(f"&#{ord(char)};" for char in value),
        "percent": quote(value, safe=""),
    }[kind]
    text = f"성명: {written} 끝"
    assert [text[span.start : span.end] for span in find(text, (KR,))] == [written]
