"""Takes the documentation's pictures from a real instance, by hand:

    PYTHONPATH=tests python tests/browser/screenshots.py

Starts `gwanmun up` in a temporary directory, plays the README's journey and writes
docs/images/*.png. Not a test: pictures differ between machines with other fonts.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from browsing import (
    Instance,
    Person,
    ask,
    at_browser,
    log_in_as,
    open_chromium,
    running_instance,
    whole_answer,
)
from playwright.sync_api import Browser

IMAGES = Path(__file__).resolve().parents[2] / "docs/images"
VIEWPORT = {"width": 1280, "height": 860}
WHOLE_ANSWER = {"width": 1280, "height": 1_240}


def main() -> None:
    """Writes every picture."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_instance(Path(folder)) as instance,
        open_chromium() as browser,
    ):
        context = browser.new_context()
        context.new_page().goto(instance.link)
        state = context.storage_state()
        with at_browser(browser, instance, viewport=VIEWPORT) as stranger:
            stranger.page.goto("/")
            picture(stranger, "landing")
        for name, options in (
            ("chat", {"viewport": WHOLE_ANSWER}),
            ("chat-dark", {"viewport": VIEWPORT, "color_scheme": "dark"}),
            ("chat-narrow", {"viewport": {"width": 360, "height": 780}}),
        ):
            with logged_in(browser, instance, state, "minsu", **options) as clerk:
                chat(clerk)
                picture(clerk, name)
        with logged_in(browser, instance, state, "officer-a", viewport=VIEWPORT) as officer:
            officer.page.wait_for_timeout(1_500)  # the last records are sealed
            officer.page.reload()
            picture(officer, "console")
            officer.page.locator("tbody a").first.click()
            picture(officer, "record")


@contextmanager
def logged_in(
    browser: Browser, instance: Instance, state: Any, key: str, **options: Any
) -> Iterator[Person]:
    """Somebody of the demo at a browser of their own."""
    with at_browser(browser, instance, storage_state=state, **options) as person:
        log_in_as(person, key)
        yield person


def chat(clerk: Person) -> None:
    """The README's question, with what the model was given."""
    ask(clerk)
    whole_answer(clerk)
    clerk.page.locator(".delivered summary").click()
    clerk.page.get_by_role("button", name="기록 확인").click()
    clerk.page.wait_for_timeout(300)
    clerk.page.evaluate("scrollTo(0, 0)")


def picture(person: Person, name: str) -> None:
    """One PNG of what stands on the screen."""
    person.page.screenshot(path=IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
