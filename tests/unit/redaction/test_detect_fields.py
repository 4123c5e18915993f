"""The step over fields: borders between them, covers across them, order and offsets."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import cast

import pytest
import pytest_asyncio

from redaction.detect import detect
from redaction.entity import COVER_RULE, Field, Findings, Origin, Span
from redaction.errors import TooManyFindings
from redaction.pool import Detector, DetectorOptions
from redaction.recognizers.kr.pack import KR
from redaction.recognizers.packs import find

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def detector() -> AsyncIterator[Detector]:
    async with Detector(DetectorOptions(deadline_seconds=20.0)) as running:
        yield running


def joined(*texts: str) -> list[Field]:
    return [Field(text, Origin.USER, joins_previous=bool(i)) for i, text in enumerate(texts)]


def apart(*texts: str) -> list[Field]:
    return [Field(text, Origin.USER) for text in texts]


def found(fields: list[Field], findings: Findings) -> list[list[tuple[str, str]]]:
    return [
        [(span.entity, field.text[span.start : span.end]) for span in spans]
        for field, spans in zip(fields, findings.spans, strict=True)
    ]


async def test_detect_answers_each_field_and_names_the_version(detector):
    fields = apart("김철수 과장", "", "010-1234-5678")
    findings = await detect(fields, detector)
    assert found(fields, findings) == [
        [("PERSON", "김철수")],
        [],
        [("PHONE_NUMBER", "010-1234-5678")],
    ]
    assert findings.version == detector.version
    assert findings.counts() == {"PERSON": 1, "PHONE_NUMBER": 1}


async def test_detect_without_fields_finds_nothing(detector):
    assert (await detect([], detector)).spans == ()


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        pytest.param(
            ("연락처 010-12", "34-5678로"),
            [[("PHONE_NUMBER", "010-12")], [("PHONE_NUMBER", "34-5678")]],
            id="within-a-value",
        ),
        pytest.param(
            ("900101", "-", "1234567"),
            [[("KR_RRN", "900101")], [("KR_RRN", "-")], [("KR_RRN", "1234567")]],
            id="three-fields",
        ),
        pytest.param(("성명: ", "김철수"), [[], [("PERSON", "김철수")]], id="label-before"),
        pytest.param(
            ("계좌번호", "110-123-456789"),
            [[], [("KR_BANK_ACCOUNT", "110-123-456789")]],
            id="label-on-its-own",
        ),
        pytest.param(("010-12", "", "34-5678"), None, id="empty-between"),
        pytest.param((*"01012345678",), None, id="one-character-each"),
    ],
)
async def test_detect_reads_joined_fields_as_one_text(texts, expected, detector):
    fields = joined(*texts)
    result = found(fields, await detect(fields, detector))
    if expected is None:
        covered = "".join(value for spans in result for _, value in spans)
        assert covered == "".join(texts)
    else:
        assert result == expected


async def test_detect_does_not_join_what_the_model_reads_apart(detector):
    fields = apart("010-12", "34-5678")
    assert found(fields, await detect(fields, detector)) == [[], []]


async def test_detect_never_makes_a_value_by_cutting_a_window(detector):
    long = "9" * 150 + "010-1234-5678"
    fields = joined(long, "끝")
    assert found(fields, await detect(fields, detector)) == [[], []]


async def test_detect_covers_values_in_every_field_whichever_revealed_them(detector):
    fields = apart(
        "김철수가 110123456789로 보냈다",
        "계좌번호 110-123-456789",
        "신청인: 김철수",
        "%EA%B9%80%EC%B2%A0%EC%88%98",
    )
    findings = await detect(fields, detector)
    assert found(fields, findings) == [
        [("PERSON", "김철수"), ("KR_BANK_ACCOUNT", "110123456789")],
        [("KR_BANK_ACCOUNT", "110-123-456789")],
        [("PERSON", "김철수")],
        [("PERSON", "%EA%B9%80%EC%B2%A0%EC%88%98")],
    ]
    rules = [[span.rule == COVER_RULE for span in spans] for spans in findings.spans]
    assert rules == [[False, True], [False], [False], [False]]


async def test_detect_keeps_what_earlier_fields_revealed_as_a_conversation_grows(detector):
    turns = [
        Field("담당자: 홍길동, 02-2100-1234", Origin.SYSTEM),
        Field("김철수가 왔다", Origin.USER, joins_previous=True),
        Field("네, 홍길동에게 전합니다.", Origin.ASSISTANT, joins_previous=True),
        Field("민원인 김철수(010-1234-5678)", Origin.USER, joins_previous=True),
    ]
    before: list[set[tuple[int, int, str, str]]] = []
    for length in range(1, len(turns) + 1):
        findings = await detect(turns[:length], detector)
        own = [
            {(s.start, s.end, s.entity, s.rule) for s in spans if s.rule != COVER_RULE}
            for spans in findings.spans
        ]
        assert own[: len(before)] == before
        before = own


async def test_detect_reads_a_value_of_json_behind_the_name_that_it_stands_under(detector):
    fields = [
        Field("성명", Origin.TOOL),
        Field("김철수", Origin.TOOL, label="성명"),
        Field("110-123-456789", Origin.TOOL, label="계좌번호"),
        Field("김철수", Origin.TOOL, label="상품"),
        Field("고급 물티슈", Origin.TOOL, label="상품"),
    ]
    found = await detect(fields, detector)
    kinds = [[(span.start, span.end, span.entity) for span in spans] for spans in found.spans]
    assert kinds == [
        [],
        [(0, 3, "PERSON")],
        [(0, 14, "KR_BANK_ACCOUNT")],
        [(0, 3, "PERSON")],
        [],
    ]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        pytest.param(
            ("번호 900101-1234567", "lee@b.example 입니다"),
            [[("KR_RRN", "900101-1234567")], [("EMAIL_ADDRESS", "lee@b.example")]],
            id="resident-number-before-an-address",
        ),
        pytest.param(
            ("제 메일은 kj@a.kr-----", "lee@b.example"),
            [[("EMAIL_ADDRESS", "kj@a.kr")], [("EMAIL_ADDRESS", "lee@b.example")]],
            id="address-before-an-address",
        ),
    ],
)
async def test_detect_keeps_what_a_field_says_by_itself(texts, expected, detector):
    fields = joined(*texts)
    assert found(fields, await detect(fields, detector)) == expected


async def test_detect_counts_the_findings_of_all_fields_together(detector):
    addresses = [" ".join(f"a{i}@b{k}.kr" for i in range(7_000)) for k in range(3)]
    assert len((await detect(apart(*addresses[:2]), detector)).spans[1]) == 7_000
    with pytest.raises(TooManyFindings):
        await detect(apart(*addresses), detector)


class AtOnce:
    """Answers without a process and without ever waiting."""

    version = "kr"

    async def spans(self, texts: Sequence[str]) -> list[tuple[Span, ...]]:
        return [find(text, (KR,)) for text in texts]


@pytest.mark.parametrize(
    ("repeated", "turns"), [(8_000, True), (10, False)], ids=["much", "little"]
)
async def test_detect_lets_the_event_loop_turn_while_it_settles_much_text(repeated, turns):
    turned = 0

    async def turn() -> None:
        nonlocal turned
        while True:
            await asyncio.sleep(0)
            turned += 1

    turning = asyncio.create_task(turn())
    text = "성명: 김철수\n" + "안내 김철수 010-1234-5678 " * repeated
    findings = await detect(apart(text), cast(Detector, AtOnce()))
    turning.cancel()
    assert len(findings.spans[0]) == 2 * repeated + 1
    assert (turned > 0) is turns
