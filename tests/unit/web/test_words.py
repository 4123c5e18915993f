"""Every member of a closed set has Korean words, and numbers and times read as people expect."""

import re
from datetime import UTC, datetime

import pytest

from gateway.domain import Grade, Outcome, Role
from gateway.web.words import (
    GRADES,
    OUTCOMES,
    ROLES,
    entity_label,
    grade_words,
    kst,
    outcome_words,
    seconds,
)
from redaction.entity import ENTITIES

TONES = {"good", "warn", "bad", "neutral"}


def test_every_outcome_grade_and_role_has_korean_words() -> None:
    assert set(OUTCOMES) == set(Outcome)
    assert set(GRADES) == set(Grade)
    assert set(ROLES) == set(Role)
    for words in (*OUTCOMES.values(), *GRADES.values()):
        assert re.search("[가-힣]", words.label)
        assert re.search("[가-힣]", words.hint)
    assert {words.tone for words in OUTCOMES.values()} <= TONES


def test_outcomes_differ_in_words_and_not_only_in_colour() -> None:
    labels = [words.label for words in OUTCOMES.values()]
    assert len(set(labels)) == len(labels)


def test_open_record_is_in_progress() -> None:
    assert outcome_words("").label == "진행 중"


def test_entities_have_their_labels() -> None:
    assert [entity_label(name) for name in ENTITIES] == [e.label for e in ENTITIES.values()]


@pytest.mark.parametrize(
    ("grade", "words"), [(Grade.S, "S 민감"), ("O", "O 공개"), ("", "–"), (None, "–")]
)
def test_grade_reads_as_letter_and_word(grade: Grade | str | None, words: str) -> None:
    assert grade_words(grade) == words


def test_time_reads_in_korean_standard_time() -> None:
    assert kst(datetime(2026, 3, 1, 15, 0, 5, tzinfo=UTC)) == "2026-03-02 00:00:05"


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "–"), (0.421, "0.42초"), (12.34, "12.3초"), (59.96, "60.0초"), (185.2, "3분 05초")],
)
def test_duration_reads_in_seconds_and_minutes(value: float | None, words: str) -> None:
    assert seconds(value) == words
