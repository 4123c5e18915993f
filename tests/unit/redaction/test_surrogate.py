"""The grammar: names, written forms, tolerated forms, and literals that it must know again."""

import pytest

from redaction.entity import ENTITIES, Field, Findings, Origin, Span
from redaction.policy import Operator, Policy
from redaction.replace import replace
from redaction.restore import Mode, Place, Restorer
from redaction.surrogate import blank, label_of, literals, may_start, name_of, search, written

TOLERATED = {
    "issued": "[성명_1]",
    "space-behind": "[성명_1 ]",
    "space-before": "[ 성명_1]",
    "space-for-joint": "[성명 1]",
    "no-joint": "[성명1]",
    "hyphen": "[성명-1]",
    "escaped": "\\[성명\\_1\\]",
    "escaped-joint": "[성명\\_1]",
    "full-width-brackets": "［성명_1］",
    "lenticular-brackets": "【성명_1】",
    "full-width-digit": "[성명_１]",
    "bold-inside": "[**성명_1**]",
    "translated": "[Name_1]",
    "translated-lower": "[name_1]",
    "particle-inside": "[성명_1은]",
    "bare": "성명_1",
    "bare-escaped": "성명\\_1",
}
NOT_TOLERATED = {
    "other-label": "[이름_1]",
    "no-number": "[성명_]",
    "number-zero": "[성명_0]",
    "leading-zero": "[성명_01]",
    "seven-digits": "[성명_1234567]",
    "bare-space": "성명 1",
    "bare-english": "Name_1",
    "blank": "〈성명 가림〉",
    "hash": "[성명#1a2b3c4d]",
}


@pytest.mark.parametrize("text", TOLERATED.values(), ids=TOLERATED.keys())
def test_tolerated_form_means_the_same_surrogate(text):
    found = search(f"({text})", 0, "", whole=True)
    assert found is not None
    assert (found.name, found.start, found.end) == ("성명_1", 1, 1 + len(text))


@pytest.mark.parametrize("entity", ENTITIES.values(), ids=ENTITIES.keys())
def test_every_kind_has_the_same_forms_under_its_own_labels(entity):
    for form in TOLERATED.values():
        text = (
            form.replace("성명", entity.label)
            .replace("Name", entity.english)
            .replace("name", entity.english.lower())
        )
        found = search(f"가 {text}", 0, "", whole=True)
        assert found is not None, text
        assert (found.name, found.start) == (f"{entity.label}_1", 2)
        names = {name for literal in literals(text) for name in literal.names}
        ends = {e.label for e in ENTITIES.values() if entity.label.endswith(e.label)}
        assert names == {f"{label}_1" for label in ends}
    assert label_of(entity.name, "ko") == entity.label
    assert label_of(entity.name, "en") == entity.english


def test_no_two_kinds_share_a_label():
    labels = [word.casefold() for e in ENTITIES.values() for word in (e.label, e.english)]
    assert len(set(labels)) == len(labels)
    assert all(e.label.isalpha() and e.english.isascii() for e in ENTITIES.values())


@pytest.mark.parametrize("text", NOT_TOLERATED.values(), ids=NOT_TOLERATED.keys())
def test_other_text_is_no_surrogate(text):
    assert search(text, 0, "", whole=True) is None


@pytest.mark.parametrize("text", ["[Ema\u0130l_1]", "[Ema\u0131l_1]", "[Bu\u017finessNumber_1]"])
def test_letters_that_only_unicode_folds_to_a_label_are_none(text):
    assert search(text, 0, "", whole=True) is None
    assert list(literals(text)) == []


@pytest.mark.parametrize("sign", list("Az0_./:@-가"))
def test_bare_form_beside_a_letter_or_address_sign_is_no_surrogate(sign):
    assert search(f"{sign}성명_1", 0, "", whole=True) is None
    assert search("성명_1", 0, sign, whole=True) is None
    if sign not in "z0가":  # another letter, another number, a particle
        assert search(f"성명_1{sign}", 0, "", whole=True) is None


@pytest.mark.parametrize("text", TOLERATED.values(), ids=TOLERATED.keys())
def test_every_beginning_of_a_tolerated_form_waits_for_more(text):
    for end in range(1, len(text)):
        found = search(text[:end], 0, "", whole=False)
        assert found is not None, text[:end]
        assert (found.unfinished, found.start) == (True, 0)
        assert may_start(text[:end])


@pytest.mark.parametrize(
    "text", ["안녕하세요", "[안내]", "[성함", "[1", "2026. 3. 4.", "명_1", "\\n", "서명"]
)
def test_text_that_cannot_become_a_surrogate_does_not_wait(text):
    found = search(text, 0, "", whole=False)
    assert found is None


@pytest.mark.parametrize("text", TOLERATED.values(), ids=TOLERATED.keys())
def test_every_tolerated_form_is_known_as_a_literal(text):
    found = [name for literal in literals(f"가 {text} 나") for name in literal.names]
    assert found == ["성명_1"]


def test_literal_gives_every_beginning_of_its_number():
    (literal,) = literals("성명_1203")
    assert literal.names == ("성명_1", "성명_12", "성명_120", "성명_1203")


def test_literal_whose_label_loses_its_beginning_means_nobody_either():
    """A word of an agency's dictionary may be the beginning of a label."""
    fields = [Field("M12345678 미국", Origin.USER), Field("[미국여권번호_1]", Origin.USER)]
    first = Span(0, 9, "KR_PASSPORT", 1.0), Span(10, 12, "AGENCY_TERM", 1.0)
    findings = Findings((first, (Span(1, 3, "AGENCY_TERM", 1.0),)), "test")
    policy = Policy("test", operators={}, fallback=Operator.REPLACE)
    texts, mapping = replace(fields, findings, policy)
    restorer = Restorer(mapping, policy, place=Place.TEXT, mode=Mode.EXACT)
    assert restorer.feed(texts[1]) + restorer.flush() == fields[1].text


@pytest.mark.parametrize(
    ("spelling", "name"), [(0, "성명_3"), (1, "성명_3b"), (25, "성명_3z"), (26, "성명_3aa")]
)
def test_further_spelling_gets_a_letter_that_the_grammar_reads(spelling, name):
    assert name_of("성명", 3, spelling) == name
    found = search(written(name, "성명"), 0, "", whole=True)
    assert found is not None
    assert found.name == name


def test_names_beyond_the_grammar_are_refused():
    with pytest.raises(OverflowError):
        name_of("성명", 10**6, 0)
    with pytest.raises(OverflowError):
        name_of("성명", 1, 26**4)


def test_english_policy_writes_english_labels_under_the_same_name():
    assert written("성명_3b", "Name") == "[Name_3b]"
    assert blank("KR_RRN", "en") == "〈RRN withheld〉"
    assert blank("KR_RRN", "ko") == "〈주민등록번호 가림〉"
