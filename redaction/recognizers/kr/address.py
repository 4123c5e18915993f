"""주소 (KR_ADDRESS): from the broadest unit that is written to the last, a number at least.

Forms: 도로명주소법 시행령 제6조 (시·도, 시·군·구, 읍·면, a road's name, a building's number, floor,
unit, and the 법정동 and building in brackets); 지번 as in 공간정보의 구축 및 관리 등에 관한 법률
제66조; apartments by block (동) and unit (호). A region, district or road alone is a place and
stays.

Read from a number backwards: the word before it says whether it is a road's or a lot's number, the
words before that are units as long as they look like ones. Each look is bounded in length.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from redaction.entity import Span
from redaction.recognizers.kr.offices import beside_office, of_office
from redaction.recognizers.kr.places import (
    CITIES,
    COUNTIES,
    DISTRICTS,
    REGION_ENDINGS,
    REGIONS,
)
from redaction.recognizers.kr.words import WORDS
from redaction.recognizers.labels import Labels
from redaction.recognizers.numbers import read_numbers
from redaction.recognizers.recognizer import Canary, Reading, Recognizer

_LONGEST_WORD = 40
_REACH = 72  # from a building's number back to the province: the longest names, and a building's
_REGION = rf"(?:{REGIONS})(?:{REGION_ENDINGS})?"
_DISTRICT = rf"(?:(?:{CITIES})시|(?:{COUNTIES})군|(?:{DISTRICTS})구)"
_MUNICIPALITY = rf"(?:{CITIES})(?:시)?|(?:{COUNTIES})(?:군)?|(?:{DISTRICTS})구"
_SMALL = r"[가-힣]{1,7}[0-9]{0,2}(?:읍|면|동|리)|[가-힣]{1,5}[0-9]가"
# One word of an address before its road or lot: a known name, or the form of a smaller unit.
_UNIT = re.compile(
    rf"(?P<region>{_REGION})?(?P<district>(?:{_DISTRICT}){{1,2}})?(?P<small>{_SMALL})?"
)
_BARE_UNIT = re.compile(_MUNICIPALITY)
_DISTRICT_ALONE = re.compile(DISTRICTS)
_REGION_BEFORE = re.compile(rf"(?<![가-힣])(?P<region>{_REGION})[ ]$")
_ANY_UNIT = re.compile(rf"(?:{_REGION}|{_DISTRICT})")
# Within a longer word: only what can be nothing else.
_WHOLE_UNIT = re.compile(rf"(?:{REGIONS})(?:{REGION_ENDINGS})(?!로)|(?:{REGIONS})?{_DISTRICT}")
_WORD = re.compile(r"[가-힣0-9A-Za-z]+$")
# The word before a number: a road (with the number of its lane), or a unit that has lots.
_ROAD = re.compile(
    r"(?P<glued>[가-힣0-9A-Za-z·]{0,30}?)(?P<name>[가-힣A-Za-z·]{1,12}[0-9]{0,3}(?:대로|로|길))"
    r"(?: ?[0-9]{1,4}(?:번|가|나|다|라|마|바|사"
    r"|아)?길)?(?: ?[가-힣]{1,6}[0-9]{0,3}길)? ?(?:지하 ?)?$"
)
_LANE = re.compile(r"[ ]?(?:번|가|나|다|라|마|바|사|아)?길|[ ]?가(?![가-힣])")
# 구로 3동 is a district, 중앙로 12길 a lane.
_NOT_OF_ROAD = re.compile(rf"{_LANE.pattern}|동(?![ ,]{{0,2}}제?[0-9])")
_LOT = re.compile(
    r"(?P<glued>[가-힣0-9]{0,30}?)"
    r"(?P<name>[가-힣]{1,7}[0-9]{0,2}(?:동|리|읍|면)|[가-힣]{1,5}[ ]?[0-9]가)"
)
_WARD = re.compile("[0-9]가")  # 매산로 1가
_HILL = re.compile(r" ?산? ?$")
_NO_ROAD = re.compile(
    r"(?:.*으로|앞으로|대로|그대로|별로|새로|서로|바로|따로|실제로|수시로|임의로|스스로|제대로"
    r"|함부로|차례로|절대로"
    r"|주로|때로|홀로|도로|경로|진로|통로|선로|활로|미로|피로|위로|별도로|추가로|기준로"
    r"|자동차전용도로|고속도로|국도로)$"
)
_NO_LOT = re.compile(
    r"(?:운동|활동|행동|이동|변동|노동|자동|수동|공동|작동|진동|가동|연동|유동|출동|협동|충동"
    r"|감동|아동|동동|거동|반면|측면"
    r"|화면|장면|정면|전면|후면|표면|서면|방면|국면|지면|대면|내면|외면|단면|도면|이면|라면|하면"
    r"|되면|으면|니면|려면|다면|려리"
    r"|관리|처리|정리|수리|원리|논리|심리|분리|승리|권리|거리|자리|우리|머리|소리|이리|그리|무리"
    r"|유리|요리|금리|영리|윤리)$"
)
_NUMBER = r"[0-9]{1,4}(?:[ ]?-[ ]?[0-9]{1,4})?"
_AFTER_ROAD = re.compile(rf"{_NUMBER}(?![0-9])")
_AFTER_LOT = re.compile(rf"{_NUMBER}(?![0-9])(?P<lot>[ ]?번지(?:[ ]?[0-9]{{1,2}}호)?)?")
# A count or a time, not the number of a building.
_COUNTED = re.compile(
    r"(?:사단|연대|대대|부대|개|명|건|곳|월|시(?!청)|분|년|세|대(?!지)|원|회|차|가지|호선|%|만|천|억"
    r"|km|㎞|m|㎡|미터|킬로|일|주|배|위|점|단계|번째|번길|번 |호[기점]|조|항"
    r"|쪽|페이지|장|톤|살|학년|인|급|부|종|편|권|자리|박|끼|병|잔|통(?![ ]?[0-9])|곱)"
    r"|[ ](?:개|명|건|곳|개월|시간|분|년|가지|미터|km)(?:[^가-힣]|$)|[.,][0-9]|[:~][ ]?[0-9]"
)
_BUILDING = (
    r"[가-힣A-Za-z0-9]{0,14}(?:아파트|빌라|맨션|오피스텔|타워|빌딩|하우스|주택|연립|상가|프라자"
    r"|플라자|타운|캐슬|자이|래미안"
    r"|푸르지오|힐스테이트|아이파크|더샵|편한세상|뷰|파크|빌|센트럴|팰리스|스테이|주공|마을|단지"
    r"|기숙사|고시원|원룸|하이츠"
    r"|리버|힐|시티|APT|아파텔|관사|생활관|레지던스|펜션|회관|빌리지)"
)
_BLOCK = r"(?:제?[0-9]{1,4}|[A-Za-z가-하])동"
_ROOM = (
    r"(?:(?:반?지하|지층|옥탑)[ ]?)?"
    r"(?:제?[A-Z]?[0-9]{1,5}(?:-[0-9]{1,3})?호(?!선|봉|기|실)|[Bb]?[0-9]{1,4}호실"
    r"|B[0-9]{2,4}(?![0-9A-Za-z]))"
)
_FLOOR = r"제?(?:지하[ ]?|지상[ ]?|[Bb])?[0-9]{1,3}층(?:[ ](?:좌측|우측|왼쪽|오른쪽|앞쪽|뒤쪽))?"
_DETAIL = re.compile(
    rf"(?:[ ]?,)?[ ]{{0,2}}(?:(?:{_BLOCK}(?![가-힣]{{2}})[ ,]{{0,2}})?(?:{_ROOM}|{_FLOOR})"
    rf"|(?:반지하|지하|지층|옥탑방?)(?![가-힣])|{_BLOCK}(?![가-힣])"
    rf"|[0-9]{{1,2}}통[ ]?[0-9]{{1,2}}반"
    rf"|{_BUILDING}(?![가-힣]{{2}})[ ](?:[A-Z]-?)?[0-9]{{3,4}}(?![0-9.,:/가-힣-])"
    rf"|{_BUILDING}(?![가-힣]{{2}})(?:[ ]?[0-9]{{1,2}}(?:단지"
    rf"|차))?(?:[ ][0-9]{{2,4}}-[0-9]{{3,4}}(?![0-9]))?"
    r"|[ ][1-9][0-9]{2}-(?:[1-9][0-9]{2}|[1-4]?[0-9]0[1-9])(?![0-9-])"
    r"|[ ][가-힣]{2,10}(?<!번호)(?<!연락처)(?<!전화)(?<!팩스)[ ][1-9][0-9]{1,3}-[0-9]{3,4}"
    r"(?![0-9-])"
    rf"|[가-힣A-Za-z0-9]{{2,14}}"
    rf"(?=[ ](?:{_BUILDING}[ ])?"
    rf"(?:{_BLOCK}[ ,]{{0,2}}(?:{_ROOM}|{_FLOOR})|[0-9]{{2,5}}호(?![선봉기])|{_FLOOR})))"
)
_HYPHENED = re.compile(r"(?:[ ]?,[ ]?|(?<=\))[ ]?)[0-9]{2,4}[-/][0-9]{3,4}(?![0-9/-])")
_BRACKETS = re.compile(
    r"[ \n]?\((?:[가-힣]{1,8}[0-9]{0,2}(?:동|리|가|읍|면)"
    r"|[가-힣]{1,5}[0-9]?가)(?:[ ]?,[ ]?[^()\n]{1,30})?\)"
    rf"|[ ]?\((?:[가-힣A-Za-z0-9]{{2,14}}[ ])?"
    rf"(?:{_BLOCK}|{_BUILDING}|{_FLOOR}|{_ROOM}|반지하|지하)\)"
)
_MOST_DETAILS = 4
_UNITS = re.compile(rf"{_BLOCK}[ ,]{{0,2}}{_ROOM}|[0-9]{{3,4}}-[0-9]{{3,4}}호")
_HOUSE = re.compile(
    rf"(?P<name>(?P<building>(?:[가-힣A-Za-z]{{2,10}}[ ]?[0-9]{{1,2}}차[ ])?{_BUILDING}"
    rf"(?:[ ][0-9]{{1,2}}단지)?)|[가-힣A-Za-z0-9]{{2,14}})[ ]?$"
)
_HYPHENED_UNITS = re.compile(r"[0-9]{3,4}-[0-9]{3,4}(?![0-9-])")  # 상계주공아파트 712-1304
_LABELS = Labels.of(WORDS, "address", "office phone account business")
_LABEL_BEHIND = re.compile(r"[ ]?(?:에|로|으로)?[ ]?(?:거주|사는|살고|삽니다|전입|이사|주소)")


# Behind the label units are often left bare: 주소 서울 관악 신림 123-4 2층.
_BARE_LABELS = ("주소", "거주지", "자택", "배송지", "수령지", "집은", "집 ")
_BARE = re.compile(
    rf"(?:주소지?|거주지|자택|배송지|수령지|집(?<![가-힣].))(?:[은는]|:)?[ ]{{1,2}}"
    rf"(?P<address>{_REGION}[ ][가-힣]{{2,4}}(?:[ ][가-힣]{{2,5}}[0-9]?){{0,2}}[ ]"
    r"[0-9]{1,4}(?:-[0-9]{1,4})?(?![0-9-]))"
)


# Behind a district the smaller unit, too, may stand on the line above.
_DISTRICT_BEFORE = re.compile(rf"{_DISTRICT}[ ]$")
# 강남 역삼동 735-10: a district without its 구, directly before one of its 동.
_DONG_BEHIND = re.compile(r"[ ](?P<name>[가-힣]{1,6}[0-9]{0,2}동)[ ]")


def _short_district(text: str, word: re.Match[str]) -> bool:
    behind = _DONG_BEHIND.match(text, word.end())
    if behind is None or _NO_LOT.search(behind["name"]) or len(word[0]) < 2:
        return False
    return _DISTRICT_ALONE.fullmatch(word[0]) is not None


# A letter's second address: 같은 시 흥덕구 …
_SAME_BEFORE = re.compile(r"(?<![가-힣])(?:같은|동)[ ]?(?:시|군|구|도)[ ,]{1,2}$")


class _Head(NamedTuple):
    """Where an address begins, and how many of its units are known or only look like one."""

    start: int
    known: int
    small: int


def _alone(text: str, floor: int, word: re.Match[str]) -> int | None:
    """Where the region begins before a district's bare name: 서울 관악."""
    if not _DISTRICT_ALONE.fullmatch(word[0]):
        return None
    behind = _REGION_BEFORE.search(text, max(floor, word.start() - 8), word.start())
    return behind.start("region") if behind else None


def _head(text: str, floor: int, start: int) -> _Head:
    """Steps back from the road's or lot's word over the units before it."""
    known = small = 0
    while start > floor:
        gap = start
        while gap > floor and start - gap < 3 and text[gap - 1] in " ,\n":
            gap -= 1
        word = _WORD.search(text, max(floor, gap - 20), gap)
        if word is None or gap == start:
            break
        whole = word[0]
        unit = _UNIT.fullmatch(whole)
        alone = _alone(text, floor, word) if unit is None else None
        if alone is not None:
            return _Head(alone, known + 2, small)
        if unit is None and not (_BARE_UNIT.fullmatch(whole) or _short_district(text, word)):
            # A label or another word may stand directly before: 주소는서울시, 거주지:서울.
            inner = _ANY_UNIT.search(whole)
            if inner is not None and _UNIT.fullmatch(whole, inner.start()):
                return _Head(word.start() + inner.start(), known + 1, small)
            break
        sure = unit is None or unit["region"] or unit["district"]
        # Units grow from right to left; only a known one may stand on the line above.
        above = "\n" in text[gap:start]
        if not sure and (
            known or (above and not _DISTRICT_BEFORE.search(text, floor, word.start()))
        ):
            break
        if sure:
            known += 1
        elif _NO_LOT.search(whole) and not _ANY_UNIT.search(
            text, max(floor, word.start() - 12), gap
        ):
            break
        else:
            small += 1
        start = word.start()
    same = _SAME_BEFORE.search(text, max(floor, start - 8), start) if known + small else None
    return _Head(same.start() if same else start, known, small)


def _glued(before: str, name: str, start: int) -> tuple[int, int]:
    """Units written without spaces before a name at `start`: where they begin, and how many."""
    word = before + name
    unit = _WHOLE_UNIT.search(word)
    if unit is None:
        return start, 0
    return start - len(before) + unit.start(), 1


def _word_start(text: str, floor: int, end: int) -> int:
    start = end
    while start > floor and text[start - 1].isalnum():
        start -= 1
    return start


def _tail(text: str, end: int) -> tuple[int, int]:
    """Where the details behind a building's number end, and how many there are."""
    details = 0
    while details < _MOST_DETAILS:
        match = _DETAIL.match(text, end) or (_HYPHENED.match(text, end) if not details else None)
        if match is None or match.end() == end:
            break
        end = match.end()
        details += 1
    brackets = _BRACKETS.match(text, end)
    if brackets is not None:
        end, details = brackets.end(), details + 1
        match = _DETAIL.match(text, end) or _HYPHENED.match(text, end)
        behind = 0
        while match is not None and match.end() > end and behind < _MOST_DETAILS:
            end, behind = match.end(), behind + 1
            match = _DETAIL.match(text, end)
    return end, details


def _labelled(reading: Reading, start: int, end: int) -> bool:
    nearby = _LABELS.around(reading, start, end)
    return (nearby.helps and not nearby.behind) or bool(_LABEL_BEHIND.match(reading.text, end))


def _road(reading: Reading, floor: int, start: int) -> Span | None:
    text = reading.text
    road = _ROAD.search(text, max(floor, start - _LONGEST_WORD), start)
    number = _AFTER_ROAD.match(text, start)
    if road is None or number is None or _NOT_OF_ROAD.match(text, number.end()):
        return None
    begin, known = _glued(road["glued"], road["name"], road.start("name"))
    head = _head(text, floor, begin)
    known += head.known
    end, details = _tail(text, number.end())
    if not details and _COUNTED.match(text, number.end()):
        return None
    units = known + head.small
    if not units and _NO_ROAD.match(road["name"]):
        return None
    if known:
        score = 0.9
    elif head.small or (details and len(road["name"]) > 2):
        score = 0.75
    else:
        score = 0.7 if _labelled(reading, head.start, end) else 0.0
    return Span(head.start, end, "KR_ADDRESS", score, "address.road") if score else None


def _lot(reading: Reading, floor: int, start: int) -> Span | None:
    text = reading.text
    hill = _HILL.search(text, max(floor, start - 3), start)
    end = hill.start() if hill else start
    begin = _word_start(text, max(floor, end - _LONGEST_WORD), end)
    if _WARD.fullmatch(text, begin, end) and text[begin - 1 : begin] == " ":
        begin = _word_start(text, max(floor, end - _LONGEST_WORD), begin - 1)
    lot = _LOT.fullmatch(text, begin, end)
    number = _AFTER_LOT.match(text, start)
    if lot is None or number is None or _LANE.match(text, number.end()):
        return None
    begin, known = _glued(lot["glued"], lot["name"], lot.start("name"))
    if lot["glued"] and not known:
        return None
    head = _head(text, floor, begin)
    known += head.known
    if not known and not number["lot"] and _NO_LOT.search(lot["name"]):
        return None
    end, details = _tail(text, number.end())
    if not details and not number["lot"] and _COUNTED.match(text, number.end()):
        return None
    written = number["lot"] is not None or "-" in number[0] or details > 0
    if known:
        score = 0.85 if written else 0.75
    elif written and (head.small or number["lot"] or details):
        score = 0.7
    else:
        score = 0.65 if _labelled(reading, head.start, end) else 0.0
    return Span(head.start, end, "KR_ADDRESS", score, "address.lot") if score else None


def _house(reading: Reading, floor: int, start: int) -> Span | None:
    """A block and a unit, with the building and the units before it: 래미안아파트 101동 1203호."""
    text = reading.text
    rooms = _UNITS.match(text, start)
    hyphened = rooms is None
    rooms = rooms or _HYPHENED_UNITS.match(text, start)
    if rooms is None:
        return None
    begin, known = start, 0
    name = _HOUSE.search(text, max(floor, start - 24), start)
    if name is not None:
        head = _head(text, floor, name.start("name"))
        named = name["building"] is not None
        placed = head.known > 0 or head.small > 0
        if (placed and named) if hyphened else (placed or named):
            begin, known = head.start, 1
    if hyphened and not known:
        return None
    end, _ = _tail(text, rooms.end())
    long = rooms[0].count("동") and len(re.sub("[^0-9]", "", rooms[0])) >= 6
    if known or long or _labelled(reading, begin, end):
        return Span(begin, end, "KR_ADDRESS", 0.7 if known else 0.65, "address.house")
    return None


_READERS = {"로": _road, "길": _road, "하": _road, "동": _lot, "리": _lot, "가": _lot, "산": _lot}
_READERS |= {"읍": _lot, "면": _lot}
_BLOCK_BEHIND = re.compile("[0-9]{1,4}동[ ,]{0,2}제?[A-Z]?[0-9]{1,5}호|[0-9]{3,4}-[0-9]{3,4}호")


def _candidates(reading: Reading) -> Iterator[Span]:
    text, numbers = reading.text, reading.shared(read_numbers)
    for start, end in zip(numbers.starts, numbers.ends, strict=True):
        if end - start > 4 or start < 1:
            continue
        before = text[start - 1]
        if before == " ":
            before = text[start - 2] if start > 1 else ""
        reader = _READERS.get(before)
        floor = max(0, start - _REACH)
        span = reader(reading, floor, start) if reader else None
        if span is None and text[end : end + 1] in ("동", "-"):
            span = _house(reading, floor, start)
        if span is not None:
            yield span


def _bare(text: str, known: list[Span]) -> Iterator[Span]:
    """Addresses behind their label that nothing else has read."""
    for match in _BARE.finditer(text) if any(label in text for label in _BARE_LABELS) else ():
        end, details = _tail(text, match.end())
        read = _is_read(known, match.start("address"), end)
        if not read and (details or not _COUNTED.match(text, end)):
            yield Span(match.start("address"), end, "KR_ADDRESS", 0.65, "address.bare")


# A neighbour's flat, or one's own: 윗집 1704호, 저는 102동 1604호 사는 …
_FLAT = re.compile(
    r"(?<![가-힣])(?:저(?:는|희)|제가|우리|윗집|아랫집|옆집|앞집|뒷집|위층|윗층|아래층|아랫층|위아래층)"
    r"(?:[ ]?집)?[은는이가도]?[ ]{1,2}(?P<flat>(?:[0-9]{1,4}동[ ]?)?[1-9][0-9]{2,3}호)"
    r"(?![0-9선기봉])"
)


def _flats(text: str, known: list[Span]) -> Iterator[Span]:
    """Units that nothing but the neighbourhood of the words makes somebody's home."""
    for match in _FLAT.finditer(text) if "호" in text else ():
        span = Span(*match.span("flat"), "KR_ADDRESS", 0.6, "address.flat")
        if not _is_read(known, span.start, span.end):
            yield span


def _is_read(known: list[Span], start: int, end: int) -> bool:
    """Whether a known address holds any of a range."""
    return any(span.start < end and start < span.end for span in known)


def _longest(spans: Iterator[Span]) -> Iterator[Span]:
    """Of spans that touch one another the one that begins first: its tail holds the others."""
    reach = -1
    for span in spans:
        if span.start >= reach:
            yield span
        reach = max(reach, span.end)


def _find(reading: Reading, *, offices: bool) -> Iterator[Span]:
    known = list(_candidates(reading))
    bare = [*_bare(reading.text, known), *_flats(reading.text, known)]
    for span in _longest(iter(sorted((*known, *bare)) if bare else known)):
        office = beside_office(reading, span.start) or of_office(reading, span.start, span.end)
        if office is offices:
            yield span


ADDRESS = Recognizer(
    "KR_ADDRESS",
    lambda reading: _find(reading, offices=False),
    Canary(
        "KR_ADDRESS",
        "주소는 서울특별시 강남구 테헤란로 123, 101동 1203호입니다.",
        "서울특별시 강남구 테헤란로 123, 101동 1203호",
    ),
)
OFFICE_ADDRESS = Recognizer(
    "KR_ADDRESS",
    lambda reading: _find(reading, offices=True),
    Canary(
        "KR_ADDRESS",
        "강남구청(서울특별시 강남구 학동로 426)을 방문하세요.",
        "서울특별시 강남구 학동로 426",
    ),
)
