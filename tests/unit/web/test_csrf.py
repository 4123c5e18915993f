"""State changes come from our own pages, with this session's token, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from gateway.domain import SessionSecret
from gateway.errors import CrossSiteRequest
from gateway.web import csrf

HOME = "https://gwanmun.example.go.kr"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"sec-fetch-site": "same-origin", "origin": HOME}, id="both"),
        pytest.param({"sec-fetch-site": "same-origin"}, id="fetch-metadata-only"),
        pytest.param({"sec-fetch-site": "same-origin", "origin": "null"}, id="form-no-referrer"),
        pytest.param({"origin": HOME}, id="origin-only"),
    ],
)
def test_check_origin_passes_our_own_pages(headers: dict[str, str]) -> None:
    csrf.check_origin(Headers(headers), HOME)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="says-nothing"),
        pytest.param(
            {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}, id="other"
        ),
        pytest.param({"sec-fetch-site": "same-site", "origin": HOME}, id="sibling-site"),
        pytest.param({"sec-fetch-site": "none"}, id="typed"),
        pytest.param({"sec-fetch-site": "cross-site", "origin": HOME}, id="forged-origin"),
        pytest.param({"sec-fetch-site": "cross-site", "origin": "null"}, id="opaque-origin"),
        pytest.param(
            {"sec-fetch-site": "same-origin", "origin": "https://evil.example"}, id="they-disagree"
        ),
        pytest.param({"origin": "null"}, id="opaque-origin-only"),
        pytest.param({"origin": "http://gwanmun.example.go.kr"}, id="other-scheme"),
        pytest.param({"origin": f"{HOME}:8443"}, id="other-port"),
        pytest.param({"origin": f"{HOME}.evil.example"}, id="longer-host"),
    ],
)
def test_check_origin_refuses_everything_else(headers: dict[str, str]) -> None:
    with pytest.raises(CrossSiteRequest):
        csrf.check_origin(Headers(headers), HOME)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://a.example/", "https://a.example"),
        ("https://A.example:443/path", "https://a.example"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:80/", "http://localhost"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
    ],
)
def test_origin_of_writes_what_browsers_send(url: str, origin: str) -> None:
    assert csrf.origin_of(url) == origin


def test_token_belongs_to_one_session() -> None:
    mine, other = SessionSecret("a" * 43), SessionSecret("b" * 43)
    csrf.check_token(csrf.token(mine), mine)
    with pytest.raises(CrossSiteRequest):
        csrf.check_token(csrf.token(mine), other)


def test_token_does_not_show_the_secret() -> None:
    secret = "c2VjcmV0LW9mLWEtc2Vzc2lvbi10aGF0LWlzLWxvbmc"
    assert secret not in csrf.token(SessionSecret(secret))
    assert len(csrf.token(SessionSecret(secret))) == 43


@given(st.one_of(st.none(), st.text()))
def test_check_token_refuses_whatever_is_not_the_token(offered: str | None) -> None:
    with pytest.raises(CrossSiteRequest):
        csrf.check_token(offered, SessionSecret("s" * 43))
