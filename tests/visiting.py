"""Somebody at a browser without a browser: follows redirects, keeps cookies, fills in forms.

Keeps `Secure` cookies on loopback as browsers do, which httpx does not.
"""

import html
import re
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

FORM = re.compile(r'<form[^>]*\baction="([^"]+)"')
CSRF = re.compile(r'name="csrf" value="([^"]+)"')


@dataclass
class Visitor:
    """Cookies by origin, and the last page."""

    gateway: str
    cookies: dict[str, dict[str, str]] = field(default_factory=dict)
    page: httpx.Response = field(default_factory=lambda: httpx.Response(200))

    def ask(self, method: str, url: str, **more: Any) -> httpx.Response:
        """One request, with and for this origin's cookies; no redirect is followed."""
        origin = urlsplit(url).netloc
        kept = self.cookies.setdefault(origin, {})
        headers = {"accept": "text/html", **more.pop("headers", {})}
        if kept:
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in kept.items())
        got = httpx.request(method, url, headers=headers, timeout=60, trust_env=False, **more)
        for line in got.headers.get_list("set-cookie"):
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0" or not morsel.value:
                    kept.pop(name, None)
                else:
                    kept[name] = morsel.value
        return got

    def go(self, url: str, method: str = "GET", until: str = "", **more: Any) -> httpx.Response:
        """A navigation with all its redirects; stops before an address that begins with `until`."""
        for _ in range(12):
            self.page = self.ask(method, url, **more)
            if not self.page.is_redirect:
                return self.page
            url = urljoin(url, self.page.headers["location"])
            if until and url.startswith(until):
                return self.page
            method, more = "GET", {}
        raise AssertionError(f"redirected for ever: {url}")

    def fill_in(self, until: str = "", **fields: str) -> httpx.Response:
        """Sends the form of the page."""
        found = FORM.search(self.page.text)
        assert found, self.page.text[:2_000]
        action = urljoin(str(self.page.url), html.unescape(found[1]))
        return self.go(action, "POST", until, data=fields)

    def log_in(self, name: str, password: str) -> httpx.Response:
        """From the gateway's login through Keycloak's form, back to the gateway or not."""
        self.go(f"{self.gateway}/login")
        return self.fill_in(username=name, password=password)

    @property
    def inside(self) -> bool:
        """Whether the gateway knows this browser's session; any other answer is an error here."""
        got = self.me()
        assert got.status_code in {200, 401}, got.text[:2_000]
        return got.status_code == 200

    def me(self) -> httpx.Response:
        """Who the gateway says that this is."""
        return self.ask("GET", f"{self.gateway}/v1/me", headers={"accept": "application/json"})

    def log_out(self) -> str:
        """Presses the button; the address at the issuer that the page leads on to."""
        token = CSRF.search(self.go(f"{self.gateway}/").text)
        assert token, self.page.text[:2_000]
        ours = {"origin": self.gateway, "sec-fetch-site": "same-origin"}
        got = self.ask("POST", f"{self.gateway}/logout", data={"csrf": token[1]}, headers=ours)
        return got.headers["refresh"].partition("url=")[2]
