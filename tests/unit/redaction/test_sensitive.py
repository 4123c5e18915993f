"""What a text says of somebody is sensitive; what it says of everybody is not."""

import pytest

from redaction.sensitive import Sensitive, hints


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("저는 우울증으로 정신과 치료를 받고 있습니다.", Sensitive.HEALTH),
        ("환자는 HIV 양성 판정을 받았다", Sensitive.HEALTH),
        ("아들이 자폐 진단을 받았습니다", Sensitive.HEALTH),
        ("피의자는 전과 2범이며 도주 우려가 있음", Sensitive.RECORD),
        ("노조에 가입한 직원 명단을 보내 주세요", Sensitive.MEMBERSHIP),
        ("민원인은 북한이탈 주민 자녀입니다", Sensitive.ORIGIN),
        ("본인은 양심적 병역거부자입니다", Sensitive.BELIEF),
        ("피해자는 성폭력 피해 사실을 진술했다", Sensitive.SEX_LIFE),
        ("아동의 유전자 검사 결과가 일치합니다", Sensitive.GENETICS),
        ("당사자의 지지 정당을 적었다", Sensitive.POLITICS),
        ("학생의 지문 대조 결과", Sensitive.BIOMETRICS),
    ],
)
def test_what_is_said_of_a_person_is_a_hint(text, subject):
    assert hints([text]) == frozenset({subject})


@pytest.mark.parametrize(
    "text",
    [
        "우울증 예방 캠페인을 안내합니다. 직원은 참여해 주세요.",
        "건강보험 제도 개편 방안",
        "노조와 단체교섭을 진행한다",
        "범죄경력회보서 발급 절차",
        "정당 등록 현황과 당원 통계",
        "지문인식기 구매 계획에 대한 직원 의견",
        "저는 오늘 회의에 참석합니다",
        "",
    ],
)
def test_what_is_said_of_everybody_is_none(text):
    assert hints([text]) == frozenset()


def test_subject_and_person_belong_to_one_sentence():
    assert hints(["당뇨 치료에 관한 논문입니다. 저는 발표자입니다."]) == frozenset()
