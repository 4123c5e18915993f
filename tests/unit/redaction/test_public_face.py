"""The examples in the package's docstring and in docs/policies.md run as they stand."""

import doctest
import re
import subprocess
import sys
from pathlib import Path

import redaction
from redaction import read_policy

PAGE = Path(__file__).resolve().parents[3] / "docs/policies.md"


def block(language: str, number: int = 0) -> str:
    """The page's code block of a language."""
    found = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return found[number]


def test_example_of_detection_prints_what_the_page_says():
    done = subprocess.run(
        [sys.executable, "-c", block("python")], capture_output=True, text=True, timeout=100
    )
    assert done.stderr == ""
    assert done.stdout == block("text")


def test_document_of_the_page_holds():
    document = read_policy(block("yaml").encode(), "policies.md")
    assert document.version.startswith("예시청-3@sha256:")
    assert document.packs == ("kr", "us")


def test_example_of_the_package_runs():
    outcome = doctest.testmod(redaction)
    assert outcome.attempted > 5
    assert outcome.failed == 0
