"""Names as people say them, with the shipped dictionary; beside words that only look so."""

import pytest

from redaction.recognizers.models import with_models
from redaction.recognizers.packs import PACKS, find

KR = with_models((PACKS["kr"],))


def names(text: str) -> list[str]:
    return [text[span.start : span.end] for span in find(text, KR) if span.entity == "PERSON"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("민수 엄마가 어제 전화했다", ["민수"]),
        ("보라네 엄마", ["보라"]),
        ("저 은지인데요 어제 서류 두고 갔어요", ["은지"]),
        ("저는 이하늘별이라고 합니다", ["이하늘별"]),
        ("가람님이 공유해 주신 링크", ["가람"]),
        ("5학년 라온이는 발표를 잘한다", ["라온"]),
        ("재석아 그 파일 좀 보내줘", ["재석"]),
        ("최사원이 대신 받았다", ["최"]),
        ("남궁 옥분 / 선우 은숙", ["남궁 옥분", "선우 은숙"]),
        ("필리핀 국적 로델 카스트로 주니어(38)는", ["로델 카스트로 주니어"]),
        ("베트남 출신 근로자 도 티 하 씨와", ["도 티 하"]),
        ("스리랑카인 니말 페레라는 사람을 구했다", ["니말 페레라"]),
        ("왕밍(중국), 스즈키 이치로(일본)", ["왕밍", "스즈키 이치로"]),
        ("자르갈사이항 씨의 고용허가", ["자르갈사이항"]),
        ("사외이사 Maria Gonzalez, 감사 John Q. Public", ["Maria Gonzalez", "John Q. Public"]),
        ("From: Jiwoo Park", ["Jiwoo Park"]),
        ("보호자 WANG XIAOMING, 모 SAKAI YUMIKO", ["WANG XIAOMING", "SAKAI YUMIKO"]),
        ("가. AHMED Karim / 파키스탄 / 여권 AK4471862", ["AHMED Karim"]),
        ("감독 초청: Elena Rossi(이탈리아, 지휘자)", ["Elena Rossi"]),
        ("영문성명 HA DOYUN", ["HA DOYUN"]),
        ("휴가 대직: 제갈민수, 황보선 확인", ["제갈민수", "황보선"]),
        ("00418823  표말순  F/78", ["표말순"]),
        ("표서주040515-4140715, 가족관계900101-1234567", ["표서주"]),
        ("Best regards,\nOliver Stone\nHead of Office", ["Oliver Stone"]),
        ("My colleague Emma Watts will join, as Dr. Ito said", ["Emma Watts", "Ito"]),
        ("Mr Tom Hanks arrived. Dear Sarah Connor", ["Tom Hanks", "Sarah Connor"]),
        ("성명: 이원 생년월일 900101", ["이원"]),
        ("2조민수 발표, 3조현우 발표", ["조민수", "조현우"]),
        ("KANG DOHYEON M123A4567, 안도건 M12345678", ["KANG DOHYEON", "안도건"]),
        ("토지 소유자 표말선(망) 상속인", ["표말선"]),
        ("납품은 유지업체 신가람 선임이 맡는다", ["신가람"]),
        ("사망자: 간호조무사 공유진(41)", ["공유진"]),
        # Single Latin names in a Korean sentence; a name of several words, where a rule knew one.
        ("다문화센터 상담사 Amira가 통역했다", ["Amira"]),
        ("발표는 Sofia 씨가 맡고 Excel 파일은 Teams로 보낸다", ["Sofia"]),
        ("접수자: 소피아 김", ["소피아 김"]),
        # What a weak rule could not know: the particle behind a name, the rank before 님.
        ("검사 손란이 기소하고", ["손란"]),
        ("어제 당직은 황주임님이 섰다", ["황"]),
        ("경찰은 최씨에 대해 영장을 신청했다", ["최"]),
        # Rare syllables, four of them, and words, where only a name can stand.
        ("행정실 마동필입니다", ["마동필"]),
        ("접수 담당 계옥분 010-1234-5678", ["계옥분"]),
        ("세대주 모과, 세대원 한결", ["모과", "한결"]),
    ],
)
def test_name_without_a_form_of_its_own_is_found(text: str, expected: list[str]) -> None:
    assert names(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "우리 엄마, 아이 엄마, 초보 아빠, 고모 어머니",
        "하나님과 부처님, 고객님, 주인님, 담당자님",
        "저 민원인인데요, 저는 학생이라고 합니다",
        "고양이가 울고 어린이는 웃는다",
        "위원장은 정회를 선포하고 고소장을 읽었다",
        "브라질 출신 바이러스 학자가 발표했다",
        "미국 국적 항공사(운항 중단)",
        "지정과장, 부사장",
        "협조자 민원봉사과, 회계과와 총무과",
        "대표 Seoul Center, 감사 Korea Bank",
        "305동 1101호 문 앞",
        "Windows가 느리고 Zoom이 끊긴다",
        "지금은 할머니 댁에 있다",
        "고구마 두 상자와 강낭콩 한 되",
        "고구마 두 상자와 서리태 한 되",
        "민원콜 21건, 견인료 40,000원, 서버 3대, 디렉터리 권한",
        "상담교사가 위클래스 이용 안내문을 배부함",
        "민원인: 수도계량기가 또 고장이에요",
        "민원인: 계량기가 얼었어요",
        "검토 부탁 (이번 주 안)",
        "상담사: 예약이 6월 3일로 잡혔습니다",
        "단위가 백만원인지 확인 바랍니다",
        "귀농 5년 차 농가",
        "하나 110-234-567890",
        "시어머님과 어머님",
        "From: Human Resources\nTo: Planning Division",
        "Sincerely,\nSeoul Metropolitan Government",
        "New York, 미국 출장, Samsung Electronics (베트남) 법인",
        "ORDER NO: A12345678, SERIAL NUMBER S12345678",
        "Suzuki Hayabusa, Huang Shan 관광",
        "Ms Word 파일, Dr. Martens",
        "민원인: 가로등이 며칠째 안 켜져요",
        "검토자: 공석",
        "목화씨와 유채씨를 심는다",
        "지분이 가장 큰 사람을 대표로 한다",
        "이번 주 할 일",
        "자원순환과장, 호우경보 발령",
        "공사 사정일 경우에는",
        "재발급 원하심, 취소하심",
        "이름은 모르고 얼굴만 안다, 이름을 가리고 배포",
        "담당: 서신동 맞춤형복지팀",
        "배우자 명의라고 들었습니다",
        "고 소 장",
        "화면 27형 IPS FHD",
        "정원 2명, 1인평균 3시간",
        "SC제일 917-81-959996",
        "서문시장, 동방신도시, 사공이 많다",
        "주민 개인에게 보내지 않습니다",
        "성명,금액\n합계 맞는지 봐줘요",
        "며느리한테 물어볼게요, 사위는 병원에 있어요",
        "업종코드 77701, 필요경비 32,649,000원",
    ],
)
def test_word_that_only_looks_like_a_name_stays(text: str) -> None:
    assert names(text) == []
