"""bench/detection: the scorer counts what it says, and the texts' gold stands where it says."""

from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.detection.fill import Filler
from bench.detection.generate import generate
from bench.detection.numbers import brn_check, crn_check, luhn_check, rrn_check
from bench.detection.report import as_json, as_markdown, replace_section, show_failures
from bench.detection.results import Results, SystemResult
from bench.detection.score import Count, Score, names_alone, score
from bench.detection.speed import messages, passages, timing
from bench.detection.stress import stress
from bench.detection.texts import (
    HELD_BACK,
    KINDS,
    ORDINARY,
    ORDINARY_HELD_BACK,
    UNUSUAL,
    UNUSUAL_HELD_BACK,
    WRITTEN,
    Gold,
    Text,
    mark,
    read_dev,
    read_markup,
    read_written,
    write_markup,
)
from redaction.entity import ENTITIES, Span

PHONE = "010-1234-5678"


def person(start: int, end: int, kind: str = "PERSON") -> Span:
    return Span(start, end, kind, 1.0)


def scored(marked: str, *found: Span) -> Score:
    return score([read_markup(marked, name="t", style="s")], lambda _: found)


# --- markup -------------------------------------------------------------------------------------


def test_markup_becomes_text_and_code_point_offsets() -> None:
    text = read_markup("민원인 {{PERSON|김철수}}({{?PHONE_NUMBER|02-1}})", name="a", style="b")
    assert text.text == "민원인 김철수(02-1)"
    assert text.gold == (Gold(4, 7, "PERSON"), Gold(8, 12, "PHONE_NUMBER", True))
    assert text.personal


def test_text_with_optional_gold_alone_is_not_personal() -> None:
    assert not read_markup("{{?PERSON|김}} 과장", name="a", style="b").personal


@pytest.mark.parametrize("marked", ["{{NAME|김철수}}", "{{PERSON|김철수}", "{{PERSON|김철수 님"])
def test_markup_refuses_what_would_be_scored_wrongly(marked: str) -> None:
    with pytest.raises(ValueError, match="a:"):
        read_markup(marked, name="a", style="b")


def test_written_markup_shows_what_was_missed() -> None:
    text = read_markup("{{PERSON|김철수}}, {{PERSON|이영희}}", name="a", style="b")
    assert write_markup(text, text.gold[1:]) == "{{PERSON|김철수}}, ⟦PERSON|이영희⟧"


def test_development_sample_keeps_places_optional_and_drops_organisations(tmp_path: Path) -> None:
    sample = tmp_path / "sample.jsonl"
    sample.write_text(
        '{"id":"x","text":"서울 한국전력 김철수","category":"c","spans":['
        '{"start":0,"end":2,"label":"LOC","opt":true},{"start":3,"end":7,"label":"ORG"},'
        '{"start":8,"end":11,"label":"PERSON"}]}\n',
        encoding="utf-8",
    )
    (text,) = read_dev(sample)
    assert text.gold == (Gold(0, 2, "KR_ADDRESS", True), Gold(8, 11, "PERSON"))


# --- the scorer ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "strict", "characters", "leaked"),
    [
        pytest.param([person(4, 7)], Count(1, 1, 1), Count(3, 3, 3), 0, id="exact"),
        pytest.param([person(4, 8)], Count(0, 1, 1), Count(3, 4, 3), 0, id="too long, no leak"),
        pytest.param([person(4, 6)], Count(0, 1, 1), Count(2, 2, 3), 1, id="too short leaks"),
        pytest.param([], Count(0, 0, 1), Count(0, 0, 3), 1, id="nothing found"),
        pytest.param(
            [person(4, 5), person(5, 7)], Count(0, 2, 1), Count(3, 3, 3), 0, id="in two parts"
        ),
    ],
)
def test_score_tells_strict_from_characters_from_leak(
    found: Sequence[Span], strict: Count, characters: Count, leaked: int
) -> None:
    kind = scored("민원인 {{PERSON|김철수}}는", *found).kinds["PERSON"]
    assert (kind.strict, kind.characters, kind.leaked, kind.known) == (
        strict,
        characters,
        leaked,
        1,
    )


def test_wrong_kind_is_no_leak_but_wrong_for_both_kinds() -> None:
    total = scored(f"전화 {{{{PHONE_NUMBER|{PHONE}}}}}", person(3, 16, "KR_BANK_ACCOUNT"))
    assert total.leak() == (0, 1)
    assert total.kinds["PHONE_NUMBER"].strict == Count(0, 0, 1)
    assert total.kinds["KR_BANK_ACCOUNT"].strict == Count(0, 1, 0)


def test_ends_that_are_neither_letters_nor_digits_do_not_make_a_span_wrong() -> None:
    kind = scored("{{KR_BIRTH_DATE|1985. 3. 2}}. 출생", person(0, 11, "KR_BIRTH_DATE"))
    assert kind.kinds["KR_BIRTH_DATE"].strict == Count(1, 1, 1)


def test_critical_leak_counts_only_identifiers_cards_and_accounts() -> None:
    total = scored("{{KR_RRN|800101-1234567}} {{PERSON|김철수}} {{CREDIT_CARD|4111}}")
    assert total.leak() == (3, 3)
    assert total.critical_leak == (2, 2)


def test_false_alarm_is_a_finding_in_a_text_without_personal_data() -> None:
    total = score(
        [
            read_markup("문서번호 1234-56", name="clean", style="s"),
            read_markup("예산 100원", name="also clean", style="s"),
            read_markup("{{?PERSON|김}} 과장", name="optional", style="s"),
            read_markup("{{PERSON|김철수}} 010", name="personal", style="s"),
        ],
        lambda text: [person(0, 1)] if text[0] in "문김" else [],
    )
    assert (total.clean_texts, total.alarmed_texts) == (3, 1)


def test_over_redaction_is_a_share_of_the_characters_that_are_nobodys() -> None:
    total = scored("{{PERSON|김철수}} 님 {{?PERSON|이}}씨", person(0, 5), person(6, 7))
    assert (total.redacted_others, total.other_characters) == (2, 4)


def test_optional_gold_counts_for_nobody_found_or_not() -> None:
    for found in ([], [person(0, 1)], [person(0, 1, "KR_ADDRESS")]):
        total = scored("{{?PERSON|김}} 과장", *found)
        assert [kind.strict for kind in total.kinds.values() if kind.strict != Count()] == []
        assert total.leak() == (0, 0)


def test_names_alone_leaves_known_names_and_other_kinds_out() -> None:
    texts = [
        read_markup("{{PERSON|김철수}} {{PERSON|탁보람}} 서울", name="both", style="s"),
        read_markup("{{PERSON|김철수}} 서울", name="known alone", style="s"),
    ]

    def find(text: str) -> list[Span]:
        return [person(0, 3), person(text.index("서울"), len(text)), person(0, 2, "KR_ADDRESS")]

    assert names_alone(texts, find) == Count(2, 4, 3)
    assert names_alone(texts, find, frozenset({"김철수"})) == Count(0, 1, 1)


def test_count_of_nothing_is_zero_and_not_an_error() -> None:
    assert (Count().precision, Count().recall, Count().f1) == (0.0, 0.0, 0.0)
    assert Count(1, 2, 4).f1 == pytest.approx(1 / 3)


# --- the texts ----------------------------------------------------------------------------------


def assert_gold_stands_in_its_text(texts: Sequence[Text]) -> None:
    for text in texts:
        end = 0
        for gold in text.gold:
            assert end <= gold.start < gold.end <= len(text.text), text.id
            value = text.text[gold.start : gold.end]
            assert value == value.strip(), text.id
            assert gold.kind in KINDS
            end = gold.end
        assert "{{" not in text.text.replace('{{"', ""), text.id
        assert "은/는" not in text.text, text.id


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_generated_gold_stands_in_its_text(seed: int) -> None:
    assert_gold_stands_in_its_text(generate(count=51, seed=seed))


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_stress_gold_stands_in_its_text(seed: int) -> None:
    assert_gold_stands_in_its_text(stress(seed=seed))


def test_the_same_seed_gives_the_same_texts() -> None:
    assert generate(count=40, seed=3) == generate(count=40, seed=3)
    assert generate(count=40, seed=3) != generate(count=40, seed=4)
    assert stress(seed=3) == stress(seed=3)


def test_generated_set_has_all_kinds_many_styles_and_a_quarter_without_personal_data() -> None:
    texts = generate(count=680, seed=1)
    assert {gold.kind for text in texts for gold in text.gold} == KINDS.keys() <= ENTITIES.keys()
    assert len({text.style for text in texts}) >= 12
    assert sum(not text.personal for text in texts) >= len(texts) / 4


def test_written_set_is_large_and_varied_and_its_gold_stands_in_its_text() -> None:
    texts = read_written(WRITTEN)
    assert_gold_stands_in_its_text(texts)
    assert len({text.id for text in texts}) == len(texts) >= 120
    assert {gold.kind for text in texts for gold in text.gold} == KINDS.keys()
    assert sum(not text.personal for text in texts) >= len(texts) / 4


@pytest.mark.parametrize(
    ("held_back", "shown"),
    [(HELD_BACK, WRITTEN), (ORDINARY_HELD_BACK, ORDINARY), (UNUSUAL_HELD_BACK, UNUSUAL)],
)
def test_held_back_texts_share_nothing_with_the_others(held_back: Path, shown: Path) -> None:
    texts = read_written(held_back)
    assert_gold_stands_in_its_text(texts)
    assert_gold_stands_in_its_text(read_written(shown))
    assert {text.text for text in texts} & {text.text for text in read_written(shown)} == set()


def test_stress_lines_cover_every_kind() -> None:
    texts = stress(seed=1)
    assert len(texts) >= 300
    assert {text.style.partition("/")[0] for text in texts} == KINDS.keys()


def test_an_unknown_slot_is_an_error() -> None:
    with pytest.raises(KeyError):
        Filler(Random(1)).fill("<nam>")


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{PERSON|김철수}}은/는", "{{PERSON|김철수}}는"),
        ("{{PERSON|박준}}은/는", "{{PERSON|박준}}은"),
        ("{{PERSON|김철}}으로/로", "{{PERSON|김철}}로"),
        ("{{KR_CUSTOMS_CODE|P13}}을/를", "{{KR_CUSTOMS_CODE|P13}}을"),
        ("(배우자)이/가", "(배우자)이(가)"),
    ],
)
def test_particles_follow_the_last_sound(template: str, expected: str) -> None:
    assert Filler(Random(1)).fill(template) == expected


def test_check_digits_are_those_worked_out_by_hand() -> None:
    assert rrn_check("800101123456") == "0"  # 122 = 11 * 11 + 1, 11 - 1 = 10
    assert rrn_check("800101523456", modulus=13) == "3"  # 154 = 11 * 14, 13 - 0 = 13
    assert brn_check("123456789") == "1"  # 165, and 45 // 10 = 4: 169
    assert crn_check("110111000001") == "0"  # 1 + 2 + 0 + 2 + 1 + 2 + 2 = 10
    assert luhn_check("411111111111111") == "1"  # the card networks' own test numbers
    assert luhn_check("37828224631000") == "5"


# --- speed and report ---------------------------------------------------------------------------


def test_passages_are_at_least_as_long_as_asked_and_messages_at_most() -> None:
    lines = ["가나다라마바사"] * 40
    assert all(50 <= len(passage) < 60 for passage in passages(lines, size=50))
    texts = [read_markup(line, name="t", style="s") for line in lines]
    assert {len(message) for message in messages(texts, size=60)} == {60}


def test_timing_refuses_too_few_texts() -> None:
    with pytest.raises(ValueError, match="too few"):
        timing("news", lambda _: [], ["가"] * 5, nominal=1)


def results() -> Results:
    found = scored("{{PERSON|김철수}} 문서 123", person(8, 9, "PHONE_NUMBER"))
    system = SystemResult("kr-1", {"generated": found}, {"generated": Count(1, 2, 3)}, [])
    return Results("--seed 1", systems={"Gwanmun": system})


def test_report_shows_the_shares() -> None:
    page = as_markdown(results())
    row = "| generated, 18 styles | Gwanmun | 1 | 100.0 % | – | 14.3 % | – |"
    assert row in page.splitlines()
    assert "| generated office texts | Gwanmun | 3 | 0.500 | 0.333 | 0.400 |" in page


def test_json_holds_the_counts() -> None:
    document = as_json(results())
    assert document["systems"]["Gwanmun"]["sets"]["generated"]["leaked"] == 1  # type: ignore[index]


def test_failures_show_what_was_missed_and_what_was_found_beside(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_failures(results().systems["Gwanmun"].scores)
    shown = capsys.readouterr().out
    assert "MISSED PERSON [generated/s] '⟦PERSON|김철수⟧ 문서 123'" in shown
    assert "BESIDE PHONE_NUMBER [generated/s] '2'" in shown


def test_tables_go_between_the_marks_of_a_page_or_nowhere(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    begin, end = "<!-- bench/detect.py: begin -->", "<!-- bench/detect.py: end -->"
    page.write_text(f"before\n{begin}\nold\n{end}\nafter\n", encoding="utf-8")
    replace_section(page, "new")
    assert page.read_text(encoding="utf-8") == f"before\n{begin}\nnew\n{end}\nafter\n"
    page.write_text("no marks", encoding="utf-8")
    with pytest.raises(ValueError, match="no place"):
        replace_section(page, "new")


def test_mark_and_read_are_inverse() -> None:
    marked = f"전화 {mark('PHONE_NUMBER', PHONE)}."
    assert write_markup(read_markup(marked, name="t", style="s")) == marked
