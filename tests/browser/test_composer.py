"""Enter and the Korean input method: a text is sent exactly once, when the composition is over.

The sequences are what browsers and input methods do, played through the DevTools protocol
(Input domain): the same path as a real input method's, so the events are trusted ones.
"""

from collections.abc import Callable
from typing import Any

import pytest
from browsing import LogIn, Person
from playwright.sync_api import CDPSession, expect

Keys = Callable[["Typing"], None]
ENTER = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}
ENTER_TO_INPUT_METHOD = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 229}
PROCESS = {"key": "Process", "code": "Enter", "windowsVirtualKeyCode": 229}
SHIFT = 8


class Typing:
    """Fingers on a keyboard with an input method."""

    def __init__(self, devtools: CDPSession) -> None:
        self._devtools = devtools

    def compose(self, text: str) -> None:
        """What is being composed, shown underlined."""
        place = {"selectionStart": len(text), "selectionEnd": len(text)}
        self._devtools.send("Input.imeSetComposition", {"text": text, **place})

    def commit(self, text: str) -> None:
        """Ends the composition with this text, or types it where there is none."""
        self._devtools.send("Input.insertText", {"text": text})

    def to_input_method(self, key: dict[str, Any]) -> None:
        """A key that the input method takes."""
        self._devtools.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **key})

    def press(self, key: dict[str, Any], modifiers: int = 0) -> None:
        """A key that comes to the field."""
        down = {"type": "keyDown", "text": "\r", "modifiers": modifiers, **key}
        self._devtools.send("Input.dispatchKeyEvent", down)
        self._devtools.send("Input.dispatchKeyEvent", {"type": "keyUp", **key})


def chrome_on_macos(typing: Typing) -> None:
    typing.compose("안녕")
    typing.to_input_method(ENTER_TO_INPUT_METHOD)
    typing.commit("안녕")
    typing.press(ENTER)


def chrome_on_windows(typing: Typing) -> None:
    typing.compose("안녕")
    typing.to_input_method(PROCESS)
    typing.commit("안녕")
    typing.press(ENTER)


def input_method_that_keeps_the_enter(typing: Typing) -> None:
    typing.compose("안녕")
    typing.to_input_method(ENTER_TO_INPUT_METHOD)
    typing.commit("안녕")


def line_break_before_the_composition_ends(typing: Typing) -> None:
    typing.compose("안녕")
    typing.press(ENTER)
    typing.commit("안녕")


def safari_where_the_composition_ends_first(typing: Typing) -> None:
    typing.compose("안녕")
    typing.commit("안녕")
    typing.press(ENTER_TO_INPUT_METHOD)


def enter_after_the_composition(typing: Typing) -> None:
    typing.compose("안")
    typing.compose("안녕")
    typing.commit("안녕")
    typing.press(ENTER)


@pytest.fixture
def clerk(log_in: LogIn) -> Person:
    person = log_in("minsu")
    person.page.focus("#text")
    return person


@pytest.fixture
def typing(clerk: Person) -> Typing:
    return Typing(clerk.context.new_cdp_session(clerk.page))


@pytest.mark.parametrize(
    "keys",
    [
        chrome_on_macos,
        chrome_on_windows,
        input_method_that_keeps_the_enter,
        line_break_before_the_composition_ends,
        safari_where_the_composition_ends_first,
        enter_after_the_composition,
    ],
)
def test_enter_sends_exactly_once_after_the_composition(
    clerk: Person, typing: Typing, keys: Keys
) -> None:
    sent: list[str] = []
    clerk.page.on("request", lambda request: sent.append(request.url) if request.post_data else 0)
    keys(typing)
    expect(clerk.page.locator(".own .bubble")).to_have_text("안녕")
    expect(clerk.page.locator(".answer")).to_have_attribute("aria-busy", "false", timeout=20_000)
    assert len(sent) == 1
    assert clerk.page.input_value("#text") == ""


def test_enter_while_composing_waits_for_its_end(clerk: Person, typing: Typing) -> None:
    typing.compose("안녕")
    typing.press(ENTER)
    clerk.page.wait_for_timeout(200)
    expect(clerk.page.locator(".own")).to_have_count(0)
    assert clerk.page.input_value("#text") == "안녕"


def test_enter_that_chooses_hanja_sends_nothing(clerk: Person, typing: Typing) -> None:
    typing.compose("韓")
    typing.to_input_method(ENTER_TO_INPUT_METHOD)
    typing.commit("韓")
    clerk.page.wait_for_timeout(200)
    expect(clerk.page.locator(".own")).to_have_count(0)


def test_shift_enter_while_composing_breaks_the_line(clerk: Person, typing: Typing) -> None:
    typing.compose("안녕")
    typing.to_input_method({**ENTER_TO_INPUT_METHOD, "modifiers": SHIFT})
    typing.commit("안녕")
    typing.press(ENTER, SHIFT)
    typing.commit("둘째")
    clerk.page.wait_for_timeout(200)
    expect(clerk.page.locator(".own")).to_have_count(0)
    assert clerk.page.input_value("#text") == "안녕\n둘째"


def test_enter_held_down_sends_once(clerk: Person, typing: Typing) -> None:
    typing.commit("안녕")
    typing.press(ENTER)
    for _ in range(5):
        typing.press({**ENTER, "autoRepeat": True})
    expect(clerk.page.locator(".own")).to_have_count(1)


def test_blank_text_is_not_sent(clerk: Person, typing: Typing) -> None:
    typing.commit("   ")
    typing.press(ENTER)
    expect(clerk.page.locator(".own")).to_have_count(0)
