"""tests/lanes.py: what was skipped is said, what failed fails, one lane at a time."""

from pathlib import Path

import lanes
import pytest
from parts import debian
from parts.cache import kept

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


def test_lane_of_skips_has_not_run(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    assert lanes.any_ran(report)
    report.write_text(REPORT.replace('<testcase classname="unit.test_c" name="test_c"/>', ""))
    assert not lanes.any_ran(report)


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


def test_two_lanes_at_once_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert lanes.main(["--engine", "--cluster"]) == 2
    assert "하나만" in capsys.readouterr().out


@pytest.mark.parametrize("lane", ["fast", "cluster", "engine", "slow"])
def test_every_debian_package_of_a_lane_is_recognised_when_it_is_there(lane: str) -> None:
    assert debian.packages(lane)
    assert set(debian.packages(lane)) <= set(debian.FOUND_BY)


def test_cache_keeps_what_was_finished_and_forgets_what_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GWANMUN_TEST_CACHE", str(tmp_path / "cache"))

    def half(draft: Path) -> None:
        (draft / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept("thing-1", half)
    assert not (tmp_path / "cache/thing-1").exists()
    path = kept("thing-1", lambda draft: (draft / "whole").touch())
    assert [item.name for item in path.iterdir()] == ["whole"]
    assert kept("thing-1", half) == path


@pytest.mark.parametrize(
    ("words", "told"),
    [(["tests/nope/"], "모르는 경로"), (["tests/lanes.py"], "하나도 없습니다")],
    ids=["no such path", "no tests"],
)
def test_pytests_own_refusals_are_told_in_korean(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    verdict, closing = lanes.run_pytest(words, lane=lanes.FAST, report=tmp_path / "report.xml")
    assert not verdict.passed
    assert told in closing
