"""Text → spans for the kinds that are written in digits. All identifiers are made up."""

from itertools import pairwise

import pytest

from redaction.errors import TooManyFindings
from redaction.recognizers.kr.pack import KR
from redaction.recognizers.kr.words import LATIN, SUBJECTS, WORDS
from redaction.recognizers.packs import find
from redaction.recognizers.recognizer import Reading


def found(text: str) -> list[tuple[str, str]]:
    return [(span.entity, text[span.start : span.end]) for span in find(text, (KR,))]


@pytest.mark.parametrize(
    ("text", "entity", "value"),
    [
        ("주민등록번호는 900101-1234567입니다", "KR_RRN", "900101-1234567"),
        ("고객(900101-1234567)의", "KR_RRN", "900101-1234567"),
        ("주민번호 9001011234567로", "KR_RRN", "9001011234567"),
        ("900101 1234567 이 번호", "KR_RRN", "900101 1234567"),
        ("9 0 0 1 0 1 - 1 2 3 4 5 6 7", "KR_RRN", "9 0 0 1 0 1 - 1 2 3 4 5 6 7"),
        ("아동 201105-3123456의", "KR_RRN", "201105-3123456"),
        ("주민등록번호\n900101-1234567", "KR_RRN", "900101-1234567"),
        ("외국인등록번호 850505-5123456을", "KR_FRN", "850505-5123456"),
        ("문의 010-1234-5678로", "PHONE_NUMBER", "010-1234-5678"),
        ("01012345678로", "PHONE_NUMBER", "01012345678"),
        ("H.P 010.1234.5678", "PHONE_NUMBER", "010.1234.5678"),
        ("+82-10-1234-5678", "PHONE_NUMBER", "+82-10-1234-5678"),
        ("+82 (0)2-2100-1234", "PHONE_NUMBER", "+82 (0)2-2100-1234"),
        ("전화(02)2100-1234번", "PHONE_NUMBER", "(02)2100-1234"),
        ("(전화 044-205-1234)", "PHONE_NUMBER", "044-205-1234"),
        ("070-1234-5678", "PHONE_NUMBER", "070-1234-5678"),
        ("0504-1234-5678", "PHONE_NUMBER", "0504-1234-5678"),
        ("대표번호 1588-1234", "PHONE_NUMBER", "1588-1234"),
        ("메일은gildong.hong@korea.kr로", "EMAIL_ADDRESS", "gildong.hong@korea.kr"),
        ("mailto:a.b+c@sub.example.co.kr?x=1", "EMAIL_ADDRESS", "a.b+c@sub.example.co.kr"),
        ("hong (at) korea.kr", "EMAIL_ADDRESS", "hong (at) korea.kr"),
        ("hong골뱅이korea.kr", "EMAIL_ADDRESS", "hong골뱅이korea.kr"),
        ("사업자등록번호 220-81-62517", "KR_BRN", "220-81-62517"),
        ("사업자번호: 2208162517", "KR_BRN", "2208162517"),
        ("카드 4111-1111-1111-1111로", "CREDIT_CARD", "4111-1111-1111-1111"),
        ("4111111111111111", "CREDIT_CARD", "4111111111111111"),
        ("3782-822463-10005", "CREDIT_CARD", "3782-822463-10005"),
        ("여권번호 M12345678", "KR_PASSPORT", "M12345678"),
        ("여권 M123A4567을", "KR_PASSPORT", "M123A4567"),
        ("미국 여권번호는 530492817이다", "KR_PASSPORT", "530492817"),
        ("Passport No. 53049281", "KR_PASSPORT", "53049281"),
        (
            "jdbc:oracle:thin:scott/tiger@10.1.2.3:1521:XE",
            "SECRET",
            "jdbc:oracle:thin:scott/tiger@10.1.2.3:1521:XE",
        ),
        ("공일공 일이삼사 오육칠팔", "PHONE_NUMBER", "공일공 일이삼사 오육칠팔"),
        ("번호는 공일공-1234-5678이에요", "PHONE_NUMBER", "공일공-1234-5678"),
        (
            "영일공 다시 일이삼사 다시 오육칠팔이고",
            "PHONE_NUMBER",
            "영일공 다시 일이삼사 다시 오육칠팔",
        ),
        ("0 1 0 - 1 2 3 4 - 5 6 7 8", "PHONE_NUMBER", "0 1 0 - 1 2 3 4 - 5 6 7 8"),
        ("법인등록번호 131111-4565297", "KR_CRN", "131111-4565297"),
        ("운전면허 11-22-333333-44", "KR_DRIVER_LICENSE", "11-22-333333-44"),
        ("면허번호 서울 95-123456-12", "KR_DRIVER_LICENSE", "서울 95-123456-12"),
        ("국민은행 123456-01-234567로", "KR_BANK_ACCOUNT", "123456-01-234567"),
        ("신한 110-123-456789 홍", "KR_BANK_ACCOUNT", "110-123-456789"),
        ("계좌번호는 3333-01-1234567", "KR_BANK_ACCOUNT", "3333-01-1234567"),
        ("010-1234-5678) 국민은행 통장 사본", "PHONE_NUMBER", "010-1234-5678"),
        ("110-123-456789 이 번호가 제 계좌번호", "KR_BANK_ACCOUNT", "110-123-456789"),
    ],
)
def test_recognizer_finds(text, entity, value):
    assert found(text) == [(entity, value)]


RRN, PHONE, ACCOUNT, EMAIL = "KR_RRN", "PHONE_NUMBER", "KR_BANK_ACCOUNT", "EMAIL_ADDRESS"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "순번,주민등록번호,전화\n1,9001011234568,01012345678\n2,8505052345678,01023456789",
            [
                (RRN, "9001011234568"),
                (PHONE, "01012345678"),
                (RRN, "8505052345678"),
                (PHONE, "01023456789"),
            ],
            id="csv",
        ),
        pytest.param(
            "홍길동(640912-1)과", [("PERSON", "홍길동"), (RRN, "640912-1")], id="sex-digit-last"
        ),
        pytest.param("(탁보람, 640912-1)", [(RRN, "640912-1")], id="sex-digit-behind-comma"),
        pytest.param("문서번호(640912-1), 공고 제640912-1호", [], id="serial-number"),
        pytest.param("예: 000000-0******", [], id="resident-example"),
        pytest.param("[1,9001011234568,2]", [(RRN, "9001011234568")], id="json-row"),
        pytest.param(
            "INSERT INTO t VALUES(1,9001011234567,010-1234-5678,2)",
            [(RRN, "9001011234567"), (PHONE, "010-1234-5678")],
            id="sql",
        ),
        pytest.param("주민등록번호: 1,9001011234568", [(RRN, "9001011234568")], id="label-row"),
        pytest.param("전화\n1,02-2100-1234,0", [(PHONE, "02-2100-1234")], id="area-row"),
        pytest.param("전화 1,0221001234", [(PHONE, "0221001234")], id="area-run-row"),
        pytest.param("1,4111111111111111,2", [("CREDIT_CARD", "4111111111111111")], id="card-row"),
        pytest.param("1,국민은행,3,110234567890", [(ACCOUNT, "110234567890")], id="account-row"),
        pytest.param(
            "국민은행,1,110-234-567890", [(ACCOUNT, "110-234-567890")], id="account-groups-row"
        ),
        pytest.param(
            "면허 1,112233333344", [("KR_DRIVER_LICENSE", "112233333344")], id="licence-row"
        ),
        pytest.param("사업자번호 1,2208162517", [("KR_BRN", "2208162517")], id="business-row"),
        pytest.param("1.010-1234-5678", [(PHONE, "010-1234-5678")], id="item-phone"),
        pytest.param("연번 12.01012345678", [(PHONE, "01012345678")], id="item-phone-run"),
        pytest.param("1.9001011234567", [(RRN, "9001011234567")], id="item-resident"),
        pytest.param("값 0.9001011234567", [], id="fraction"),
        pytest.param("버전 1.2.3.01012345678", [], id="version"),
        pytest.param("신분증_9001011234568.pdf", [(RRN, "9001011234568")], id="file-name"),
        pytest.param("f_9001011234567_1", [(RRN, "9001011234567")], id="underscores"),
        pytest.param("kim_01012345678", [(PHONE, "01012345678")], id="underscore-phone"),
        pytest.param("국민은행_110234567890", [(ACCOUNT, "110234567890")], id="underscore-bank"),
        pytest.param("900101\t1234567", [(RRN, "900101\t1234567")], id="columns"),
        pytest.param("900101-\n1234567", [(RRN, "900101-\n1234567")], id="broken-line"),
        pytest.param("900101\r\n-1234567", [(RRN, "900101\r\n-1234567")], id="broken-crlf"),
        pytest.param('["900101","1234568"]', [(RRN, '900101","1234568')], id="members-check-digit"),
        pytest.param("날짜,금액 240305,2345670", [], id="members-without-evidence"),
        pytest.param("010\t1234\t5678", [(PHONE, "010\t1234\t5678")], id="phone-columns"),
        pytest.param("010-1234-\n5678", [(PHONE, "010-1234-\n5678")], id="phone-broken-line"),
        pytest.param("010-1234-5678-3", [(PHONE, "010-1234-5678")], id="extension"),
        pytest.param(
            "4111-1111-1111-1111-3", [("CREDIT_CARD", "4111-1111-1111-1111")], id="card-suffix"
        ),
    ],
)
def test_recognizer_reads_numbers_in_tables_lists_and_names(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("국민은행 {0} 50000원 입금", [(ACCOUNT, 0)], id="amount"),
        pytest.param("신한은행 {0} 20240305 입금", [(ACCOUNT, 0)], id="date"),
        pytest.param("국민은행 {0} 900101-1234567", [(ACCOUNT, 0), (RRN, 3)], id="resident"),
        pytest.param("국민은행 50000 {0}", [(ACCOUNT, 0)], id="amount-before"),
        pytest.param("국민은행 110 234 567890 50000원", [(ACCOUNT, 4)], id="spaces"),
        pytest.param("국민은행 110-234 567890", [(ACCOUNT, 5)], id="mixed"),
        pytest.param(
            "계좌: {0} {1} {2}", [(ACCOUNT, 0), (ACCOUNT, 1), (ACCOUNT, 2)], id="list-spaces"
        ),
        pytest.param(
            "계좌번호\n{0}\n{1}\n{2}", [(ACCOUNT, 0), (ACCOUNT, 1), (ACCOUNT, 2)], id="list-lines"
        ),
        pytest.param("국민은행 {0}, 전화 010-1234-5678", [(ACCOUNT, 0), (PHONE, 6)], id="phone"),
    ],
)
def test_account_beside_other_numbers_is_found(text, expected):
    values = (
        "110-234-567890",
        "110-234-567891",
        "110-234-567892",
        "900101-1234567",
        "110 234 567890",
        "110-234 567890",
        "010-1234-5678",
    )
    assert found(text.format(*values)) == [(entity, values[which]) for entity, which in expected]


@pytest.mark.parametrize(
    "before",
    ["접수번호 2024-1 김철수 ", "문서번호 민원-12 (신청인 ", "관리번호: ", "사건번호 2024가1 "],
)
def test_no_office_number_before_it_denies_a_separated_resident_number(before):
    assert (RRN, "900101-1234567") in found(f"{before}900101-1234567")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("홍길동@mail.kr", ["홍길동@mail.kr"], id="hangul-local"),
        pytest.param("hong@메일.kr로", ["hong@메일.kr"], id="hangul-domain"),
        pytest.param("hong@a.kr입니다.OK", ["hong@a.kr"], id="particle-is-no-domain"),
        pytest.param("hong=gildong@a.kr", ["hong=gildong@a.kr"], id="equals"),
        pytest.param("hong?gildong@a.kr", ["hong?gildong@a.kr"], id="question-mark"),
        pytest.param("hong&gildong@a.kr", ["hong&gildong@a.kr"], id="ampersand"),
        pytest.param("https://b.kr/?email=hong@a.kr", ["hong@a.kr"], id="query"),
        pytest.param("name=x&to=hong@a.kr", ["hong@a.kr"], id="form"),
        pytest.param("email=hong@a.kr", ["hong@a.kr"], id="member"),
        pytest.param("kj@a.kr*****lee@b.example", ["kj@a.kr", "lee@b.example"], id="glued"),
        pytest.param("kj@a.kr.lee@b.example", ["kj", "a.kr.lee@b.example"], id="ambiguous"),
    ],
)
def test_address_is_found_whole(text, expected):
    assert [value for _, value in found(text)] == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("900101-1234567lee@b.example", id="address"),
        pytest.param("국민은행 900101-1234567", id="account"),
    ],
)
def test_resident_number_loses_to_no_kind_with_less_at_stake(text):
    assert found(text)[0] == (RRN, "900101-1234567")


@pytest.mark.parametrize(
    "text",
    [
        "문서번호 행정-2024-1234 (2024. 5. 3.)",
        "예산 1,234,567,890원을 2024년에 집행",
        "바코드 8801234567890",
        "버전 1.2.3-4567, 빌드 20240503",
        "시행일 2024-05-03 10:30:00",
        "900132-1234567",  # no such day
        "임진왜란(1592-1598)과 1600-1604년",
        "원주율 3.14159265358979",
        "sha256 0123456789abcdef0123456789abcdef",
        "id 550e8400-e29b-41d4-a716-446655440000",
        "위도 37.5665, 경도 126.9780",
        "접수번호 1AA-2405-0012345",
        "제2024-123456호",
        "@누구나 그리고 user@localhost",
        "이사 오이 구이 일이삼사오 공지사항",
        "강남구청 민원실 02-3423-5114",
        "복지정책과(044-202-3014)",
        "행정안전부 정보공개과 전화: 044-205-1234",
        "110-123-456789",  # an account only where something says so
        "1234567890123",
    ],
)
def test_recognizer_leaves_numbers_of_offices_alone(text):
    assert found(text) == []


def test_check_digit_is_evidence_and_no_gate():
    right, wrong = "900101-1234568", "900101-1234567"
    scores = [find(text, (KR,))[0].score for text in (right, wrong)]
    assert scores[0] > scores[1] >= 0.5


def test_nearest_label_decides():
    text = "법인등록번호 131111-4565297, 주민등록번호 131111-4565297"
    assert found(text) == [("KR_CRN", "131111-4565297"), ("KR_RRN", "131111-4565297")]


def test_number_once_known_is_covered_in_every_grouping():
    text = (
        "계좌번호 110-123-456789 입니다." + " 안내드립니다." * 20 + " 110123456789, 110 123 456789"
    )
    assert [value for _, value in found(text)] == [
        "110-123-456789",
        "110123456789",
        "110 123 456789",
    ]


@pytest.mark.parametrize("recognizer", KR.recognizers, ids=lambda r: r.entity)
def test_canary_is_found(recognizer):
    canary = recognizer.canary
    assert (canary.entity, canary.value) in found(canary.text)


HOSTILE = {
    "digits": "0123456789" * 20_000,
    "ones": "1" * 200_000,
    "dashes": "-" * 200_000,
    "digits-and-dashes": "1-" * 100_000,
    "digits-and-spaces": "01 " * 66_000,
    "far-digits": "1      " * 28_000,
    "ats": "@" * 200_000,
    "a": "a" * 200_000,
    "a-at": "a@" * 100_000,
    "domains": "a@" + "b." * 100_000,
    "syllables": "김" * 200_000,
    "names": "성명: 김철수, " * 20_000,
    "many-names": "".join(f"성명: 김{chr(0xAC00 + i)}{chr(0xAC00 + i)}\n" for i in range(10_000)),
    "labels": "민원인 " * 50_000,
    "list": "참석자: " + "김철수, " * 40_000,
    "brackets": "(" * 200_000,
    "backslashes": "\\" * 200_000,
    "escapes": "\\u0030" * 33_000,
    "percent": "%30" * 66_000,
    "ampersands": "&" * 200_000,
    "entities": "&#48;" * 40_000,
    "base64": "QUJD" * 50_000,
    "jamo": "\u1100\u1161" * 100_000,
    "zero-width": "0\u200b" * 100_000,
    "phones": "010-1234-5678 " * 14_000,
    "accounts": "계좌 110-123-456789 " * 10_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_of_200_000_characters_is_read_to_its_end(name):
    try:
        spans = find(HOSTILE[name], (KR,))
    except TooManyFindings:
        assert name in ("names", "list")
        return
    assert all(a.end <= b.start for a, b in pairwise(spans))


@pytest.mark.parametrize("subject", sorted({*SUBJECTS, *LATIN}))
def test_a_subject_is_mentioned_by_each_of_its_words_and_by_no_other_subjects(subject):
    for listed in (*SUBJECTS.values(), *LATIN.values()):
        for word in listed.split("|"):
            for written in (word, word.replace(" ", ""), word.upper()):
                text = f"( {written} 12"
                stands = any(subject in subjects for subjects in WORDS.read(text).subjects)
                assert WORDS.names(Reading(text), subject) is stands, text
