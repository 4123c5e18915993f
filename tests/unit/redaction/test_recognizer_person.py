"""Names: what context says is one, and the many words that only look like one. All made up."""

import pytest
from counting import events

from redaction.recognizers.kr.pack import KR
from redaction.recognizers.packs import find


def names(text: str) -> list[str]:
    return [text[s.start : s.end] for s in find(text, (KR,)) if s.entity == "PERSON"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("민원인 김철수(900101-1234567, 010-1234-5678)에게 보낼 안내문", ["김철수"]),
        ("담당자: 홍길동 주무관", ["홍길동"]),
        ("성명: 이영희", ["이영희"]),
        ("성 명 : 박 민 수", ["박 민 수"]),
        ("| 성명 | 김민지 |", ["김민지"]),
        ("<td>성명</td><td>김민지</td>", ["김민지"]),
        ('{"성명": "김영수"}', ["김영수"]),
        ("신청인 김영수는", ["김영수"]),
        ("예금주 박민수", ["박민수"]),
        ("김철수 과장은", ["김철수"]),
        ("이영희씨와", ["이영희"]),
        ("남궁민수 팀장이", ["남궁민수"]),
        ("황보라 사무관", ["황보라"]),
        ("성명: 제갈공명", ["제갈공명"]),
        ("저는 김서연입니다", ["김서연"]),
        ("도로과에 근무하는 탁보람이라고 합니다", ["탁보람"]),
        ("여운학(사번 2210)", ["여운학"]),
        ("참석자: 김철수, 이영희, 박민수", ["김철수", "이영희", "박민수"]),
        ("성명: JOHN A SMITH", ["JOHN A SMITH"]),
        ("성명: 김철", ["김철"]),
        ("홍길동(남, 45세)", ["홍길동"]),
        ("김철수님께서 오셨다. 김철수의 서류", ["김철수", "김철수"]),
        ("위임인(김영희)은 수임인(박철민)에게", ["김영희", "박철민"]),
        ("기안자 주무관 김민재 검토자 팀장 오세진", ["김민재", "오세진"]),
        ("담당: 정하늘 (02-1234-5678)", ["정하늘"]),
        ('{"customer_name": "박하나", "amount": 1}', ["박하나"]),
        ("applicantName: 김철수", ["김철수"]),
        ("name=이영희", ["이영희"]),
        ("접수: 김철수, 민원인 김철수(010-1234-5678)", ["김철수", "김철수"]),
    ],
)
def test_name_in_context_is_found(text, expected):
    assert names(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "이용자 님, 고객님, 선생님, 과장님, 시장님 안녕하세요",
        "담당자 이메일과 연락처를 적어 주세요",
        "담당자: 미정",
        "성명: 없음",
        "성명: (서명)",
        "신청인 정보, 신청인 주소, 신청인 성명을 확인",
        "민원인 이의신청 안내, 민원인 방문 안내",
        "홍보 팀장과 기획실장, 정책 과장, 민원실장",
        "담당자 변경 및 담당자 지정",
        "날씨가 좋고 글씨가 예쁘다. 아저씨와 아가씨",
        "총무과 과장, 안전총괄과 과장",
        "이상의 내용은 이하와 같다. 이후 조치",
        "하나님과 부모님, 선배님",
        "주민등록번호와 성명을 기재",
        "국민 여러분, 이번 정책은 전국에 시행됩니다",
        "피의자 심문과 피고인 신문",
        "저는 오늘 민원을 신청합니다",
        "성함이 어떻게 되세요?",
        "담임 부재로 처리가 늦어짐",
        "구민운동장과 시민운동장",
        "name: 이용자, name: 서울시청, file name: 민원서식",
        'product_name: 김치찌개, "name": "find_weather", Name: Weather Service',
    ],
)
def test_common_words_are_no_names(text):
    assert names(text) == []


def test_name_revealed_late_covers_its_earlier_occurrences():
    text = "김철수가 왔다. 김철수의 민원이다. 신청인: 김철수"
    assert names(text) == ["김철수"] * 3


def test_short_name_covers_only_words_of_its_own():
    text = "성명: 김철. 김철은 김철근 콘크리트를 샀다. 김철 씨"
    assert names(text) == ["김철", "김철", "김철"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Written otherwise.
        ("발급 대상: Hong Gil-dong, HONG GILDONG, Gil-dong Hong", ["Hong Gil-dong"]),
        ("통역은 Park Seo-yun이 맡는다", ["Park Seo-yun"]),
        ("여권 영문명 KIM TAEHWAN 으로", ["KIM TAEHWAN"]),
        ("당첨자는 조*현, 김**, 박○우입니다", ["조*현", "김**", "박○우"]),
        ("김○○ 외 3인", ["김○○"]),
        ("성명: 洪吉童", ["洪吉童"]),
        ("민원인 홍길동(洪吉童)은", ["홍길동", "洪吉童"]),
        ("성명(한자) 洪吉童", ["洪吉童"]),
        ("민원인 홍길동(HONG GILDONG)은", ["홍길동", "HONG GILDONG"]),
        ("배우자 Nguyen Thi Lan, Le Van Duc", ["Nguyen Thi Lan", "Le Van Duc"]),
        ("성  명 : 문 가 람 (인)", ["문 가 람"]),
        ("홍 길 동 (서명)", ["홍 길 동"]),
        # Anonymous: a name of low stake.
        ("김 씨와 이씨, 박모 씨, A씨는", ["김", "이", "박", "A"]),
        ("최모(45)씨의 집", ["최"]),
        # Roles, families, lists.
        ("판사 함태오   판사 진서영", ["함태오", "진서영"]),
        ("증인 석지완은 선서하였다", ["석지완"]),
        ("아버지 김철수, 어머니 박영희", ["김철수", "박영희"]),
        ("이름이 김말자에서 바뀌었다", ["김말자"]),
        ("제 할머니 성함은 옥분례이고", ["옥분례"]),
        ("독고순이고 민원인 독고순", ["독고순", "독고순"]),
        ("처조카인 황보람이 대표로 있다", ["황보람"]),
        ("사건본인 피재희의 친권자", ["피재희"]),
        # Foreign names in fields.
        ("성명: 응우옌 꾸옥 즈엉", ["응우옌 꾸옥 즈엉"]),
        ("배우자 쩐 티 흐엉씨가", ["쩐 티 흐엉"]),
        ('{"성명": "안나 이바노바"}', ["안나 이바노바"]),
        # Programs.
        ("UPDATE member SET nm = '송가온' WHERE id = 31", ["송가온"]),
        ("INSERT INTO t VALUES (3, '양예서')", ["양예서"]),
    ],
)
def test_name_in_every_written_form_is_found(text, expected):
    assert [name for name in names(text) if name in expected] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("번호,성명,주소\n1,정예담,세종시\n2,여운학,공주시\n", ["정예담", "여운학"]),
        ("이름\t부서\n왕태준\t상하수도과\n\n김치\t문화과", ["왕태준"]),
        ("| 순번 | 대표자 |\n|---|---|\n| 1 | 설다인 |\n", ["설다인"]),
        ("성명,국적\n안나 이바노바,러시아\nJOHN SMITH,미국\n", ["안나 이바노바", "JOHN SMITH"]),
        (" no | nm     | name\n----+--------+-------\n  1 | x      | 설다인\n", ["설다인"]),
        ("연번  성명    부서\n1     왕태준  민원과\n2     설다인  세정과\n", ["왕태준", "설다인"]),
        ("번호  계좌   성명\n  1   11   전우진\n 10   12   설다인\n", ["전우진", "설다인"]),
        ("품명,수량\n김치,3\n이불,2\n", []),
        ("성명,비고\n미기재,없음\n", []),
    ],
)
def test_column_under_a_names_header_is_read(text, expected):
    assert names(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "이순신 장군과 세종대왕을 기리는 행사",
        "공영주차장과 정보화담당관",
        "Song Title, Long Beach, Go Home, Microsoft Word",
        "홍보과(Public Relations)",
        "Le Monde, Do Not Disturb, Phantom Pain",
        "김치와 이불, 주차장, 소 키우기",
        "○○시 ○○동",
        "육군 병장, 공군 상사",
        "가. 목적\n나. 방법\n주   소: 세종시",
        "사업장: 한빛정공, 상호: 고려물산",
    ],
)
def test_what_only_looks_like_a_written_form_is_no_name(text):
    assert names(text) == []


@pytest.mark.parametrize(
    "hostile",
    [
        "김",
        "김 ",
        "성명",
        "성명: ",
        "홍*",
        "Kim ",
        "A-",
        "응우옌 ",
        "김철수, ",
        "洪",
        "성명,\n",
        "(",
        "'",
    ],
)
def test_work_grows_with_the_text_only(hostile):
    def work(times: int) -> int:
        return events(lambda: names(hostile * times), most=10_000_000)

    assert work(1000) < 2.5 * work(500) + 2_000
