"""Public offices: their telephones and addresses are published and nobody's own.

Names: 정부조직법 (부·처·청), 지방자치법 (시청·구청 …), 정부 디렉터리. The pack `kr` leaves what
stands directly behind an office's name; the pack `kr-offices` finds exactly that, for those who
want it covered as well. A person's name between the two makes it the person's.
"""

import re

from redaction.recognizers.kr.name_words import grouped
from redaction.recognizers.recognizer import Reading

_OFFICES = grouped(
    "외국인청|출입국관리사무소|시청|구청|군청|도청|청사|세무서|경찰서|경찰청|파출소|지구대|소방서"
    "|소방본부|119안전센터"
    "|보건소|보건지소|주민센터|행정복지센터"
    "|면사무소|읍사무소|동사무소|사업소|출장소|우체국|법원|검찰청|지검|지청|교육청|교육지원청"
    "|국세청|관세청|세관|병무청|통계청"
    "|기상청|조달청|특허청|산림청|농촌진흥청|질병관리청|해양경찰청|방위사업청|소방청|재외동포청"
    "|국가유산청|공단|공사|위원회"
    "|기획재정부|교육부|과학기술정보통신부|외교부|통일부|법무부|국방부|행정안전부|국가보훈부"
    "|문화체육관광부|농림축산식품부"
    "|산업통상자원부|보건복지부|환경부|고용노동부|여성가족부|국토교통부|해양수산부|중소벤처기업부"
    "|법제처|식품의약품안전처"
    "|인사혁신처|국무조정실|감사원|국가정보원|국회|국민권익위|금융감독원|한국은행|헌법재판소"
    "|시의회|구의회|군의회|도의회"
    "|도서관|박물관|복지관|문화회관|체육관|연구원|진흥원|개발원|연수원|평가원|정보원|국립공원"
    "|교도소|구치소|운전면허시험장"
    "|고객센터|콜센터|상담센터|민원실|종합민원|안내센터|지원센터|관리사무소|초등학교|중학교"
    "|고등학교|대학교"
)
_FIELDS = grouped(
    "지원|정책|복지|행정|민원|여권|세무|총무|안전|건설|교통|환경|위생|보건|문화|관광|경제|산업"
    "|기획|예산|감사|인사|재무|회계"
    "|자치|홍보|정보|주택|건축|토지|지적|농업|축산|산림|수산|교육|체육|청년|여성|아동|노인|장애인"
    "|사회|생활|보상|징수|조사|재산"
    "|소득|법인|심사|운영|관리|기술|계획|개발|도시|도로|하천|녹지|공원|청소|자원|에너지|일자리"
    "|기업|투자|통상|민방위|재난|공개"
    "|계약|통신|전산|보호|협력|혁신|재정|세정|가족|청소년|강력|수사|형사|상담|접수|등록|발급"
)
_DEPARTMENT = (
    rf"[가-힣0-9·]{{0,10}}(?:{_FIELDS})[0-9]{{0,2}}(?:과|팀|담당관|국|실|계|반|창구|센터|부서"
    rf"|본부|부)"
)
# Behind an office's name every such word is one of its parts.
_ANY_DEPARTMENT = r"[가-힣0-9·]{1,12}(?:과|팀|담당관|국|실|계|반|창구|센터|부서|본부|부|소)"
_LABEL = grouped(
    "대표전화|대표번호|대표|직통|안내전화|안내|전화번호|전화|문의전화|문의처|문의|연락처|상담전화"
    "|민원전화|팩스번호|팩스"
    "|소재지|주소|위치|우편번호|TEL|Tel|tel|FAX|Fax|fax|T|F"
)
_BESIDE = re.compile(
    rf"(?:(?:{_OFFICES})(?:[ ]?{_ANY_DEPARTMENT}){{0,2}}|(?:^|[^가-힣]){_DEPARTMENT})의?"
    # In a table or object the office is the cell or member before.
    r"(?:[\"' ]{0,2}[,|;\t ]{1,3}[\"' ]{0,2}(?:[A-Za-z_]{1,12}[\"' ]{0,2}[:=][\"' ]{0,2})?"
    rf"|[ ,]{{0,2}}[ (\[:☎☏·,]{{0,4}}(?:(?:{_LABEL})[ .:)\]☎☏]{{0,4}}){{0,3}})\(?$"
)
_REACH = 48
_NAMED = re.compile(rf"[ ]?[,(]?[ ]?(?:[가-힣]{{1,10}}[ ]?)?(?:{_OFFICES})(?![가-힣]{{3}})")
_WITHIN = re.compile(rf"(?:{_OFFICES})(?![가-힣])")
# The foot of an official letter: 행정업무의 운영 및 혁신에 관한 규정 시행규칙 별지 제1호서식.
_FOOT = re.compile(
    r"(?:www\.|//)[\w.-]{1,30}\.go\.kr/?(?:[ ]|$)|대국민[ ]?공개|부분[ ]?공개|비공개[ ]?\("
    r"|전송[ ]?\(?0|우[ ]?[0-9]{5}.{0,80}공개"
)
_FOOT_REACH = 160


def beside_office(reading: Reading, start: int) -> bool:
    """Whether a value that starts here stands directly behind an office's or department's name.

    Or on the last line of an official letter.
    """
    text, floor = reading.text, max(0, start - _REACH)
    line = text.rfind("\n", floor, start)
    if _BESIDE.search(text, floor if line < 0 else line + 1, start) is not None:
        return True
    first = text.rfind("\n", max(0, start - _FOOT_REACH), start) + 1
    last = text.find("\n", start, start + _FOOT_REACH)
    stop = last if last >= 0 else start + _FOOT_REACH
    return _FOOT.search(text, max(first, start - _FOOT_REACH), stop) is not None


_DWELLING = re.compile(r"생활관|기숙사|관사|사택|아파트|[0-9]동[ ]?[0-9]{2,5}호")


def of_office(reading: Reading, start: int, end: int) -> bool:
    """Whether an address ends with an office's name, or one follows: 세종대로 110 서울시청."""
    text = reading.text
    if _DWELLING.search(text, start, end + _REACH // 2):
        return False  # 전남대학교 생활관 8동 302호: somebody lives there
    return (
        _WITHIN.search(text, start, end) is not None
        or _NAMED.match(text, end, end + _REACH) is not None
    )
