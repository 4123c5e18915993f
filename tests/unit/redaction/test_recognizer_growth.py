"""The work of reading grows with a text's length and with nothing else, also for hostile texts."""

import pytest
from counting import events

from redaction.errors import TooManyFindings
from redaction.recognizers.kr.pack import KR, KR_OFFICES
from redaction.recognizers.packs import find

PIECES = {
    "roads": "가로 1 ",
    "districts": "서울 강남구 ",
    "districts-glued": "서울강남구" * 40 + "로 1 ",
    "lots": "강남구 역삼동 1-2 ",
    "brackets": "역삼동 1 (",
    "rooms": "101동 1203호 ",
    "dates": "1985.3.2. ",
    "dates-in-words": "1985년 3월 2일 ",
    "plates": "12가3456 ",
    "syllables-and-digits": "1가1",
    "passwords": "비밀번호 ",
    "passwords-with-values": "비밀번호: a1! ",
    "columns-of-passwords": "비밀번호," * 300 + "\n" + "a1b2," * 300 + "\n",
    "wide-table": "사번," * 400 + "\n" + "1234," * 400 + "\n",
    "tables-below-tables": "가,나\n1,2\n나,다\n1,3\n",
    "rules": "성명 | 사번\n-----+-----\n",
    "rule-without-end": "-",
    "aligned-columns": "사번   성명   계좌\n12345   가   1\n",
    "wide-gaps": "가  ",
    "answers-with-passwords": "암호 뭐예요 a1!bcdef ",
    "passports": "KIM A M12345678 / 1990-01-01 ",
    "schemes": "://",
    "credentials": "a://b:c@",
    "tokens": "eyJaaaaaaaaa.",
    "keys": "-----BEGIN PRIVATE KEY-----",
    "octets": "1.",
    "colons": "a:",
    "pairs": "aa:",
    "hexadecimal": "0a",
    "members": "사번 1234 ",
    "coordinates": "집 37.56651,126.97801 ",
    "offices": "강남구청 02-123-4567 ",
    "digits-in-words": "일이삼 사오육 칠",
    "boxes": "0 1 ",
    "at-in-words": "메일 a at b.kr ",
    "extensions": "02-123-4567 내선 ",
    "country-codes": "+82 ",
    "labels": "주민번호 계좌 전화 ",
    "accounts-with-points": "1.1.1.",
}


def work(text: str) -> int:
    """The events of reading a text; a text of too many values is read until that is clear."""

    def read() -> None:
        try:
            find(text, (KR, KR_OFFICES))
        except TooManyFindings:
            return

    return events(read, most=20_000_000)


@pytest.mark.parametrize("name", PIECES)
def test_twice_the_text_is_twice_the_work(name):
    piece = PIECES[name]
    times = max(4, 4_000 // len(piece))
    assert work(piece * (2 * times)) < 2.5 * work(piece * times)


@pytest.mark.parametrize("name", PIECES)
def test_hostile_text_of_100_000_characters_is_read_to_its_end(name):
    piece = PIECES[name]
    try:
        spans = find(piece * (100_000 // len(piece)), (KR, KR_OFFICES))
    except TooManyFindings:
        return
    assert all(span.end > span.start for span in spans)


def test_a_million_characters_of_prose_take_less_work_than_they_have_characters():
    prose = "오늘 회의에서는 지역 주민의 의견을 듣고 다음 달의 계획을 정하였다. "
    assert work(prose * (1_000_000 // len(prose))) < 1_000_000
