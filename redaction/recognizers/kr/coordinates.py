"""Coordinates of a person's place (COORDINATES): latitude and longitude within Korea, in context.

Form: ISO 6709 in decimal degrees, four decimals and more (some ten metres); Korea lies between 33
and 39 degrees north, 124 and 132 east (국토지리정보원). Only beside words for a home, a device or a
person looked for, or in records of data: sights and offices have coordinates, too.
"""

import re
from collections.abc import Iterator

from redaction.entity import Span
from redaction.recognizers.kr.words import WORDS
from redaction.recognizers.numbers import read_numbers
from redaction.recognizers.recognizer import Canary, Reading, Recognizer

_PAIR = re.compile(
    r"(?<![0-9.])3[3-9]\.[0-9]{4,10}(?:°?[NE]?[^0-9\n]{1,24}|\n)12[4-9]\.[0-9]{4,10}(?![0-9])"
    r"|(?<![0-9.])3[3-9]\.[0-9]{4,10}(?:°?[NE]?[^0-9\n]{1,24}|\n)13[0-2]\.[0-9]{4,10}(?![0-9])"
    r"|(?<![0-9.])1(?:2[4-9]|3[0-2])\.[0-9]{4,10}[^0-9\n]{1,24}3[3-9]\.[0-9]{4,10}(?![0-9])"
)
# Degrees, minutes and seconds (ISO 6709 annex D): 37°29'52.6"N 127°01'39.4"E.
_SECONDS = r"[0-5]?[0-9]['′][ ]?[0-5]?[0-9](?:\.[0-9]{1,4})?[\"″]"
_DEGREES = re.compile(
    rf"(?<![0-9.])3[3-9]°[ ]?{_SECONDS}[ ]?[NE]?[ ,/]{{1,4}}"
    rf"1(?:2[4-9]|3[0-2])°[ ]?{_SECONDS}[ ]?[NE]?"
)
_DECIMALS = re.compile(r"[23]\.[4-9a]")  # texts without it hold no pair
_METRES = re.compile(r"\.[0-9]{5,}[^0-9].*\.[0-9]{5,}", re.DOTALL)
_KEY = re.compile(
    r"(?i:lat|lng|lon|gps|coord|location)[A-Za-z_]{0,12}[\"' ]{0,2}[:=][\"'\[( ]{0,3}$"
)
_REACH = 48
_OFFICE_REACH = 16
_OFFICE = re.compile("청사|시청|구청|군청|도청|공원|역$|박물관|센터|관측|기지국|측량|기준점|학교")


def _find(reading: Reading) -> Iterator[Span]:
    text = reading.text
    found = list(_DEGREES.finditer(text)) if "°" in text else []
    if _DECIMALS.search(reading.shared(read_numbers).skeleton):
        found += _PAIR.finditer(text)
    for match in found:
        floor = max(0, match.start() - _REACH)
        hits = reading.shared(WORDS.read)
        home = hits.stand("home", floor, match.end() + _REACH)
        # A record of data that holds a place to the metre is somebody's or something's track.
        record = _METRES.search(match[0]) and _KEY.search(text, floor, match.start())
        if (home or record) and not _OFFICE.search(
            text, max(floor, match.start() - _OFFICE_REACH), match.start()
        ):
            yield Span(*match.span(), "COORDINATES", 0.75, "coordinates")


COORDINATES = Recognizer(
    "COORDINATES",
    _find,
    Canary("COORDINATES", "자택 위치는 37.566512, 126.978013입니다.", "37.566512, 126.978013"),
)
