"""What the browser tests share: the instance that runs, somebody at a browser, how they ask.

Every context refuses what is not loopback and collects violations of the content security policy,
script errors and console messages; a person that left any behind fails the test.
"""

import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright

START_SECONDS = 120.0
PACE = "60"  # tokens a second of the rehearsal engine: slow enough to be stopped in the middle
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LINK = re.compile(r"^\s+(http://127\.0\.0\.1:\d+/\S+ticket=\S+)$", re.MULTILINE)
# Runs before any script of a page, outside the page's own policy.
WATCH = """
window.__violations = [];
addEventListener("securitypolicyviolation", (event) =>
  window.__violations.push(`${event.violatedDirective} ${event.blockedURI}`));
"""


@dataclass(frozen=True)
class Instance:
    """A running `gwanmun up`."""

    url: str
    link: str


@dataclass
class Person:
    """Somebody at a browser. `foreign` holds addresses that were asked for beyond loopback."""

    page: Page
    context: BrowserContext
    url: str
    foreign: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def violations(self) -> list[str]:
        """Breaches of the content security policy on the page that is open now."""
        found: list[str] = self.page.evaluate("window.__violations ?? []")
        return found


@contextmanager
def open_chromium() -> Iterator[Browser]:
    """Debian's Chromium, headless; where there is none, the test that wants it is skipped."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        pytest.skip("no Chromium here: apt-get install chromium runs the browser tests")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(_FLAGS))
        yield browser
        browser.close()


def _free_ports() -> int:
    """The first of four free ports in a row."""
    for first in range(20_000, 32_000, 4):
        try:
            for port in range(first, first + 4):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise RuntimeError("no four free ports in a row")


@contextmanager
def running_instance(folder: Path) -> Iterator[Instance]:
    """A `gwanmun up` on free ports, with its data below `folder`; stopped at the end."""
    port, output = _free_ports(), folder / "output.txt"
    command = [sys.executable, "-c", "from gateway.cli import main; main()", "up"]
    command += ["--data", str(folder / "data"), "--port", str(port), "--pace", PACE]
    with output.open("wb") as written:
        process = subprocess.Popen(command, stdout=written, stderr=subprocess.STDOUT)
    try:
        yield Instance(f"http://127.0.0.1:{port}", _link(process, output))
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _link(process: "subprocess.Popen[bytes]", output: Path) -> str:
    """The one-time link, once everything answers."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        found = LINK.search(output.read_text(encoding="utf-8"))
        if found:
            return found[1]
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"gwanmun up has not started:\n{output.read_text(encoding='utf-8')}")


@contextmanager
def at_browser(browser: Browser, instance: Instance, **options: Any) -> Iterator[Person]:
    """Somebody at a browser of their own; options go to Playwright's `new_context`."""
    context = browser.new_context(locale="ko-KR", base_url=instance.url, **options)
    context.add_init_script(WATCH)
    page = context.new_page()
    person = Person(page, context, instance.url)

    def guard(route: Route) -> None:
        if urlsplit(route.request.url).hostname == "127.0.0.1":
            route.continue_()
        else:
            person.foreign.append(route.request.url)
            route.abort()

    context.route("**/*", guard)
    page.on("pageerror", lambda error: person.complaints.append(f"script: {error}"))
    page.on(
        "console",
        lambda said: (
            person.complaints.append(f"console: {said.text}")
            if said.type in ("error", "warning")
            else None
        ),
    )
    yield person
    assert person.foreign == []
    assert person.complaints == []
    context.close()


def log_in_as(person: Person, key: str) -> None:
    """Through the demo provider, whose one-time link this browser has opened before."""
    person.page.goto("/login")
    person.page.click(f'button[value="{key}"]')
    person.page.wait_for_url(re.compile(rf"^{re.escape(person.url)}/(console)?$"))


LogIn = Callable[..., Person]
QUESTION = "민원인 김철수(900101-1234567, 010-1234-5678)에게 보낼 안내문을 써 줘"  # invented
ORIGINALS = ("김철수", "900101", "1234567", "010-1234-5678")


def ask(person: Person, text: str = QUESTION) -> None:
    """Types a text and presses Enter."""
    person.page.fill("#text", text)
    person.page.press("#text", "Enter")


def whole_answer(person: Person) -> str:
    """The text of the last answer, once it has ended."""
    answer = person.page.locator(".answer").last
    expect(answer).to_have_attribute("aria-busy", "false", timeout=20_000)
    return answer.locator('[data-part="text"]').inner_text()
