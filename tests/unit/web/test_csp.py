"""The headers of every page, held whole: loosening one line must be seen here."""

from gateway.web.csp import (
    CONTENT_SECURITY_POLICY,
    DENIED_FEATURES,
    content_security_policy,
    permissions_policy,
    security_headers,
)


def test_content_security_policy_lets_nothing_in_but_our_own_files() -> None:
    assert {name: " ".join(sources) for name, sources in CONTENT_SECURITY_POLICY.items()} == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }


def test_content_security_policy_has_no_loophole_in_its_header() -> None:
    header = content_security_policy()
    for loophole in ("unsafe", "*", "data:", "blob:", "http:", "https:", "nonce", "sha256"):
        assert loophole not in header
    assert header.startswith("default-src 'none'; script-src 'self'; ")


def test_permissions_policy_denies_every_feature_to_everyone() -> None:
    assert permissions_policy().count("=()") == len(DENIED_FEATURES)
    assert "camera=()" in permissions_policy()


def test_security_headers_isolate_the_page() -> None:
    headers = security_headers()
    assert headers["content-security-policy"] == content_security_policy()
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-embedder-policy"] == "require-corp"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
