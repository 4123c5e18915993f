"""The Korean words that pages use for closed sets of the domain, and how numbers and times read.

Every member of a set has its words here, and a tone: colour never carries a meaning alone.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple

from gateway.domain import Grade, Outcome, Role
from redaction.entity import ENTITIES
from redaction.mapping import LITERAL

# Korea has kept UTC+9 without daylight saving time since 1988; the zone needs no database.
KST = timezone(timedelta(hours=9), "KST")


class Words(NamedTuple):
    """What people read for one member of a set; `tone` names a style, `hint` explains it."""

    label: str
    tone: str = "neutral"
    hint: str = ""


GRADES: Mapping[Grade, Words] = {
    Grade.O: Words("공개", hint="공개해도 되는 자료"),
    Grade.S: Words("민감", hint="개인정보나 업무상 비밀이 있는 자료"),
    Grade.C: Words("기밀", hint="국가 안보나 비밀로 분류된 자료"),
}

ROLES: Mapping[Role, str] = {
    Role.STAFF: "담당자",
    Role.DEVELOPER: "개발자",
    Role.AGENCY_OFFICER: "보안담당자",
    Role.CPO: "개인정보 보호책임자",
    Role.AUDITOR: "감사자",
    Role.OPERATOR: "운영자",
}

OUTCOMES: Mapping[str, Words] = {
    Outcome.COMPLETE: Words("완료", "good", "답을 끝까지 전달했습니다."),
    Outcome.REFUSED: Words("거절", "warn", "규칙에 따라 처리하지 않았습니다."),
    Outcome.FAILED_BEFORE_FIRST_BYTE: Words(
        "응답 실패", "bad", "모델 서버가 답을 시작하지 못했습니다."
    ),
    Outcome.ENGINE_DIED: Words("답변 중 끊김", "bad", "답을 전달하던 중에 오류로 끊겼습니다."),
    Outcome.LEFT_BEFORE_FIRST_BYTE: Words(
        "답변 전 중단", "neutral", "답이 시작되기 전에 사용자가 중단했습니다."
    ),
    Outcome.LEFT: Words("사용자 중단", "neutral", "답을 받던 중에 사용자가 중단했습니다."),
    Outcome.STALLED: Words("수신 정체", "warn", "받는 쪽이 멈추어 연결을 끊었습니다."),
    Outcome.PREVIEWED: Words("미리보기", "neutral", "모델을 부르지 않고 전달될 글만 확인했습니다."),
    Outcome.SHUT_DOWN: Words("서버 종료", "warn", "서버가 종료되어 중단했습니다."),
    Outcome.LOST: Words("기록 유실", "bad", "서버가 멈추어 끝을 알 수 없습니다."),
    Outcome.INTERNAL_ERROR: Words("내부 오류", "bad", "서버 내부 오류로 끝났습니다."),
}

SURFACES: Mapping[str, str] = {
    "chat.app": "대화 화면",
    "web.page": "웹 화면",
    "openai.chat": "API",
    "http": "API",
}

ACTIONS: Mapping[str, str] = {
    "request.opened": "요청을 받음",
    "request.closed": "처리를 마침",
    "request.lost": "끝을 알 수 없음",
    "request.refused": "요청을 거절함",
}

IN_PROGRESS = Words("진행 중", "neutral", "아직 끝나지 않았습니다.")


def outcome_words(outcome: str) -> Words:
    """The words for an outcome's value; an empty one means that the request is still open."""
    if not outcome:
        return IN_PROGRESS
    return OUTCOMES.get(outcome, Words(outcome))


def grade_words(grade: Grade | str | None) -> str:
    """A grade as people read it, "S 민감"; a dash where there is none."""
    if grade is None or grade == "":
        return "–"
    known = Grade[grade] if isinstance(grade, str) else grade
    return f"{known.name} {GRADES[known].label}"


def entity_label(entity: str) -> str:
    """The Korean label of an entity name; a name that is not ours stays as it is."""
    if entity == LITERAL:
        return "본문에 있던 표시"
    known = ENTITIES.get(entity)
    return known.label if known else entity


def kst(moment: datetime) -> str:
    """A moment as 2026-03-02 14:05:09 in Korean standard time; a naive moment is taken as UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(KST).strftime("%Y-%m-%d %H:%M:%S")


def seconds(value: float | None) -> str:
    """A duration for reading: 0.42초, 12.3초, 3분 05초; a dash where there is none."""
    if value is None:
        return "–"
    if value < 10:
        return f"{value:.2f}초"
    if value < 60:
        return f"{value:.1f}초"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes}분 {rest:02d}초"
