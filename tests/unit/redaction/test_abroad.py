"""The packs `eu` and `us` in the analyzer: beside Korean words, and silent without evidence."""

import pytest

from redaction.presidio import Analyzer
from redaction.recognizers.packs import ABROAD
from redaction.vocabulary import Vocabulary


@pytest.fixture(scope="module")
def analyzer() -> Analyzer:
    return Analyzer(("kr", *ABROAD), Vocabulary())


def test_every_kind_has_a_canary_and_all_are_found(analyzer):
    assert analyzer.missed() == []
    entities = {canary.entity for canary in analyzer.canaries}
    assert {"IBAN_CODE", "ES_NIF", "US_SSN", "US_PASSPORT", "KR_RRN"} <= entities
    assert "eu-1+us-1" in analyzer.version


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("SSN 536-90-4399입니다", [("US_SSN", "536-90-4399")], id="particle"),
        pytest.param("번호536-90-4399를", [("US_SSN", "536-90-4399")], id="no-spaces"),
        pytest.param(
            "ssn: ５３６-９０-４３９９", [("US_SSN", "５３６-９０-４３９９")], id="full-width"
        ),
        pytest.param("ssn 000-12-3456", [], id="area-that-is-never-given"),
        pytest.param("미국 passport 345678901", [("US_PASSPORT", "345678901")], id="label"),
        pytest.param("제품 345678901을 주문", [], id="weak-form-without-a-label"),
        pytest.param("제품번호 H12234567", [], id="weak-form-beside-another-label"),
        pytest.param(
            "IBAN DE89370400440532013000로 송금",
            [("IBAN_CODE", "DE89370400440532013000")],
            id="iban",
        ),
        pytest.param("DE89370400440532013001로 송금", [], id="iban-with-a-wrong-checksum"),
        pytest.param("NIF 12345678Z", [("ES_NIF", "12345678Z")], id="nif"),
        pytest.param("NIF 12345678A", [], id="nif-with-a-wrong-letter"),
    ],
)
def test_kind_is_found_beside_korean_words_and_not_without_evidence(analyzer, text, expected):
    found = [
        (span.entity, text[span.start : span.end])
        for span in analyzer.spans(text)
        if span.rule.startswith("presidio.")
    ]
    assert found == expected


def test_packs_that_are_not_named_find_nothing():
    spans = Analyzer(("kr",), Vocabulary()).spans("SSN 536-90-4399, IBAN DE89370400440532013000")
    assert not {span.entity for span in spans} & {"US_SSN", "IBAN_CODE"}


def test_unknown_pack_is_refused():
    with pytest.raises(ValueError, match="fr"):
        Analyzer(("kr", "fr"), Vocabulary())
