import ipaddress

import pytest
from starlette.datastructures import Headers

from gateway.domain import BearerToken, Grade, SessionSecret
from gateway.edge.arrival import (
    bearer,
    claimed_grade,
    client_address,
    is_dry_run,
    new_id,
    session_cookie,
)
from gateway.errors import InvalidParameter

PROXIES = [ipaddress.ip_network("10.0.0.0/8")]


def test_new_ids_are_version_7_sortable_and_distinct():
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert [one[:12] for one in ids] == sorted(one[:12] for one in ids)
    assert all(len(one) == 32 and one[12] == "7" and one[16] in "89ab" for one in ids)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param([], None, id="nothing"),
        pytest.param(["Bearer abc"], BearerToken("abc"), id="bearer"),
        pytest.param(["bearer abc"], BearerToken("abc"), id="scheme-any-case"),
        pytest.param(["Basic abc"], BearerToken(""), id="another-scheme-is-wrong-not-missing"),
        pytest.param(["Bearer a", "Bearer b"], BearerToken(""), id="two-headers"),
    ],
)
def test_bearer_reads_exactly_one_token(sent, expected):
    headers = Headers(raw=[(b"authorization", value.encode()) for value in sent])
    assert bearer(headers) == expected


def test_session_cookie_reads_its_own_cookie_only():
    headers = Headers({"cookie": "a=1; __Host-s=secret; b=2"})
    assert session_cookie(headers, "__Host-s") == SessionSecret("secret")
    assert session_cookie(headers, "__Host-t") is None


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(["a[b=1; __Host-s=secret"], id="bracket-in-a-name"),
        pytest.param(["a=\xa0한; __Host-s=secret"], id="not-ascii"),
        pytest.param(['j={"x": 1, "y": "z"}; __Host-s=secret'], id="json"),
        pytest.param(["alone; =; ;; __Host-s=secret; @@"], id="no-name-no-value"),
        pytest.param(['q="open; __Host-s=secret'], id="quote-never-closed"),
        pytest.param(["path=/; expires=; __Host-s=secret"], id="words-of-set-cookie"),
        pytest.param(["b[=1", "__Host-s=secret"], id="two-headers"),
    ],
)
def test_odd_foreign_cookie_hides_no_session(sent):
    headers = Headers(raw=[(b"cookie", value.encode()) for value in sent])
    assert session_cookie(headers, "__Host-s") == SessionSecret("secret")


def test_empty_session_cookie_is_none():
    assert session_cookie(Headers({"cookie": "__Host-s="}), "__Host-s") is None


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        pytest.param("203.0.113.9", "198.51.100.1", "203.0.113.9", id="stranger-not-believed"),
        pytest.param("10.0.0.1", "198.51.100.1", "198.51.100.1", id="proxy-believed"),
        pytest.param("10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1", id="rightmost"),
        pytest.param("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1", id="chain-of-proxies"),
        pytest.param("10.0.0.1", "<script>", "10.0.0.1", id="not-an-address"),
        pytest.param("10.0.0.1", "", "10.0.0.1", id="nothing-forwarded"),
    ],
)
def test_client_address_is_the_rightmost_untrusted_hop(peer, forwarded, expected):
    headers = Headers({"x-forwarded-for": forwarded} if forwarded else {})
    assert client_address({"client": (peer, 1)}, headers, PROXIES) == expected


def test_claimed_grade_is_one_of_three():
    assert claimed_grade(Headers({})) is None
    assert claimed_grade(Headers({"x-gwanmun-grade": "s"})) is Grade.S
    with pytest.raises(InvalidParameter):
        claimed_grade(Headers({"x-gwanmun-grade": "top secret"}))


def test_dry_run_is_true_or_false():
    assert is_dry_run(Headers({"x-gwanmun-dry-run": "true"}))
    assert not is_dry_run(Headers({}))
    with pytest.raises(InvalidParameter):
        is_dry_run(Headers({"x-gwanmun-dry-run": "yes please"}))
