"""Restoration is exact for every text, split and literal; agree changes particles only."""

import json
import re
from dataclasses import replace as replace_fields

from hypothesis import example, given
from hypothesis import strategies as st

from redaction.entity import ENTITIES, Field, Findings, Origin, Span
from redaction.mapping import LITERAL, Mapping
from redaction.particles import agree, chain_at
from redaction.policy import Operator, Policy
from redaction.replace import replace
from redaction.restore import Mode, Place, Restorer
from redaction.surrogate import literals, search
from redaction.urls import LinkTracker

NAMES = (
    "김철수",
    "박준",
    "홍길동",
    "이영희",
    "서울",
    "남궁민수",
    "\u1100\u1175\u11b7\u110e\u1165\u11af",
)
PHONES = ("010-1234-5678", "01012345678", "02-123-4567", "+82 10-1234-5678")
MAILS = ("a@b.kr", "A@B.kr", "kim.cs@korea.kr")
VALUES = [
    *((name, "PERSON") for name in NAMES),
    *((phone, "PHONE_NUMBER") for phone in PHONES),
    *((mail, "EMAIL_ADDRESS") for mail in MAILS),
    *(
        (form.format(entity.code), entity.name)
        for entity in ENTITIES.values()
        for form in ("{} 7-1", "{} 71", "가 {}\n8")
    ),
]
# Every form that restore accepts, and beginnings and ends of forms, for every kind of entity.
FORMS = (
    *("[{ko}_{n}]", "[{ko}_{n}b]", "[{ko}_{n} ]", "{ko}_{n}", "{ko}\\_{n}", "[{ko} {n}]"),
    *(
        "[{ko}{n}]",
        "[{ko}-{n}]",
        "\\[{ko}\\_{n}\\]",
        "\\[{ko}_{n}]",
        "[{ko}\\_{n}]",
        "［{ko}_{n}］",
    ),
    *(
        "【{ko}_{n}】",
        "[**{ko}_{n}**]",
        "[{en}_{n}]",
        "[{en} {n}]",
        "[{ko}_{n}은]",
        "[{ko}_{n}님은 ]",
    ),
    *("[{ko}_{n}", "{ko}_", "[{ko}", "[{ko}_{n}**", "[ {ko} _ {n} ]", "[{ko}＿{n}]"),
)
BENT = tuple(
    dict.fromkeys(
        form.format(ko=entity.label, en=word, n=number)
        for entity in ENTITIES.values()
        for word in (entity.english, entity.english.lower())
        for form in FORMS
        for number in ("1", "2", "12", "１")
    )
)
ENDS = ("[Ema\u0130l_1]", "[Ema\u0131l_2]", "[", "]", "\\", "**", "_1]", "1]", "1", "_")
NOISE = (
    "은 ",
    "가",
    "과장",
    "이라고",
    " ",
    "\n",
    "\n\n",
    ".",
    ", ",
    "(",
    ")",
    "](",
    "<b ",
    ">",
    "<",
    "`",
    "```",
    "~",
    "~~~",
    "https://x.kr/",
    "//",
    "www.",
    ".com",
    "/",
    "@",
    ":",
    "]: ",
    "^",
    '"',
    "'",
    "=",
    "-",
    "_",
    "안녕",
    "A",
    "x",
    "9",
    "\u200b",
    "\u202e",
    "🙂",
    "\ud800",
    "\u0000",
    "\u3000",
    "가나\u0301",
    "ㄱ",
)
# Any order of the signs that mean something to one of the readers.
dense = st.text(
    "[]［］\\_＿*성명전화번호Name1２ab은는과로()<>`~/.:@#&;=-\n\t '\"!\u200b", max_size=24
)
segment = st.one_of(
    dense.map(lambda text: (text, "")),
    st.sampled_from(VALUES),
    st.sampled_from(BENT).map(lambda text: (text, "")),
    st.sampled_from(ENDS).map(lambda text: (text, "")),
    st.sampled_from(NOISE).map(lambda text: (text, "")),
    st.text(max_size=4).map(lambda text: (text, "")),
)
drawn_field = st.tuples(
    st.lists(segment, max_size=12), st.sampled_from(list(Origin)), st.booleans()
)
cuts = st.lists(st.integers(min_value=1, max_value=9), min_size=1, max_size=12)
POLICY = Policy("test", operators={}, fallback=Operator.REPLACE)
policies = st.sampled_from((POLICY, replace_fields(POLICY, language="en")))


def build(drawn: list[tuple[list[tuple[str, str]], Origin, bool]]) -> tuple[list[Field], Findings]:
    fields, spans = [], []
    for segments, origin, joins in drawn:
        text, found = "", []
        for part, entity in segments:
            if entity:
                found.append(Span(len(text), len(text) + len(part), entity, 1.0, "test"))
            text += part
        fields.append(Field(text, origin, joins))
        spans.append(tuple(found))
    return fields, Findings(tuple(spans), "test")


def pieces(text: str, sizes: list[int]) -> list[str]:
    out, at, turn = [], 0, 0
    while at < len(text):
        size = sizes[turn % len(sizes)]
        out.append(text[at : at + size])
        at, turn = at + size, turn + 1
    return out


def run(restorer: Restorer, parts: list[str]) -> str:
    return "".join([*(restorer.feed(part) for part in parts), restorer.flush()])


def may_read(replaced: str, mapping: Mapping) -> re.Pattern[str]:
    """All texts that `replaced` may be restored to when some surrogates stand inside links."""
    values = {value.surrogate: value for value in mapping.values if value.name}
    parts = re.split(f"({'|'.join(map(re.escape, values))})", replaced) if values else [replaced]
    pattern = ""
    for part in parts:
        value = values.get(part)
        readings = [part] if value is None else [value.original]
        if value is not None and value.entity != LITERAL:
            readings.append(part)
        pattern += f"(?:{'|'.join(map(re.escape, readings))})"
    return re.compile(pattern)


@given(st.lists(drawn_field, min_size=1, max_size=4), cuts, policies)
def test_restoration_is_exact_for_every_text_and_split(drawn, sizes, policy):
    fields, findings = build(drawn)
    texts, mapping = replace(fields, findings, policy)
    for item, text in zip(fields, texts, strict=True):
        restorer = Restorer(mapping, policy, place=Place.TEXT, mode=Mode.EXACT)
        restored = run(restorer, pieces(text, sizes))
        if restorer.counts["kept_in_url"]:
            assert may_read(text, mapping).fullmatch(restored)
        else:
            assert restored == item.text


@given(st.lists(drawn_field, min_size=1, max_size=3), cuts, policies)
def test_restoration_is_exact_inside_json_strings(drawn, sizes, policy):
    fields, findings = build(drawn)
    texts, mapping = replace(fields, findings, policy)
    for item, text in zip(fields, texts, strict=True):
        for ascii_only in (True, "\ud800" in text):
            restorer = Restorer(mapping, policy, place=Place.JSON)
            wire = json.dumps({"k": [text, text]}, ensure_ascii=ascii_only)
            restored = json.loads(run(restorer, pieces(wire, sizes)))["k"][0]
            if not restorer.counts["kept_in_url"]:
                assert restored == item.text


@given(
    st.lists(segment, max_size=15).map(lambda found: "".join(text for text, _ in found)),
    cuts,
    st.sampled_from(Place),
    st.sampled_from(Mode),
)
def test_any_split_restores_like_the_whole(text, sizes, place, mode):
    fields, findings = build([([VALUES[0], (" ", ""), VALUES[7]], Origin.USER, False)])
    mapping = replace(fields, findings, Policy("p")).mapping

    def restorer() -> Restorer:
        return Restorer(mapping, Policy("p"), place=place, mode=mode)

    whole, split = restorer(), restorer()
    assert run(split, pieces(text, sizes)) == run(whole, [text])
    assert split.counts == whole.counts


texts_with_forms = st.lists(
    st.one_of(
        dense, st.sampled_from(BENT), st.sampled_from(ENDS), st.sampled_from(NOISE), st.text()
    ),
    max_size=8,
).map("".join)


@given(texts_with_forms, st.integers(0, 40), st.integers(0, 40))
def test_every_form_that_restore_accepts_is_a_literal_of_the_caller(text, cut_before, cut_behind):
    """Whatever of the text is covered by others and cut away."""
    known = {name for literal in literals(text) for name in literal.names}
    part = text[cut_before : max(len(text) - cut_behind, 0)]
    position = 0
    while found := search(part, position, "", whole=True):
        assert found.name.rstrip("abcdefghijklmnopqrstuvwxyz") in known
        position = found.start + 1


@given(texts_with_forms, st.sampled_from(["", "가", "A", "1", " "]), st.data())
def test_more_text_turns_no_form_into_another(text, before, data):
    """What is said of a beginning stays true: it waits, or it is what the whole text says."""
    end = data.draw(st.integers(0, len(text)))
    early, late = (search(text[:to], 0, before, whole=to == len(text)) for to in (end, len(text)))
    if early is None:
        assert late is None or late.start >= end
    elif early.unfinished:
        assert late is None or late.start >= early.start
    else:
        assert early == late


def agreeing(text: str, mapping: Mapping, *, kept: bool) -> re.Pattern[str]:
    """What `text` may be restored to in mode agree; `kept`: surrogates may stay.

    A particle in any of its forms where one stands behind a surrogate or a closed bracket.
    """
    pattern, at = "", 0
    while at < len(text):
        match = re.compile(r"\[([가-힣]+_[0-9]+[a-z]?)\]|\)").match(text, at)
        if match is None:
            pattern += re.escape(text[at])
            at += 1
            continue
        value = match[1] and mapping.named(match[1])
        stays = f"|{re.escape(match[0])}" if kept else ""
        pattern += f"(?:{re.escape(value.original if value else match[0])}{stays})"
        closing = re.compile("[*'\"’”」』〉》]{0,4}").match(text, match.end())
        chain = chain_at(text[closing.end() :])
        forms = {chain, *(agree(word, chain)[0] or chain for word in ("준", "수", "율"))}
        pattern += f"{re.escape(closing[0])}(?:{'|'.join(map(re.escape, sorted(forms)))})"
        at = closing.end() + len(chain)
    return re.compile(pattern)


PARTICLES = (
    "은",
    "는",
    "이",
    "가",
    "을",
    "를",
    "으로",
    "로",
    "이라고",
    "라고",
    "과",
    "와",
    "은(는)",
)
STAYING = (
    "(",
    ")",
    "(남)",
    "과장",
    "이사",
    "이야기",
    "은행",
    "가족",
    "을지로",
    "에게",
    " ",
    ".",
    "**",
    "'",
    "\n",
    ", ",
    "님",
)


@given(
    st.lists(
        st.one_of(
            st.sampled_from([*NAMES[:6], *PHONES, *MAILS]).map(lambda name: (name, name)),
            st.sampled_from([*PARTICLES, *STAYING]).map(lambda text: (text, "")),
        ),
        max_size=14,
    ),
    cuts,
)
@example([("김철수", "김철수"), ("(남)", ""), ("은(는)", "")], [1])
@example([("김철수", "김철수"), ("a@b.kr", "a@b.kr"), ("(", ""), ("김철수", "김철수")], [1])
def test_agree_differs_from_exact_only_in_particles(drawn, sizes):
    entities = dict(VALUES)
    fields, findings = build(
        [([(text, entities.get(name, "")) for text, name in drawn], Origin.USER, False)]
    )
    (text,), mapping = replace(fields, findings, POLICY)
    restorer = Restorer(mapping, POLICY, place=Place.TEXT, mode=Mode.AGREE)
    said = run(restorer, pieces(text, sizes))
    # Only an address glued behind a value stays here, and what its surrogate makes a link of.
    kept = restorer.counts["kept_in_url"] > 0
    assert not kept or any(name in MAILS for _, name in drawn)
    assert agreeing(text, mapping, kept=kept).fullmatch(said)


@given(
    st.lists(st.one_of(dense, st.sampled_from([*NOISE, *ENDS, *BENT[:40]])), max_size=20).map(
        "".join
    ),
    cuts,
)
def test_tracker_is_the_same_for_any_split(text, sizes):
    def state(parts: list[str]) -> tuple[bool, bool]:
        tracker = LinkTracker()
        for part in parts:
            tracker.feed(part)
        return tracker.in_link, tracker.in_code

    assert state(pieces(text, sizes)) == state([text]) == state(list(text))
