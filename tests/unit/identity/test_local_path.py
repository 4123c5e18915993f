"""Where a login may return to: only to this site."""

import pytest

from gateway.identity.login import local_path


@pytest.mark.parametrize("path", ["/", "/chat", "/console?x=1&y=%2F", "/a/b#c", "/chat/http:x"])
def test_path_of_this_site_is_kept(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "chat",
        "https://evil.example/",
        "//evil.example/",
        "///evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        " //evil.example",
        "/a b",
        "javascript:alert(1)",
        "/가",
        "/" + "a" * 2_000,
    ],
)
def test_path_that_could_leave_becomes_the_start(path: str) -> None:
    assert local_path(path) == "/"
