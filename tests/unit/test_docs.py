"""The pages beside the code are true: made ones are current, and what they name exists."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "*/README.md")
    for path in ROOT.glob(pattern)
    if ".venv" not in path.parts
)
LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]+)?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def page_id(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_generated_pages_are_current() -> None:
    command = [sys.executable, "docs/generate.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_page_links_lead_to_files_that_exist(page: Path) -> None:
    targets = [hit[1] for hit in LINK.finditer(page.read_text(encoding="utf-8"))]
    local = [target for target in targets if not re.match(r"https?:|mailto:", target)]
    assert [target for target in local if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_page_names_files_of_this_repository_that_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    rooms = "gateway|inference|redaction|tests|docs|requirements|bench"
    named = set(re.findall(rf"`((?:{rooms})/[\w./-]+\.(?:py|md|lock|yaml|png))", text))
    if page.name in ("architecture.md", "conventions.md"):
        planned = set(re.findall(r"^\| `([\w./-]+)` \| planned", text, re.MULTILINE))
        named -= planned
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def threat_rows() -> list[tuple[str, list[str]]]:
    """Number of each row of the threat model, and the tests that its last column names."""
    text = (ROOT / "docs/threat-model.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (T\d+) \|(.*)\|$", text, re.MULTILINE)
    return [(number, re.findall(r"`(tests/[^`]+)`", cells)) for number, cells in rows]


def test_threat_model_rows_are_numbered_once() -> None:
    numbers = [number for number, _ in threat_rows()]
    assert numbers == [f"T{count}" for count in range(1, len(numbers) + 1)]
    assert numbers


@pytest.mark.parametrize(("row", "named"), threat_rows(), ids=[row for row, _ in threat_rows()])
def test_threat_model_row_names_tests_that_exist(row: str, named: list[str]) -> None:
    assert named, f"{row} names no test"
    assert missing(named) == []


def test_pages_name_tests_that_exist() -> None:
    for page in sorted((ROOT / "docs").glob("*.md")):
        named = re.findall(r"`(tests/[\w/]+\.py::\w+)`", page.read_text(encoding="utf-8"))
        assert missing(named) == [], page.name


def missing(named: list[str]) -> list[str]:
    """Those of `file::function` that are not there."""
    return [name for name in named if name.partition("::")[2] not in functions(name.split("::")[0])]


@cache
def functions(file: str) -> frozenset[str]:
    """The names of all functions of a file."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds))


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [path.name[:4] for path in sorted((ROOT / "docs/adr").glob("*.md"))]
    assert numbers == [f"{count:04}" for count in range(1, len(numbers) + 1)]


@pytest.mark.parametrize("heading", ["Context", "Decision", "Price"])
def test_decision_says_context_choice_and_price(heading: str) -> None:
    for path in (ROOT / "docs/adr").glob("*.md"):
        assert f"## {heading}" in path.read_text(encoding="utf-8"), path.name


def test_both_readmes_show_the_same_commands() -> None:
    english, korean = (
        re.findall(r"```(?:sh|python)\n(.*?)```", (ROOT / name).read_text("utf-8"), re.DOTALL)
        for name in ("README.md", "README.ko.md")
    )
    assert english == korean
    assert english
