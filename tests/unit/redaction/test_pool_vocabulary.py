"""An agency's vocabulary on its way into the detector's processes, and what they do with it."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from redaction.errors import DetectionUnavailable
from redaction.pool import Detector, DetectorOptions
from redaction.vocabulary import Format, Vocabulary


def command_lines() -> list[bytes]:
    """Of every process that runs now."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            lines.append(path.read_bytes())
    return lines


VOCABULARY = Vocabulary(
    {"AGENCY_TERM": ("청해진사업",)},
    ("김철수", "900101-1234568"),
    (
        Format(
            "민원번호",
            "AGENCY_NUMBER",
            r"1AA-\d{4}-\d{6}",
            (),
            False,
            ("민원 1AA-2601-123456",),
            ("없음",),
        ),
    ),
)


@pytest.mark.asyncio
async def test_pool_reads_with_an_agencys_vocabulary_and_says_so_in_its_version():
    texts = ["청해진사업의 1AA-2601-123456", "신청인: 김철수", "주민등록번호 900101-1234568"]
    async with Detector(DetectorOptions(processes=1, vocabulary=VOCABULARY)) as detector:
        found = await detector.spans(texts)
        assert f"agency-{VOCABULARY.version}" in detector.version
        assert detector.ready
    assert [(span.entity, span.rule) for span in found[0]] == [
        ("AGENCY_TERM", "agency.term"),
        ("AGENCY_NUMBER", "agency.민원번호"),
    ]
    assert found[1] == ()
    assert [span.entity for span in found[2]] == ["KR_RRN"]


@pytest.mark.asyncio
async def test_vocabulary_is_in_no_command_line():
    async with Detector(DetectorOptions(processes=1, vocabulary=VOCABULARY)):
        lines = command_lines()
    assert any(b"redaction.presidio" in line for line in lines)
    assert not any("청해진사업".encode() in line for line in lines)


@pytest.mark.asyncio
async def test_pool_with_a_format_that_its_own_example_does_not_show_does_not_start():
    broken = Vocabulary(formats=(replace(VOCABULARY.formats[0], matches=("없음",)),))
    with pytest.raises(DetectionUnavailable):
        async with Detector(DetectorOptions(processes=1, vocabulary=broken)):
            pass


def test_vocabulary_survives_its_encoding_and_hides_its_words():
    assert Vocabulary.decode(VOCABULARY.encode()) == VOCABULARY
    assert "김철수" not in repr(VOCABULARY)
    with pytest.raises(ValueError, match="vocabulary"):
        Vocabulary.decode(b'{"always": 1}')
