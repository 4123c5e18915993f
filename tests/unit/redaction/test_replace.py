"""Replace: numbers, letters, literals, operators, origins; and what it refuses."""

import copy
import pickle

import pytest
from counting import events

from redaction.entity import COVER_RULE, FOLLOWED_RULE, Field, Findings, Origin, Span
from redaction.errors import ContentBlocked, RedactionIncomplete
from redaction.mapping import LITERAL, equal_form
from redaction.policy import Operator, Policy
from redaction.replace import Replaced, replace

POLICY = Policy("test")


def marked(text: str, origin: Origin = Origin.USER, joins: bool = False) -> tuple[Field, tuple]:
    """A field from `{PERSON:김철수}`; `~` marks a cover, `>` what only the next field told."""
    plain, spans = "", []
    while "{" in text:
        before, _, rest = text.partition("{")
        inside, _, text = rest.partition("}")
        sign = next(sign for sign in inside if sign in ":~>")
        entity, _, value = inside.partition(sign)
        rule = {":": "test", "~": COVER_RULE, ">": FOLLOWED_RULE}[sign]
        plain += before
        spans.append(Span(len(plain), len(plain) + len(value), entity, 0.9, rule))
        plain += value
    return Field(plain + text, origin, joins), tuple(spans)


def replaced(*drawn, policy: Policy = POLICY, **options) -> Replaced:
    drawn = [marked(item) if isinstance(item, str) else item for item in drawn]
    fields = [field for field, _ in drawn]
    return replace(fields, Findings(tuple(spans for _, spans in drawn), "test"), policy, **options)


def test_one_number_per_value_and_a_letter_per_further_spelling():
    texts, mapping = replaced(
        "{PERSON:김철수} {PHONE_NUMBER:010-1234-5678} {PERSON:이영희}",
        "{PERSON:김철수} {PHONE_NUMBER:01012345678} {PHONE_NUMBER:+82 10 1234 5678}",
        "{EMAIL_ADDRESS:kim@korea.kr} {EMAIL_ADDRESS:Kim@Korea.kr}",
    )
    assert texts == (
        "[성명_1] [전화번호_1] [성명_2]",
        "[성명_1] [전화번호_1b] [전화번호_1c]",
        "[이메일_1] [이메일_1b]",
    )
    assert dict(mapping.summary) == {"PERSON": 2, "PHONE_NUMBER": 1, "EMAIL_ADDRESS": 1}


@pytest.mark.parametrize(
    ("entity", "one", "other", "equal"),
    [
        ("PERSON", "김철수", "김 철수", True),
        ("PERSON", "김철수", "\u1100\u1175\u11b7철수", True),
        ("EMAIL_ADDRESS", "kim@korea.kr", "Kim @ Korea.kr", True),
        ("EMAIL_ADDRESS", "ki.m@korea.kr", "kim@korea.kr", False),
        ("PHONE_NUMBER", "010-1234-5678", "+82 (0)10 1234 5678", True),
        ("KR_RRN", "900101-1234567", "900101 1234567", True),
        ("KR_PASSPORT", "m12345678", "M12345678", True),
        ("an unstructured kind", "을지로 1-11", "을지로 11-1", False),
        ("an unstructured kind", "1.23.4.5", "12.3.4.5", False),
        ("an unstructured kind", "을지로 1-11", "을지로  1-11", True),
        ("an unstructured kind", "aB1", "ab1", False),
    ],
)
def test_two_spellings_are_one_value_only_where_nothing_else_could_be_meant(
    entity, one, other, equal
):
    assert (equal_form(entity, one) == equal_form(entity, other)) is equal


def test_later_revealed_value_covers_earlier_text_with_the_next_free_number():
    c = ["{PERSON~홍길동} 아님", "{PERSON:김철수}", "{PERSON:이영희}"]
    short = ["홍길동 아님", "{PERSON:김철수}", "{PERSON:이영희}"]
    assert replaced(*short).texts == ("홍길동 아님", "[성명_1]", "[성명_2]")
    assert replaced(*c, "{PERSON:박준} {PERSON:홍길동}").texts == (
        "[성명_4] 아님",
        "[성명_1]",
        "[성명_2]",
        "[성명_3] [성명_4]",
    )


@pytest.mark.parametrize("sign", [">", "~"], ids=["followed", "cover-without-equal"])
def test_value_that_the_next_field_told_is_numbered_with_that_field(sign):
    drawn = [
        "{KR_PASSPORT" + sign + "M12345678}",
        marked("{KR_PASSPORT:M87654321}은 여권", joins=True),
    ]
    said = ("[여권번호_2]", "[여권번호_1]은 여권")
    assert replaced(*drawn).texts == said
    assert replaced(*drawn, "{KR_PASSPORT:M99999999}").texts[:2] == said


def test_bare_digits_of_a_passport_are_numbered_with_the_passport():
    texts, _ = replaced(
        "{KR_PASSPORT~12345678}", "{KR_PASSPORT:M87654321}", "{KR_PASSPORT:M12345678}", "끝"
    )
    assert texts == ("[여권번호_3]", "[여권번호_1]", "[여권번호_2]", "끝")


@pytest.mark.parametrize(
    "drawn",
    [
        " ".join(f"{{KR_PASSPORT:M{n}}} {{KR_PASSPORT~{n}}}" for n in range(10**7, 10**7 + 2_000)),
        " ".join(f"{{KR_PASSPORT~{n}}}" for n in range(10**7, 10**7 + 4_000)),
        "{PERSON:김철수} " + "{PERSON~김철수} " * 4_000,
        "".join(f"{{PERSON:김철수}}[성명_{n}] " for n in range(1, 2_000)),
    ],
    ids=["bare-digits", "nobody's", "one-name", "literals"],
)
def test_work_grows_with_the_spans_only(drawn):
    field, spans = marked(drawn)
    findings = Findings((spans,), "test")
    events(lambda: replace([field], findings, POLICY), most=300 * len(spans))


def test_callers_literal_is_skipped_in_any_form():
    texts, mapping = replaced("[성명_1] 성명_2 [Name 3] \\[성명\\_4\\] {PERSON:김철수}")
    assert texts[0].endswith("[성명_5]")
    assert [value.original for value in mapping.values] == ["김철수"]


def test_literal_of_a_number_already_given_is_renamed_and_renumbers_nothing():
    texts, mapping = replaced("{PERSON:김철수}", "[성명_1] 성명_1 {PERSON:이영희}")
    assert texts == ("[성명_1]", "[성명_2] [성명_3] [성명_4]")
    literal = [value for value in mapping.values if value.entity == LITERAL]
    assert [value.original for value in literal] == ["[성명_1]", "성명_1"]
    assert dict(mapping.summary) == {"PERSON": 2}


def test_literal_across_joined_fields_is_renamed_too():
    texts, mapping = replaced(
        "{PERSON:김철수}", "보기 [성명_", marked("1]은", joins=True), marked("1]", joins=False)
    )
    assert texts[0] == "[성명_1]"
    assert texts[1:] == ("보기 [성명_2]", "[성명_3]은", "1]")
    assert {value.original for value in mapping.values} == {"김철수", "[성명_", "1]"}


def test_origins_of_a_value_are_all_who_brought_any_spelling():
    _, mapping = replaced(
        marked("{PHONE_NUMBER:010-1234-5678}", Origin.TOOL),
        marked("{PHONE_NUMBER:01012345678}", Origin.ASSISTANT),
        marked("{PERSON:김철수}", Origin.TOOL),
    )
    origins = {value.original: value.origins for value in mapping.values}
    assert origins["010-1234-5678"] == origins["01012345678"] == {Origin.TOOL, Origin.ASSISTANT}
    assert origins["김철수"] == {Origin.TOOL}


def test_operators_do_what_they_say():
    policy = Policy(
        "test",
        operators={
            "PERSON": Operator.MASK,
            "PHONE_NUMBER": Operator.HASH,
            "EMAIL_ADDRESS": Operator.ALLOW,
            "KR_RRN": Operator.WITHHOLD,
        },
        hash_key=b"k" * 32,
    )
    (text,), mapping = replaced(
        "{PERSON:김철수} {PHONE_NUMBER:010-1234-5678} {PHONE_NUMBER:01012345678} "
        "{EMAIL_ADDRESS:a@b.kr} {KR_RRN:900101-1234567}",
        policy=policy,
    )
    mask, first, second, mail, withheld = text.split(" ")
    assert mask == "***"
    assert first == second
    assert first.startswith("[전화번호#")
    assert len(first) == len("[전화번호#]") + 16
    assert mail == "a@b.kr"
    assert withheld == "[주민등록번호_1]"
    assert [value.operator for value in mapping.values] == [
        Operator.MASK,
        Operator.HASH,
        Operator.HASH,
        Operator.ALLOW,
        Operator.WITHHOLD,
    ]
    assert [value.name for value in mapping.values] == ["", "", "", "", "주민등록번호_1"]


def test_hash_differs_between_agencies():
    texts = {
        replaced(
            "{PERSON:김철수}",
            policy=Policy("t", operators={"PERSON": Operator.HASH}, hash_key=bytes([key]) * 32),
        ).texts
        for key in (1, 2)
    }
    assert len(texts) == 2


def test_blocked_entity_refuses_the_whole_request():
    policy = Policy("test", operators={"KR_RRN": Operator.BLOCK})
    with pytest.raises(ContentBlocked) as refusal:
        replaced("{PERSON:김철수} {KR_RRN:900101-1234567}", policy=policy)
    assert refusal.value.entity == "KR_RRN"
    assert "900101" not in str(refusal.value)


@pytest.mark.parametrize(
    "spans",
    [
        ((Span(0, 9, "PERSON", 1.0),),),
        ((Span(2, 1, "PERSON", 1.0),),),
        ((Span(0, 2, "PERSON", 1.0), Span(1, 3, "PERSON", 1.0)),),
        ((Span(0, 3, "NOBODY_KNOWS", 1.0),),),
        (),
        ((), ()),
    ],
    ids=["beyond", "backward", "overlapping", "unknown-entity", "too-few", "too-many"],
)
def test_findings_that_do_not_fit_let_nothing_pass(spans):
    with pytest.raises(RedactionIncomplete):
        replace([Field("김철수", Origin.USER)], Findings(spans, "test"), POLICY)


def test_unnumbered_labels_give_one_text_for_one_text():
    texts, mapping = replaced("[성명_1] {PERSON:김철수} {PERSON:이영희}", numbered=False)
    assert texts == ("[성명_1] [성명] [성명]",)
    assert mapping.named("성명_1") is None


def test_english_policy_issues_english_labels():
    texts, _ = replaced(
        "{PERSON:김철수} {KR_RRN:900101-1234567}", policy=Policy("t", language="en")
    )
    assert texts == ("[Name_1] [RRN_1]",)


def test_mapping_shows_and_stores_nothing():
    mapping = replaced("{PERSON:김철수}").mapping
    assert "김철수" not in repr(mapping) + repr(mapping.values) + str(mapping)
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            leave(mapping)


@pytest.mark.parametrize("operator", [Operator.ALLOW, Operator.HASH])
@pytest.mark.parametrize("entity", ["KR_RRN", "KR_PASSPORT", "CREDIT_CARD", "KR_BANK_ACCOUNT"])
def test_policy_below_the_floor_cannot_be_built(entity, operator):
    with pytest.raises(ValueError, match=entity):
        Policy("t", operators={entity: operator}, hash_key=b"k" * 32)


def test_policy_that_hashes_needs_the_agencys_key():
    with pytest.raises(ValueError, match="key"):
        Policy("t", operators={"PERSON": Operator.HASH})
    policy = Policy("t", operators={"PERSON": Operator.HASH}, hash_key=b"secret" * 8)
    assert "secret" not in repr(policy)
