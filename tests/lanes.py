"""What `./test` runs inside `.venv`: the checks, then pytest, then a plain summary of both.

Every check runs even after another failed. The exit status is 0 only if all passed. Tests that
were skipped are listed with their reasons, since a skipped test proves nothing.
"""

import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from parts import debian

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
CHECKS = (
    ("서식 ruff format", ("ruff", "format", "--check", "--quiet", ".")),
    ("린트 ruff check", ("ruff", "check", "--quiet", ".")),
    ("형식 mypy", ("mypy",)),
    ("의존 방향 lint-imports", ("lint-imports",)),
    ("생성 문서 docs/generate.py", ("python", "docs/generate.py", "--check")),
)


class Lane(NamedTuple):
    """One set of tests: its name in requirements/debian.txt, its marks, its longest test.

    `workers` is how many processes share its files when all of it runs.
    """

    name: str
    marks: str
    test_seconds: int
    workers: int = 1


FAST = Lane("fast", "not slow and not cluster and not engine", 240, workers=2)
LANES = {
    "--slow": Lane("slow", "slow", 3_600),
    "--cluster": Lane("cluster", "cluster and not slow", 900),
    "--engine": Lane("engine", "engine and not slow", 900),
}
NOTHING_COLLECTED = 5  # pytest's exit status
NOTHING_RAN = "모든 테스트를 건너뛰었습니다. 이유는 위에 있습니다. (Every test was skipped.)"
# What pytest says only in English, by its exit status.
IN_KOREAN = {
    2: "pytest가 중단되었습니다. 이유는 위에 있습니다.",
    4: "pytest가 모르는 경로나 선택입니다. 이름을 다시 보십시오.",
    NOTHING_COLLECTED: "고른 테스트가 하나도 없습니다.",
}


class Verdict(NamedTuple):
    """How one check ended."""

    name: str
    passed: bool
    seconds: float


class Skipped(NamedTuple):
    """A test that did not run, and why."""

    test: str
    reason: str


def main(arguments: list[str]) -> int:
    """Runs what the arguments ask for; unknown ones go to pytest."""
    asked = [option for option in LANES if option in arguments]
    if len(asked) > 1:
        print(f"{' '.join(asked)}: 한 번에 하나만 고르십시오. (One lane at a time.)")
        return 2
    lane = LANES[asked[0]] if asked else FAST
    to_pytest = [item for item in arguments if item not in ("--check", *LANES)]
    verdicts = [run_check(name, command) for name, command in CHECKS if "--check" in arguments]
    missing = debian.bring(lane.name)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        tests, closing = run_pytest(to_pytest, lane=lane, report=report)
        skipped = skipped_tests(report)
        if tests.passed and not any_ran(report):
            tests = tests._replace(passed=False)
            closing = f"{NOTHING_RAN}\n{closing}"
    if missing:
        closing = f"{debian.advice(missing)}\n{closing}"
    print(summary([*verdicts, tests], skipped, closing))
    return 0 if all(verdict.passed for verdict in [*verdicts, tests]) else 1


def run_check(name: str, command: tuple[str, ...]) -> Verdict:
    """Runs one tool of `.venv` and shows its output as it comes."""
    print(f"── {name}", flush=True)
    began = time.monotonic()
    status = subprocess.run([str(BIN / command[0]), *command[1:]], cwd=ROOT).returncode
    return Verdict(name, status == 0, time.monotonic() - began)


def run_pytest(arguments: list[str], *, lane: Lane, report: Path) -> tuple[Verdict, str]:
    """Runs one lane of tests; also gives pytest's own closing line."""
    print(f"── 테스트 pytest ({lane.name})", flush=True)
    command = [str(BIN / "python"), "-m", "pytest", "-m", lane.marks, f"--junitxml={report}"]
    command.append(f"--timeout={lane.test_seconds}")
    if lane.workers > 1 and not arguments:
        # Whole files, in the order of tests/conftest.py: each process opens a browser last.
        command += ["-n", str(lane.workers), "--dist", "loadfile", "--no-loadscope-reorder"]
    if sys.stdout.isatty():
        command.append("--color=yes")
    began = time.monotonic()
    closing = ""
    with subprocess.Popen([*command, *arguments], cwd=ROOT, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        while chunk := running.stdout.read1(65_536):  # type: ignore[attr-defined]
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
            closing = (closing + chunk.decode("utf-8", "replace"))[-2_000:]
    took = time.monotonic() - began
    verdict = Verdict(f"테스트 pytest ({lane.name})", running.returncode == 0, took)
    last = closing.rstrip().rpartition("\n")[2]
    korean = "" if verdict.passed else IN_KOREAN.get(running.returncode, "")
    return verdict, f"{korean}\n{last}".strip()


def any_ran(report: Path) -> bool:
    """Whether a test of a JUnit report was not skipped: a lane of skips proves nothing."""
    cases = ElementTree.parse(report).iter("testcase") if report.exists() else ()
    return any(case.find("skipped") is None for case in cases)


def skipped_tests(report: Path) -> list[Skipped]:
    """The skipped tests that a JUnit report names; none if pytest could not even begin."""
    if not report.exists():
        return []
    found = []
    for case in ElementTree.parse(report).iter("testcase"):
        mark = case.find("skipped")
        if mark is not None:
            name = f"{case.get('classname')}::{case.get('name')}"
            found.append(Skipped(name, mark.get("message") or "no reason given"))
    return found


def summary(verdicts: list[Verdict], skipped: list[Skipped], closing: str) -> str:
    """The last words of `./test`."""
    lines = ["", "── 결과 (result)"]
    for name, passed, seconds in verdicts:
        lines.append(f"  {'통과' if passed else '실패'}  {name}  ({seconds:.0f}초)")
    if skipped:
        lines.append(f"── 건너뛴 테스트 {len(skipped)}개와 그 이유 (skipped, and why)")
        for reason, number in Counter(item.reason for item in skipped).most_common():
            first = next(item.test for item in skipped if item.reason == reason)
            lines.append(f"  {number}개  {reason}\n        {first}{' …' if number > 1 else ''}")
    failed = [verdict.name for verdict in verdicts if not verdict.passed]
    if failed:
        lines.append(f"실패했습니다 (failed): {', '.join(failed)}")
        lines.append("  이유는 위에서 같은 이름의 줄 아래에 있습니다.")
    else:
        but = f", 건너뛴 {len(skipped)}개를 빼고" if skipped else ""
        lines.append(f"모두 통과했습니다{but}. (all that ran have passed)")
        lines.append(
            "  다음: ./test --check (CI와 같은 검사) · --cluster (실제 구성요소) · "
            "--engine (실제 vLLM) · --slow (오래 걸리는 테스트)"
        )
    lines.append(closing)
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
