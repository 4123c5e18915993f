"""A real browser on a real `gwanmun up`: one whole instance and one Chromium for all tests here."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from browsing import (
    Instance,
    LogIn,
    Person,
    at_browser,
    log_in_as,
    open_chromium,
    running_instance,
)
from playwright.sync_api import Browser, expect


@pytest.fixture(scope="session")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with running_instance(tmp_path_factory.mktemp("browser")) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with open_chromium() as chromium:
        yield chromium


@pytest.fixture(scope="session")
def marked(browser: Browser, instance: Instance) -> Any:
    """The browser's state after the one-time link: it may choose a person of the demo."""
    context = browser.new_context(locale="ko-KR")
    page = context.new_page()
    page.goto(instance.link)
    expect(
        page.locator('button[value="minsu"]')
    ).to_be_visible()  # the list, without a further click
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def stranger(browser: Browser, instance: Instance) -> Iterator[Person]:
    """Somebody who has not logged in."""
    with at_browser(browser, instance) as person:
        yield person


@pytest.fixture
def log_in(browser: Browser, instance: Instance, marked: Any) -> Iterator[LogIn]:
    """Logs people of the demo in, each in a browser context of its own, until the test ends."""
    with ExitStack() as stack:

        def enter(key: str, **options: Any) -> Person:
            person = stack.enter_context(
                at_browser(browser, instance, storage_state=marked, **options)
            )
            log_in_as(person, key)
            return person

        yield enter
