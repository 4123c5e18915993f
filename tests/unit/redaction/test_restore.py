"""Restore: forms, particles, reasons for staying, JSON and tool arguments, and how much is held."""

import json

import pytest

from redaction.entity import ENTITIES, Field, Findings, Origin, Span
from redaction.mapping import Mapping
from redaction.policy import Operator, Policy
from redaction.recognizers.kr.pack import KR
from redaction.recognizers.packs import find
from redaction.replace import replace
from redaction.restore import Mode, Place, Restorer

POLICY = Policy("test", tools_from_results=frozenset({"send_letter"}))
TRUSTED = [Origin.SYSTEM, Origin.DEVELOPER, Origin.USER, Origin.DEFINITION]


def mapping(origin: Origin = Origin.USER, policy: Policy = POLICY) -> Mapping:
    fields = [
        Field("김철수 박준민 010-1234-5678 01012345678", origin),
        Field("900101-1234567", origin),
    ]
    spans = (
        (
            Span(0, 3, "PERSON", 1.0),
            Span(4, 7, "PERSON", 1.0),
            Span(8, 21, "PHONE_NUMBER", 1.0),
            Span(22, 33, "PHONE_NUMBER", 1.0),
        ),
        (Span(0, 14, "KR_RRN", 1.0),),
    )
    return replace(fields, Findings(spans, "test"), policy).mapping


def restored(text: str, place: Place = Place.TEXT, mode: Mode = Mode.AGREE) -> str:
    restorer = Restorer(mapping(), POLICY, place=place, mode=mode)
    return "".join([*(restorer.feed(char) for char in text), restorer.flush()])


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("[성명_1]은 갔다", "김철수는 갔다"),
        ("[성명_2]는 갔다", "박준민은 갔다"),
        ("[성명_1 ]이 왔다", "김철수가 왔다"),
        ("성명_1은 왔다", "김철수는 왔다"),
        ("[성명 1]을 본다", "김철수를 본다"),
        ("\\[성명\\_1\\]과 함께", "김철수와 함께"),
        ("［성명_1］이", "김철수가"),
        ("【성명_2】가", "박준민이"),
        ("[**성명_1**]이", "**김철수**가"),
        ("**[성명_1]**은", "**김철수**는"),
        ("'[성명_1]'이라고", "'김철수'라고"),
        ("[Name_1]은", "김철수는"),
        ("[성명_1은] 갔다", "김철수는 갔다"),
        ("[성명_1님은] 갔다", "김철수님은 갔다"),
        ("[전화번호_1b]를", "01012345678을"),
        ("[성명_1](이)라고 (으)로", "김철수라고 (으)로"),
        ("[성명_2](으)로부터", "박준민으로부터"),
        ("[성명_2]지만", "박준민이지만"),
        ("「[성명_1]」은", "「김철수」는"),
        ("[성명_1]([전화번호_1])은 왔고", "김철수(010-1234-5678)는 왔고"),
        ("[성명_2](男, 34세)와", "박준민(男, 34세)과"),
        ("**[성명_2]**([전화번호_1])**는** 왔다", "**박준민**(010-1234-5678)**은** 왔다"),
        ("**[성명_2](남)**는", "**박준민(남)**은"),
        ("[성명_1](남)은행", "김철수(남)은행"),
        ("[성명_1](남) 은", "김철수(남) 은"),
        ("[성명_1](으)로 (남)은", "김철수로 (남)은"),
        ("[성명_1](남), 그(여)은", "김철수(남), 그(여)은"),
        ("[성명_1](남\n여)은", "김철수(남\n여)은"),
        ("[성명_1](" + "가" * 80 + ")은", "김철수(" + "가" * 80 + ")은"),
        ("[성명_1]((남))은, (여)은", "김철수((남))은, (여)은"),
        ("[성명_1](남)", "김철수(남)"),
        ("**‘[성명_1]’**이 왔다", "**‘김철수’**가 왔다"),
        ("성명\\_1을", "김철수를"),
        ("[ **성명 1** ]은", "**김철수**는"),
        ("[Phone-1]를", "010-1234-5678을"),
        ("[성명_1]은(는) 갔다", "김철수는 갔다"),
        ("[성명_2](으)로", "박준민으로"),
        ("[주민등록번호_1]를 확인", "〈주민등록번호 가림〉을 확인"),
        ("[성명_1]과장과 [성명_1]이사", "김철수과장과 김철수이사"),
        ("[성명_1], [성명_2]", "김철수, 박준민"),
        ("[성명_1, 성명_2]", "[김철수, 박준민]"),
        ("`[성명_1]은` [성명_1]은", "`김철수은` 김철수는"),
        ("```\n[성명_1]은\n```\n[성명_1]은", "```\n김철수은\n```\n김철수는"),
    ],
)
def test_answer_reads_as_if_the_engine_had_known_the_words(said, read):
    assert restored(said) == read


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("[성명_1]은", "김철수은"),
        ("[성명_1은]", "김철수은"),
        ("성명_1을", "김철수을"),
        ("[성명_1]은(는)", "김철수은(는)"),
    ],
)
def test_exact_mode_changes_no_word_beside(said, read):
    assert restored(said, mode=Mode.EXACT) == read


@pytest.mark.parametrize(
    "text",
    [
        "[성명_9]",
        "[성명_1c]",
        "[이메일_1]",
        "x/성명_1",
        "성명_1.",
        "x성명_1",
        "[성명_",
    ],
)
def test_what_was_not_issued_stays(text):
    assert restored(text) == text


def test_counts_say_what_came_back_and_why_not():
    restorer = Restorer(mapping(), POLICY, place=Place.TEXT)
    restorer.feed("[성명_1] [성명_9] [주민등록번호_1] https://a.kr/[성명_1] [성명_2]")
    restorer.flush()
    assert restorer.counts == {"restored": 2, "unknown": 1, "withheld": 1, "kept_in_url": 1}


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        (["안녕하세요. "], ["안녕하세요. "]),
        (["가 [", "참고]"], ["가 ", "[참고]"]),
        (["[성", "명", "_1", "] "], ["", "", "", "김철수 "]),
        (["[성명_1]", "은", " 갔다"], ["", "", "김철수는 갔다"]),
        (["[성명_1]", "과", "장", "님 "], ["", "", "", "김철수과장님 "]),
        (["[성명_1]", "(만 34세)"], ["", "김철수(만 34세)"]),
        (["[성명_1]", ", "], ["", "김철수, "]),
        (["[성명_9]"], ["[성명_9]"]),
        (["성", "공"], ["", "성공"]),
    ],
)
def test_text_is_held_only_while_it_may_become_something(pieces, said):
    restorer = Restorer(mapping(), POLICY, place=Place.TEXT)
    assert [restorer.feed(piece) for piece in pieces] == said
    assert restorer.flush() == ""


def test_what_is_held_is_bounded():
    restorer = Restorer(mapping(), POLICY, place=Place.TEXT)
    fed = "[성명_1]" + "가" * 200 + "-" * 200 + "[성명_" + "1" * 200
    said = "".join(restorer.feed(char) for char in fed)
    assert len(fed) - len(said) < 100


@pytest.mark.parametrize("ascii_only", [True, False], ids=["escaped", "plain"])
@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
def test_json_strings_are_restored_and_stay_json(ascii_only, size):
    answer = {
        "이름": "[성명_1]",
        "quote": '그는 "[성명_2]"라고\n\\[성명_1] /',
        "[성명_1]": ["[전화번호_1b]", 1, None, {"x": "🙂[성명_2]은"}],
        "url": "https://a.kr/[성명_1]",
    }
    text = json.dumps(answer, ensure_ascii=ascii_only)
    restorer = Restorer(mapping(), POLICY, place=Place.JSON)
    parts = [restorer.feed(text[at : at + size]) for at in range(0, len(text), size)]
    assert json.loads("".join([*parts, restorer.flush()])) == {
        "이름": "김철수",
        "quote": '그는 "박준민"라고\n\\김철수 /',
        "김철수": ["01012345678", 1, None, {"x": "🙂박준민은"}],
        "url": "https://a.kr/[성명_1]",
    }


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"성명_1": "성명_2"}', Place.JSON),
        ('{"성명_1": "성명_2"}', Place.TOOL_ARGUMENTS),
        ('`df["성명_1"]`', Place.TEXT),
        ("```sql\nSELECT 성명_1 FROM t\n```", Place.TEXT),
    ],
    ids=["json", "tool", "span", "block"],
)
def test_bare_form_is_a_name_of_something_else_outside_running_text(text, place):
    assert restored(text, place) == text


@pytest.mark.parametrize("place", [Place.JSON, Place.TOOL_ARGUMENTS])
def test_json_string_that_begins_as_a_url_is_one_up_to_its_end(place):
    inside = ' "https://a.kr/?q= [성명_1] [성명_1]", "www.a.kr/ [성명_1]"'
    outside = '{"[성명_1]": "참고 https://a.kr/ [성명_1]", "b": ["[성명_1] https://a.kr"]}'
    assert restored(f"[{inside},{outside}]", place) == (
        f"[{inside},{outside.replace('[성명_1]', '김철수')}]"
    )


def test_value_that_is_a_url_itself_comes_back_and_lets_no_other_in():
    url = "https://kim:pw@a.kr/"
    field = Field(f"{url} 김철수", Origin.USER)
    spans = (Span(0, len(url), "PERSON", 1.0), Span(len(url) + 1, len(url) + 4, "PERSON", 1.0))
    mapping = replace([field], Findings((spans,), "test"), POLICY).mapping
    restorer = Restorer(mapping, POLICY, place=Place.TEXT)
    said = restorer.feed("[성명_1]?q=[성명_2] [성명_2]") + restorer.flush()
    assert said == f"{url}?q=[성명_2] 김철수"


@pytest.mark.parametrize("recognizer", KR.recognizers, ids=lambda item: item.entity)
@pytest.mark.parametrize("place", list(Place))
def test_every_kind_that_is_detected_comes_back(recognizer, place):
    policy = Policy("all", operators={}, fallback=Operator.REPLACE)
    text = recognizer.canary.text
    (replaced,), mapping = replace(
        [Field(text, Origin.USER)], Findings((find(text, (KR,)),), "test"), policy
    )
    assert f"[{ENTITIES[recognizer.entity].label}_1]" in replaced
    assert recognizer.canary.value not in replaced
    wire = replaced if place is Place.TEXT else json.dumps([replaced])
    restorer = Restorer(mapping, policy, place=place, mode=Mode.EXACT)
    said = "".join([*map(restorer.feed, wire), restorer.flush()])
    assert (said if place is Place.TEXT else json.loads(said)[0]) == text


def test_original_is_escaped_inside_a_json_string():
    original = 'a "b" \\ \n\u2028'
    field = Field(original, Origin.USER)
    findings = Findings(((Span(0, len(original), "PERSON", 1.0),),), "test")
    mapping = replace([field], findings, POLICY).mapping
    restorer = Restorer(mapping, POLICY, place=Place.JSON)
    assert json.loads(restorer.feed('{"a": "[성명_1]"}') + restorer.flush()) == {"a": original}


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_original_is_escaped_twice_inside_json_in_a_json_string(size):
    original = 'a "b" \\ \n'
    findings = Findings(((Span(0, len(original), "SECRET", 1.0),),), "test")
    mapping = replace([Field(original, Origin.USER)], findings, POLICY).mapping
    inner = [{"a": "[비밀정보_1]", "b [비밀정보_1]": 1}]
    answer = [
        json.dumps(inner, ensure_ascii=False),
        "[비밀정보_1]",
        '"[비밀정보_1]"',
        '[참고] "[비밀정보_1]"',
    ]
    text = json.dumps(answer)
    for place in (Place.JSON, Place.TOOL_ARGUMENTS):
        restorer = Restorer(mapping, POLICY, place=place)
        parts = [restorer.feed(text[at : at + size]) for at in range(0, len(text), size)]
        first, *others = json.loads("".join([*parts, restorer.flush()]))
        assert json.loads(first) == [{"a": original, f"b {original}": 1}]
        assert others == [original, f'"{original}"', f'[참고] "{original}"']


@pytest.mark.parametrize(
    "text",
    [
        '{"a": "\\u12',
        '{"a": "\\',
        '"\\x[성명_9',
        "{]}[[[",
        '"\\ud83d',
        '"\\uZZZZ"',
        "\\u005b",
        '""""""\\"',
    ],
)
def test_broken_json_passes_as_it_is(text):
    for place in (Place.JSON, Place.TOOL_ARGUMENTS):
        assert restored(text, place=place) == text


@pytest.mark.parametrize("origin", list(Origin))
def test_tool_arguments_get_only_what_people_brought(origin):
    restorer = Restorer(mapping(origin), POLICY, place=Place.TOOL_ARGUMENTS, tool="send_mail")
    said = restorer.feed('{"to": "[성명_1]"}') + restorer.flush()
    if origin in TRUSTED:
        assert said == '{"to": "김철수"}'
    else:
        assert said == '{"to": "[성명_1]"}'
        assert restorer.counts == {"origin": 1}


@pytest.mark.parametrize("origin", list(Origin))
def test_listed_tool_gets_what_results_brought_too(origin):
    restorer = Restorer(mapping(origin), POLICY, place=Place.TOOL_ARGUMENTS, tool="send_letter")
    assert restorer.feed('{"to": "[성명_1]"}') + restorer.flush() == '{"to": "김철수"}'


def test_withheld_value_is_blank_in_tool_arguments_and_kept_in_links():
    assert (
        restored('{"a": "[주민등록번호_1]"}', Place.TOOL_ARGUMENTS)
        == '{"a": "〈주민등록번호 가림〉"}'
    )
    assert restored("https://a.kr/[주민등록번호_1]") == "https://a.kr/[주민등록번호_1]"


def test_renamed_literal_comes_back_everywhere():
    fields = [Field("김철수", Origin.TOOL), Field("보기 [성명_1]", Origin.TOOL)]
    findings = Findings(((Span(0, 3, "PERSON", 1.0),), ()), "test")
    texts, mapping = replace(fields, findings, POLICY)
    assert texts == ("[성명_1]", "보기 [성명_2]")
    for text, place in [
        ("[성명_2]은", Place.TEXT),
        ("https://a.kr/[성명_2]", Place.TEXT),
        ('{"a": "[성명_2]"}', Place.TOOL_ARGUMENTS),
    ]:
        restorer = Restorer(mapping, POLICY, place=place, tool="other")
        said = restorer.feed(text) + restorer.flush()
        assert said == text.replace("[성명_2]", "[성명_1]")
