"""The shipped name finder: what it finds, and that a text's names depend on that text alone."""

import hashlib
import subprocess
import sys
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redaction.recognizers.kr.names import DIGEST, WEIGHTS, name_finder
from redaction.recognizers.kr.names_features import LONGEST_BLOCK, lookup
from redaction.recognizers.kr.names_model import NameModel, WeightsError, load, unpacked
from redaction.recognizers.kr.person import PERSON
from redaction.recognizers.models import with_models
from redaction.recognizers.packs import PACKS, find
from redaction.recognizers.recognizer import Reading

LOADED = load(WEIGHTS, DIGEST)
MODEL = NameModel(LOADED)
# All names are made up.
GOLDEN = [
    ("어제 회의에서 서동빈이 계획에 반대했다.", ["서동빈"]),
    ("우리 과에서 근무하는 탁영준 주무관의 후임을 찾습니다.", ["탁영준"]),
    ("회의록 작성은 천다혜, 사진 촬영은 구본석이 맡는다.", ["천다혜", "구본석"]),
    ("의장 전혜숙이 개회를 선언하고 사공찬 의원이 발언하였다.", ["전혜숙", "사공찬"]),
    ("호주 방문단장 마이클 브래들리가 시장실을 예방하였다.", ["마이클 브래들리"]),
    ("통역은 사라 코넬리 선생님이 해 주시기로 했습니다.", ["사라 코넬리"]),
    ("이용 요금은 성인 3천 원, 청소년 2천 원입니다.", []),
    ("민원 처리 기간은 접수일부터 7일입니다.", []),
    ("강남구 도곡동 일대 상수도관 교체 공사를 시행합니다.", []),
    ("", []),
    (" \n\t ", []),
    ("1234-5678 !?", []),
]


def names(text: str) -> list[str]:
    return [text[name.start : name.end] for name in MODEL.find([text])[0]]


@pytest.mark.parametrize(("text", "expected"), GOLDEN)
def test_model_finds_names_in_running_text(text, expected):
    assert names(text) == expected


def test_texts_read_together_have_the_names_that_they_have_alone():
    found = MODEL.find([text for text, _ in GOLDEN])
    for (text, expected), names_of in zip(GOLDEN, found, strict=True):
        assert [text[name.start : name.end] for name in names_of] == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(alphabet="김이박철수영희씨님은 가의\n.A1洪", max_size=40), max_size=6))
def test_names_depend_on_their_own_text_only(texts):
    found = MODEL.find(texts)
    alone = [MODEL.find([text])[0] for text in texts]
    assert [[name[:2] for name in names] for names in found] == [
        [name[:2] for name in names] for names in alone
    ]
    for text, spans in zip(texts, found, strict=True):
        ends = [0, *(name.end for name in spans)]
        starts = [*(name.start for name in spans), len(text)]
        assert all(end <= start for end, start in zip(ends, starts, strict=True))
        assert all(name.start < name.end and 0 <= name.score <= 1 for name in spans)


@given(st.text(alphabet="가나김이박철수영희민원A1洪😀", min_size=1, max_size=9))
def test_the_dictionary_says_of_one_word_what_it_says_of_many(word):
    keys = np.array([MODEL.reader.hash(word)])
    assert MODEL.mask(word) == int(lookup(LOADED.dictionary, keys)[0])


def test_a_text_of_many_blocks_is_read_to_its_end():
    line = "어제 회의에서 서동빈이 계획에 반대했다. "
    times = 2 * LONGEST_BLOCK // len(line) + 3
    found = MODEL.find([line * times])[0]
    assert len(found) >= times - 1  # a block's border may take a name's surroundings away
    assert {(line * times)[name.start : name.end] for name in found} == {"서동빈"}


def test_a_word_longer_than_a_block_is_read():
    assert MODEL.find(["가" * (2 * LONGEST_BLOCK + 5)]) is not None
    assert names("나" * LONGEST_BLOCK + " 서동빈이 계획에 반대했다.")[-1] == "서동빈"


def test_offsets_are_code_points_also_beyond_the_basic_plane():
    text = "😀😀 어제 회의에서 서동빈이 반대했다."
    assert names(text) == ["서동빈"]


def test_weights_are_those_of_the_release():
    assert hashlib.sha256(WEIGHTS.read_bytes()).hexdigest() == DIGEST
    assert WEIGHTS.stat().st_size <= 15_000_000


def test_other_weights_are_refused(tmp_path):
    other = tmp_path / "names.npz"
    with pytest.raises(WeightsError, match="cannot read"):
        load(other, DIGEST)
    other.write_bytes(WEIGHTS.read_bytes() + b"\0")
    with pytest.raises(WeightsError, match="not the file"):
        load(other, DIGEST)


def test_weights_hold_plain_arrays_only():
    pickled = np.array([object()], dtype=object)
    from_pickle = {"dictionary": pickled}
    with pytest.raises(ValueError, match="pickle"):
        unpacked(_npz(from_pickle))


def _npz(arrays: dict[str, np.ndarray]) -> bytes:
    file = BytesIO()
    np.savez(file, allow_pickle=True, **arrays)
    return file.getvalue()


def test_the_pack_names_its_weights_and_finds_its_canary():
    (pack,) = with_models((PACKS["kr"],))
    assert pack.version == f"{PACKS['kr'].version}.{DIGEST[:8]}"
    canary = next(item.canary for item in pack.recognizers if item.entity == "PERSON")
    spans = find(canary.text, (pack,))
    assert [canary.text[span.start : span.end] for span in spans] == [canary.value]


@pytest.mark.parametrize(
    "text",
    [
        "세종대왕 동상 앞에서 만나 이순신 장군 사당으로 갔다.",
        "SELECT name, dept FROM users WHERE id = 10;",
        "Microsoft Word and Google Chrome",
        # One word spaced out, as forms print it.
        "위 임 장",
        "민 원 인  유 의 사 항",
        "접 수 일 자    처 리 기 한    담 당 부 서",
        "연 번 | 품 명 | 규 격 | 수 량 | 단 가",
        # A noun that goes on, or with the copula; what is named after a person.
        "근무태도 점검 결과",
        "검사 결과 음성임",
        "김대중컨벤션센터와 정지용문학관, 이순신대교",
        # One word that is all there is, as in a value of JSON.
        "맑음",
        "허용 대역 10/8",
        "허용 대역 <없음>/24",
        "이번 달 예산 1,426,000원 남았어요\n네 알겠습니다 ㅎㅎ",
        "바코드 8807065542314, 도서 ISBN",
        "한우리급식(등록번호 없음)은 입찰 참가 자격이 있다.",
        "유진테크(법인)은 입찰 참가 자격이 있다.",
    ],
)
def test_history_programs_and_forms_are_nobody(text):
    spans = name_finder(PERSON).find(Reading(text))
    assert [text[span.start : span.end] for span in spans] == []


def test_a_gateways_own_process_needs_no_arrays():
    code = (
        "import sys, redaction, redaction.pool, redaction.detect; sys.exit('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
