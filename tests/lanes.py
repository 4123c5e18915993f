"""What `./test` runs inside `.venv`: the checks, then pytest, then a plain summary of both.

Every check runs even after another failed. The exit status is 0 only if all passed. Tests that
were skipped are listed with their reasons, since a skipped test proves nothing.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
CHECKS = (
    ("서식 ruff format", ("ruff", "format", "--check", "--quiet", ".")),
    ("린트 ruff check", ("ruff", "check", "--quiet", ".")),
    ("형식 mypy", ("mypy",)),
    ("의존 방향 lint-imports", ("lint-imports",)),
    ("생성 문서 docs/generate.py", ("python", "docs/generate.py", "--check")),
)
RESERVED = {
    "--engine": "실제 vLLM을 쓰는 테스트는 아직 없습니다. (No tests with a real vLLM yet.)",
    "--cluster": "쿠버네티스 테스트는 아직 없습니다. (No tests on Kubernetes yet.)",
}
NOTHING_COLLECTED = 5  # pytest's exit status
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
    for option, words in RESERVED.items():
        if option in arguments:
            print(f"{option}: {words}")
            return 2
    with_checks, slow = "--check" in arguments, "--slow" in arguments
    to_pytest = [item for item in arguments if item not in ("--check", "--slow")]
    verdicts = [run_check(name, command) for name, command in CHECKS] if with_checks else []
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        tests, closing = run_pytest(to_pytest, slow=slow, report=report)
        skipped = skipped_tests(report)
    print(summary([*verdicts, tests], skipped, closing))
    return 0 if all(verdict.passed for verdict in [*verdicts, tests]) else 1


def run_check(name: str, command: tuple[str, ...]) -> Verdict:
    """Runs one tool of `.venv` and shows its output as it comes."""
    print(f"── {name}", flush=True)
    began = time.monotonic()
    status = subprocess.run([str(BIN / command[0]), *command[1:]], cwd=ROOT).returncode
    return Verdict(name, status == 0, time.monotonic() - began)


def run_pytest(arguments: list[str], *, slow: bool, report: Path) -> tuple[Verdict, str]:
    """Runs one lane of tests; also gives pytest's own closing line."""
    lane = "slow" if slow else "not slow"
    print(f"── 테스트 pytest ({lane})", flush=True)
    command = [str(BIN / "python"), "-m", "pytest", "-m", lane, f"--junitxml={report}"]
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
    empty_lane = slow and running.returncode == NOTHING_COLLECTED
    verdict = Verdict(
        f"테스트 pytest ({lane})",
        running.returncode == 0 or empty_lane,
        time.monotonic() - began,
    )
    last = closing.rstrip().rpartition("\n")[2]
    korean = "" if verdict.passed else IN_KOREAN.get(running.returncode, "")
    return verdict, f"{korean}\n{last}".strip()


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
    if shutil.which("chromium") is None:
        lines.append(
            "  chromium이 없어 브라우저 테스트을 할 수 없습니다: "
            "apt-get install chromium fonts-noto-cjk"
        )
    failed = [verdict.name for verdict in verdicts if not verdict.passed]
    if failed:
        lines.append(f"실패했습니다 (failed): {', '.join(failed)}")
        lines.append("  이유는 위에서 같은 이름의 줄 아래에 있습니다.")
    else:
        lines.append("모두 통과했습니다. (all passed)")
        lines.append("  다음: ./test --check (CI와 같은 검사) · ./test --slow (오래 걸리는 테스트)")
    lines.append(closing)
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
