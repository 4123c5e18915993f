"""The command line itself: what is mistyped is told in Korean and in English, with status 2."""

import re

import pytest

from gateway.cli import main


@pytest.mark.parametrize(
    ("words", "korean", "english"),
    [
        ("up --prot 3", "--prot: 그런 선택이 없습니다", "No such option"),
        ("up --port", "--port: 값이 빠졌거나", "requires an argument"),
        ("up --port x", "--port: 값이 올바르지 않습니다", "Invalid value"),
        ("up --port 70000", "--port: 값이 올바르지 않습니다", "Invalid value"),
        ("up now", "쓰이지 않는 인자", "unexpected extra argument"),
        ("demo token", "name: 꼭 있어야", "Missing argument"),
        ("demo tokn", "그런 하위 명령이 없습니다", "No such command"),
        ("demo", "하위 명령을 적으십시오", "Missing command"),
        ("redact --json --jsonl", "함께 쓸 수 없습니다", "Choose one of them"),
        ("upp", "그런 명령이 없습니다", "Unknown command"),
    ],
)
def test_mistyped_command_is_told_in_korean_and_english(
    capsys: pytest.CaptureFixture[str], words: str, korean: str, english: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words.split())
    told = capsys.readouterr()
    assert (ended.value.code, told.out) == (2, "")
    assert korean in told.err
    assert english in told.err
    assert re.search(r"도움말|사용법", told.err)


def test_help_is_no_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["demo", "token", "--help"])
    assert ended.value.code == 0
    assert "접근 토큰" in capsys.readouterr().out
