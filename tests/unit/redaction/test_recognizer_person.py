"""Names: what context says is one, and the many words that only look like one. All made up."""

import pytest

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
        "김모 씨와 이모 씨, 김 씨",
        "총무과 과장, 안전총괄과 과장",
        "이상의 내용은 이하와 같다. 이후 조치",
        "하나님과 부모님, 선배님",
        "주민등록번호와 성명을 기재",
        "국민 여러분, 이번 정책은 전국에 시행됩니다",
        "피의자 심문과 피고인 신문",
        "저는 오늘 민원을 신청합니다",
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
