"""axe-core on every kind of page, in light and in dark: no serious and no critical finding.

axe sees only what a machine can see; keyboard and composition have their own tests here.
"""

from collections.abc import Iterable
from importlib.resources import files
from typing import Any

import pytest
from browsing import LogIn, Person, ask, whole_answer
from playwright.sync_api import expect

axe_package = pytest.importorskip(
    "axe_playwright_python", reason="axe-playwright-python (it carries axe-core) is not installed"
)
GRAVE = ("serious", "critical")
SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])


def grave_findings(person: Person) -> list[str]:
    """Rule, help and the first element of each grave finding."""
    person.page.evaluate((files(axe_package) / "axe.min.js").read_text(encoding="utf-8"))
    result: dict[str, Any] = person.page.evaluate("axe.run()")
    assert result["passes"], "axe has looked at nothing"
    found: Iterable[dict[str, Any]] = result["violations"]
    return [
        f"{finding['id']}: {finding['help']} {finding['nodes'][0]['html'][:120]}"
        for finding in found
        if finding["impact"] in GRAVE
    ]


@pytest.mark.parametrize("path", ["/", "/console"], ids=["landing", "login-required"])
def test_pages_before_the_login_have_no_grave_finding(stranger: Person, path: str) -> None:
    stranger.page.goto(path)
    assert grave_findings(stranger) == []
    stranger.complaints.clear()  # the browser itself complains of the 401


@SCHEMES
def test_chat_has_no_grave_finding(log_in: LogIn, scheme: str) -> None:
    clerk = log_in("minsu", color_scheme=scheme)
    assert grave_findings(clerk) == []
    ask(clerk)
    whole_answer(clerk)
    clerk.page.locator(".delivered summary").click()
    assert grave_findings(clerk) == []


@SCHEMES
def test_chat_error_has_no_grave_finding(log_in: LogIn, scheme: str) -> None:
    clerk = log_in("jiyoung", color_scheme=scheme)
    ask(clerk)
    whole_answer(clerk)
    assert grave_findings(clerk) == []
    clerk.complaints.clear()  # the browser itself complains of the 403


@SCHEMES
def test_console_and_record_have_no_grave_finding(log_in: LogIn, scheme: str) -> None:
    clerk = log_in("minsu")
    ask(clerk)
    whole_answer(clerk)
    officer = log_in("officer-a", color_scheme=scheme)
    officer.page.wait_for_timeout(500)
    officer.page.reload()
    assert grave_findings(officer) == []
    officer.page.locator("tbody a").first.click()
    expect(officer.page.get_by_role("heading", name="기록 확인")).to_be_visible()
    assert grave_findings(officer) == []
