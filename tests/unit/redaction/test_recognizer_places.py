"""Addresses and birth dates, beside places, offices and other days.

`{{KR_ADDRESS|…}}` marks what is to be found; everything else in a text is to stay. All made up.
"""

import pytest
from marked import found, marked

from redaction.recognizers.kr.pack import KR, KR_OFFICES
from redaction.recognizers.packs import find

ADDRESSES = [
    "{{KR_ADDRESS|서울시 관악구 신림로 23길 16 (신림동) 일성트루엘 5층 502호}}",
    "댁 주소가 {{KR_ADDRESS|인천시 연수구 송도동 23-4, 더샵 105동 1502호}} 맞으신가요",
    "처리 {{KR_ADDRESS|서울시 강남구 역삼동 12-3}}",
    "사는 곳은 {{KR_ADDRESS|부천시 원미구 상동 540-1}}이에요",
    "{{KR_ADDRESS|서울 관악구 난곡로 63가길 11, 반지하 2호}}",
    "{{KR_ADDRESS|경기도 성남시 분당구 판교역로 235 에이치스퀘어 N동 7층}} / 수취인",
    "{{KR_ADDRESS|마포구 성미산로 11길 7, 2층}}에 사는 박씨",
    "이사 가는 주소: {{KR_ADDRESS|세종시 나성로 96, 1203동 501호}}",
    "{{KR_ADDRESS|경기 용인시 수지구 풍덕천로 100 (풍덕천동, 삼성아파트) 101-1203}}",
    "{{KR_ADDRESS|부산시 해운대구 우동 1408번지 트럼프월드마린 A동 1203호}}",
    "{{KR_ADDRESS|강원 평창군 대관령면 횡계리 산12-3}}",
    "Address: {{KR_ADDRESS|123, Teheran-ro, Gangnam-gu, Seoul}}",
    "주소: {{KR_ADDRESS|서울특별시 종로구 세종대로 209}}",
    "{{KR_ADDRESS|서울 강남구 역삼동 123-45번지}}에 거주",
    "{{KR_ADDRESS|경기도 성남시 분당구 정자일로 95}}에 산다",
    "{{KR_ADDRESS|부산광역시 해운대구 센텀중앙로 97, 101동 1203호}} (우편번호 48058)",
    "{{KR_ADDRESS|대전광역시 서구 둔산로 100 (둔산동)}}입니다",
    "{{KR_ADDRESS|서울시 마포구 월드컵북로 396 (상암동, 누리꿈스퀘어)}}",
    "{{KR_ADDRESS|충북 청주시 흥덕구 오송읍 오송생명로 123-4}}",
    "{{KR_ADDRESS|전남 순천시 서면 압곡길 16}}로 보내",
    "{{KR_ADDRESS|강원특별자치도 춘천시 중앙로 1 2층}}",
    "{{KR_ADDRESS|제주특별자치도 제주시 첨단로 242}}",
    "주소 : {{KR_ADDRESS|중앙로 12길 5, 301호}}",
    "거주지 {{KR_ADDRESS|을지로3가 12-1}}",
    "{{KR_ADDRESS|서울 중구 을지로3가 12-1}}",
    "{{KR_ADDRESS|래미안아파트 101동 1203호}}에 사는",
    "{{KR_ADDRESS|수원시 영통구 매탄동 삼성래미안아파트 101동 1203호}}",
    "{{KR_ADDRESS|경상북도 안동시 풍천면 하회리 749-1번지}}",
    "{{KR_ADDRESS|세종특별자치시 한누리대로 2130}}",
    "{{KR_ADDRESS|서울특별시 관악구 봉천로 12가길 3}}",
    "{{KR_ADDRESS|인천 남동구 구월동 산 12-3}}",
    "{{KR_ADDRESS|광주광역시 광산구 첨단중앙로182번길 39-1, 203호}}",
    "(주소: {{KR_ADDRESS|경기 고양시 일산동구 중앙로 1275번길 38-10, 201호}})",
    "{{KR_ADDRESS|서울 노원구 상계로 70, 105동 702호(상계동)}}",
    "배송지는{{KR_ADDRESS|서울시 은평구 진관동 12-3}}이며",
    '"address": "{{KR_ADDRESS|서울특별시 서초구 반포대로 58}}"',
    "우 06236 {{KR_ADDRESS|서울 강남구 테헤란로 152, 강남파이낸스센터 12층}}",
    "{{KR_ADDRESS|서울강남구테헤란로 123}}",
    "{{KR_ADDRESS|전북 전주시 완산구 효자동3가 1234-5}}",
    "{{KR_ADDRESS|경기도 화성시 봉담읍 와우리 35번지}}",
    "{{KR_ADDRESS|경기도\n성남시 분당구 정자일로 95}}",
    "소유의 {{KR_ADDRESS|서울 강남구 역삼동 123-4}} 부동산에 대해",
    "주거지 {{KR_ADDRESS|대학로 285}}, 휴대전화",
]

# What is behind the number, in forms that have no unit of their own.
ADDRESSES += [
    "송달장소: {{KR_ADDRESS|같은 시 흥덕구 가로수로 1264, 205동 1203호}}",
    "저희 윗집 {{KR_ADDRESS|1804호}} 층간소음이 심해요",
    "저는 {{KR_ADDRESS|102동 1604호}}에 살아요",
    "주소 {{KR_ADDRESS|서울 관악 신림 123-4 2층}}",
    "{{KR_ADDRESS|인천 남동구 구월동 1138 롯데캐슬골드 201-3301}}",
    "{{KR_ADDRESS|대구광역시 수성구 달구벌대로 2503 (범어동, 화성파크드림) 105/1802}}",
    "{{KR_ADDRESS|울산광역시 남구 삼산로 274, 오피스텔 1510}}",
    "{{KR_ADDRESS|서울 송파구 올림픽로 300 롯데월드타워 시그니엘 레지던스 5501호}}",
    "주소: {{KR_ADDRESS|광주 북구 용봉로 77 전남대학교 생활관 8동 302호}}",
]

# Where a line ends within, and units in the words of everyday.
ADDRESSES += [
    "거주지: {{KR_ADDRESS|강원 춘천시 석사동\n한빛아파트 203동 1104호}}",
    "{{KR_ADDRESS|대구광역시 수성구 달구벌대로 2450\n(범어동, 한빛타워) 1504호}}",
    "{{KR_ADDRESS|수원시 팔달구 인계동 한빛 2차 아파트 12동 305호}}로 이사",
    "집이 {{KR_ADDRESS|상계주공 7단지 712동 1304호}}예요",
    "{{KR_ADDRESS|서울 노원구 상계동 상계주공아파트 712-1304}}",
    "{{KR_ADDRESS|강남 역삼동 735-10 오피스텔 1502호}}",
    "{{KR_ADDRESS|수원 권선 세류동 1125-3}}",
    "{{KR_ADDRESS|동작구 상도1동 23-45 지층}}",
    "{{KR_ADDRESS|서울 관악구 신림동 1433-120 302호(반지하)}}",
    "{{KR_ADDRESS|경기도 성남시 분당구 판교역로 235(에이치스퀘어 N동) 7층}}",
]

NO_ADDRESSES = [
    "강남 삼성동 2호기, 마포 상암동 3호점",
    "강남 역삼동 3곳에 설치, 유성 노은동 2개 구역",
    "사상 활동 3건, 동작 행동 3가지",
    "석사동\n회의실 203호",
    "주공아파트 712-1304",
    "중앙로 100m(지하), 대로 12개소(3층)",
    "서울 관악 신림 12명이 참가",
    "평택경찰서 강력3팀(031-8053-0179) 또는 여성청소년계(031-8053-0123)",
    "서울 서초구 내곡동 52사단 예비군",
    "서울 구로구 구로 3동 상가",
    "서울 송파구 올림픽로 일대",
    "Gangnam-daero 12 km, Teheran-ro",
    "서울시 강남구 전체 인구",
    "종로3가 역에서 내려",
    "세종대로 일대 교통 통제",
    "민원실로 3명이 방문",
    "앞으로 3년간 매년 2회",
    "새로 5개 기관이 참여",
    "이동 30분 후 회의",
    "제2조에 따라 10일 이내로 3부를 제출",
    "강남구청(서울특별시 강남구 학동로 426)을 방문",
    "정부세종청사: 세종특별자치시 도움6로 11",
    "문의: 서울특별시청 서울특별시 중구 세종대로 110",
    "오늘 관리 3건 처리 12건 수리 4건",
    "제3동 2호기 점검",
    "국도 1호선, 지방도 23호",
    "회의실로 302호를 배정",
    "가능동 2차 회의",
    "세종대로 175 세종문화회관",
    "| 관세청 | 044-123-4567 |",
    "조달청 계약과 042-724-7114",
    '{"office":"강남구청","tel":"02-3423-5114"}',
    "우06090 서울특별시 강남구 학동로 426 / 전화번호 02-3423-5114 / 대국민공개",
]

BIRTHS = [
    "성명|생년월일|휴대전화\n김○○|{{KR_BIRTH_DATE|1985.04.12}}|{{PHONE_NUMBER|010-1234-5678}}",
    "비고|접수일|휴대전화\n김○○|2014.04.12|{{PHONE_NUMBER|010-1234-5678}}",
    "{{KR_BIRTH_DATE|1985. 04. 12}}生",
    "{{KR_BIRTH_DATE|900101}}-*******",
    "생년월일: {{KR_BIRTH_DATE|1985.03.02}}",
    "{{KR_BIRTH_DATE|850302}} (남)",
    "홍길동({{KR_BIRTH_DATE|1985.3.2}}.)에게",
    "김영희({{KR_BIRTH_DATE|850302}})씨",
    "{{KR_BIRTH_DATE|1985년 3월 2일}}생",
    "출생일 {{KR_BIRTH_DATE|19850302}}",
    "DOB: {{KR_BIRTH_DATE|1985-03-02}}",
    "{{KR_BIRTH_DATE|85.3.2}}.생",
    "남, {{KR_BIRTH_DATE|1985-03-02}}",
    "생년월일\n{{KR_BIRTH_DATE|1985/03/02}}",
    "이름,생년월일\n홍길동,{{KR_BIRTH_DATE|1985-03-02}}",
    "홍길동(남, {{KR_BIRTH_DATE|1946년 1월 3일}})",
    "이민수({{KR_BIRTH_DATE|030612}})",
    "이민수  {{KR_BIRTH_DATE|1968. 2. 27}}.  관계: 배우자",
    "주민번호 앞자리 {{KR_BIRTH_DATE|2013/10/26}} 맞으세요?",
    "{{KR_BIRTH_DATE|85년생}} 김지훈",
    "만 45세, {{KR_BIRTH_DATE|1981년 5월생}}",
    "우리 애 이름은 하랑이고요 {{KR_BIRTH_DATE|2019년생}}이에요",
    "곽도원 {{KR_BIRTH_DATE|581203}}",
    "주민등록번호 {{KR_RRN|850302-1}}",
    "환자 김건(남, {{KR_BIRTH_DATE|1958/03/18}}) 검체 접수",
    "부 {{KR_BIRTH_DATE|1955년 02월 11일}} {{KR_RRN|550211-1******}} 남",
]

NO_BIRTHS = [
    "출생아 수 23,000명 2013. 12. 31.",
    "2014. 3. 1 生産量",
    "주민번호 900101-",
    "생년월일 6자리(예: 900101)를 입력",
    "시행일 1985.3.2.",
    "90년생 이상 지원 가능, 2010년생 학생 수",
    "담당과 581203, 곽도원 213512",
    "1956년 02월 11일 {{KR_RRN|550211-1******}}",
    "2024. 5. 3. 공고",
    "접수일 2024-05-03",
    "회의는 2024년 5월 3일 개최",
    "1985년 3월 2일 생활체육대회",
    "준공(1985.3.2.)",
    "피상속인 구준철(2021.01.15 사망)",
    "연구사 진서연솔, 2023.07.02자로 총무과",
    "[2022-12-31 14:50:41] ERROR 주민번호 검증",
]


@pytest.mark.parametrize("text", ADDRESSES)
def test_address_is_found_from_its_broadest_unit_to_its_last(text):
    plain, expected = marked(text)
    assert found(plain) == expected


@pytest.mark.parametrize("text", NO_ADDRESSES)
def test_places_counts_and_offices_stay(text):
    plain, expected = marked(text)
    assert found(plain) == expected


@pytest.mark.parametrize("text", BIRTHS)
def test_birth_date_is_found_beside_what_makes_it_one(text):
    plain, expected = marked(text)
    assert found(plain) == expected


@pytest.mark.parametrize("text", NO_BIRTHS)
def test_other_days_stay(text):
    plain, expected = marked(text)
    assert found(plain) == expected


OFFICES = [
    ("강남구청 민원실 02-3423-5114", "02-3423-5114"),
    ("강남구청(서울특별시 강남구 학동로 426)을 방문", "서울특별시 강남구 학동로 426"),
    ('{"office":"강남구청","tel":"02-3423-5114"}', "02-3423-5114"),
    ("| 관세청 | 044-123-4567 |", "044-123-4567"),
]


@pytest.mark.parametrize(("text", "value"), OFFICES)
def test_what_offices_publish_stays_unless_their_pack_is_loaded(text, value):
    assert find(text, (KR,)) == ()
    assert [text[span.start : span.end] for span in find(text, (KR, KR_OFFICES))] == [value]


@pytest.mark.parametrize("text", ["홍길동 주무관(044-205-1234)", "강남구청 김철수 010-1234-5678"])
def test_a_person_between_office_and_telephone_makes_it_the_persons(text):
    assert "PHONE_NUMBER" in [entity for entity, _ in found(text)]


@pytest.mark.parametrize("recognizer", KR_OFFICES.recognizers, ids=lambda item: item.entity)
def test_canary_of_the_offices_pack_is_found(recognizer):
    text = recognizer.canary.text
    values = [text[span.start : span.end] for span in find(text, (KR_OFFICES,))]
    assert values == [recognizer.canary.value]
