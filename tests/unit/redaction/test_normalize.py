"""A text is read plainly, and every hit leads back to what stood in the original."""

import base64
import unicodedata

import pytest

from redaction.normalize import decoded, normalize, unescaped, views

PHONE = "010-1234-5678"
BASE64 = base64.b64encode("성명: 김철수, 010".encode()).decode()
BASE64_URL = base64.urlsafe_b64encode("??>김철수 010-1234".encode()).decode()


def found_in(text: str, value: str) -> list[str]:
    """What stands in the original wherever a view reads `value`."""
    hits = []
    for view in views(text):
        start = view.text.find(value)
        if start >= 0:
            hits.append(text[slice(*view.original(start, start + len(value)))])
    return hits


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(PHONE, id="plain"),
        pytest.param("０１０－１２３４－５６７８", id="full-width"),
        pytest.param("010–1234—5678", id="dashes"),
        pytest.param("010−1234−5678", id="minus"),
        pytest.param("010ㅡ1234ㅡ5678", id="hangul-eu"),
        pytest.param("0\u200b10-12\u200d34-5\ufeff678", id="zero-width"),
        pytest.param("0️⃣1️⃣0️⃣-1234-5678", id="keycaps"),
        pytest.param("𝟎𝟏𝟎-𝟏𝟐𝟑𝟒-𝟓𝟔𝟕𝟖", id="mathematical"),
        pytest.param("٠١٠-١٢٣٤-٥٦٧٨", id="arabic-indic"),
        pytest.param("0\u00ad10-1234-5678", id="soft-hyphen"),
        pytest.param("0\x0010-1234-5678", id="control"),
    ],
)
def test_normalize_reads_every_form_of_a_number(written):
    text = f"연락처 {written} 입니다 😀"
    assert found_in(text, PHONE) == [written]


def test_normalize_composes_hangul():
    name = unicodedata.normalize("NFD", "김철수")
    assert found_in(f"민원인 {name}에게", "김철수") == [name]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        pytest.param("\\uae40\\ucca0\\uc218", "김철수", id="json"),
        pytest.param("\\ud83d\\ude00", "😀", id="json-surrogate-pair"),
        pytest.param("\\x30\\x31\\x30", "010", id="hexadecimal"),
        pytest.param("&#48;&#x31;&#48;", "010", id="html-number"),
        pytest.param("kim&commat;korea&period;kr", "kim@korea.kr", id="html-name"),
        pytest.param("%EA%B9%80%EC%B2%A0%EC%88%98", "김철수", id="percent"),
        pytest.param("010%2D1234-5678", PHONE, id="percent-dash"),
        pytest.param(BASE64, "김철수", id="base64"),
        pytest.param(BASE64_URL, "김철수", id="base64url"),
        pytest.param(f"{BASE64[:16]}\n{BASE64[16:]}", "김철수, 010", id="base64-lines"),
        pytest.param(f"{BASE64[:13]}\r\n{BASE64[13:]}", "김철수, 010", id="base64-crlf"),
    ],
)
def test_views_undo_one_level_of_escapes(written, value):
    text = f"값: {written} 끝"
    assert found_in(text, value) == [written]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("%EA%B9 잘린 글자", id="cut-percent"),
        pytest.param("100% 확실, 50%입니다", id="percent-sign"),
        pytest.param("AT&T &unknown; & 끝", id="ampersand"),
        pytest.param("\\ud800 홀로", id="lone-surrogate"),
        pytest.param("\ud800 진짜 홀로", id="real-lone-surrogate"),
    ],
)
def test_views_leave_what_is_no_escape(text):
    for view in views(text):
        assert view.text
        assert view.original(0, len(view.text)) == (0, len(text))


def test_normalize_keeps_plain_text_as_it_is():
    text = "국민 여러분께 “안내”드립니다. 2024년 3월(수)…"
    assert normalize(text).text is text


def test_decoded_leaves_words_and_hashes_alone():
    assert decoded("internationalization " + "0123456789abcdef" * 4) is None
    assert unescaped("역사는 그대로") is None


def test_decoded_ends_where_a_sentence_goes_on_below():
    text = f"{BASE64[:20]}\n{BASE64[20:]}\nHello there"
    assert found_in(text, "김철수, 010") == [f"{BASE64[:20]}\n{BASE64[20:]}"]


@pytest.mark.parametrize("at", [0, 100, 250, 3_000, 5_900, 6_000])
def test_what_is_far_from_an_escape_is_not_read_again(at):
    text = "가나다 라마바\n" * 750
    text = text[:at] + "%EA%B9%80" + text[at:]
    (view,) = [view for view in views(text) if "김" in view.text]
    assert len(view.text) < 1_000
    place = view.text.index("김")
    assert view.original(place, place + 1) == (at, at + 9)


def test_digits_in_words_and_boxes_are_read_once_each():
    text = "공일공 1 2 3 4 오육칠팔 " + "가나다라 " * 300 + "0 1 0 1 2 3 4 5 6 7 8"
    written = [view.text for view in views(text)][-1]
    assert written.startswith("010 1 2 3 4 5678 ")
    assert written.endswith("01012345678")
    assert len(written) < len(text)
