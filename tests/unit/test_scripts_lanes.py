"""tests/lanes.py: what was skipped is said, what failed fails, what does not exist yet says so."""

from pathlib import Path

import lanes
import pytest

SKIPPED = '<testcase classname="browser.test_chat" name="{}"><skipped message="no chromium"/>'
REPORT = (
    "<testsuites><testsuite>"
    + SKIPPED.format("test_a")
    + "</testcase>"
    + SKIPPED.format("test_b")
    + "</testcase>"
    + '<testcase classname="unit.test_c" name="test_c"/>'
    + "</testsuite></testsuites>"
)


def test_report_names_skipped_tests_and_their_reasons(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    assert lanes.skipped_tests(report) == [
        lanes.Skipped("browser.test_chat::test_a", "no chromium"),
        lanes.Skipped("browser.test_chat::test_b", "no chromium"),
    ]


def test_report_that_was_never_written_names_nothing(tmp_path: Path) -> None:
    assert lanes.skipped_tests(tmp_path / "report.xml") == []


def test_summary_groups_skipped_tests_by_reason_and_ends_with_pytests_own_line() -> None:
    skipped = [lanes.Skipped("a::b", "no chromium"), lanes.Skipped("a::c", "no chromium")]
    words = lanes.summary([lanes.Verdict("pytest", True, 1.0)], skipped, "== 3 passed ==")
    assert "2개  no chromium" in words
    assert "모두 통과했습니다" in words
    assert words.endswith("== 3 passed ==")


def test_summary_names_what_failed() -> None:
    verdicts = [lanes.Verdict("mypy", False, 1.0), lanes.Verdict("pytest", True, 1.0)]
    words = lanes.summary(verdicts, [], "== 3 passed ==")
    assert "실패했습니다 (failed): mypy" in words
    assert "모두 통과" not in words


@pytest.mark.parametrize("option", ["--engine", "--cluster"])
def test_lane_that_does_not_exist_yet_says_so(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lanes.main([option]) == 2
    assert "아직 없습니다" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [(["tests/nope/"], "모르는 경로"), (["tests/lanes.py"], "하나도 없습니다")],
    ids=["no such path", "no tests"],
)
def test_pytests_own_refusals_are_told_in_korean(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    verdict, closing = lanes.run_pytest(words, slow=False, report=tmp_path / "report.xml")
    assert not verdict.passed
    assert told in closing
