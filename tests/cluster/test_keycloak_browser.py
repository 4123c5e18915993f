"""A real browser, a real Keycloak: login in Korean, a chat with the real name, logout of both."""

import re
from collections.abc import Iterator

import pytest
from browsing import Instance, Person, ask, at_browser, open_chromium, whole_answer
from parts.keycloak import Keycloak
from parts.keycloak import Person as Account
from parts.keycloak_gateway import Gateway
from playwright.sync_api import Browser, expect


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with open_chromium() as browser:
        yield browser


@pytest.fixture
def somebody(chromium: Browser, behind_keycloak: Gateway) -> Iterator[Person]:
    with at_browser(chromium, Instance(behind_keycloak.url, "")) as person:
        person.page.set_default_timeout(60_000)
        yield person


def log_in(person: Person, name: str, password: str) -> None:
    person.page.goto("/login")
    person.page.fill("#username", name)
    person.page.fill("#password", password)
    person.page.click("#kc-login")


def test_person_logs_in_asks_and_logs_out(keycloak: Keycloak, somebody: Person) -> None:
    account: Account = keycloak.new_person("staff")
    page = somebody.page
    page.goto("/login")
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    expect(page.locator("#kc-login")).to_have_text(re.compile("로그인"))
    log_in(somebody, account.name, account.password)
    page.wait_for_url(f"{somebody.url}/")
    ask(somebody)
    assert "김철수" in whole_answer(somebody)
    assert len(keycloak.admin("GET", f"/users/{account.id}/sessions")) == 1
    page.get_by_role("button", name="로그아웃").click()
    page.wait_for_url(f"{somebody.url}/")
    expect(page.locator('a[href^="/login"]').first).to_be_visible()
    assert keycloak.admin("GET", f"/users/{account.id}/sessions") == []
    assert somebody.violations() == []


def test_officer_comes_to_the_console(keycloak: Keycloak, somebody: Person) -> None:
    log_in(somebody, "officer-a", keycloak.password)
    somebody.page.wait_for_url(f"{somebody.url}/console")


def test_wrong_password_stays_at_keycloak(keycloak: Keycloak, somebody: Person) -> None:
    account = keycloak.new_person()
    log_in(somebody, account.name, "wrong")
    told = somebody.page.get_by_text("잘못된 사용자 이름 또는 비밀번호입니다.")
    expect(told.first).to_be_visible(timeout=30_000)
    assert somebody.page.url.startswith(keycloak.url)
