"""Who is measured: our detector, and with `--rivals` Presidio's own recognizers and ko-pii.

Rivals stand in requirements/bench.lock only. Both get their best case: Presidio its Korean
recognizers without a score threshold and with tokens for its context words (no Korean spaCy model
can be had from the package index, so it finds no names); ko-pii all of its detectors.
"""

import importlib
from collections.abc import Sequence
from importlib.metadata import version
from typing import NamedTuple

import spacy
import tldextract
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import SpacyNlpEngine
from presidio_analyzer.predefined_recognizers import (
    CreditCardRecognizer,
    EmailRecognizer,
    IpRecognizer,
    KrBrnRecognizer,
    KrDriverLicenseRecognizer,
    KrFrnRecognizer,
    KrPassportRecognizer,
    KrRrnRecognizer,
    MacAddressRecognizer,
    PhoneRecognizer,
)

from bench.detection.score import Find
from redaction.entity import Span
from redaction.presidio import Analyzer
from redaction.vocabulary import Vocabulary


class System(NamedTuple):
    """A detector with its name and version."""

    name: str
    version: str
    find: Find


def ours(packs: Sequence[str]) -> System:
    """This repository's detector, as the gateway's detector processes run it."""
    analyzer = Analyzer(packs, Vocabulary())
    return System("Gwanmun", analyzer.version, analyzer.spans)


class _BlankEngine(SpacyNlpEngine):
    """spaCy's tokens without a model, so that Presidio's context words work."""

    def __init__(self) -> None:
        super().__init__(models=[{"lang_code": "ko", "model_name": "blank"}])
        self.nlp = {"ko": spacy.blank("xx")}  # type: ignore[assignment]

    def is_loaded(self) -> bool:
        return True


class _OfflineEmail(EmailRecognizer):
    """Presidio's own, with the list of top-level domains that tldextract carries: no network."""

    def __init__(self) -> None:
        super().__init__(supported_language="ko")
        self._extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)

    def validate_result(self, pattern_text: str) -> bool:
        """Whether the address ends in a domain that exists."""
        return self._extract(pattern_text).fqdn != ""


def presidio() -> System:
    """Presidio's own recognizers for Korea, and its general ones for what Korea has no own."""
    korean = [
        KrRrnRecognizer(),
        KrFrnRecognizer(),
        KrPassportRecognizer(),
        KrDriverLicenseRecognizer(),
        KrBrnRecognizer(),
    ]
    general = [
        CreditCardRecognizer(supported_language="ko"),
        _OfflineEmail(),
        IpRecognizer(supported_language="ko"),
        MacAddressRecognizer(supported_language="ko"),
        PhoneRecognizer(supported_language="ko", supported_regions=("KR",)),
    ]
    engine = AnalyzerEngine(
        registry=RecognizerRegistry([*korean, *general], supported_languages=["ko"]),
        nlp_engine=_BlankEngine(),
        supported_languages=["ko"],
    )

    def find(text: str) -> Sequence[Span]:
        return [
            Span(result.start, result.end, result.entity_type, float(result.score))
            for result in engine.analyze(text, language="ko")
        ]

    return System("Presidio", version("presidio-analyzer"), find)


_KO_PII = {
    "RRN": "KR_RRN",
    "FRN": "KR_FRN",
    "BUSINESS_REG": "KR_BRN",
    "CORP_REG": "KR_CRN",
    "DRIVER_LICENSE": "KR_DRIVER_LICENSE",
    "CARD": "CREDIT_CARD",
    "MEDICAL_INSURANCE": "KR_HEALTH_INSURANCE",
    "FAX": "PHONE_NUMBER",
    "ACCOUNT": "KR_BANK_ACCOUNT",
    "EMPLOYEE_ID": "KR_MEMBER_NUMBER",
    "PASSPORT": "KR_PASSPORT",
    "PHONE": "PHONE_NUMBER",
    "EMAIL": "EMAIL_ADDRESS",
    "IP": "IP_ADDRESS",
    "VEHICLE": "KR_VEHICLE_PLATE",
    "PERSON": "PERSON",
    "ADDRESS": "KR_ADDRESS",
    "DT_BIRTH": "KR_BIRTH_DATE",
}


def ko_pii() -> System:
    """ko-pii's detectors for the kinds scored here; its others would only count against it.

    Raises:
        ModuleNotFoundError: requirements/bench.lock is not installed.
    """
    detect_all = importlib.import_module("ko_pii.detect").detect_all

    def find(text: str) -> Sequence[Span]:
        return [
            Span(found.start, found.end, _KO_PII[found.label], 1.0)
            for found in detect_all(text, include=tuple(_KO_PII))
        ]

    return System("ko-pii", version("ko-pii"), find)
