"""What officers see, with and without scripts, and what others are told."""

import re

import pytest
from browsing import ORIGINALS, LogIn, Person, ask, whole_answer
from playwright.sync_api import expect


def test_officer_sees_the_records_of_the_own_agency(log_in: LogIn) -> None:
    clerk = log_in("minsu")
    ask(clerk)
    whole_answer(clerk)
    record = clerk.page.locator('[data-part="record"]').inner_text()
    officer = log_in("officer-a")
    page = officer.page
    assert page.url.endswith("/console")
    expect(page.get_by_role("columnheader")).to_have_count(9)
    row = page.locator("tbody tr", has=page.locator(f'a[href="/records/{record}"]'))
    for _ in range(20):
        if row.count() and "완료" in row.inner_text():
            break
        page.wait_for_timeout(200)
        page.reload()
    for words in ("민원제도과", "성명 1", "주민등록번호 1", "전화번호 1", "S 민감", "완료"):
        expect(row).to_contain_text(words)
    for original in (*ORIGINALS, "박민수"):
        assert original not in page.locator("table").inner_text()
    expect(page.locator(".cards")).to_contain_text("정상")
    row.locator("a").click()
    expect(page.get_by_role("heading", name="기록 확인")).to_be_visible()
    expect(page.locator("main")).to_contain_text(record)
    assert officer.violations() == []


@pytest.mark.parametrize(
    ("asks", "looks", "seen"),
    [("minsu", "officer-a", "주민등록번호"), ("jiyoung", "officer-b", "grade_above_ceiling")],
    ids=["answered", "refused"],
)
def test_console_shows_every_column_of_a_desktop(
    log_in: LogIn, asks: str, looks: str, seen: str
) -> None:
    clerk = log_in(asks)
    ask(clerk)
    whole_answer(clerk)
    clerk.complaints.clear()  # the browser itself complains of a 403
    officer = log_in(looks, viewport={"width": 1200, "height": 860})
    officer.page.wait_for_timeout(500)
    officer.page.reload()
    expect(officer.page.locator("tbody")).to_contain_text(seen)
    wide, shown = officer.page.evaluate(
        "(({ scrollWidth, clientWidth }) => [scrollWidth, clientWidth])"
        "(document.querySelector('.table-region'))"
    )
    assert wide <= shown


def test_officer_of_another_agency_sees_nothing_of_it(log_in: LogIn) -> None:
    clerk = log_in("minsu")
    ask(clerk)
    whole_answer(clerk)
    record = clerk.page.locator('[data-part="record"]').inner_text()
    stranger = log_in("officer-b")
    assert record not in stranger.page.content()
    response = stranger.page.goto(f"/records/{record}")
    assert response is not None
    assert response.status == 404
    stranger.complaints.clear()  # the browser itself complains of the 404


def test_console_works_without_scripts(log_in: LogIn) -> None:
    officer = log_in("officer-a", java_script_enabled=False)
    expect(officer.page.locator("h1")).to_have_text("기관의 기록")
    officer.page.get_by_role("button", name="로그아웃").click()
    officer.page.goto("/")
    expect(officer.page.get_by_role("link", name="로그인")).to_be_visible()


def test_chat_says_what_it_needs_without_scripts(log_in: LogIn) -> None:
    clerk = log_in("minsu", java_script_enabled=False)
    expect(clerk.page.locator(".banner")).to_contain_text("자바스크립트가 필요합니다")
    expect(clerk.page.locator("#send")).to_be_disabled()


@pytest.mark.parametrize("path", ["/console", "/records/" + "0" * 32])
def test_stranger_is_asked_to_log_in(stranger: Person, path: str) -> None:
    response = stranger.page.goto(path)
    assert response is not None
    assert response.status == 401
    expect(stranger.page.get_by_role("link", name="로그인", exact=True)).to_be_visible()
    stranger.complaints.clear()  # the browser itself complains of the 401


def test_clerk_is_told_who_may_see_the_console(log_in: LogIn) -> None:
    clerk = log_in("minsu")
    response = clerk.page.goto("/console")
    assert response is not None
    assert response.status == 403
    expect(clerk.page.locator("h1")).to_have_text("권한이 없습니다")
    expect(clerk.page.locator("main")).to_contain_text("보안담당자")
    expect(clerk.page.locator("main")).to_contain_text(re.compile("[0-9a-f]{32}"))
    clerk.complaints.clear()  # the browser itself complains of the 403
