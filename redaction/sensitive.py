"""민감정보 in a text (개인정보 보호법 제23조, 시행령 제18조): hints that raise the grade, no spans.

That somebody is ill, convicted or a member of a union is sensitive although no word of it says who.
A hint is a subject of the law's list beside a word for a person and, where the subject alone is
what offices write about every day, a word for what happened to that person. Nothing is covered and
nothing of the text is kept. Linear in the text's length.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from types import MappingProxyType


class Sensitive(StrEnum):
    """The subjects of 제23조 제1항 and 시행령 제18조."""

    BELIEF = "belief"  # 사상·신념
    MEMBERSHIP = "membership"  # 노동조합·정당의 가입·탈퇴
    POLITICS = "politics"  # 정치적 견해
    HEALTH = "health"  # 건강
    SEX_LIFE = "sex_life"  # 성생활
    GENETICS = "genetics"  # 유전정보
    RECORD = "criminal_record"  # 범죄경력
    BIOMETRICS = "biometrics"  # 생체인식 특징정보
    ORIGIN = "ethnic_origin"  # 인종이나 민족


_TOPICS = MappingProxyType(
    {
        Sensitive.BELIEF: (
            "개종|신앙생활|교회에 다니|성당에 다니|절에 다니|무슬림|여호와의 증인|양심적 병역거부"
        ),
        Sensitive.MEMBERSHIP: "노조|노동조합|조합원|당원|당적",
        Sensitive.POLITICS: "정치 성향|정치적 견해|지지 정당|지지하는 정당|시위에 참가|집회에 참가",
        Sensitive.HEALTH: (
            "우울증|조현병|공황장애|양극성|정신질환|정신과|당뇨|고혈압|백혈병|위암|폐암|간암"
            "|대장암|유방암|갑상선암"
            "|자궁|전립선|HIV|에이즈|매독|결핵|간염|치매|뇌전증|파킨슨|루게릭|희귀질환|지체장애"
            "|지적장애|자폐|ADHD|시각장애"
            "|청각장애|중증장애|알코올중독|알코올 의존|마약중독|약물중독|임신|유산|낙태|난임|불임"
            "|자살|자해|심근경색|뇌졸중"
            "|뇌경색|투석|이식|코로나|확진|혈압약|항암|병력"
        ),
        Sensitive.SEX_LIFE: "성생활|성적 지향|동성애|트랜스젠더|성전환|성폭력|성폭행|성추행",
        Sensitive.GENETICS: "유전자 검사|유전정보|DNA 검사|친자 확인|친자확인",
        Sensitive.RECORD: (
            "전과|범죄경력|범죄 경력|수감|출소|복역|집행유예|벌금형|실형|징역|전자발찌|보호관찰"
            "|기소유예"
        ),
        Sensitive.BIOMETRICS: "지문|홍채|정맥|얼굴인식|안면인식|안면 인식|음성인식 특징|생체정보",
        Sensitive.ORIGIN: "조선족|고려인|혼혈|인종|난민|탈북|북한이탈|흑인|백인",
    }
)
_HAPPENED = MappingProxyType(
    {
        Sensitive.MEMBERSHIP: "가입|탈퇴|활동|소속|명단",
        Sensitive.HEALTH: (
            "진단|앓|투병|치료|입원|퇴원|수술|복용|처방|판정|확진|양성|음성|증상|호소|시도|받았"
            "|받고|있습니다|중입니다|환자|등급"
        ),
        Sensitive.SEX_LIFE: "피해|당한|당했|밝히|커밍아웃|입니다|이라고",
        Sensitive.RECORD: (
            "있는|있습니다|있다|받은|받았|선고|중인|중이|한 자|[0-9]범|조회 결과|확인됨"
        ),
        Sensitive.BIOMETRICS: "등록한|등록된|채취|수집된|제출한|대조|일치",
        Sensitive.GENETICS: "결과|일치|받은|받았|의뢰",
        Sensitive.ORIGIN: "출신|이다|입니다|인 신청|가정|자녀|신분",
    }
)
_PERSON = re.compile(
    "(?<![가-힣])(?:저는|제가|저의|저희|나는|내가|본인|남편|아내|아들|딸|어머니|아버지|부친|모친"
    "|자녀|아이|아동|배우자|동생|형|언니"
    "|누나|오빠|민원인|신청인|환자|피의자|피고인|피해자|대상자|당사자|직원|학생|근로자|수급자"
    "|이웃|상사|동료|그는|그녀)"
    "|[가-힣](?:씨|님)(?![가-힣])|씨는|씨가|씨의|님은|님이"
)
# Notices and plans speak of everybody.
_GENERAL = re.compile(
    "예방|캠페인|교육 ?과정|안내문|통계|현황|정책|제도|법률|계획|사업|발급|구매|설치|연구|포럼"
    "|세미나|홍보|지원금|종합대책"
)
_SENTENCE = re.compile(r"[^.!?\n]{1,400}")


def _topics() -> re.Pattern[str]:
    groups = (f"(?P<{kind.name}>{words})" for kind, words in _TOPICS.items())
    return re.compile("|".join(groups))


_TOPIC = _topics()
_EVENT = MappingProxyType({kind: re.compile(words) for kind, words in _HAPPENED.items()})


def hints(texts: Iterable[str]) -> frozenset[Sensitive]:
    """The sensitive subjects that a text says of some person, as far as words can tell."""
    found: set[Sensitive] = set()
    for text in texts:
        if _TOPIC.search(text) is None:
            continue
        for sentence in _SENTENCE.findall(text):
            found |= _said(sentence)
    return frozenset(found)


def _said(sentence: str) -> set[Sensitive]:
    if _PERSON.search(sentence) is None or _GENERAL.search(sentence):
        return set()
    return {
        kind
        for match in _TOPIC.finditer(sentence)
        if (kind := Sensitive[match.lastgroup or ""])
        and (kind not in _EVENT or _EVENT[kind].search(sentence, match.start()))
    }
