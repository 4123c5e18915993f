"""`gwanmun redact` as others script it: lines in, lines out, exit codes, no content in errors."""

import json
import subprocess
import sys

import pytest

SECRET = "민원인 홍길동(010-9876-5432)"


def redact(*arguments: str, given: str | bytes = "") -> subprocess.CompletedProcess[bytes]:
    raw = given.encode() if isinstance(given, str) else given
    command = [sys.executable, "-c", "from gateway.cli import main; main()", "redact", *arguments]
    return subprocess.run(command, input=raw, capture_output=True, timeout=100, check=False)


def line(**entry: object) -> str:
    return json.dumps(entry, ensure_ascii=False) + "\n"


def test_redact_writes_text_with_surrogates():
    result = redact(given=f"{SECRET}에게 😀\n")
    assert result.returncode == 0
    assert result.stdout.decode() == "민원인 [성명_1]([전화번호_1])에게 😀\n"
    assert result.stderr == b""


def test_redact_jsonl_keeps_order_ids_and_code_point_offsets():
    texts = [f"{'😀' * (i % 3)}{i}번 {SECRET}" for i in range(200)]
    result = redact(
        "--jsonl", given="".join(line(id=i, text=text, more=1) for i, text in enumerate(texts))
    )
    assert result.returncode == 0, result.stderr
    entries = [json.loads(raw) for raw in result.stdout.splitlines()]
    assert [entry["id"] for entry in entries] == list(range(200))
    assert [entry["text"] for entry in entries] == texts
    for entry in entries:
        assert list(entry) == ["id", "text", "spans"]
        found = {
            entry["text"][span["start"] : span["end"]]: (span["entity"], span["surrogate"])
            for span in entry["spans"]
        }
        assert found == {
            "홍길동": ("PERSON", "[성명_1]"),
            "010-9876-5432": ("PHONE_NUMBER", "[전화번호_1]"),
        }
        assert all(list(span) == KEYS for span in entry["spans"])


KEYS = ["start", "end", "entity", "score", "surrogate"]


def test_redact_json_explains_each_span(tmp_path):
    paths = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for path in paths:
        path.write_text(SECRET, encoding="utf-8")
    result = redact("--json", "--explain", *map(str, paths))
    assert result.returncode == 0, result.stderr
    results = json.loads(result.stdout)["results"]
    assert [entry["id"] for entry in results] == [str(path) for path in paths]
    assert results[0]["redacted"] == "민원인 [성명_1]([전화번호_1])"
    assert [list(span) for span in results[0]["spans"]] == [[*KEYS, "rule", "keywords"]] * 2


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(f'{{"id": 2, "text": "{SECRET}'.encode(), id="not-json"),
        pytest.param(b'{"id": 2, "text": "' + SECRET.encode("euc-kr") + b'"}', id="not-utf-8"),
        pytest.param(f'["{SECRET}"]'.encode(), id="not-an-object"),
        pytest.param(f'{{"id": "{SECRET}"}}'.encode(), id="no-text"),
        pytest.param(b'{"text": 1}', id="text-no-string"),
    ],
)
def test_redact_names_the_line_that_it_cannot_read(bad):
    good = line(id=1, text="안녕").encode()
    result = redact("--jsonl", given=good + bad + b"\n" + good)
    assert result.returncode == 2
    assert [json.loads(raw)["id"] for raw in result.stdout.splitlines()] == [1]
    message = result.stderr.decode()
    assert "2번째 줄" in message
    assert "line 2" in message
    assert "홍길동" not in message
    assert "9876" not in message


def test_redact_says_which_file_it_cannot_open():
    result = redact("없는-파일.txt")
    assert result.returncode == 2
    assert "없는-파일.txt" in result.stderr.decode()


def test_redact_of_nothing_is_nothing():
    assert redact("--jsonl").stdout == b""
    assert redact("--jsonl", given="\n\n").returncode == 0


def test_redact_names_a_lone_surrogate_instead_of_calling_json_none():
    result = redact("--jsonl", given='{"text": "\\ud800"}\n')
    assert result.returncode == 2
    assert "서로게이트" in result.stderr.decode()
    assert "lone surrogate" in result.stderr.decode()
    assert "JSON이 아닙니다" not in result.stderr.decode()


POLICY = """
name: 시험
version: 1
operators: {PHONE_NUMBER: mask, EMAIL_ADDRESS: block, KR_BRN: allow}
never: [홍길동]
always: {AGENCY_TERM: [청해진사업]}
formats:
  - name: 민원번호
    pattern: '1AA-\\d{4}-\\d{6}'
    keywords: [민원번호]
    tests: {matches: ['민원번호 1AA-2601-123456'], rejects: ['1AA-2601-1']}
"""


@pytest.fixture
def policy(tmp_path):
    path = tmp_path / "정책.yaml"
    path.write_text(POLICY, encoding="utf-8")
    return str(path)


def test_redact_follows_a_policy_document_and_explains_with_keywords(policy):
    text = "민원번호 1AA-2601-123456, 홍길동 과장(010-9876-5432), 청해진사업, 사업자 220-81-62517"
    result = redact("--jsonl", "--explain", "--policy", policy, given=line(id=1, text=text))
    assert result.returncode == 0, result.stderr.decode()
    spans = {text[span["start"] : span["end"]]: span for span in json.loads(result.stdout)["spans"]}
    assert {value: span["surrogate"] for value, span in spans.items()} == {
        "1AA-2601-123456": "[기관번호_1]",
        "010-9876-5432": "***-****-****",
        "청해진사업": "[지정어_1]",
        "220-81-62517": "",
    }
    number = spans["1AA-2601-123456"]
    assert (number["rule"], number["keywords"]) == ("agency.민원번호", ["민원번호"])
    assert "사업자" in spans["220-81-62517"]["keywords"]


def test_redact_with_a_shipped_policy_and_grade():
    result = redact("--policy", "엄격", "--grade", "C", given=SECRET)
    assert (result.returncode, result.stdout.decode()) == (0, "민원인 [성명_1]([전화번호_1])")
    masked = redact("--policy", "공개", given="주민등록번호 900101-1234568")
    assert masked.stdout.decode() == "주민등록번호 ******-*******"


def test_redact_with_packs_abroad():
    text = "SSN 536-90-4399, IBAN DE89370400440532013000"
    result = redact("--json", "--packs", "kr,eu,us", given=text)
    assert [span["entity"] for span in json.loads(result.stdout)["results"][0]["spans"]] == [
        "US_SSN",
        "IBAN_CODE",
    ]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param(["--policy", "없는-정책"], "policy_unreadable", id="no-policy"),
        pytest.param(["--packs", "kr,fr"], "fr", id="no-pack"),
        pytest.param(["--grade", "X"], "--grade", id="no-grade"),
    ],
)
def test_redact_refuses_what_it_was_told_wrongly(words, code):
    result = redact(*words, given=SECRET)
    assert (result.returncode, result.stdout) == (2, b"")
    assert code in result.stderr.decode()


def test_redact_stops_at_a_kind_that_the_policy_blocks(policy):
    blocked = line(id=2, text="메일 minwon@example.com")
    result = redact("--jsonl", "--policy", policy, given=line(id=1, text="안녕") + blocked)
    assert result.returncode == 4
    message = result.stderr.decode()
    assert "line 2" in message
    assert "content_blocked" in message
    assert "minwon" not in message + result.stdout.decode()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(SECRET.encode("euc-kr"), "CP949", id="euc-kr"),
        pytest.param(SECRET.encode("utf-16"), "input_binary", id="utf-16"),
        pytest.param(b"GIF89a\x01\0\x01\0", "input_binary", id="binary"),
        pytest.param(SECRET.encode() + b"\xff\xfe", "input_not_utf8", id="invalid-utf-8"),
        pytest.param(b" " * (8 * 1024 * 1024 + 1), "input_too_large", id="long"),
    ],
)
@pytest.mark.parametrize("jsonl", [False, True], ids=["text", "jsonl"])
def test_bad_file_gives_an_error_and_no_output_at_all(tmp_path, content, code, jsonl):
    good = tmp_path / "good"
    good.write_text(line(id=1, text=SECRET), encoding="utf-8")
    bad = tmp_path / "bad"
    bad.write_bytes(content)
    result = redact(*(["--jsonl"] if jsonl else []), str(good), str(bad))
    assert (result.returncode, result.stdout) == (2, b"")
    message = result.stderr.decode()
    assert code in message
    assert not {"홍길동", "9876"} & set(message.split())


def test_hundred_megabytes_of_text_are_refused_before_they_are_read(tmp_path):
    path = tmp_path / "long.txt"
    with path.open("wb") as file:
        file.truncate(100 * 1024 * 1024)
        file.write(b"x" * (9 * 1024 * 1024))
    result = redact(str(path))
    assert (result.returncode, result.stdout) == (2, b"")
    assert "input_too_large" in result.stderr.decode()


def test_too_much_personal_data_in_one_text_names_the_text():
    text = " ".join(f"010-{number // 10_000:04}-{number % 10_000:04}" for number in range(20_500))
    result = redact("--jsonl", given=line(id=1, text="안녕") + line(id=2, text=text))
    assert result.returncode == 2
    message = result.stderr.decode()
    assert "too_many_findings" in message
    assert "line 2" in message


def test_first_line_may_begin_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "bom.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + line(id=1, text="안녕").encode())
    result = redact("--jsonl", str(path))
    assert json.loads(result.stdout)["id"] == 1
