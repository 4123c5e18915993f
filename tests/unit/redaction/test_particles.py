"""Particles follow the real word; everything that is no particle chain stays."""

import pytest

from redaction.particles import Ending, agree, chain_at, ending

# word ending in a consonant, in a vowel, in ㄹ
FORMS = [
    ("은", "는", "은"),
    ("이", "가", "이"),
    ("을", "를", "을"),
    ("과", "와", "과"),
    ("으로", "로", "로"),
    ("으로는", "로는", "로는"),
    ("으로부터", "로부터", "로부터"),
    ("으로서", "로서", "로서"),
    ("으로써", "로써", "로써"),
    ("으로부터의", "로부터의", "로부터의"),
    ("과의", "와의", "과의"),
    ("과는", "와는", "과는"),
    ("아", "야", "아"),
    ("이나", "나", "이나"),
    ("이나마", "나마", "이나마"),
    ("이랑", "랑", "이랑"),
    ("이랑은", "랑은", "이랑은"),
    ("이라", "라", "이라"),
    ("이라고", "라고", "이라고"),
    ("이라고는", "라고는", "이라고는"),
    ("이라는", "라는", "이라는"),
    ("이라도", "라도", "이라도"),
    ("이라면", "라면", "이라면"),
    ("이라서", "라서", "이라서"),
    ("이란", "란", "이란"),
    ("이에요", "예요", "이에요"),
    ("이었다", "였다", "이었다"),
    ("이었습니다", "였습니다", "이었습니다"),
    ("이었고", "였고", "이었고"),
    ("이든지", "든지", "이든지"),
    ("이야말로", "야말로", "이야말로"),
    ("은커녕", "는커녕", "은커녕"),
    ("이여", "여", "이여"),
]


@pytest.mark.parametrize(("closed", "opened", "rieul"), FORMS, ids=[form[0] for form in FORMS])
def test_particle_follows_the_final_sound(closed, opened, rieul):
    for run in (closed, opened):
        for tail in ("", " 말", ".", ", "):
            assert agree("박준민", run + tail) == (closed, len(run))
            assert agree("김철수", run + tail) == (opened, len(run))
            assert agree("홍서율", run + tail) == (rieul, len(run))


@pytest.mark.parametrize(
    ("run", "after_consonant", "after_vowel"),
    [
        ("은(는)", "은", "는"),
        ("는(은)", "은", "는"),
        ("이(가)", "이", "가"),
        ("을(를)", "을", "를"),
        ("를(을)", "을", "를"),
        ("과(와)", "과", "와"),
        ("(으)로", "으로", "로"),
        ("(이)라고", "이라고", "라고"),
        ("(이)나", "이나", "나"),
        ("(으)로부터", "으로부터", "로부터"),
        ("(으)로서는", "으로서는", "로서는"),
        ("(이)라는", "이라는", "라는"),
        ("(이)라도", "이라도", "라도"),
        ("(이)며", "이며", "며"),
        ("와(과)", "과", "와"),
        ("이나(나)", "이나", "나"),
        ("으로(로)", "으로", "로"),
        ("아(야)", "아", "야"),
    ],
)
def test_doubled_particle_becomes_the_right_one(run, after_consonant, after_vowel):
    assert agree("박준민", run + " ") == (after_consonant, len(run))
    assert agree("김철수", run + " ") == (after_vowel, len(run))


@pytest.mark.parametrize(
    "run",
    [
        *(
            "과장",
            "이사",
            "이야기",
            "은행",
            "가족",
            "을지로",
            "이상",
            "이하",
            "가입",
            "과거",
            "이후",
            "나이",
        ),
        *(
            "로그인",
            "이란성",
            "라면집",
            "는개",
            "와인",
            "과목",
            "이메일",
            "은메달",
            "고객",
            "며칠",
            "아들",
        ),
        *(
            "야간",
            "로비",
            "가구",
            "가지",
            "이름",
            "이의",
            "은퇴",
            "랑데부",
            "였다면야",
            "자료",
            "면적",
            "가게",
            "과연",
            "나라",
            "아직",
            "이런",
            "여사",
            "여권",
            "지만원",
            "라디오",
            "은사님",
            "을목",
            "고모",
            "이자율",
            "로봇",
            "이미",
            "는커녕도",
        ),
        *(
            "의",
            "에게",
            "에게는",
            "께서는",
            "도",
            "만",
            "까지",
            "부터",
            "님은",
            "씨가",
            "입니다",
            "",
        ),
    ],
)
def test_run_that_is_no_alternating_chain_stays(run):
    for word in ("김철수", "박준민", "홍서율"):
        assert agree(word, run + " ") == ("", 0)


@pytest.mark.parametrize(
    "run", ["이며", "이고", "이지만", "이므로", "이니까", "이네요", "이십니다", "이세요"]
)
def test_copula_is_put_in_where_it_must_stand_and_never_taken_away(run):
    assert agree("박준민", run[1:] + " ") == (run, len(run) - 1)
    assert agree("김철수", run[1:] + " ") == (run[1:], len(run) - 1)
    for word in ("김철수", "박준민"):
        assert agree(word, run + " ") == (run, len(run))


@pytest.mark.parametrize("run", ["자", "면", "였", "이었"])
def test_short_run_that_is_as_likely_another_word_stays(run):
    for word in ("김철수", "박준민"):
        assert agree(word, run + " ") == ("", 0)


@pytest.mark.parametrize(
    ("word", "sound"),
    [
        ("김철수", Ending.VOWEL),
        ("박준민", Ending.CONSONANT),
        ("서울", Ending.RIEUL),
        ("\u1100\u1175\u11b7", Ending.CONSONANT),
        ("김철수(남)", Ending.VOWEL),
        ("김철수 (金哲洙, 남)", Ending.VOWEL),
        ("박준민（여）", Ending.CONSONANT),
        ("박준[1]", Ending.CONSONANT),
        ("(남)", Ending.CONSONANT),
        ("(주)한국", Ending.CONSONANT),
        ("〈주민등록번호 가림〉", Ending.CONSONANT),
        ("서울시 중구 을지로 12 (을지로2가)", Ending.VOWEL),
        ("'김철수'", Ending.VOWEL),
        ("010-1234-5670", Ending.CONSONANT),
        ("010-1234-5671", Ending.RIEUL),
        ("010-1234-5672", Ending.VOWEL),
        ("010-1234-5673", Ending.CONSONANT),
        ("010-1234-5674", Ending.VOWEL),
        ("010-1234-5675", Ending.VOWEL),
        ("010-1234-5676", Ending.CONSONANT),
        ("010-1234-5677", Ending.RIEUL),
        ("010-1234-5678", Ending.RIEUL),
        ("010-1234-5679", Ending.VOWEL),
        ("kim@korea.kr", Ending.RIEUL),
        ("kim@example.com", Ending.CONSONANT),
        ("kim@example.net", Ending.CONSONANT),
        ("kim@example.org", Ending.VOWEL),
        ("LG", Ending.VOWEL),
        ("SNS", Ending.VOWEL),
        ("LH", Ending.VOWEL),
        ("KCL", Ending.RIEUL),
        ("ATM", Ending.CONSONANT),
        ("John", Ending.CONSONANT),
        ("Paul", Ending.RIEUL),
        ("Mary", Ending.VOWEL),
        ("金哲洙", Ending.VOWEL),
        ("朴俊敏", Ending.CONSONANT),
        ("李瑞律", Ending.RIEUL),
        ("伽", Ending.VOWEL),
        ("詰", Ending.RIEUL),
        ("\uf9e1", Ending.VOWEL),  # 李 among the compatibility ideographs of KS X 1001
        ("龘", None),
        ("さくら", None),
        ("!!!", None),
        ("", None),
    ],
)
def test_word_ends_as_it_is_read(word, sound):
    assert ending(word) is sound


def test_chain_is_the_whole_run_or_nothing():
    assert chain_at("이라고 ") == "이라고"
    assert chain_at("이라고해") == ""
    assert chain_at("은행") == ""
