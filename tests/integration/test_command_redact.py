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
    assert [list(span) for span in results[0]["spans"]] == [[*KEYS, "rule"]] * 2


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
