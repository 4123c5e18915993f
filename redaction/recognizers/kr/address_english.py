"""주소 (KR_ADDRESS) in English: from the unit or the building's number to the province.

Form: 도로명주소 영문 표기 (국어의 로마자 표기법 제3장; 도로명주소법 시행규칙 제2조): narrow to
broad, units with a hyphen, as in 101-dong 1203-ho, 123 Teheran-ro, Gangnam-gu, Seoul. Searched from
the road's ending outwards.
"""

import re
from collections.abc import Iterator

from redaction.entity import Span
from redaction.recognizers.recognizer import Canary, Reading, Recognizer

_ROAD = re.compile(r"-(?:daero|ro|gil)(?![A-Za-z])")
_NAME = r"[A-Z][a-z]{1,20}(?:-?[0-9]{0,4}(?:beon|ga)?)"
_HEAD = re.compile(
    r"(?:(?:#|No\.? ?|Apt\.? ?|Unit |Room |Rm\.? ?)?[A-Z]?[0-9]{1,5}(?:-dong|-ho|F)?(?:, ?| )){0,4}"
    rf"(?P<number>[0-9]{{1,4}}(?:-[0-9]{{1,4}})?)(?:, ?| ){_NAME}$"
)
_TAIL = re.compile(
    r"(?:(?:, ?| )[0-9]{0,4}(?:beon)?-?gil)?"
    r"(?:, ?[A-Z][a-z]{1,20}[0-9]{0,2}-(?:dong|eup|myeon|ri|gu|si|gun|do)"
    r"|, ?(?:Seoul|Busan|Daegu|Incheon|Gwangju|Daejeon|Ulsan|Sejong|Jeju)(?:-si)?){0,4}"
    r"(?:,? [0-9]{5}(?![0-9]))?(?:,? ?(?:Republic of Korea|South Korea|Korea))?"
)
_REACH = 80


def _find(reading: Reading) -> Iterator[Span]:
    text = reading.text
    for road in _ROAD.finditer(text):
        head = _HEAD.search(text, max(0, road.start() - _REACH), road.start())
        tail = _TAIL.match(text, road.end())
        # A road alone is a place; some wider unit must follow.
        if head is not None and tail is not None and "," in tail[0]:
            yield Span(head.start(), tail.end(), "KR_ADDRESS", 0.8, "address.english")


ENGLISH_ADDRESS = Recognizer(
    "KR_ADDRESS",
    _find,
    Canary(
        "KR_ADDRESS",
        "Address: 101-dong 1203-ho, 123 Teheran-ro, Gangnam-gu, Seoul 06133",
        "101-dong 1203-ho, 123 Teheran-ro, Gangnam-gu, Seoul 06133",
    ),
)
