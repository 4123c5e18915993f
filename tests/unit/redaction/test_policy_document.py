"""Policy documents: what can be read, what is refused with line, place and code, what ships."""

import hashlib
from importlib.resources import files

import pytest

from redaction.entity import ENTITIES
from redaction.policy import Operator, Policy
from redaction.policy_document import GRADES, SHIPPED, PolicyDocument, read_policy, shipped
from redaction.policy_words import PolicyRefused

HEAD = "name: 기관\nversion: 3\n"
FLOOR = [name for name, entity in ENTITIES.items() if entity.floor]


def read(body: str) -> PolicyDocument:
    return read_policy((HEAD + body).encode(), "기관.yaml")


def problems(document: str | bytes) -> list[tuple[str, str, int]]:
    raw = document.encode() if isinstance(document, str) else document
    with pytest.raises(PolicyRefused) as refused:
        read_policy(raw, "기관.yaml")
    shown = str(refused.value)
    for problem in refused.value.problems:
        assert problem.korean in shown
        assert problem.english in shown
        assert f"[{problem.code}]" in shown
    return [
        (problem.code, ".".join(map(str, problem.place)), problem.line)
        for problem in refused.value.problems
    ]


def test_basic_document_does_what_a_policy_does_without_one():
    for grade in GRADES:
        assert dict(shipped("기본").operators[grade]) == dict(Policy("x").operators)


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("grade", GRADES)
def test_shipped_document_makes_a_policy_for_each_grade_and_never_lets_the_floor_pass(name, grade):
    policy = shipped(name).policy(grade)
    assert policy.version.startswith(f"{name}-1@sha256:")
    for entity in FLOOR:
        assert policy.operator(entity) in (
            Operator.WITHHOLD,
            Operator.MASK,
            Operator.REPLACE,
            Operator.BLOCK,
        )
        if ENTITIES[entity].unique_identifier:
            assert policy.operator(entity) is not Operator.REPLACE


def test_strict_document_shows_fewer_kinds_than_basic_and_nobody_at_grade_c():
    basic, strict = shipped("기본"), shipped("엄격")

    def shown(document: PolicyDocument, grade: str) -> set[str]:
        return {
            entity
            for entity, operator in document.operators[grade].items()
            if operator in (Operator.REPLACE, Operator.ALLOW)
        }

    assert shown(strict, "S") < shown(basic, "S")
    assert "PERSON" in shown(strict, "S")
    assert shown(strict, "C") < shown(strict, "S")
    assert "PERSON" not in shown(strict, "C")


def test_open_document_keeps_what_is_public_and_brings_no_identifier_back():
    operators = shipped("공개").operators["O"]
    assert operators["KR_BRN"] is Operator.ALLOW
    assert operators["PERSON"] is Operator.REPLACE
    assert all(
        operators[name] is Operator.MASK
        for name, entity in ENTITIES.items()
        if entity.unique_identifier
    )


def test_version_names_the_bytes_of_the_document():
    raw = (files("redaction") / "policies" / "basic.yaml").read_bytes()
    digest = hashlib.sha256(raw).hexdigest()
    assert shipped("기본").version == f"기본-1@sha256:{digest}"
    assert read_policy(raw + b"# more\n").version != shipped("기본").version


def test_what_is_named_counts_the_grade_before_the_document_before_the_fallback():
    document = read(
        "operators: {PERSON: mask, PHONE_NUMBER: allow}\nfallback: withhold\n"
        "grades:\n"
        "  C: {operators: {PERSON: block}, fallback: mask}\n"
        "  O: {operators: {KR_BRN: allow}}\n"
    )
    entities = ("PERSON", "PHONE_NUMBER", "EMAIL_ADDRESS", "KR_BRN")
    chosen = {
        grade: tuple(document.operators[grade][entity].value for entity in entities)
        for grade in GRADES
    }
    assert chosen == {
        "S": ("mask", "allow", "withhold", "withhold"),
        "C": ("block", "allow", "mask", "mask"),
        "O": ("mask", "allow", "withhold", "allow"),
    }


@pytest.mark.parametrize("fallback", ["allow", "hash"])
def test_fallback_that_the_floor_forbids_withholds_its_kinds(fallback):
    document = read(f"fallback: {fallback}\noperators: {{CREDIT_CARD: mask}}\n")
    operators = document.operators["S"]
    assert operators["PERSON"] == fallback
    assert operators["CREDIT_CARD"] is Operator.MASK
    for entity in set(FLOOR) - {"CREDIT_CARD"}:
        assert operators[entity] is Operator.WITHHOLD


def test_unique_identifier_that_is_not_named_is_withheld_whatever_the_fallback():
    operators = read("fallback: replace\n").operators["S"]
    assert all(
        operators[name] is Operator.WITHHOLD
        for name, entity in ENTITIES.items()
        if entity.unique_identifier
    )
    assert read("operators: {KR_RRN: replace}\n").operators["S"]["KR_RRN"] is Operator.REPLACE


def test_hash_needs_the_agencys_key():
    document = read("operators: {PERSON: hash}\n")
    assert document.hashes
    with pytest.raises(ValueError, match="key"):
        document.policy("S")
    assert document.policy("S", b"k" * 32).operator("PERSON") is Operator.HASH
    assert not read("").hashes


FORMATS = """
formats:
  - name: 민원번호
    pattern: '1AA-\\d{4}-\\d{6}'
    keywords: [민원번호]
    tests:
      matches: ['민원번호는 1AA-2601-123456입니다']
      rejects: ['1AA-2601-12345']
"""


def test_words_and_formats_go_to_the_detector_and_to_no_policy():
    document = read(
        "packs: [kr, us]\nnever: [홍길동]\nalways: {AGENCY_TERM: [청해진사업], PERSON: [남이]}"
        + FORMATS
    )
    assert document.packs == ("kr", "us")
    assert document.vocabulary.never == ("홍길동",)
    assert dict(document.vocabulary.always) == {"AGENCY_TERM": ("청해진사업",), "PERSON": ("남이",)}
    (item,) = document.vocabulary.formats
    assert (item.name, item.entity, item.keywords) == ("민원번호", "AGENCY_NUMBER", ("민원번호",))
    assert "홍길동" not in repr(document)
    assert read("").vocabulary.empty


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("operator: {}\n", [("policy_unknown_name", "operator", 3)], id="typo"),
        pytest.param(
            "operators:\n  PERSON: replace\n  KR_RNN: mask\n",
            [("policy_unknown_entity", "operators.KR_RNN", 5)],
            id="unknown-kind",
        ),
        pytest.param(
            "operators:\n  PERSON: delete\n",
            [("policy_wrong_value", "operators.PERSON", 4)],
            id="unknown-operator",
        ),
        pytest.param(
            "operators:\n  KR_RRN: allow\n  CREDIT_CARD: hash\n",
            [
                ("policy_below_floor", "operators.KR_RRN", 4),
                ("policy_below_floor", "operators.CREDIT_CARD", 5),
            ],
            id="below-the-floor",
        ),
        pytest.param(
            "grades:\n  O:\n    operators:\n      KR_BANK_ACCOUNT: allow\n",
            [("policy_below_floor", "grades.O.operators.KR_BANK_ACCOUNT", 6)],
            id="below-the-floor-of-a-grade",
        ),
        pytest.param("grades: {A: {}}\n", [("policy_wrong_value", "grades.A", 3)], id="no-grade"),
        pytest.param(
            "fallback: block\n", [("policy_wrong_value", "fallback", 3)], id="all-blocked"
        ),
        pytest.param(
            "operators:\n  PERSON: mask\n  PERSON: replace\n",
            [("policy_twice", "operators.PERSON", 5)],
            id="a-name-twice",
        ),
        pytest.param("packs: [us]\n", [("policy_below_floor", "packs", 3)], id="without-korea"),
        pytest.param("packs: [kr, fr]\n", [("policy_unknown_pack", "packs.1", 3)], id="no-pack"),
        pytest.param("never: [1234]\n", [("policy_wrong_value", "never.0", 3)], id="number"),
        pytest.param("never: [2026-01-01]\n", [("policy_wrong_value", "never.0", 3)], id="date"),
        pytest.param("never: ['김']\n", [("policy_wrong_value", "never.0", 3)], id="short-term"),
        pytest.param(
            "never: ['김\u200b ']\n", [("policy_wrong_value", "never.0", 3)], id="invisible-term"
        ),
        pytest.param(
            "always: {NAME: [홍길동]}\n",
            [("policy_unknown_entity", "always.NAME", 3)],
            id="always-of-no-kind",
        ),
        pytest.param("a: &x [1]\nb: *x\n", [("policy_not_yaml", "b", 4)], id="alias"),
        pytest.param("<<: {name: y}\n", [("policy_not_yaml", "", 3)], id="merge"),
        pytest.param("1: x\n", [("policy_wrong_value", "", 3)], id="name-no-text"),
        pytest.param("packs: [kr\n", [("policy_not_yaml", "", 4)], id="broken"),
        pytest.param("x: !!python/object:os.system {}\n", [("policy_not_yaml", "", 3)], id="tag"),
        pytest.param("language: fr\n", [("policy_wrong_value", "language", 3)], id="language"),
        pytest.param("offices: yes\n", [("policy_wrong_value", "offices", 3)], id="offices"),
    ],
)
def test_wrong_document_is_refused_with_line_place_and_code(body, expected):
    assert problems(HEAD + body) == expected


def format_of(pattern: str, *, more: str = "", matches: str = "a1", rejects: str = "b2") -> str:
    return (
        f"{HEAD}formats:\n- name: 번호\n  pattern: '{pattern}'\n{more}"
        f"  tests:\n    matches: ['{matches}']\n    rejects: ['{rejects}']\n"
    )


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param(
            format_of("a(?=1)"), ("policy_pattern_refused", "pattern", 5), id="look-ahead"
        ),
        pytest.param(format_of(r"(a)\1"), ("policy_pattern_refused", "pattern", 5), id="backward"),
        pytest.param(format_of("(a"), ("policy_pattern_refused", "pattern", 5), id="syntax"),
        pytest.param(format_of("(a|b)*"), ("policy_pattern_refused", "pattern", 5), id="nothing"),
        pytest.param(format_of("^"), ("policy_pattern_refused", "pattern", 5), id="only-a-place"),
        pytest.param(
            format_of(r"(?:\pL{100}){10}"), ("policy_pattern_refused", "pattern", 5), id="large"
        ),
        pytest.param(
            format_of(r"(((a{100}){100}){100})"),
            ("policy_pattern_refused", "pattern", 5),
            id="repetitions",
        ),
        pytest.param(format_of("c3"), ("policy_test_failed", "tests.matches.0", 7), id="not-found"),
        pytest.param(
            format_of("[ab][12]"), ("policy_test_failed", "tests.rejects.0", 8), id="found-too-much"
        ),
        pytest.param(
            format_of("a1", more="  requires_keyword: true\n"),
            ("policy_missing", "keywords", 4),
            id="keyword-required-of-none",
        ),
        pytest.param(
            format_of("a1", more="  entity: NUMBER\n"),
            ("policy_unknown_entity", "entity", 6),
            id="no-kind",
        ),
    ],
)
def test_wrong_format_is_refused(document, expected):
    code, place, line = expected
    assert problems(document) == [(code, f"formats.0.{place}", line)]


def test_format_without_tests_or_with_a_name_twice_is_refused():
    assert problems(HEAD + "formats: [{name: 번호, pattern: a1}]\n") == [
        ("policy_missing", "formats.0.tests", 3)
    ]
    first = format_of("a1")
    second = first.partition("formats:\n")[2]
    assert problems(first + second) == [("policy_twice", "formats.1.name", 9)]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        pytest.param(b"", "policy_wrong_value", id="empty"),
        pytest.param("name: 기관".encode("euc-kr"), "policy_not_yaml", id="not-utf-8"),
        pytest.param(b"\x00\x01", "policy_not_yaml", id="binary"),
        pytest.param(b"#" * (4 * 1024 * 1024 + 1), "policy_too_large", id="large"),
        pytest.param(b"[" * 100_000, "policy_not_yaml", id="deep"),
        pytest.param(b"a: " + b"[" * 20 + b"]" * 20, "policy_not_yaml", id="deeper-than-any"),
    ],
)
def test_what_is_no_document_is_refused(raw, code):
    assert problems(raw)[0][0] == code


def test_all_problems_are_told_at_once():
    found = problems(HEAD + "fallback: block\npacks: [us, fr]\nalways: {NAME: [홍길동]}\n")
    assert [line for _, _, line in found] == [3, 4, 4, 5]
    assert "홍길동" not in str(found)
