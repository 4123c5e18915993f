"""`gwanmun policy` as people and scripts use it: words, exit status, JSON, wrong arguments."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli import main

GOOD = """
name: 시험
version: 2
description: 시험용 정책
operators: {PERSON: mask, SECRET: block}
grades: {C: {operators: {PERSON: withhold}}}
never: [김철수]
always: {AGENCY_TERM: [청해진사업]}
formats:
  - name: 민원번호
    pattern: '1AA-\\d{4}-\\d{6}'
    tests: {matches: ['민원 1AA-2601-123456은'], rejects: ['1AA-2601-12345']}
"""
# By itself it holds; of the whole detector a telephone number is one.
TELEPHONE = """
name: 시험
version: 1
formats:
  - name: 내선
    pattern: '010-\\d{4}-\\d{4}'
    tests:
      matches:
        - 전화번호는 010-1234-5678
      rejects: ['010']
"""


def policy(*words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from gateway.cli import main; main()", "policy", *words]
    return subprocess.run(
        command, input=given, capture_output=True, text=True, timeout=100, check=False
    )


def write(folder: Path, document: str) -> str:
    path = folder / "정책.yaml"
    path.write_text(document, encoding="utf-8")
    return str(path)


def test_check_of_a_good_document_names_its_version_and_contents(tmp_path):
    path = write(tmp_path, GOOD)
    told = policy("check", path)
    assert (told.returncode, told.stderr) == (0, "")
    assert "시험-2@sha256:" in told.stdout
    result = json.loads(policy("check", path, "--json").stdout)
    assert result["valid"] is True
    assert (result["always"], result["never"], result["formats"]) == (1, 1, ["민원번호"])


def test_check_runs_the_documents_tests_on_the_whole_detector(tmp_path):
    path = write(tmp_path, TELEPHONE)
    told = policy("check", path)
    assert (told.returncode, told.stdout) == (2, "")
    assert "9번째 줄(line 9) formats[0].tests.matches[0]" in told.stderr
    assert "[policy_test_failed]" in told.stderr
    assert "010-1234" not in told.stderr


def test_check_finds_a_word_that_is_always_and_never(tmp_path):
    told = policy("check", write(tmp_path, GOOD.replace("[김철수]", "[청해진사업]")))
    assert told.returncode == 2
    assert "always.AGENCY_TERM[0]" in told.stderr


def test_check_tells_programs_of_every_problem(tmp_path):
    told = policy("check", write(tmp_path, GOOD.replace("mask", "hide") + "more: 1\n"), "--json")
    assert told.returncode == 2
    result = json.loads(told.stdout)
    assert result["valid"] is False
    assert [(one["code"], one["place"]) for one in result["problems"]] == [
        ("policy_wrong_value", "operators.PERSON"),
        ("policy_unknown_name", "more"),
    ]


@pytest.mark.parametrize("name", ["기본", "엄격", "공개"])
def test_shipped_documents_pass(name):
    assert policy("check", name).returncode == 0


def test_explain_shows_each_grade(tmp_path):
    path = write(tmp_path, GOOD)
    told = policy("explain", path, "--entity", "성명", "--entity", "KR_RRN")
    assert told.returncode == 0
    rows = [line.split() for line in told.stdout.splitlines()]
    assert ["성명", "PERSON", "mask", "mask", "withhold"] in rows
    assert ["주민등록번호", "KR_RRN", "withhold", "withhold", "withhold"] in rows
    assert "되돌리지 않습니다" in told.stdout
    entities = json.loads(policy("explain", path, "--json").stdout)["entities"]
    by_name = {one["entity"]: one for one in entities}
    assert by_name["PERSON"]["operators"] == {"O": "mask", "S": "mask", "C": "withhold"}
    assert by_name["PERSON"]["label"] == "성명"


def test_test_shows_spans_and_operators_and_what_would_be_sent(tmp_path):
    path, text = write(tmp_path, GOOD), tmp_path / "글.txt"
    text.write_text("민원 1AA-2601-123456, 신청인: 홍길동, 신청인: 김철수", encoding="utf-8")
    told = policy("test", path, str(text), "--grade", "C")
    assert told.returncode == 0, told.stderr
    assert "민원 [기관번호_1], 신청인: [성명_1], 신청인: 김철수" in told.stdout
    assert "agency.민원번호" in told.stdout
    result = json.loads(policy("test", path, "--json", given="신청인: 홍길동").stdout)
    (one,) = result["results"]
    assert (one["redacted"], one["blocked"]) == ("신청인: ***", "")
    assert one["spans"][0]["operator"] == "mask"


def test_test_says_what_would_be_refused(tmp_path):
    path = write(tmp_path, "name: x\nversion: 1\noperators: {PERSON: block}\n")
    told = policy("test", path, given="신청인: 홍길동")
    assert told.returncode == 0, told.stderr
    assert "요청을 막습니다: 성명" in told.stdout
    assert (
        json.loads(policy("test", path, "--json", given="신청인: 홍길동").stdout)["results"][0][
            "blocked"
        ]
        == "PERSON"
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param([], "하위 명령", id="no-command"),
        pytest.param(["check"], "Missing argument", id="no-policy"),
        pytest.param(["check", "없는-파일.yaml"], "policy_unreadable", id="no-file"),
        pytest.param(["check", "/"], "policy_unreadable", id="folder"),
        pytest.param(["check", "a\0b"], "policy_unreadable", id="no-name-of-a-file"),
        pytest.param(["explain", "기본", "--entity", "KR_RNN"], "KR_RNN", id="no-kind"),
        pytest.param(["test", "기본", "--grade", "A"], "--grade", id="no-grade"),
        pytest.param(["test", "기본", "없는-글.txt"], "input_unreadable", id="no-text"),
    ],
)
def test_wrong_words_are_told_with_status_2(words, told, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["policy", *words])
    assert ended.value.code == 2
    assert told in capsys.readouterr().err
