"""Restoration is exact for every text, split and literal; agree changes particles only."""

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from redaction.entity import Field, Findings, Origin, Span
from redaction.mapping import LITERAL, Mapping
from redaction.particles import agree, chain_at
from redaction.policy import Operator, Policy
from redaction.replace import replace
from redaction.restore import Mode, Place, Restorer
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
]
BENT = (
    "[성명_1]",
    "[성명_1b]",
    "[성명_1 ]",
    "성명_1",
    "[성명 1]",
    "[성명1]",
    "[성명-2]",
    "\\[성명\\_1\\]",
    "\\[성명_1]",
    "[성명\\_2]",
    "［성명_1］",
    "【성명_2】",
    "[**성명_1**]",
    "[Name_1]",
    "[name 2]",
    "[성명_1은]",
    "[성명_1님은 ]",
    "[전화번호_1]",
    "[Phone_2]",
    "[이메일_1]",
    "[성명_１]",
    "성명_12",
    "[성명_",
    "성명_",
    "[",
    "]",
    "\\",
    "**",
    "_1]",
    "1]",
    "1",
)
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
segment = st.one_of(
    st.sampled_from(VALUES),
    st.sampled_from(BENT).map(lambda text: (text, "")),
    st.sampled_from(NOISE).map(lambda text: (text, "")),
    st.text(max_size=4).map(lambda text: (text, "")),
)
drawn_field = st.tuples(
    st.lists(segment, max_size=12), st.sampled_from(list(Origin)), st.booleans()
)
cuts = st.lists(st.integers(min_value=1, max_value=9), min_size=1, max_size=12)
POLICY = Policy("test", operators={}, fallback=Operator.REPLACE)


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


@given(st.lists(drawn_field, min_size=1, max_size=4), cuts)
def test_restoration_is_exact_for_every_text_and_split(drawn, sizes):
    fields, findings = build(drawn)
    texts, mapping = replace(fields, findings, POLICY)
    for item, text in zip(fields, texts, strict=True):
        restorer = Restorer(mapping, POLICY, place=Place.TEXT, mode=Mode.EXACT)
        restored = run(restorer, pieces(text, sizes))
        if restorer.counts["kept_in_url"]:
            assert may_read(text, mapping).fullmatch(restored)
        else:
            assert restored == item.text


@given(st.lists(drawn_field, min_size=1, max_size=3), cuts)
def test_restoration_is_exact_inside_json_strings(drawn, sizes):
    fields, findings = build(drawn)
    texts, mapping = replace(fields, findings, POLICY)
    for item, text in zip(fields, texts, strict=True):
        for ascii_only in (True, "\ud800" in text):
            restorer = Restorer(mapping, POLICY, place=Place.JSON)
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


def agreeing(text: str, mapping: Mapping) -> re.Pattern[str]:
    """What `text` may be restored to in mode agree: a particle behind a surrogate in any form."""
    parts = re.split(r"(\[[가-힣]+_[0-9]+[a-z]?\])", text)
    pattern = ""
    for part in parts:
        value = mapping.named(part[1:-1])
        if value is not None:
            pattern += re.escape(value.original)
            continue
        closing = re.match("[*'\"’”」』〉》]{0,4}", part)[0]
        chain = chain_at(part[len(closing) :]) if pattern else ""
        pattern += re.escape(closing)
        if chain:
            forms = {chain, *(agree(word, chain)[0] for word in ("준", "수", "율"))}
            pattern += f"(?:{'|'.join(map(re.escape, sorted(forms)))})"
        pattern += re.escape(part[len(closing) + len(chain) :])
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
def test_agree_differs_from_exact_only_in_particles(drawn, sizes):
    entities = dict(VALUES)
    fields, findings = build(
        [([(text, entities.get(name, "")) for text, name in drawn], Origin.USER, False)]
    )
    (text,), mapping = replace(fields, findings, POLICY)
    restorer = Restorer(mapping, POLICY, place=Place.TEXT, mode=Mode.AGREE)
    said = run(restorer, pieces(text, sizes))
    assert agreeing(text, mapping).fullmatch(said)


@given(st.lists(st.sampled_from([*NOISE, *BENT]), max_size=20).map("".join), cuts)
def test_tracker_is_the_same_for_any_split(text, sizes):
    def state(parts: list[str]) -> tuple[bool, bool]:
        tracker = LinkTracker()
        for part in parts:
            tracker.feed(part)
        return tracker.in_link, tracker.in_code

    assert state(pieces(text, sizes)) == state([text]) == state(list(text))
