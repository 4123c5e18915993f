"""Whatever fields follow, what was settled of those before stays: spans, withholding, numbers."""

import asyncio
from collections.abc import Sequence
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from redaction.detect import detect
from redaction.entity import COVER_RULE, Field, Findings, Origin, Span
from redaction.policy import Policy
from redaction.pool import Detector
from redaction.recognizers.kr.pack import KR
from redaction.recognizers.packs import find
from redaction.replace import replace


class InThisProcess:
    """Reads texts as the pool's children do, without a process."""

    version = "kr"

    async def spans(self, texts: Sequence[str]) -> list[tuple[Span, ...]]:
        return [find(text, (KR,)) for text in texts]


PIECES = st.sampled_from(
    [
        "900101-1234567",
        "900101-",
        "1234567",
        "010-1234-5678",
        "010-12",
        "34-5678",
        "kj@a.kr",
        "lee@b.example",
        "@",
        "a",
        "국민은행 ",
        "110-234-567890",
        "4111-1111-1111-",
        "1111",
        "성명: ",
        "김철수",
        "남궁",
        "별하 과장",
        "M12345678",
        "02-123-4567",
        "여권 ",
        "\u200b",
        " ",
        "-",
        "\n",
        ",",
        "1",
        "*",
    ]
)
FIELDS = st.lists(
    st.builds(
        lambda pieces, joins: Field("".join(pieces), Origin.USER, joins_previous=joins),
        st.lists(PIECES, max_size=5),
        st.sampled_from([True, True, True, False]),
    ),
    min_size=2,
    max_size=6,
)


def findings(fields: list[Field]) -> Findings:
    return asyncio.run(detect(fields, cast(Detector, InThisProcess())))


def own(spans: tuple[Span, ...]) -> list[Span]:
    return [span for span in spans if span.rule != COVER_RULE]


@settings(max_examples=150, deadline=None)
@given(FIELDS, st.data())
def test_spans_of_earlier_fields_stay_when_fields_are_appended(fields, data):
    length = data.draw(st.integers(1, len(fields) - 1))
    before, after = findings(fields[:length]).spans, findings(fields).spans
    for shorter, longer in zip(before, after, strict=False):
        earlier = own(shorter)
        assert own(longer)[: len(earlier)] == earlier


@settings(max_examples=150, deadline=None)
@given(FIELDS, st.data())
def test_numbers_of_what_earlier_fields_say_stay_when_fields_are_appended(fields, data):
    shorter = fields[: data.draw(st.integers(1, len(fields) - 1))]
    policy = Policy("test")
    told = findings(shorter)
    revealed = {
        field.text[span.start : span.end]
        for field, spans in zip(shorter, told.spans, strict=True)
        for span in own(spans)
    }
    before = replace(shorter, told, policy).mapping
    after = replace(fields, findings(fields), policy).mapping
    names = {value.name: value.original for value in after.values if value.name}
    for value in before.values:
        if value.name and value.original in revealed:
            assert names.get(value.name) == value.original
